"""A probability's cells by label and by group.

Raw tables: ("score",) is (label, cells); ("group", name) is (group, label, cells) and
("group sums", name) is (group, 2, cells), where a group is a cell of the group column.
"""

import numpy as np

from .batch import Batch, Floats, Key, Tables, tabulate
from .binning import Cells
from .columns import has_sums, metered_lines, tell_metered
from .cutting import Cutting
from .design import Design
from .frames import boolean_cells
from .merging import Lines, Starts, runs
from .steps import Since, came, starts_of, told_cells, with_rest
from .tables import Counts, Labels, LabelTable

NEGATIVE, POSITIVE, UNKNOWN = 0, 1, 2
KNOWN = [NEGATIVE, POSITIVE]
_LABEL = np.array([UNKNOWN, UNKNOWN, NEGATIVE, POSITIVE], np.uint8)  # by a boolean column's cell


def labels_of(batch: Batch, design: Design) -> Cells:
    """Each row's label: of a yes-or-no outcome, else UNKNOWN."""
    outcome = design.outcome
    if outcome is None or outcome.kind != "boolean" or outcome.name not in batch.data:
        return np.full(batch.rows, UNKNOWN, np.uint8)
    return _LABEL[boolean_cells(batch.data[outcome.name])]


def count_scores(batch: Batch, design: Design) -> Tables:
    """Score by label, and by group and label."""
    if design.score is None:
        return {}
    axes = [(labels_of(batch, design), 3), (batch.cells(design.score), design.score.size)]
    tables: Tables = {("score",): tabulate(axes)}
    for column in design.groups:
        group = batch.cells(column), column.size
        tables["group", column.name] = tabulate([group, *axes])
        powers = batch.powers(design.score)
        tables["group sums", column.name] = tabulate([group, axes[-1]], powers)
    return tables


def cut_groups(cutting: Cutting, design: Design) -> None:
    """Cut the score by group, within the score's cuts."""
    for column in design.groups:
        assert design.score is not None
        cells = cutting.lines("group", column.name).sum(axis=2)
        lines = metered_lines(cells, design.score, has_sums(cutting, design.score))
        cutting.cut_groups(
            ("group", column.name),
            lines,
            cutting.cells_alone(column),
            cutting.starts("column", design.score.name),
            prefer=design.decision,
        )


def cut_labels(cutting: Cutting, design: Design) -> None:
    """Cut the labels by score within the score's cuts; by group, within the group's too."""
    if design.score is None or design.outcome is None or design.outcome.kind != "boolean":
        return
    lines = cutting.lines_and_steps("score")[:, KNOWN]
    score_cuts = cutting.starts("column", design.score.name)
    if not cutting.has_some(lines):
        return
    starts = cutting.cut(("labels",), lines, score_cuts, prefer=design.decision)
    for column in design.groups if starts is not None else []:
        assert starts is not None
        cutting.cut_groups(
            ("label groups", column.name),
            cutting.lines_and_steps("group", column.name)[:, :, KNOWN],
            cutting.told_groups("group", column.name),
            starts,
            inner=("group", column.name),
            prefer=design.decision,
        )


def labels_since(tables: Tables, told: Labels, design: Design) -> Since:
    """The step since the labels were told."""
    if told.overall is None:
        return Since({}, {})
    whole = label_step(tables[("score",)], told.overall)
    steps: Tables = {("score",): whole}
    cuts: dict[Key, Starts] = {("labels",): starts_of(told.overall.positives)}
    for column in design.groups:
        groups = told_cells(column, told.groups)
        own = {c: label_step(tables["group", column.name][c], t) for c, t in groups.items()}
        steps["group", column.name] = with_rest(whole, own, column.size)
        for cell, table in groups.items():
            cuts["label groups", column.name, str(cell)] = starts_of(table.positives)
    return Since(steps, cuts)


def tell_groups(cutting: Cutting, part: int, design: Design) -> dict[str, dict[str, Counts]]:
    """One part's score by group; only groups that can be told."""
    tables, score = cutting.parts[part].tables, design.score
    if score is None:
        return {}
    summed = has_sums(cutting, score)
    return {
        column.name: {
            column.tokens[cell - column.first_value]: tell_metered(
                tables["group", column.name][cell].sum(axis=0),
                tables["group sums", column.name][cell] if summed else None,
                cutting.starts("group", column.name, str(cell)),
                score,
            )
            for cell in cutting.told_groups("group", column.name)
        }
        for column in design.groups
    }


def tell_labels(
    cutting: Cutting, part: int, design: Design
) -> tuple[LabelTable | None, dict[str, dict[str, LabelTable | None]]]:
    """One part's labels by score, and by group; None where there are too few to tell."""
    tables, starts = cutting.parts[part].tables, cutting.cuts.get(("labels",))
    if starts is None:
        return None, {}
    groups = {
        column.name: {
            token: label_table(
                tables["group", column.name][cell],
                cutting.cuts.get(("label groups", column.name, str(cell))),
            )
            for cell, token in enumerate(column.tokens, start=column.first_value)
        }
        for column in design.groups
    }
    return label_table(tables[("score",)], starts), groups


def label_step(table: Lines, told: LabelTable) -> Floats:
    """The step of a (label, cells) table since its labels were told; none of the unknown ones."""
    known = came(table[KNOWN], told.negatives, told.positives)
    return np.concatenate([known, np.zeros_like(known[:1])])


def label_table(table: Lines, starts: Starts | None) -> LabelTable | None:
    """The told labels of a (label, cells) table."""
    if starts is None:
        return None
    return LabelTable(
        positives=runs(table[POSITIVE], starts), negatives=runs(table[NEGATIVE], starts)
    )
