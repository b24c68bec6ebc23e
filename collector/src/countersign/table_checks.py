"""What the tables of a statement must fulfil: complete, partitions, no cell below the floor.

Every function returns nothing or raises `Refused` with a stable rule name and the field's path.
"""

from collections.abc import Iterable, Mapping

from .cell_checks import (
    check_cell,
    check_cells,
    check_counts,
    check_parts,
    largest_of,
    refuse_impossible_sums,
    starts_of,
    total,
)
from .scheme import Scheme
from .slice_checks import Whole, check_slices
from .statement import Refused
from .tables import (
    LATER,
    ClassTable,
    Column,
    Counts,
    ErrorTable,
    Labels,
    LabelTable,
    Privacy,
    Tally,
)

__all__ = ["Scheme", "check_labels", "check_tally"]


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
        if privacy.mechanism == "none" and total(counts.cells) != tally.rows:
            raise Refused("tally.partition", "A column's cells add up to the rows.", where)
    _check_groups(tally, scheme, privacy, path)
    _check_chosen(tally, scheme, privacy, f"{path}.chosen")
    _check_window_slices(tally, scheme, privacy, f"{path}.slices")
    _check_maps(tally, scheme, privacy, f"{path}.maps")
    _check_attributions(tally, scheme, privacy, f"{path}.attributions")


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
    _check_label_slices(labels, scheme, privacy, f"{path}.slices")


