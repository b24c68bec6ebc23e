"""The noise follows its law: what is drawn is held against the probabilities of the definition."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from countersign.noise import Noise
from countersign.statement import Refused
from countersign.tables import Mechanism

DRAWS = 20_000
LAWS: tuple[Mechanism, Mechanism] = ("discrete_laplace", "discrete_gaussian")
SURELY_WRONG = 1e-9  # a right sampler falls below it once in so many runs


def shares(mechanism: Mechanism, scale: float) -> dict[int, float]:
    """The law's probabilities, as far out as they matter."""
    far = math.ceil(40 * scale + 10)
    power = 1 if mechanism == "discrete_laplace" else 2
    weights = {
        z: math.exp(-(abs(z) ** power) / (power * scale**power)) for z in range(-far, far + 1)
    }
    total = sum(weights.values())
    return {z: weight / total for z, weight in weights.items()}


def p_value(drawn: list[int], law: dict[int, float]) -> float:
    """Of "this was drawn from that law"; values too rare for the test are taken together."""
    counts = Counter(drawn)
    common = [z for z, share in law.items() if share * len(drawn) >= 10]
    observed = [counts[z] for z in common]
    expected = [law[z] * len(drawn) for z in common]
    rest = len(drawn) - sum(expected)
    observed.append(len(drawn) - sum(observed))
    expected.append(max(rest, 1e-9))
    if rest < 5:  # joined to the last common value
        observed[-2:], expected[-2:] = [sum(observed[-2:])], [sum(expected[-2:])]
    return float(stats.chisquare(observed, expected).pvalue)


@pytest.mark.parametrize("scale", [0.7, 3.0, 19.9])
@pytest.mark.parametrize("mechanism", LAWS)
def test_draws_follow_the_law_and_no_narrower_one(mechanism: Mechanism, scale: float):
    noise = Noise(mechanism, scale)
    drawn = [noise.draw() for _ in range(DRAWS)]
    assert p_value(drawn, shares(mechanism, scale)) > SURELY_WRONG
    assert p_value(drawn, shares(mechanism, 0.9 * scale)) < SURELY_WRONG


@pytest.mark.parametrize("mechanism", LAWS)
def test_a_unit_makes_the_scale_so_many_times_as_large(mechanism: Mechanism):
    noise = Noise(mechanism, 2.5)
    drawn = np.array([noise.draw(100_000) for _ in range(4_000)], float)
    spread = 2.5e5 * (math.sqrt(2) if mechanism == "discrete_laplace" else 1)
    assert drawn.std() == pytest.approx(spread, rel=0.15)
    assert len(set(drawn % 100_000)) > 3_500  # each step is possible, not only whole units


def test_without_a_law_or_a_scale_there_is_no_noise():
    for mechanism, scale in (("none", 1.0), *((law, s) for law in LAWS for s in (0.0, math.inf))):
        with pytest.raises(Refused, match=r"privacy\.scale"):
            Noise(mechanism, scale)
