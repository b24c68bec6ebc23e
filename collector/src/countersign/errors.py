"""A regression's errors, score minus outcome, by score and by themselves, overall and by group.

Raw tables: ("errors",) is (cells of the score,), ("error sums",) is (3, cells of the score) of
errors, absolute and squared errors, each cut at the outermost edges; ("error cells",) is (cells of
the error,). By group the same, under ("errors", name) and so on, with the group's cells before.
"""

import numpy as np

from .batch import Batch, Floats, Key, Tables, tabulate
from .cell_checks import largest_of
from .columns import room_of, rounded
from .cutting import Cutting
from .design import Design
from .frames import Array
from .merging import Starts, runs
from .steps import Since, came, starts_of, told_cells, with_rest
from .tables import Column, ErrorTable, Labels

KINDS = ("errors", "error sums", "error cells")


def errors_of(batch: Batch, design: Design) -> Floats:
    """Each row's error; NaN where score or outcome are no finite numbers."""
    assert design.score is not None and design.outcome is not None
    with np.errstate(over="ignore", invalid="ignore"):
        errors = batch.numbers(design.score.name) - batch.numbers(design.outcome.name)
    return np.where(np.isfinite(errors), errors, np.nan)


def count_errors(batch: Batch, design: Design) -> Tables:
    """The errors of the rows whose outcome is known."""
    if design.error is None or design.score is None:
        return {}
    errors = errors_of(batch, design)
    known = np.flatnonzero(~np.isnan(errors))
    errors = errors[known]
    cut = np.clip(errors, design.error.edges[0], design.error.edges[-1])
    largest = largest_of(design.error)
    weights = [batch.summands(cut, largest), batch.summands(np.abs(cut), largest)]
    weights.append(batch.summands(cut**2, largest**2))
    by_score = [(batch.cells(design.score)[known], design.score.size)]
    by_error = [(batch.reader.bins[design.error.name].cells(errors), design.error.size)]
    tables: Tables = {}
    for column in (None, *design.groups):
        group = [] if column is None else [(batch.cells(column)[known], column.size)]
        name = () if column is None else (column.name,)
        tables["errors", *name] = tabulate([*group, *by_score])
        tables["error sums", *name] = tabulate([*group, *by_score], weights)
        tables["error cells", *name] = tabulate([*group, *by_error])
    return tables


def cut_errors(cutting: Cutting, design: Design) -> None:
    """Cut rows by score within the score's cuts, and rows by error by themselves."""
    if design.error is None or design.score is None:
        return
    if not cutting.has_some(cutting.lines("errors")):
        return
    score_cuts = cutting.starts("column", design.score.name)
    largest = largest_of(design.error)
    room = room_of(largest, largest, largest**2)
    by_score = cutting.cut(("errors",), _lines(cutting), score_cuts, room=room)
    by_error = cutting.cut(("error cells",), cutting.lines_and_steps("error cells")[:, None])
    if by_score is None or by_error is None:
        return
    for column in design.groups:
        told = cutting.told_groups("group", column.name)
        key, inner = ("errors", column.name), ("group", column.name)
        tables = _lines(cutting, column.name)
        cutting.cut_groups(key, tables, told, by_score, inner=inner, room=room)
        told = cutting.told_groups(*key)
        key = ("error cells", column.name)
        cutting.cut_groups(key, cutting.lines_and_steps(*key)[:, :, None], told, by_error)


def _lines(cutting: Cutting, *name: str) -> Array:
    """Rows, then the sums of their errors: (parts and steps, (group,) lines, cells)."""
    rows = cutting.lines_and_steps("errors", *name)[..., None, :]
    return np.concatenate([rows, cutting.lines_and_steps("error sums", *name)], axis=-2)


def errors_since(tables: Tables, told: Labels, design: Design) -> Since:
    """The step since errors were told."""
    if told.errors is None or design.error is None:
        return Since({}, {})
    steps, cuts = _step(tables, told.errors)
    for column in design.groups:
        groups: dict[int, Tables] = {}
        for cell, table in told_cells(column, told.error_groups).items():
            own: Tables = {(kind,): tables[kind, column.name][cell] for kind in KINDS}
            groups[cell], starts = _step(own, table)
            cuts |= {(*key, column.name, str(cell)): at for key, at in starts.items()}
        for kind in KINDS:
            parts = {cell: step[(kind,)] for cell, step in groups.items()}
            steps[kind, column.name] = with_rest(steps[(kind,)], parts, column.size)
    return Since(steps, cuts)


def _step(tables: Tables, told: ErrorTable) -> tuple[Tables, dict[Key, Starts]]:
    rows, sums, cells = (tables[(kind,)] for kind in KINDS)
    steps: Tables = {
        ("errors",): came(rows[None], told.rows)[0],
        ("error sums",): came(sums, told.sum, told.sum_absolute, told.sum_squares),
        ("error cells",): came(cells[None], told.errors)[0],
    }
    return steps, {("errors",): starts_of(told.rows), ("error cells",): starts_of(told.errors)}


def tell_errors(
    cutting: Cutting, part: int, design: Design
) -> tuple[ErrorTable | None, dict[str, dict[str, ErrorTable | None]]]:
    """One part's errors, and by group; None where there are too few to tell."""
    if design.error is None or cutting.cuts.get(("errors",)) is None:
        return None, {}
    tables, error = cutting.parts[part].tables, design.error
    groups: dict[str, dict[str, ErrorTable | None]] = {}
    for column in design.groups:
        raw = [tables[kind, column.name] for kind in KINDS]
        groups[column.name] = dict.fromkeys(column.tokens)
        for cell in cutting.told_groups("error cells", column.name):
            token = column.tokens[cell - column.first_value]
            own = [table[cell] for table in raw]
            groups[column.name][token] = _table(cutting, own, error, column, cell)
    raw = [tables[(kind,)] for kind in KINDS]
    return _table(cutting, raw, error), groups


def _table(
    cutting: Cutting,
    raw: list[Array],
    error: Column,
    column: Column | None = None,
    cell: int = 0,
) -> ErrorTable:
    """Rows, sums and error cells at the cuts of a group, or of all rows."""
    rows, sums, cells = raw
    about = () if column is None else (column.name, str(cell))
    starts = cutting.starts("errors", *about)
    largest = largest_of(error)
    told = [
        rounded(runs(line, starts), bound)
        for line, bound in zip(sums, (largest, largest, largest**2), strict=True)
    ]
    return ErrorTable(
        rows=runs(rows, starts),
        sum=told[0],
        sum_absolute=told[1],
        sum_squares=told[2],
        errors=runs(cells, cutting.starts("error cells", *about)),
    )
