"""Privacy loss in zero-concentrated differential privacy (zCDP): one number, rho, that adds up.

Noise of `scale` on every figure that one row can change: the discrete Gaussian with that sigma, or
the discrete Laplace with that scale. A row changes `touched` figures, each by at most 1 in the
figure's own unit; someone with at most `contribution` rows changes each by at most that many.

    discrete Gaussian   L2 sensitivity D = contribution sqrt(touched);  rho = D^2 / (2 scale^2)
    discrete Laplace    each figure is eps-private with eps = contribution / scale, so
                        eps^2/2-zCDP, and they compose:                 rho = touched eps^2 / 2

which is the same number. Statements compose by adding up. What (epsilon, delta) a rho amounts to:

    epsilon = min over a > 1 of  rho a + ln(1 - 1/a) - ln(delta a) / (a - 1)

Every a gives a bound that holds, so a fine grid instead of the minimum errs on the safe side.

Sources: Bun, Steinke (2016), Concentrated differential privacy, propositions 1.4 and 1.7; Canonne,
Kamath, Steinke (2020), The discrete Gaussian for differential privacy, theorem 4 and proposition
12. `bench/statistics/zcdp_conversion.py` compares the conversion with the library dp-accounting.

>>> rho = loss(touched=16, contribution=1, scale=8.0)
>>> rho, round(epsilon_of(rho, 1e-6), 3)
(0.125, 2.419)
>>> round(rho_within(epsilon_of(rho, 1e-6), 1e-6), 6)
0.125
"""

from functools import lru_cache

import numpy as np

# a - 1, evenly in its logarithm, from where delta matters to where rho does
_BEYOND = np.exp(np.linspace(np.log(0.01), np.log(1e7), 8_001))
_ORDERS = 1 + _BEYOND


def loss(*, touched: int, contribution: int, scale: float) -> float:
    """The rho of one statement: see above."""
    return touched * contribution**2 / (2 * scale**2)


def epsilon_of(rho: float, delta: float) -> float:
    """The smallest epsilon, for this delta, that rho guarantees. 0 for rho = 0."""
    if rho == 0:
        return 0.0
    return max(0.0, float(np.min(rho * _ORDERS - _room(delta))))


@lru_cache
def rho_within(epsilon: float, delta: float) -> float:
    """The largest rho that guarantees (epsilon, delta)."""
    return max(0.0, float(np.max((epsilon + _room(delta)) / _ORDERS)))


def _room(delta: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.log(delta * _ORDERS) / _BEYOND - np.log1p(-1 / _ORDERS)
