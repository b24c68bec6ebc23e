"""Two revisions of a window's labels, subtracted, give no small count."""

from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.collector import Collector
from countersign.revisions import is_safe_step
from countersign.sender import Sender
from countersign.statement import Refused
from countersign.tables import ClassTable, Counts, ErrorTable, Labels, LabelTable, SliceTable

from .cast import END, KEY, START, a_collector, plan_of, some_rows
from .test_errors import HOUSES, prices


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(tmp_path, "http://127.0.0.1:9", "bearer", Ed25519PrivateKey.generate())


def labelled(rows: pd.DataFrame, known: int) -> bytes:
    """The statement when the first `known` rows have a label."""
    rows = rows.astype({"repaid": object})
    rows.loc[known:, "repaid"] = None
    return a_collector().outcomes(rows, START, END, revision=known)


def test_a_revision_by_one_persons_label_is_held_back(sender: Sender):
    rows = some_rows(6_000)
    sender.put(labelled(rows, 3_000))
    with pytest.raises(Refused, match=r"labels\.small_step"):
        sender.put(labelled(rows, 3_001))
    assert len(sender.waiting()) == 1


def test_steps_are_compared_with_all_that_was_sent_and_not_with_what_was_held(sender: Sender):
    rows = pd.concat([some_rows(3_000)] * 4, ignore_index=True)
    sender.put(labelled(rows, 3_000))
    with pytest.raises(Refused, match=r"labels\.small_step"):
        sender.put(labelled(rows, 3_005))
    sender.put(labelled(rows, 3_000))
    sender.put(labelled(rows, 12_000))
    with pytest.raises(Refused, match=r"labels\.small_step"):
        sender.put(labelled(rows, 11_999))
    assert len(sender.waiting()) == 3


def table(*positives: int | None) -> LabelTable:
    return LabelTable(positives=list(positives), negatives=list(positives))


@pytest.mark.parametrize(
    ("before", "after", "safe"),
    [
        (table(50, 50, 50), table(50, 61, 50), True),
        (table(50, 50, 50), table(50, 60, 50), False),
        (table(50, 50, 50), table(50, 40, 50), False),
        (table(100, None, 50), table(50, 61, 50), True),
        (table(100, None, 50), table(50, 51, 50), False),
        (None, table(50, 61, 50), True),
    ],
)
def test_tables_are_compared_at_the_cuts_they_share(before, after, safe):
    assert is_safe_step(Labels(overall=before), Labels(overall=after), 11) is safe


def test_what_all_groups_leave_of_a_step_is_not_small_either():
    def labels(overall: int, women: int, men: int) -> Labels:
        by_sex: dict[str, LabelTable | None] = {
            "f" * 32: table(women, 0, 0),
            "a" * 32: table(men, 0, 0),
        }
        return Labels(overall=table(overall, 0, 0), groups={"sex": by_sex})

    before = labels(200, 90, 90)
    assert is_safe_step(before, labels(224, 102, 102), 11)
    assert not is_safe_step(before, labels(225, 102, 102), 11)
    assert not is_safe_step(before, labels(224, 92, 112), 11)


def test_what_one_group_leaves_is_compared_at_finer_cuts_than_what_all_leave():
    def labels(overall: LabelTable, women: LabelTable, men: LabelTable) -> Labels:
        return Labels(overall=overall, groups={"sex": {"f" * 32: women, "a" * 32: men}})

    before = labels(table(90, 90, 0), table(50, 50, 0), table(80, None, 0))
    assert is_safe_step(
        before, labels(table(114, 114, 0), table(62, 62, 0), table(104, None, 0)), 11
    )
    assert not is_safe_step(
        before, labels(table(110, 114, 0), table(62, 62, 0), table(100, None, 0)), 11
    )


def errors(rows: list[int | None], cells: list[int | None], sums: list[float | None]) -> ErrorTable:
    return ErrorTable(rows=rows, sum=sums, sum_absolute=sums, sum_squares=sums, errors=cells)


def quality(cells: list[int | None], sums: list[float | None]) -> Labels:
    return Labels(quality={"ndcg": Counts(cells=cells, sum=sums, sum_squares=sums)})


ERRORS = errors([50, 50, 0], [0, 60, 40], [5.0, 7.0, 0.0])
CLASSES = ClassTable(overall=table(90, 0, 50), chosen=table(60, 0, 20))
BY_GROUP: dict[str, dict[str, ErrorTable | None]] = {
    "sex": {"f" * 32: errors([30, 20, 0], [0, 30, 20], [1.0, 2.0, 0.0])}
}