def _check_groups(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    for i, (group, tables) in enumerate(tally.groups.items()):
        where = f"{path}.groups[{i}]"
        _refuse_unknown_group(group, tables, scheme, where)
        if scheme.score is None:
            raise Refused("tally.groups", "Tables by group need a score column.", where)
        for token, counts in tables.items():
            check_counts(counts, scheme.score, privacy, where)
            _check_total(counts, tally, (scheme.by_name[group], token), privacy, where)
        overall = tally.columns[scheme.score.name].cells
        check_parts(overall, [c.cells for c in tables.values()], privacy, where)


def _check_chosen(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    if not set(tally.chosen) <= scheme.named("class_score"):
        raise Refused("tally.chosen", "Chosen rows are told of class scores only.", path)
    for name, counts in tally.chosen.items():
        column = scheme.by_name[name]
        check_counts(counts, column, privacy, path)
        assert scheme.prediction is not None and column.token is not None
        _check_total(counts, tally, (scheme.prediction, column.token), privacy, path)
        check_parts(tally.columns[name].cells, [counts.cells], privacy, path)


def _check_total(
    counts: Counts, told: Tally, of: tuple[Column, str], privacy: Privacy, path: str
) -> None:
    """A category's table has the rows of its cell in its column, where that stands alone."""
    column, token = of
    cells = told.columns[column.name].cells
    place = column.first_value + column.tokens.index(token)
    if None in cells[place : place + 2]:
        raise Refused(
            "privacy.differencing",
            "A category that is merged with a neighbour has no table of its own.",
            path,
        )
    if privacy.mechanism == "none" and total(counts.cells) != cells[place]:
        raise Refused("tally.partition", "A category's table adds up to its cell.", path)


def _check_label_groups(labels: Labels, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """Tables by group are parts of the table over all rows."""
    for told, overall in ((labels.groups, labels.overall), (labels.error_groups, labels.errors)):
        if told and overall is None:
            raise Refused("labels.withheld", "Tables by group need the overall table.", path)
    where = f"{path}.groups"
    for group, tables in labels.groups.items():
        _refuse_unknown_group(group, tables, scheme, where)
        assert labels.overall is not None
        parts = [table for table in tables.values() if table is not None]
        for table in parts:
            _check_label_table(table, scheme.score, privacy, where)
        check_parts(labels.overall.positives, [t.positives for t in parts], privacy, where)
        check_parts(labels.overall.negatives, [t.negatives for t in parts], privacy, where)
    for group, errors in labels.error_groups.items():
        _refuse_unknown_group(group, errors, scheme, where)
        assert labels.errors is not None
        told_errors = [table for table in errors.values() if table is not None]
        for one in told_errors:
            _check_error_table(one, scheme, privacy, where)
        check_parts(labels.errors.rows, [t.rows for t in told_errors], privacy, where)
        check_parts(labels.errors.errors, [t.errors for t in told_errors], privacy, where)


def _check_label_table(
    table: LabelTable, score: Column | None, privacy: Privacy, path: str
) -> None:
    """Positives and negatives are merged alike."""
    assert score is not None
    check_cells(table.positives, score, privacy, path)
    check_cells(table.negatives, score, privacy, path)
    if starts_of(table.positives) != starts_of(table.negatives):
        raise Refused(
            "labels.merged_apart", "Positives and negatives have the same null cells.", path
        )


def _check_error_table(table: ErrorTable, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """Rows by score and by error are the same rows; the sums are possible for them."""
    assert scheme.score is not None and scheme.outcome is not None
    check_cells(table.rows, scheme.score, privacy, path)
    check_cells(table.errors, scheme.outcome, privacy, path)
    if privacy.mechanism == "none" and total(table.rows) != total(table.errors):
        raise Refused("labels.errors", "Rows by score and by error add up to the same.", path)
    largest = largest_of(scheme.outcome)
    refuse_impossible_sums(table.sum, table.rows, (-largest, largest), privacy, path)
    refuse_impossible_sums(table.sum_absolute, table.rows, (0.0, largest), privacy, path)
    refuse_impossible_sums(table.sum_squares, table.rows, (0.0, largest**2), privacy, path)


def _check_classes(
    classes: Mapping[str, ClassTable], scheme: Scheme, privacy: Privacy, path: str
) -> None:
    """Every class counts the same rows, and those of no told class are not few."""
    if not set(classes) <= scheme.named("class_score"):
        raise Refused("labels.classes", "Labels by class are told of class scores only.", path)
    for name, table in classes.items():
        for one in (table.overall, table.chosen):
            _check_label_table(one, scheme.by_name[name], privacy, path)
        check_parts(table.overall.positives, [table.chosen.positives], privacy, path)
        check_parts(table.overall.negatives, [table.chosen.negatives], privacy, path)
    rows = [[_labelled(table.overall)] for table in classes.values()]
    if privacy.mechanism == "none" and any(own != rows[0] for own in rows):
        raise Refused("tally.partition", "Every class's labels are those of the same rows.", path)
    true = [[total(table.overall.positives)] for table in classes.values()]
    chosen = [[_labelled(table.chosen)] for table in classes.values()]
    check_parts(rows[0], true, privacy, path)
    check_parts(rows[0], chosen, privacy, path)


def _check_window_slices(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """A window's slices are no finer than its columns; a hit is a score from the decision on."""
    hits, decision = None, scheme.decision
    if scheme.score is not None and decision is not None:
        cells = tally.columns[scheme.score.name].cells
        hits = total(cells[decision:]) if cells[decision] is not None else None
    whole = Whole(tally.rows, hits, tally.columns)
    check_slices(tally.slices, scheme, whole, privacy, path)


def _check_label_slices(labels: Labels, scheme: Scheme, privacy: Privacy, path: str) -> None:
    """Slices of labels are of the labelled rows; a hit is a wrong decision."""
    kind = scheme.outcome.kind if scheme.outcome else None
    if any(labels.slices) and kind not in ("boolean", "numeric"):
        raise Refused("labels.other_outcome", "This version has no labels by slice.", path)
    rows, hits, decision = None, None, scheme.decision
    if labels.overall is not None:
        positives, negatives = labels.overall.positives, labels.overall.negatives
        rows = _labelled(labels.overall)
        if decision is not None and positives[decision] is not None:
            hits = total(positives[:decision]) + total(negatives[decision:])
    elif labels.errors is not None:
        rows = total(labels.errors.rows)
    largest = largest_of(scheme.outcome) if scheme.outcome and kind == "numeric" else None
    check_slices(labels.slices, scheme, Whole(rows, hits, {}, largest), privacy, path)


def _check_maps(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    declared = {m.name: m for m in scheme.maps}
    for name, means in tally.maps.items():
        one = declared.get(name)
        if one is None or len(means.mean) != one.length:
            raise Refused("tally.maps", "Means are told of the plan's maps, in their length.", path)
        _check_rows_of_means(means.rows, one.least_rows, tally, privacy, path)


def _check_attributions(tally: Tally, scheme: Scheme, privacy: Privacy, path: str) -> None:
    told = tally.attributions
    if told is None:
        return
    if not set(told.mean_absolute) <= scheme.named("feature") | scheme.named("group"):
        raise Refused("tally.attributions", "Attributions are told of features and groups.", path)
    _check_rows_of_means(told.rows, 1, tally, privacy, path)


def _check_rows_of_means(rows: int, least: int, tally: Tally, privacy: Privacy, path: str) -> None:
    """Means are of enough rows; how many is rounded, so that it never tells of a few left out."""
    least, of = max(least, privacy.min_count), tally.rows or 0
    if rows < least:
        raise Refused(
            "privacy.means_of_few_rows", f"These means are told of at least {least} rows.", path
        )
    few_left_out = rows != _two_digits(of) and of - rows < max(privacy.min_count, 1)
    if rows != _two_digits(rows) or (privacy.mechanism == "none" and few_left_out):
        raise Refused(
            "privacy.means_of_exact_rows",
            "The rows of means are rounded down to two digits, and are as many as the window's "
            f"own, rounded so, or at least {privacy.min_count} fewer than these.",
            path,
        )


def _two_digits(rows: int) -> int:
    unit: int = 10 ** max(len(str(rows)) - 2, 0)
    return rows // unit * unit


def _refuse_unknown_group(group: str, tables: Iterable[str], scheme: Scheme, path: str) -> None:
    column = scheme.by_name.get(group)
    if column is None or column.role != "group" or not set(tables) <= set(column.tokens):
        raise Refused(
            "tally.groups",
            "Tables by group name a group column and tokens of its vocabulary.",
            path,
        )


def _labelled(table: LabelTable) -> int:
    return total(table.positives) + total(table.negatives)
