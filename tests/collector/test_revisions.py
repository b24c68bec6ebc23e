"""Two revisions of a window's labels, subtracted, give no small count."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.revisions import is_safe_step
from countersign.sender import Sender
from countersign.statement import Labels, LabelTable, Refused

from .cast import a_collector, some_rows

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
END = START + dt.timedelta(days=7)


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
