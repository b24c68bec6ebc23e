"""The audit of the noise: below the claim, and above it as soon as the noise is too small.

Few statements, so that it is quick; and so sure a bound that chance fails nothing here. Of the
discrete Gaussian, few statements show only a quarter of the noise for certain; the committed
audit (bench/attacks/results/epsilon_audit.json) shows half of it, of either law.
"""

import json
from pathlib import Path

import pytest

from bench.attacks.epsilon_audit import a_plan, claims, figures, lower_bound
from countersign.tables import Mechanism

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "attacks" / "results"
STATEMENTS, SURE = 2_000, 0.999


@pytest.mark.parametrize(
    ("mechanism", "too_small"), [("discrete_laplace", 1 / 2), ("discrete_gaussian", 1 / 4)]
)
def test_a_row_is_hidden_as_claimed_and_too_little_noise_is_found_out(
    mechanism: Mechanism, too_small: float
):
    [claim] = [c for c in claims() if (c.mechanism, c.epsilon) == (mechanism, 1.0)]
    bounds = []
    for scale in (claim.scale, too_small * claim.scale):
        plan = a_plan(mechanism, scale)
        without, within = (figures(plan, rows, STATEMENTS) for rows in (40, 41))
        bounds.append(lower_bound(without, within, claim.delta, SURE))
    assert bounds[0] <= claim.epsilon < bounds[1]


def test_the_committed_audit_found_the_noise_large_enough_and_half_of_it_too_small():
    found = json.loads((RESULTS / "epsilon_audit.json").read_text())
    assert {a["claimed"] for a in found["audits"]} == {0.5, 1.0, 4.0}
    assert {a["mechanism"] for a in found["audits"]} == {"discrete_laplace", "discrete_gaussian"}
    assert found["all_below_the_claim"]
    assert found["all_found_with_half_the_noise"]
