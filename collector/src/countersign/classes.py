"""Scores of several classes: each class's score where that class was predicted, and by label.

Raw tables: ("class", name) is (2, label, cells): the rows where another class was predicted, then
those where this one was; the label is whether this class was true. ("class sums", name) is
(2, cells), over the rows where it was predicted.

A class whose own or other rows are too few somewhere is not told. Since everybody is of one class,
the classes that are not told are together none or `min_count` rows and more.
"""

import numpy as np

from .batch import Batch, Key, Tables, tabulate
from .binning import FIRST_BIN, Cells
from .columns import has_sums, metered_lines, tell_metered
from .cutting import Cutting
from .design import Design
from .frames import Array
from .merging import Lines, Starts, safe_groups
from .scores import KNOWN, NEGATIVE, POSITIVE, UNKNOWN, label_step, label_table
from .steps import Since, starts_of
from .tables import ClassTable, Column, Counts, Labels


def count_classes(batch: Batch, design: Design) -> Tables:
    """Each class's score by whether it was predicted and whether it was true."""
    if design.prediction is None:
        return {}
    tables: Tables = {}
    predicted, true = batch.cells(design.prediction), _true_cells(batch, design)
    for column in design.classes:
        own = _cell(column, design.prediction)
        cells = (batch.cells(column), column.size)
        chosen = (predicted == own).astype(np.uint8)
        label = np.where(true == own, POSITIVE, NEGATIVE).astype(np.uint8)
        label[true < 2] = UNKNOWN  # missing or invalid; another category is none of the classes
        tables["class", column.name] = tabulate([(chosen, 2), (label, 3), cells])
        powers = [power * chosen for power in batch.powers(column)]
        tables["class sums", column.name] = tabulate([cells], powers)
    return tables


def _true_cells(batch: Batch, design: Design) -> Cells:
    """The outcome's cells, in the prediction's vocabulary."""
    outcome = design.outcome
    if outcome is None or outcome.name not in batch.data or design.prediction is None:
        return np.zeros(batch.rows, np.uint8)
    return batch.reader.put(design.prediction, batch.data[outcome.name])


def _cell(column: Column, prediction: Column) -> int:
    assert column.token is not None
    return FIRST_BIN + prediction.tokens.index(column.token)


def cut_chosen(cutting: Cutting, design: Design) -> None:
    """Cut the chosen rows' scores; the other rows' too, which follow from all rows' ones."""
    if design.prediction is None or not design.classes:
        return
    alone = cutting.cells_alone(design.prediction)
    for column in design.classes:
        if _cell(column, design.prediction) in alone:
            cells = cutting.lines("class", column.name).sum(axis=2)
            lines = metered_lines(cells, column, has_sums(cutting, column))
            cutting.cut(("chosen", column.name), lines, cutting.starts("column", column.name))


def tell_chosen(cutting: Cutting, part: int, design: Design) -> dict[str, Counts]:
    """One part's class scores where that class was predicted."""
    tables, told = cutting.parts[part].tables, {}
    for column in design.classes:
        starts = cutting.cuts.get(("chosen", column.name))
        if starts is not None:
            cells = tables["class", column.name][1].sum(axis=0)
            sums = tables["class sums", column.name] if has_sums(cutting, column) else None
            told[column.name] = tell_metered(cells, sums, starts, column)
    return told


def cut_class_labels(cutting: Cutting, design: Design) -> None:
    """Cut each class's labels: over all rows, and where it was predicted or wasn't."""
    for column in _told_classes(cutting, design):
        lines = cutting.lines_and_steps("class", column.name)[:, :, KNOWN]
        scores = cutting.starts("column", column.name)
        overall = cutting.cut(("class", column.name), lines.sum(axis=1), scores)
        chosen = cutting.starts("chosen", column.name)
        if overall is not None:
            cutting.cut(("class chosen", column.name), lines, overall, chosen)


def _told_classes(cutting: Cutting, design: Design) -> list[Column]:
    """Classes whose labels can be told, and those of all others together too."""
    if design.outcome is None:
        return []
    columns = [c for c in design.classes if cutting.cuts.get(("chosen", c.name)) is not None]
    columns = [
        c
        for c in columns
        if cutting.is_safe(_labelled(cutting, c)) and cutting.may_tell(("class", c.name))
    ]
    if not columns or not cutting.has_some(_labelled(cutting, columns[0])):
        return []
    known = _labelled(cutting, columns[0]).sum(axis=(1, 2))
    own = [_own_rows(_labelled(cutting, column)) for column in columns]
    rest = np.concatenate([known, known]) - np.sum(own, axis=0)
    return [columns[i] for i in safe_groups(np.stack(own), rest, cutting.min_count)]


def _labelled(cutting: Cutting, column: Column) -> Array:
    """Known rows by (part, chosen or not, label)."""
    labelled: Array = cutting.lines_and_steps("class", column.name)[:, :, KNOWN].sum(axis=-1)
    return labelled


def _own_rows(labelled: Lines) -> Lines:
    """Rows of which the class is true, part by part, then those for which it was predicted."""
    return np.concatenate([labelled[:, :, POSITIVE].sum(axis=1), labelled[:, 1].sum(axis=1)])


def class_labels_since(tables: Tables, told: Labels, design: Design) -> Since:
    """The step since labels by class were told.

    Who became known is the same for all classes: of one that wasn't told, all others' rows.
    """
    steps: Tables = {}
    cuts: dict[Key, Starts] = {}
    known = 0.0
    for name, table in told.classes.items():
        raw = tables["class", name]
        chosen = label_step(raw[1], table.chosen)
        overall = label_step(raw.sum(axis=0), table.overall)
        steps["class", name] = np.stack([overall - chosen, chosen])
        cuts["class", name] = starts_of(table.overall.positives)
        cuts["class chosen", name] = starts_of(table.chosen.positives)
        known = overall.sum()
    for column in design.classes:
        if column.name not in told.classes:
            steps["class", column.name] = np.zeros((2, 3, column.size))
            steps["class", column.name][0, NEGATIVE, 0] = known
    return Since(steps, cuts)


def tell_class_labels(cutting: Cutting, part: int, design: Design) -> dict[str, ClassTable]:
    """One part's labels by class."""
    tables, told = cutting.parts[part].tables, {}
    for column in design.classes:
        raw = tables["class", column.name]
        overall = label_table(raw.sum(axis=0), cutting.cuts.get(("class", column.name)))
        chosen = label_table(raw[1], cutting.cuts.get(("class chosen", column.name)))
        if overall is not None and chosen is not None:
            told[column.name] = ClassTable(overall=overall, chosen=chosen)
    return told
