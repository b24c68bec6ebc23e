"""What a well-formed statement must also fulfil: the rules both sides check.

The collector checks before it sends, the appliance before it accepts. Every function returns
nothing or raises `Refused` with a stable rule name and the path of the field.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

from .statement import (
    MAX_COUNT,
    Baseline,
    Column,
    Counts,
    Labels,
    LabelTable,
    Outcomes,
    Plan,
    Privacy,
    Refused,
    Tally,
    Window,
)

ROUNDING = 1e-6


def check_baseline(baseline: Baseline) -> None:
    """A baseline describes its columns completely and counts exactly those."""
    check_privacy(baseline.privacy)
    check_columns(baseline.columns, baseline.threshold)
    if baseline.total.rows is None:
        raise Refused("baseline.too_few_rows", "The reference needs min_count rows or more.")
    check_tally(baseline.total, baseline.columns, baseline.privacy, "$.predicate.total")
    check_labels(baseline.labels, baseline.columns, baseline.privacy, "$.predicate.labels")
    for i, span in enumerate(baseline.windows):
        path = f"$.predicate.windows[{i}]"
        if span.start >= span.end:
            raise Refused("window.empty_period", "A window ends after it starts.", path)
        check_tally(span.tally, baseline.columns, baseline.privacy, f"{path}.tally")
        check_labels(span.labels, baseline.columns, baseline.privacy, f"{path}.labels")
    if any(before.end > after.start for before, after in pairwise(baseline.windows)):
        raise Refused(
            "baseline.windows_overlap",
            "Reference windows are in order of time and don't overlap.",
            "$.predicate.windows",
        )


def check_window(window: Window, plan: Plan) -> None:
    """A window counts what the plan asks for, no less protected than the plan demands."""
    if window.start >= window.end:
        raise Refused("window.empty_period", "A window ends after it starts.", "$.predicate.end")
    if window.shard >= window.shards:
        raise Refused(
            "window.shard_out_of_range",
            "Shards are numbered from 0 to shards - 1.",
            "$.predicate.shard",
        )
    check_floor(window.privacy, plan.privacy)
    counted = [c for c in plan.columns if c.role != "outcome"]
    check_tally(window.tally, counted, window.privacy, "$.predicate.tally")


def check_outcomes(outcomes: Outcomes, plan: Plan) -> None:
    """Labels come by the score's cells of the plan."""
    if outcomes.start >= outcomes.end:
        raise Refused("window.empty_period", "A window ends after it starts.", "$.predicate.end")
    check_floor(outcomes.privacy, plan.privacy)
    check_labels(outcomes.labels, plan.columns, outcomes.privacy, "$.predicate.labels")


def check_privacy(privacy: Privacy) -> None:
    """A mechanism has a scale, and no mechanism has none."""
    if (privacy.mechanism == "none") != (privacy.scale == 0):
        raise Refused(
            "privacy.scale",
            "Noise has a scale above 0; without noise it is 0.",
            "$.predicate.privacy",
        )


def check_floor(declared: Privacy, floor: Privacy) -> None:
    """What a statement declares protects at least as much as the plan demands."""
    check_privacy(declared)
    path = "$.predicate.privacy"
    if declared.min_count < floor.min_count:
        raise Refused(
            "privacy.min_count_below_plan", f"The plan demands min_count {floor.min_count}.", path
        )
    same = (declared.mechanism, declared.unit) == (floor.mechanism, floor.unit)
    if not same or declared.scale < floor.scale or declared.contribution < floor.contribution:
        raise Refused(
            "privacy.noise_below_plan", "The noise is not the one that the plan demands.", path
        )


def check_columns(columns: list[Column], threshold: float | None) -> None:
    """Names are unique, bins increase, tokens differ, at most one score; threshold is an edge."""
    _refuse_repeats([c.name for c in columns], "baseline.duplicate_column", "$.predicate.columns")
    for i, column in enumerate(columns):
        path = f"$.predicate.columns[{i}]"
        if column.kind == "numeric":
            if column.tokens or len(column.edges) < 2 or not _increasing(column.edges):
                raise Refused(
                    "baseline.edges",
                    "A numeric column has two or more finite, increasing edges and no tokens.",
                    f"{path}.edges",
                )
        elif column.edges or (column.kind == "boolean" and column.tokens):
            raise Refused(
                "baseline.edges",
                "Only a numeric column has edges, only a categorical one tokens.",
                path,
            )
        _refuse_repeats(column.tokens, "baseline.duplicate_token", f"{path}.tokens")
        if column.role == "group" and column.kind != "categorical":
            raise Refused("baseline.group_kind", "A group column is categorical.", path)
        if column.role == "outcome" and column.kind != "boolean":
            raise Refused("baseline.outcome_kind", "An outcome column is boolean.", path)
        if column.role == "score" and column.kind != "numeric":
            raise Refused("baseline.score_kind", "A score column is numeric.", path)
    scores = [c for c in columns if c.role == "score"]
    if len(scores) > 1:
        raise Refused("baseline.one_score", "A version has at most one score column.")
    if threshold is not None and (not scores or threshold not in scores[0].edges):
        raise Refused(
            "baseline.threshold",
            "The threshold is one of the score's edges.",
            "$.predicate.threshold",
        )


