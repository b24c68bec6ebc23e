"""The audit of the noise: below the claim, and above it as soon as the noise is too small.

Few statements, so that it is quick; and so sure a bound that chance fails nothing here. Of the
discrete Gaussian, few statements show only a quarter of the noise for certain.
"""

import pytest

from bench.attacks.epsilon_audit import a_plan, claims, figures, lower_bound
from countersign.tables import Mechanism

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
