"""The audit of the noise: below the claim, and above it as soon as the noise is too small."""

import pytest

from bench.attacks.epsilon_audit import Mechanism, audit, claims

STATEMENTS = 2_000


# How sure a bound has to be is chosen such that chance alone fails neither half of the test.
@pytest.mark.parametrize(
    ("mechanism", "sure"), [("discrete_laplace", 0.999), ("discrete_gaussian", 0.95)]
)
def test_a_row_is_hidden_as_claimed_and_half_of_the_noise_is_found_out(
    mechanism: Mechanism, sure: float
):
    [claim] = [c for c in claims() if (c.mechanism, c.epsilon) == (mechanism, 1.0)]
    found = audit(claim, STATEMENTS, sure)
    assert found["lower_bound"] <= claim.epsilon
    assert found["lower_bound_with_half_the_noise"] > claim.epsilon
