"""A lower bound on epsilon, from what the collector sends of two data sets that differ by one row.

Many windows are made of each, by the whole way from counts to statements. An attacker who knows all
other rows asks: was the last one in it? Either half of the statements teaches a best test, and the
other tells how often that is right; then, at 95 % (Clopper and Pearson, 1934, for all of them),

    epsilon >= ln((right - delta) / wrong)

must stay below what the ledger claims. So that the audit can fail, it is also done with noise of
half the scale, which has to exceed the claim. The claims: of the discrete Laplace law epsilon with
delta 0, adding up over the figures that a row touches; of the discrete Gaussian epsilon at DELTA,
from zCDP. The plan has one column: more figures at the same claim each carry more noise.

    .venv/bin/python -m bench.attacks.run epsilon_audit
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from countersign.statement import Plan, Window, decode, encode
from countersign.statements import OpenPlan, Period, window_statement
from countersign.tables import Column, Mechanism, Privacy
from detectors import charges
from governance import zcdp

CLAIMS = (0.5, 1.0, 4.0)
DELTA = 0.01  # large enough for that many statements to see it
STATEMENTS = 12_000  # of each of the two data sets
SURE = 0.95
LEARNT = 0.9999  # how sure a test is to be where it is chosen: else a lucky one among many is
BEGIN, END = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
ROWS = 40
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Claim:
    """What noise of a law and scale is said to give: epsilon at a delta."""

    mechanism: Mechanism
    epsilon: float
    delta: float
    scale: float


def measure() -> dict[str, Any]:
    """Every claim, with its noise and with half of it."""
    audits = [audit(claim, STATEMENTS) for claim in claims()]
    return {
        "statements_of_each_data_set": STATEMENTS,
        "confidence": SURE,
        "audits": audits,
        "all_below_the_claim": all(a["lower_bound"] <= a["claimed"] for a in audits),
        "all_found_with_half_the_noise": all(
            a["lower_bound_with_half_the_noise"] > a["claimed"] for a in audits
        ),
    }


def claims() -> Iterator[Claim]:
    """The scales that the ledger's arithmetic asks for."""
    touched = charges.touched_by_window(a_plan("none", 0.0).plan)
    for epsilon in CLAIMS:
        yield Claim("discrete_laplace", epsilon, 0.0, touched / epsilon)
    for epsilon in CLAIMS:
        scale = math.sqrt(touched / (2 * zcdp.rho_within(epsilon, DELTA)))
        yield Claim("discrete_gaussian", epsilon, DELTA, scale)


def audit(claim: Claim, statements: int, sure: float = SURE) -> dict[str, Any]:
    """The lower bound under the claim's noise, and under half of it."""
    bounds = []
    for scale in (claim.scale, claim.scale / 2):
        plan = a_plan(claim.mechanism, scale)
        without, within = (figures(plan, rows, statements) for rows in (ROWS, ROWS + 1))
        bounds.append(lower_bound(without, within, claim.delta, sure))
    return {
        "mechanism": claim.mechanism,
        "claimed": claim.epsilon,
        "delta": claim.delta,
        "scale": round(claim.scale, 3),
        "lower_bound": round(bounds[0], 3),
        "lower_bound_with_half_the_noise": round(bounds[1], 3),
    }


def a_plan(mechanism: Mechanism, scale: float) -> OpenPlan:
    """One column, of yes and no: a row touches two figures, the number of rows and its cell."""
    plan = Plan(
        model="loans",
        version="1",
        baseline="b" * 64,
        revision=1,
        issued=BEGIN,
        window_seconds=604_800,
        season="none",
        threshold=None,
        privacy=Privacy(mechanism=mechanism, scale=scale),
        columns=[Column(name="employed", role="feature", kind="boolean")],
    )
    return OpenPlan.read(encode(plan, "d" * 64))


def figures(plan: OpenPlan, rows: int, statements: int) -> Ints:
    """The two figures that the last row touches, from each of many statements: (statements, 2)."""
    counted = plan.counter(b"k" * 32).count({"employed": np.ones(rows)})
    period = Period(deployment="default", start=BEGIN, end=END)
    told = (
        decode(window_statement(plan, counted, period), Window)[1].tally for _ in range(statements)
    )
    return np.array([(tally.rows, tally.columns["employed"].cells[-1]) for tally in told], np.int64)


def lower_bound(without: Ints, within: Ints, delta: float, sure: float) -> float:
    """Of epsilon, from both kinds of statements' figures: the better one of both halves' tests."""
    halves = list(zip(np.array_split(without, 2), np.array_split(within, 2), strict=True))
    bounds = []
    for learnt, told in (halves, halves[::-1]):
        best = max(_tests(learnt[0]), key=lambda test: _bound(test, *learnt, delta, LEARNT))
        bounds.append(_bound(best, *told, delta, 1 - (1 - sure) / 2))
    return max(bounds)


Test = tuple[str, int]  # how both figures become one, and from where on the row is said to be in it


def _tests(figures: Ints) -> Iterable[Test]:
    for name in ("sum", "min"):
        for at in np.unique(_score(name, figures)).tolist():
            yield name, at


def _score(name: str, figures: Ints) -> Ints:
    scored: Ints = figures.sum(axis=1) if name == "sum" else figures.min(axis=1)
    return scored


def _hits(test: Test, figures: Ints) -> npt.NDArray[np.bool_]:
    name, at = test
    return _score(name, figures) >= at


def _bound(test: Test, without: Ints, within: Ints, delta: float, sure: float) -> float:
    """What one test proves: its rates of being right and wrong, each as bad as they may be."""
    level = (1 - sure) / 2
    right, wrong = int(_hits(test, within).sum()), int(_hits(test, without).sum())
    least = stats.beta.ppf(level, right, len(within) - right + 1) if right else 0.0
    most = stats.beta.ppf(1 - level, wrong + 1, len(without) - wrong) if wrong < len(without) else 1
    return math.log(max(float(least) - delta, 1e-12) / float(most))