@pytest.mark.parametrize(
    ("before", "after", "safe"),
    [
        (Labels(errors=ERRORS), Labels(errors=ERRORS), True),
        (
            Labels(errors=ERRORS),
            Labels(errors=errors([70, 50, 0], [0, 80, 40], [9.0, 7.0, 0.0])),
            True,
        ),
        (  # one more by score
            Labels(errors=ERRORS),
            Labels(errors=errors([51, 69, 0], [0, 80, 40], [9.0, 9.0, 0.0])),
            False,
        ),
        (  # one more by error
            Labels(errors=ERRORS),
            Labels(errors=errors([70, 50, 0], [0, 79, 41], [9.0, 7.0, 0.0])),
            False,
        ),
        (  # one person's outcome was corrected
            Labels(errors=ERRORS),
            Labels(errors=errors([50, 50, 0], [0, 60, 40], [5.0, 7.5, 0.0])),
            False,
        ),
        (  # of the 20 that came, 19 are in one group
            Labels(errors=ERRORS, error_groups=BY_GROUP),
            Labels(
                errors=errors([70, 50, 0], [0, 80, 40], [9.0, 7.0, 0.0]),
                error_groups={"sex": {"f" * 32: errors([49, 20, 0], [0, 49, 20], [1.0, 2.0, 0.0])}},
            ),
            False,
        ),
        (
            Labels(classes={"p": CLASSES}),
            Labels(classes={"p": ClassTable(overall=table(120, 0, 50), chosen=table(75, 0, 20))}),
            True,
        ),
        (  # of the 30 that came, 29 were predicted
            Labels(classes={"p": CLASSES}),
            Labels(classes={"p": ClassTable(overall=table(120, 0, 50), chosen=table(89, 0, 20))}),
            False,
        ),
        (quality([0, 50, 50], [0.0, 5.0, 6.0]), quality([0, 90, 50], [0.0, 9.0, 6.0]), True),
        (quality([0, 50, 50], [0.0, 5.0, 6.0]), quality([0, 51, 50], [0.0, 5.5, 6.0]), False),
        (quality([0, 50, 50], [0.0, 5.0, 6.0]), quality([0, 50, 50], [0.0, 5.5, 6.0]), False),
        (quality([0, 50, 50], [None] * 3), quality([0, 90, 50], [None] * 3), True),
    ],
)
def test_every_table_of_a_revision_is_compared(before, after, safe):
    assert is_safe_step(before, after, 11) is safe


def sliced(rows: list[int | None], hits: list[int | None] | None = None) -> Labels:
    return Labels(slices=[SliceTable(rows=rows, hits=hits), None])


@pytest.mark.parametrize(
    ("before", "after", "safe"),
    [
        (sliced([50, 50, 50, 50]), sliced([70, 50, 50, 90]), True),
        (sliced([50, 50, 50, 50]), sliced([70, 50, 50, 51]), False),
        (sliced([90, 90], [20, 20]), sliced([120, 90], [35, 20]), True),
        (sliced([90, 90], [20, 20]), sliced([120, 90], [25, 20]), False),
        (sliced([90, 90], [20, 20]), sliced([120, 90], [49, 20]), False),
        (  # two by two: the second line was merged into the first; of the second column 1 came
            sliced([100, 100, None, None]),
            sliced([90, 50, 60, 51]),
            False,
        ),
        (sliced([100, 100, None, None]), sliced([120, 60, 60, 90]), True),
        (sliced([100, None, None, None]), sliced([90, 50, 60, 90]), True),
        (sliced([250, None, None, None]), sliced([65, 65, 65, 65]), False),
        (Labels(), sliced([65, 65, 65, 65]), True),
    ],
)
def test_slices_are_compared_in_the_crossed_bands_that_both_tell(before, after, safe):
    assert is_safe_step(before, after, 11) is safe


def test_a_corrected_price_is_held_back(sender: Sender):
    collector = Collector(plan_of(Collector.baseline(prices(4_000), **HOUSES)), key=KEY)
    rows = prices(3_000, seed=2)
    sender.put(collector.outcomes(rows, START, END))
    rows.loc[1_000, "price"] += 1_000.0
    with pytest.raises(Refused, match=r"labels\.small_step"):
        sender.put(collector.outcomes(rows, START, END, revision=2))
    more = pd.concat([rows, *[prices(3_000, seed=2)] * 3], ignore_index=True)
    sender.put(collector.outcomes(more, START, END, revision=3))
