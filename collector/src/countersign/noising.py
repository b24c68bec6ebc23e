"""Noise on every figure of a tally or of labels, each drawn once.

A row changes a count by at most 1, so a count's noise has the plan's scale. A sum's has that scale
times the largest value that its bins hold, or its square; sums are counted in whole steps (see
`batch.on_grid`), so that their noise is drawn in whole numbers too. What one row changes in all is
what the appliance's ledger charges: `docs/privacy.md`.
"""

from collections.abc import Sequence

import msgspec

from .batch import step_of
from .cell_checks import largest_of
from .design import Design
from .noise import Noise
from .tables import (
    Cell,
    ClassTable,
    Column,
    Counts,
    ErrorTable,
    Labels,
    LabelTable,
    SliceTable,
    Tally,
)


class Noising:
    """Adds the noise of one law and scale to what a design counts."""

    def __init__(self, design: Design, noise: Noise) -> None:
        self._design, self._noise = design, noise

    def tally(self, exact: Tally) -> Tally:
        """A tally in which every figure has its own noise."""
        by_name, score = self._design.by_name, self._design.score
        return msgspec.structs.replace(
            exact,
            rows=self._count(exact.rows),
            columns={name: self._counts(c, by_name[name]) for name, c in exact.columns.items()},
            groups={
                name: {token: self._counts(c, score) for token, c in tables.items()}
                for name, tables in exact.groups.items()
            },
            chosen={name: self._counts(c, by_name[name]) for name, c in exact.chosen.items()},
            slices=[self._slice(table) for table in exact.slices],
        )

    def labels(self, exact: Labels) -> Labels:
        """Labels in which every figure has its own noise."""
        by_name = self._design.by_name
        return Labels(
            overall=self._labels(exact.overall),
            groups={
                name: {token: self._labels(table) for token, table in tables.items()}
                for name, tables in exact.groups.items()
            },
            classes={
                name: ClassTable(
                    overall=self._label_table(table.overall), chosen=self._label_table(table.chosen)
                )
                for name, table in exact.classes.items()
            },
            errors=self._errors(exact.errors),
            error_groups={
                name: {token: self._errors(table) for token, table in tables.items()}
                for name, tables in exact.error_groups.items()
            },
            quality={name: self._counts(c, by_name[name]) for name, c in exact.quality.items()},
            slices=[self._slice(table) for table in exact.slices],
        )

    def _count(self, count: Cell) -> int:
        assert count is not None, "under noise nothing is merged or withheld"
        return count + self._noise.draw()

    def _cells(self, cells: Sequence[Cell]) -> list[Cell]:
        return [self._count(cell) for cell in cells]

    def _sums(self, sums: Sequence[float | None], bound: float) -> list[float | None]:
        step = step_of(bound)
        unit = round(bound / step)
        return [(round((told or 0.0) / step) + self._noise.draw(unit)) * step for told in sums]

    def _counts(self, counts: Counts, column: Column | None) -> Counts:
        cells = self._cells(counts.cells)
        if counts.sum is None or counts.sum_squares is None:
            return Counts(cells=cells)
        assert column is not None
        largest = largest_of(column)
        return Counts(
            cells=cells,
            sum=self._sums(counts.sum, largest),
            sum_squares=self._sums(counts.sum_squares, largest**2),
        )

    def _labels(self, table: LabelTable | None) -> LabelTable | None:
        return None if table is None else self._label_table(table)

    def _label_table(self, table: LabelTable) -> LabelTable:
        return LabelTable(
            positives=self._cells(table.positives), negatives=self._cells(table.negatives)
        )

    def _errors(self, table: ErrorTable | None) -> ErrorTable | None:
        if table is None:
            return None
        largest = self._largest_error
        return ErrorTable(
            rows=self._cells(table.rows),
            sum=self._sums(table.sum, largest),
            sum_absolute=self._sums(table.sum_absolute, largest),
            sum_squares=self._sums(table.sum_squares, largest**2),
            errors=self._cells(table.errors),
        )

    def _slice(self, table: SliceTable | None) -> SliceTable | None:
        if table is None:
            return None
        return SliceTable(
            rows=self._cells(table.rows),
            hits=None if table.hits is None else self._cells(table.hits),
            loss=None if table.loss is None else self._sums(table.loss, self._largest_error),
        )

    @property
    def _largest_error(self) -> float:
        assert self._design.error is not None
        return largest_of(self._design.error)
