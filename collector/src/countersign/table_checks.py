"""What the tables of a statement must fulfil: complete, partitions, no cell below the floor.

Every function returns nothing or raises `Refused` with a stable rule name and the field's path.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .statement import Baseline, Plan, Refused
from .tables import (
    LATER,
    Attributions,
    Cell,
    ClassTable,
    Column,
    Counts,
    ErrorTable,
    Labels,
    LabelTable,
    Map,
    Privacy,
    Slice,
    SliceTable,
    Tally,
)

ROUNDING = 1e-6


@dataclass(frozen=True)
class Scheme:
    """What is to be counted: the part of a baseline or plan that tables are held against."""

    columns: Sequence[Column]
    slices: Sequence[Slice] = ()
    maps: Sequence[Map] = ()
    decides: bool = False  # whether the score becomes a decision

    @classmethod
    def of(cls, source: Baseline | Plan) -> "Scheme":
        """The scheme of a baseline or plan."""
        return cls(source.columns, source.slices, source.maps, source.threshold is not None)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    @cached_property
    def score(self) -> Column | None:
        return next((c for c in self.columns if c.role == "score"), None)

    @cached_property
    def outcome(self) -> Column | None:
        return next((c for c in self.columns if c.role == "outcome"), None)

    def named(self, role: str) -> set[str]:
        """The names of the columns that have a role."""
        return {c.name for c in self.columns if c.role == role}


def check_tally(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """Exactly the declared columns, each a partition of the rows, no cell below the floor."""
    if tally.rows is None:
        if tally != Tally(rows=None, columns={}):
            raise Refused(
                "tally.withheld_rows", "A window too small to count has no columns.", path
            )
        return
    check_cell(tally.rows, privacy, f"{path}.rows")
    if set(tally.columns) != {c.name for c in scheme.columns if c.role not in LATER}:
        raise Refused(
            "tally.columns", "A tally counts the declared columns, all of them and no other.", path
        )
    for i, (name, counts) in enumerate(tally.columns.items()):
        where = f"{path}.columns[{i}]"
        check_counts(counts, scheme.by_name[name], privacy, where)
        if privacy.mechanism == "none" and sum(c or 0 for c in counts.cells) != tally.rows:
            raise Refused("tally.partition", "A column's cells add up to the rows.", where)
    _check_groups(tally, scheme, privacy, path)
    _check_chosen(tally, scheme, privacy, f"{path}.chosen")
    _check_slices(tally.slices, scheme, privacy, f"{path}.slices", tally)
    _check_maps(tally, scheme, privacy, f"{path}.maps")
    if tally.attributions is not None:
        _check_attributions(tally.attributions, scheme, privacy, f"{path}.attributions")


def check_counts(counts: Counts, column: Column, privacy: Privacy, path: str) -> None:
    """As many cells as the column has, none below the floor; a metered one has possible sums."""
    check_cells(counts.cells, column, privacy, path)
    metered = column.metered
    if (counts.sum is not None, counts.sum_squares is not None) != (metered, metered):
        raise Refused(
            "tally.sums", "Scores and meters have both sums, and no other column has any.", path
        )
    if counts.sum is None or counts.sum_squares is None:
        return
    if _starts(counts.sum) != _starts(counts.sum_squares):
        raise Refused("tally.sums", "Both sums are told of the same cells.", path)
    largest = _largest(column)
    _refuse_impossible_sums(counts.sum, counts.cells, (-largest, largest), privacy, path)
    _refuse_impossible_sums(counts.sum_squares, counts.cells, (0.0, largest**2), privacy, path)


def check_cells(cells: Sequence[Cell], column: Column, privacy: Privacy, path: str) -> None:
    """As many cells as the column has, the first not null, none below the floor."""
    if len(cells) != column.size:
        raise Refused("tally.cells", f"This column has {column.size} cells.", path)
    if cells[0] is None:
        raise Refused(
            "tally.first_cell", "The first cell can't be merged into one before it.", path
        )
    for cell in cells:
        if cell is not None:
            check_cell(cell, privacy, path)


def check_cell(count: int, privacy: Privacy, path: str) -> None:
    """Without noise a count is 0 or at least min_count; with noise it may be anything not huge."""
    if privacy.mechanism == "none" and (count < 0 or 0 < count < privacy.min_count):
        raise Refused(
            "privacy.cell_below_floor",
            f"A count is 0 or at least {privacy.min_count}; merge smaller cells with a neighbour.",
            path,
        )


def check_labels(labels: Labels | None, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """What is known afterwards is counted as the kind of outcome asks, and never finer by group."""
    if labels is None:
        return
    kind = scheme.outcome.kind if scheme.outcome else None
    for told, needed in (
        (bool(labels.overall or labels.groups), "boolean"),
        (bool(labels.errors or labels.error_groups), "numeric"),
        (bool(labels.classes), "categorical"),
    ):
        if told and kind != needed:
            raise Refused("labels.other_outcome", "This version has another kind of outcome.", path)
    if kind in ("boolean", "numeric") and scheme.score is None:
        raise Refused("labels.no_score", "Labels are counted by score; there is none.", path)
    if labels.overall is not None:
        _check_label_table(labels.overall, scheme.score, privacy, path)
    if labels.errors is not None:
        _check_error_table(labels.errors, scheme, privacy, path)
    _check_label_groups(labels, scheme, privacy, path)
    if labels.classes:
        _check_classes(labels.classes, scheme, privacy, f"{path}.classes")
    if not set(labels.quality) <= scheme.named("quality"):
        raise Refused("labels.quality", "Quality is told of quality columns only.", path)
    for i, (name, counts) in enumerate(labels.quality.items()):
        check_counts(counts, scheme.by_name[name], privacy, f"{path}.quality[{i}]")
    _check_slices(labels.slices, scheme, privacy, f"{path}.slices")


def _check_groups(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    for i, (group, tables) in enumerate(tally.groups.items()):
        where = f"{path}.groups[{i}]"
        _refuse_unknown_group(group, tables, scheme, where)
        if scheme.score is None:
            raise Refused("tally.groups", "Tables by group need a score column.", where)
        overall = tally.columns[scheme.score.name].cells
        for counts in tables.values():
            check_counts(counts, scheme.score, privacy, where)
            _refuse_no_part(counts.cells, overall, privacy, where)


def _check_chosen(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    if not set(tally.chosen) <= scheme.named("class_score"):
        raise Refused("tally.chosen", "Chosen rows are told of class scores only.", path)
    for name, counts in tally.chosen.items():
        check_counts(counts, scheme.by_name[name], privacy, path)
        _refuse_no_part(counts.cells, tally.columns[name].cells, privacy, path)


def _check_label_groups(labels: Labels, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """Tables by group are merged at least as far as the table over all rows."""
    for told, overall in ((labels.groups, labels.overall), (labels.error_groups, labels.errors)):
        if told and overall is None:
            raise Refused("labels.withheld", "Tables by group need the overall table.", path)
    where = f"{path}.groups"
    for group, tables in labels.groups.items():
        _refuse_unknown_group(group, tables, scheme, where)
        for table in filter(None, tables.values()):
            assert labels.overall is not None
            _check_label_table(table, scheme.score, privacy, where)
            _refuse_no_part(table.positives, labels.overall.positives, privacy, where)
            _refuse_no_part(table.negatives, labels.overall.negatives, privacy, where)
    for group, errors in labels.error_groups.items():
        _refuse_unknown_group(group, errors, scheme, where)
        for one in filter(None, errors.values()):
            assert labels.errors is not None
            _check_error_table(one, scheme, privacy, where)
            _refuse_no_part(one.rows, labels.errors.rows, privacy, where)
            _refuse_no_part(one.errors, labels.errors.errors, privacy, where)


def _check_label_table(
    table: LabelTable, score: Column | None, privacy: Privacy, path: str
) -> None:
    """Positives and negatives are merged alike."""
    assert score is not None
    check_cells(table.positives, score, privacy, path)
    check_cells(table.negatives, score, privacy, path)
    if _starts(table.positives) != _starts(table.negatives):
        raise Refused(
            "labels.merged_apart", "Positives and negatives have the same null cells.", path
        )


def _check_error_table(table: ErrorTable, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """Rows by score and by error are the same rows; the sums are possible for them."""
    assert scheme.score is not None and scheme.outcome is not None
    check_cells(table.rows, scheme.score, privacy, path)
    check_cells(table.errors, scheme.outcome, privacy, path)
    if privacy.mechanism == "none" and _total(table.rows) != _total(table.errors):
        raise Refused("labels.errors", "Rows by score and by error add up to the same.", path)
    largest = _largest(scheme.outcome)
    _refuse_impossible_sums(table.sum, table.rows, (-largest, largest), privacy, path)
    _refuse_impossible_sums(table.sum_absolute, table.rows, (0.0, largest), privacy, path)
    _refuse_impossible_sums(table.sum_squares, table.rows, (0.0, largest**2), privacy, path)


def _check_classes(
    classes: dict[str, ClassTable], scheme: Scheme, privacy: Privacy, path: str
) -> None:
    if not set(classes) <= scheme.named("class_score"):
        raise Refused("labels.classes", "Labels by class are told of class scores only.", path)
    for name, table in classes.items():
        column = scheme.by_name[name]
        _check_label_table(table.overall, column, privacy, path)
        _check_label_table(table.chosen, column, privacy, path)
        _refuse_no_part(table.chosen.positives, table.overall.positives, privacy, path)
        _refuse_no_part(table.chosen.negatives, table.overall.negatives, privacy, path)


def _check_slices(
    tables: Sequence[SliceTable | None],
    scheme: Scheme,
    privacy: Privacy,
    path: str,
    tally: Tally | None = None,
) -> None:
    """One table per declared slice, or none at all. A window's are no finer than its columns."""
    if tables and len(tables) != len(scheme.slices):
        raise Refused("slices.number", "There is one table, or null, for each slice.", path)
    regression = scheme.outcome is not None and scheme.outcome.kind == "numeric"
    for i, (table, one) in enumerate(zip(tables, scheme.slices, strict=bool(tables))):
        if table is None:
            continue
        where = f"{path}[{i}]"
        has_loss = regression and tally is None
        if (table.hits is not None, table.loss is not None) != (scheme.decides, has_loss):
            raise Refused(
                "slices.measure",
                "Hits are told where there are decisions, loss with a regression's outcomes.",
                where,
            )
        lines = _lines(table, one, where)
        _check_slice_cells(table, privacy, where)
        if tally is None:
            continue
        if privacy.mechanism == "none" and _total(table.rows) != tally.rows:
            raise Refused("tally.partition", "A slice's bands add up to the rows.", where)
        for name, starts, kept in zip(one.columns, one.starts, lines, strict=True):
            if not {starts[band] for band in kept} <= _starts(tally.columns[name].cells):
                raise Refused("privacy.differencing", "A slice is cut where its column is.", where)


