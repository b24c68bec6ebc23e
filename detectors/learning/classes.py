"""What the class scores of a model with several classes mean, learned from a labelled reference.

Class scores may have different bins: arrays are as wide as the widest, the rest of a line is empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from countersign.statement import Baseline
from countersign.tables import ClassTable, Column, Labels, LabelTable, Tally
from detectors.learning.score import SEED
from detectors.reading import VALUES, Array, label_bins, metered_bins, split_runs
from detectors.statistics.counts import Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.multiclass import (
    Calibrations,
    Labelled,
    Scored,
    calibrate_classes,
    realised_classes,
)


@dataclass(frozen=True)
class KnownClasses:
    """What each class's score means, of the classes large enough to be told in the reference.

    `cells` are the reference's, by column name.
    """

    columns: Sequence[Column]
    cells: dict[str, Array]
    calibrations: Calibrations
    metrics: dict[str, Estimate]

    @property
    def names(self) -> list[str]:
        """What the classes are called: the first digits of their tokens."""
        return [(column.token or "")[:8] for column in self.columns]


def learn_classes(statement: Baseline, noise: Noise) -> KnownClasses | None:
    """None without class scores or without their labels."""
    labels = statement.labels
    columns = [
        c
        for c in statement.columns
        if labels
        and c.name in labels.classes
        and _labelled(labels.classes[c.name])
        and c.name in statement.total.chosen
    ]
    if labels is None or len(columns) < 2:
        return None
    cells = {c.name: _even(statement.total, c) for c in columns}
    scored = scored_classes([statement.total], columns, cells)
    labelled = labelled_classes([labels], scored, columns, cells)
    if labelled[0].counts.sum() < 1:
        return None
    rng = np.random.default_rng(SEED)
    return KnownClasses(
        columns=columns,
        cells=cells,
        calibrations=calibrate_classes(*labelled, rng, noise),
        metrics=realised_classes(*labelled, np.random.default_rng(SEED), noise),
    )


def told_in(tallies: Sequence[Tally], columns: Sequence[Column]) -> bool:
    """Whether every part tells of the rows in which each class was predicted."""
    return all(column.name in tally.chosen for tally in tallies for column in columns)


def scored_classes(
    tallies: Sequence[Tally], columns: Sequence[Column], cells: dict[str, Array]
) -> tuple[Scored, Scored]:
    """Rows and sums by class and score bin: of all rows, and where the class was predicted."""
    width = max(c.size for c in columns) - VALUES
    found = []
    for source in ("columns", "chosen"):
        bins = [
            metered_bins([getattr(t, source)[c.name] for t in tallies], c, cells[c.name])
            for c in columns
        ]
        found.append(Scored(*(_stacked([getattr(b, p) for b in bins], width) for p in _PARTS)))
    return found[0], found[1]


def labelled_classes(
    labels: Sequence[Labels],
    scored: tuple[Scored, Scored],
    columns: Sequence[Column],
    cells: dict[str, Array],
) -> tuple[Labelled, Labelled]:
    """Labels by class and score bin, overall and chosen; sums are those rows' share of all."""
    width = max(c.size for c in columns) - VALUES
    found = []
    for part, all_rows in zip(("overall", "chosen"), scored, strict=True):
        tables = [[_table(one, c.name, part) for one in labels] for c in columns]
        lines = [
            np.sum([label_bins(t, c, cells[c.name]) for t in told], axis=0)
            for c, told in zip(columns, tables, strict=True)
        ]
        positives, negatives = (_stacked([line[i] for line in lines], width) for i in (0, 1))
        known = (positives + negatives) / np.maximum(all_rows.counts, 1.0)
        found.append(Labelled(positives, negatives, all_rows.sums * known))
    return found[0], found[1]


_PARTS = ("counts", "sums")


def _labelled(table: ClassTable) -> bool:
    told = table.overall
    return any(cell for cell in (*told.positives, *told.negatives))


def _table(labels: Labels, name: str, part: str) -> LabelTable | None:
    told = labels.classes.get(name)
    return None if told is None else getattr(told, part)


def _stacked(lines: Sequence[Array], width: int) -> Array:
    return np.array([np.pad(line, (0, width - len(line))) for line in lines])


def _even(total: Tally, column: Column) -> Array:
    cells = np.array([total.columns[column.name].cells], float)
    split: Array = split_runs(cells, np.ones_like(cells))[0]
    return split