def check_tally(tally: Tally, columns: list[Column], privacy: Privacy, path: str) -> None:
    """Exactly the declared columns, each a partition of the rows, no cell below the floor."""
    if tally.rows is None:
        if tally.columns or tally.groups:
            raise Refused(
                "tally.withheld_rows", "A window too small to count has no columns.", path
            )
        return
    check_cell(tally.rows, privacy, f"{path}.rows")
    by_name = {c.name: c for c in columns}
    if set(tally.columns) != {c.name for c in columns if c.role != "outcome"}:
        raise Refused(
            "tally.columns", "A tally counts the declared columns, all of them and no other.", path
        )
    for i, (name, counts) in enumerate(tally.columns.items()):
        check_counts(counts, by_name[name], privacy, f"{path}.columns[{i}]")
        if privacy.mechanism == "none" and sum(c or 0 for c in counts.cells) != tally.rows:
            raise Refused(
                "tally.partition", "A column's cells add up to the rows.", f"{path}.columns[{i}]"
            )
    score = next((c for c in columns if c.role == "score"), None)
    for i, (group, tables) in enumerate(tally.groups.items()):
        where = f"{path}.groups[{i}]"
        _refuse_unknown_group(group, tables, by_name, where)
        if score is None:
            raise Refused("tally.groups", "Tables by group need a score column.", where)
        overall = tally.columns[score.name].cells
        for counts in tables.values():
            check_counts(counts, score, privacy, where)
            _refuse_finer(counts.cells, overall, where)


def check_counts(counts: Counts, column: Column, privacy: Privacy, path: str) -> None:
    """As many cells as the column has, none below the floor; a score also has possible sums."""
    check_cells(counts.cells, column, privacy, path)
    scored = column.role == "score"
    if (counts.sum is not None, counts.sum_squares is not None) != (scored, scored):
        raise Refused("tally.sums", "A score has both sums, and no other column has any.", path)
    if counts.sum is None or counts.sum_squares is None:
        return
    _refuse_impossible_sums(counts, column, privacy, path)


def check_cells(cells: list[int | None], column: Column, privacy: Privacy, path: str) -> None:
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


def check_labels(labels: Labels | None, columns: list[Column], privacy: Privacy, path: str) -> None:
    """Label tables use the score's cells; tables by group are never finer than the overall one."""
    if labels is None:
        return
    score = next((c for c in columns if c.role == "score"), None)
    if score is None:
        raise Refused(
            "labels.no_score", "Labels are counted by score; this version has none.", path
        )
    if labels.overall is None:
        if labels.groups:
            raise Refused("labels.withheld", "Tables by group need the overall table.", path)
        return
    by_name = {c.name: c for c in columns}
    check_label_table(labels.overall, score, privacy, path)
    for i, (group, tables) in enumerate(labels.groups.items()):
        where = f"{path}.groups[{i}]"
        _refuse_unknown_group(group, tables, by_name, where)
        for table in tables.values():
            if table is not None:
                check_label_table(table, score, privacy, where)
                _refuse_finer(table.positives, labels.overall.positives, where)


def check_label_table(table: LabelTable, score: Column, privacy: Privacy, path: str) -> None:
    """Positives and negatives are merged alike."""
    check_cells(table.positives, score, privacy, path)
    check_cells(table.negatives, score, privacy, path)
    if _starts(table.positives) != _starts(table.negatives):
        raise Refused(
            "labels.merged_apart", "Positives and negatives have the same null cells.", path
        )


def _refuse_repeats(values: list[str], rule: str, path: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(rule, "Each one is given once.", path)


def _refuse_unknown_group(
    group: str, tables: Iterable[str], by_name: dict[str, Column], path: str
) -> None:
    column = by_name.get(group)
    if column is None or column.role != "group" or not set(tables) <= set(column.tokens):
        raise Refused(
            "tally.groups",
            "Tables by group name a group column and tokens of its vocabulary.",
            path,
        )


def _refuse_finer(cells: list[int | None], overall: list[int | None], path: str) -> None:
    if not _starts(cells) <= _starts(overall):
        raise Refused(
            "privacy.differencing",
            "A table by group is merged at least as far as the table over all rows.",
            path,
        )


def _refuse_impossible_sums(counts: Counts, column: Column, privacy: Privacy, path: str) -> None:
    """A run's sum of scores lies between its rows at the lowest and at the highest edge."""
    assert counts.sum is not None and counts.sum_squares is not None
    starts = _starts(counts.cells)
    for sums in (counts.sum, counts.sum_squares):
        if (
            len(sums) != len(counts.cells)
            or {i for i, s in enumerate(sums) if s is not None} != starts
        ):
            raise Refused("tally.sums", "There is one sum for each cell that is not null.", path)
    if privacy.mechanism != "none":
        return
    largest = max(abs(column.edges[0]), abs(column.edges[-1]))
    for i in starts:
        count, total, squares = counts.cells[i], counts.sum[i], counts.sum_squares[i]
        assert count is not None and total is not None and squares is not None
        if not (
            abs(total) <= count * largest * (1 + ROUNDING) + ROUNDING
            and 0 <= squares <= count * largest**2 * (1 + ROUNDING) + ROUNDING
        ):
            raise Refused("tally.sums", "A sum is too large for its rows and its edges.", path)


def _starts(cells: list[int | None]) -> set[int]:
    return {i for i, cell in enumerate(cells) if cell is not None}


def _increasing(edges: list[float]) -> bool:
    finite = all(math.isfinite(e) and abs(e) <= MAX_COUNT**4 for e in edges)
    return finite and all(a < b for a, b in pairwise(edges))