def _lines(table: SliceTable, one: Slice, path: str) -> list[set[int]]:
    """The bands of each column that are not merged; every line is merged like the others."""
    sizes = [len(starts) for starts in one.starts]
    width = sizes[1] if len(sizes) > 1 else 1
    kept = _starts(table.rows)
    across, down = {i // width for i in kept}, {i % width for i in kept}
    crossed = {a * width + b for a in across for b in down}
    others = [line for line in (table.hits, table.loss) if line is not None]
    if (
        len(table.rows) != math.prod(sizes)
        or 0 not in kept
        or kept != crossed
        or any(len(line) != len(table.rows) or _starts(line) != kept for line in others)
    ):
        raise Refused(
            "slices.cells", "A slice tells its crossed bands, merged in whole lines.", path
        )
    return [across, down][: len(sizes)]


def _check_slice_cells(table: SliceTable, privacy: Privacy, path: str) -> None:
    for i, rows in enumerate(table.rows):
        if rows is None:
            continue
        check_cell(rows, privacy, path)
        hits = table.hits[i] if table.hits is not None else None
        if hits is not None:
            check_cell(hits, privacy, path)
            check_cell(rows - hits, privacy, path)


def _check_maps(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    declared = {m.name: m for m in scheme.maps}
    for name, means in tally.maps.items():
        one = declared.get(name)
        if one is None or len(means.mean) != one.length:
            raise Refused("tally.maps", "Means are told of the plan's maps, in their length.", path)
        too_many = privacy.mechanism == "none" and means.rows > (tally.rows or 0)
        if means.rows < max(one.least_rows, privacy.min_count) or too_many:
            raise Refused(
                "privacy.means_of_few_rows",
                f"The means of this map are told of at least {one.least_rows} rows.",
                path,
            )


def _check_attributions(told: Attributions, scheme: Scheme, privacy: Privacy, path: str) -> None:
    if not set(told.mean_absolute) <= scheme.named("feature") | scheme.named("group"):
        raise Refused("tally.attributions", "Attributions are told of features and groups.", path)
    if told.rows < privacy.min_count:
        raise Refused(
            "privacy.means_of_few_rows",
            f"Attributions are told of at least {privacy.min_count} rows.",
            path,
        )


def _refuse_unknown_group(group: str, tables: Iterable[str], scheme: Scheme, path: str) -> None:
    column = scheme.by_name.get(group)
    if column is None or column.role != "group" or not set(tables) <= set(column.tokens):
        raise Refused(
            "tally.groups",
            "Tables by group name a group column and tokens of its vocabulary.",
            path,
        )


def _refuse_no_part(
    cells: Sequence[Cell], overall: Sequence[Cell], privacy: Privacy, path: str
) -> None:
    """A part of the rows is merged at least as far as all of them, and nowhere larger."""
    if not _starts(cells) <= _starts(overall):
        raise Refused(
            "privacy.differencing",
            "A part's table is merged at least as far as the table over all rows.",
            path,
        )
    if privacy.mechanism != "none":
        return
    starts = sorted(_starts(cells))
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        if (cells[start] or 0) > _total(overall[start:stop]):
            raise Refused("tally.parts", "A part's count is no larger than the whole's.", path)


def _refuse_impossible_sums(
    sums: Sequence[float | None],
    cells: Sequence[Cell],
    of_one_row: tuple[float, float],
    privacy: Privacy,
    path: str,
) -> None:
    """A run's sum is one that its rows can have; `of_one_row` is what a single one can."""
    if len(sums) != len(cells) or not _starts(sums) <= _starts(cells):
        raise Refused("tally.sums", "A sum stands only beside a cell that is not null.", path)
    if privacy.mechanism != "none":
        return
    for count, total in zip(cells, sums, strict=True):
        low, high = ((count or 0) * bound for bound in of_one_row)
        room = ROUNDING * (1 + high)
        if total is not None and not low - room <= total <= high + room:
            raise Refused("tally.sums", "A sum is too large for its rows and its edges.", path)


def _largest(column: Column) -> float:
    return max(abs(column.edges[0]), abs(column.edges[-1]))


def _total(cells: Sequence[Cell]) -> int:
    return sum(c or 0 for c in cells)


def _starts(cells: Sequence[float | None]) -> set[int]:
    return {i for i, cell in enumerate(cells) if cell is not None}
