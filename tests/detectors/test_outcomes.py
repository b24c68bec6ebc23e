"""Outcomes as streams: whatever gets worse is found, and what stays the same is quiet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from countersign.statement import Baseline
from countersign.tables import (
    ClassTable,
    Column,
    Counts,
    ErrorTable,
    Labels,
    LabelTable,
    Privacy,
    Span,
    Tally,
)
from detectors import alarms
from detectors.counted import Counted
from detectors.examination import _newly_known
from detectors.figures import named
from detectors.findings.outcomes import from_outcomes
from detectors.learning.known import learn
from detectors.looks import errors
from detectors.statistics.counts import NO_NOISE
from detectors.statistics.estimate import Estimate
from governance.policies import Policy

WOMEN, MEN = "1" * 32, "2" * 32
CAT, DOG = "3" * 32, "4" * 32
SCORE = Column(name="p", role="score", kind="numeric", edges=[0.0, 0.5, 1.0])
SEX = Column(name="sex", role="group", kind="categorical", tokens=[WOMEN, MEN])
DEFAULTED = Column(name="defaulted", role="outcome", kind="boolean")
PRICE = Column(name="price", role="score", kind="numeric", edges=[0.0, 100.0, 200.0])
PAID = Column(name="paid", role="outcome", kind="numeric", edges=[-20.0, -5.0, 0.0, 5.0, 20.0])
NDCG = Column(name="ndcg", role="quality", kind="numeric", edges=[0.0, 0.5, 0.8, 1.0])
ANIMAL = Column(name="animal", role="prediction", kind="categorical", tokens=[CAT, DOG])
P_CAT = Column(name="p cat", role="class_score", kind="numeric", edges=[0.0, 0.5, 1.0], token=CAT)
TRUTH = Column(name="truth", role="outcome", kind="categorical")


def decided(wrong: float, wrong_for_women: float, rows: int = 1_000) -> Labels:
    """Half of the rows are women's; wrong ones are false positives."""

    def table(share: float, n: int) -> LabelTable:
        fp = round(share * n)
        return LabelTable(
            positives=[0, 0, 0, 0, n // 2, 0], negatives=[0, 0, 0, n - n // 2 - fp, fp, 0]
        )

    groups: Any = {"sex": {WOMEN: table(wrong_for_women, rows // 2), MEN: table(wrong, rows // 2)}}
    return Labels(overall=table((wrong + wrong_for_women) / 2, rows), groups=groups)


def erred(large: float, rows: int = 1_000) -> Labels:
    """A share of errors is large; the others are small."""
    n = round(large * rows)
    cells: Any = [0, 0, 0, 0, (rows - n) // 2, rows - n - (rows - n) // 2, n, 0]
    sums: Any = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    by_score: Any = [0, 0, 0, rows, 0, 0]
    return Labels(
        errors=ErrorTable(
            rows=by_score, sum=sums, sum_absolute=sums, sum_squares=sums, errors=cells
        )
    )


def ranked(poor: float, rows: int = 1_000) -> Labels:
    n = round(poor * rows)
    cells: Any = [0, 0, 0, n, (rows - n) // 2, rows - n - (rows - n) // 2, 0]
    sums: Any = [0.0] * 7
    return Labels(quality={"ndcg": Counts(cells=cells, sum=sums, sum_squares=sums)})


def classified(wrong: float, rows: int = 1_000) -> Labels:
    n = round(wrong * rows)
    table = LabelTable(positives=[0, 0, 0, 0, rows - n, 0], negatives=[0, 0, 0, 0, n, 0])
    return Labels(classes={"p cat": ClassTable(overall=table, chosen=table)})


def known_from(columns: list[Column], labels: Labels, threshold: float | None = None) -> Any:
    """Twelve weeks alike."""
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    week = timedelta(days=7)
    rows = 1_000
    told = {}
    for column in columns:
        if column.role in {"outcome", "quality"}:
            continue
        sums: Any = [0.0] * column.size if column.metered else None
        cells: Any = [0] * column.size
        cells[3] = rows
        told[column.name] = Counts(cells=cells, sum=sums, sum_squares=sums)
    chosen = {c.name: told[c.name] for c in columns if c.role == "class_score"}
    tally = Tally(rows=rows, columns=told, chosen=chosen)
    baseline = Baseline(
        model="m",
        version="1",
        window_seconds=604_800,
        threshold=threshold,
        privacy=Privacy(min_count=11),
        columns=columns,
        total=tally,
        labels=labels,
        windows=[
            Span(start=begin + i * week, end=begin + (i + 1) * week, tally=tally, labels=labels)
            for i in range(12)
        ],
    )
    return learn(baseline, 0.01)


def raised_after(known: Any, labels: Labels, windows: int) -> list[alarms.Alarm]:
    """All alarms of so many windows with these labels."""
    state = np.array([], np.float32)
    found = []
    budget = alarms.Budget(known, 1, Policy())
    for _ in range(windows):
        cells = [each.layout.sum([labels]) for each in known.outcomes]
        raised, state = alarms.advance_outcomes(state, known, cells, 0, budget)
        found += raised.alarms
    return found


CASES = {
    "decisions": (
        [SCORE, SEX, DEFAULTED],
        0.5,
        decided(0.1, 0.1),
        decided(0.1, 0.25),
        "sex:11111111",
    ),
    "regression": ([PRICE, PAID], None, erred(0.1), erred(0.3), "paid"),
    "ranking": ([SEX, NDCG], None, ranked(0.1), ranked(0.3), "ndcg"),
    "classes": ([ANIMAL, P_CAT, TRUTH], None, classified(0.1), classified(0.25), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_what_got_worse_is_found_and_what_stayed_is_quiet(case):
    columns, threshold, usual, worse, about = CASES[case]
    known = known_from(columns, usual, threshold)
    assert raised_after(known, usual, 52) == []
    alarms_raised = raised_after(known, worse, 6)
    assert about in {alarm.column for alarm in alarms_raised}
    cells = [each.layout.sum([worse]) for each in known.outcomes]
    findings = from_outcomes(known, cells, alarms_raised, [])
    finding: Any = next(f for f in findings if not about or about in f.name)
    assert finding.cause == "performance"
    assert finding.reference is not None
    assert finding.low < finding.value < finding.high
    assert finding.rows in {500, 1_000}


def test_men_stay_quiet_while_women_are_decided_worse_about():
    columns, threshold, usual, worse, _ = CASES["decisions"]
    known = known_from(columns, usual, threshold)
    assert "sex:22222222" not in {alarm.column for alarm in raised_after(known, worse, 10)}


def test_better_decisions_are_no_finding():
    columns, threshold, usual, _, _ = CASES["decisions"]
    known = known_from(columns, usual, threshold)
    better = decided(0.02, 0.02)
    raised = raised_after(known, better, 10)
    assert raised
    cells = [each.layout.sum([better]) for each in known.outcomes]
    assert from_outcomes(known, cells, raised, []) == []


def test_a_withheld_group_bets_nothing():
    columns, threshold, usual, _, _ = CASES["decisions"]
    known = known_from(columns, usual, threshold)
    withheld = Labels(overall=usual.overall, groups={"sex": {WOMEN: None}})
    [each] = known.outcomes
    assert each.layout.sum([withheld])[1:].sum() == 0
    assert raised_after(known, withheld, 20) == []


def test_a_correction_bets_nothing_and_pieces_share_one_bet():
    """Told whole, in pieces, or corrected afterwards: the usual share of errors stays quiet."""
    columns, threshold, usual, _, _ = CASES["decisions"]
    known = known_from(columns, usual, threshold)
    now = np.array([[13.0, 87.0]])
    assert _newly_known(now, np.array([[10.0, 90.0]])).sum() == 0
    assert _newly_known(np.array([[20.0, 180.0]]), np.array([[13.0, 87.0]])).sum() == 100
    budget = alarms.Budget(known, 1, Policy())
    [each] = known.outcomes
    at_limit = each.limits.high[0, :1, 0]
    state = np.array([], np.float32)
    whole, pieces = state, state
    rng = np.random.default_rng(4)
    for _ in range(200):
        wrong = rng.binomial(100, at_limit[0], 10)
        cells = [np.array([[w, 100 - w]] + [[0, 0]] * 2, float) for w in wrong]
        _, whole = alarms.advance_outcomes(whole, known, [np.sum(cells, axis=0)], 0, budget)
        for i, cell in enumerate(cells):
            _, pieces = alarms.advance_outcomes(pieces, known, [cell], 0, budget, first=i == 0)
    assert np.isfinite(whole).any()
    # Likelihood ratios multiply: ten pieces of a window are worth what the window is worth.
    np.testing.assert_allclose(whole, pieces, rtol=1e-3, atol=0.05)


def test_what_nobody_minds_is_no_alarm():
    columns, threshold, _, _, _ = CASES["decisions"]
    known = known_from(columns, decided(0.1, 0.1, rows=20_000), threshold)
    assert raised_after(known, decided(0.108, 0.108, rows=20_000), 20) == []


def test_smaller_errors_are_no_finding_and_a_moved_quality_is_a_neutral_one():
    columns, threshold, _, _, _ = CASES["regression"]
    known = known_from(columns, erred(0.3), threshold)
    raised = raised_after(known, erred(0.1), 8)
    assert raised
    cells = [each.layout.sum([erred(0.1)]) for each in known.outcomes]
    better = named("realised_error", {"mae": _estimate(4.0)}, {"mae": _estimate(6.0)})
    assert from_outcomes(known, cells, raised, [better]) == []
    columns, threshold, _, _, _ = CASES["ranking"]
    known = known_from(columns, ranked(0.3), threshold)
    raised = raised_after(known, ranked(0.1), 8)
    cells = [each.layout.sum([ranked(0.1)]) for each in known.outcomes]
    assert {f.severity for f in from_outcomes(known, cells, raised, [])} == {"medium"}


def test_a_class_without_labels_is_left_out():
    columns, _, usual, _, _ = CASES["classes"]
    dog = Column(name="p dog", role="class_score", kind="numeric", edges=[0.0, 0.5, 1.0], token=DOG)
    nothing = LabelTable(positives=[0] * 6, negatives=[0] * 6)
    empty = ClassTable(overall=nothing, chosen=nothing)
    labels = Labels(classes=usual.classes | {"p dog": empty})
    assert known_from([*columns, dog], labels).classes is None


def test_errors_whose_sums_are_all_withheld_say_nothing():
    columns, threshold, usual, _, _ = CASES["regression"]
    known = known_from(columns, usual, threshold)
    assert usual.errors is not None
    sums: Any = [None] * 6
    hidden = replace(usual.errors, sum=sums, sum_absolute=sums, sum_squares=sums)
    seen = Counted(1_000, False, [], NO_NOISE, 0, [], floor=11, seed=0)
    assert errors.realise(known, seen, [Labels(errors=hidden)]) == []
    assert errors.realise(known, seen, [usual]) != []


def _estimate(value: float) -> Estimate:
    return Estimate(*(np.array(v) for v in (value, value - 1, value + 1, 100.0)))
