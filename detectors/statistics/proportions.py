"""Shares with intervals: Clopper-Pearson, Wilson, Newcombe, and a test of two shares.

Counts may carry noise of a known variance per count; it widens every interval as if there were
fewer rows. All arguments broadcast; results have the broadcast shape.

Sources: Clopper, Pearson (1934); Wilson (1927); Newcombe (1998), Interval estimation for the
difference between independent proportions; Przyborowski, Wilenski (1940) for rare events.
"""

import numpy as np
from scipy import special

from detectors.statistics.counts import Array

RARE = 25.0  # expected events in the smaller cell below which the normal law is not trusted


def equivalent_size(successes: Array, total: Array, variance: float | Array = 0.0) -> Array:
    """Rows without noise that would fix this share as well: pq/n_eff = pq/n + v/n^2."""
    safe = np.maximum(total, 1.0)
    share = np.clip((successes + 1) / (safe + 2), 1 / (safe + 2), 1 - 1 / (safe + 2))
    return np.asarray(total / (1 + variance / (safe * share * (1 - share))))


def clopper_pearson(successes: Array, total: Array, level: float | Array) -> tuple[Array, Array]:
    """Exact interval that misses with probability at most `level`; (0, 1) without rows.

    successes and total need not be whole: noise and overdispersion divide both.
    """
    s = np.clip(successes, 0.0, np.maximum(total, 0.0))
    f = np.maximum(total - s, 0.0)
    low = np.where(s > 0, special.betaincinv(np.maximum(s, 1e-9), f + 1, level / 2), 0.0)
    high = np.where(f > 0, special.betaincinv(s + 1, np.maximum(f, 1e-9), 1 - level / 2), 1.0)
    return low, high


def wilson(
    successes: Array, total: Array, variance: float | Array = 0.0, level: float = 0.05
) -> tuple[Array, Array, Array]:
    """(share, low, high) at confidence 1 - level; (NaN, 0, 1) without rows."""
    told = np.asarray(total) > 0
    safe = np.where(told, total, 1.0)
    share = np.clip(successes / safe, 0.0, 1.0)
    n = equivalent_size(np.asarray(successes), safe, variance)
    z = special.ndtri(1 - level / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = np.where(told, np.clip(middle - half, 0.0, share), 0.0)
    high = np.where(told, np.clip(middle + half, share, 1.0), 1.0)
    return np.where(told, share, np.nan), low, high


def newcombe(
    x: Array,
    n: Array,
    r: Array,
    m: Array,
    *,
    variance_x: float | Array = 0.0,
    variance_r: float | Array = 0.0,
    level: float = 0.05,
) -> tuple[Array, Array, Array]:
    """(x/n - r/m, low, high): the difference of two shares. NaN, -1, 1 where a side is empty."""
    p, p_low, p_high = wilson(x, n, variance_x, level)
    q, q_low, q_high = wilson(r, m, variance_r, level)
    difference = p - q
    below = np.sqrt((p - p_low) ** 2 + (q_high - q) ** 2)
    above = np.sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    told = ~np.isnan(difference)
    return (
        difference,
        np.where(told, np.maximum(difference - below, -1.0), -1.0),
        np.where(told, np.minimum(difference + above, 1.0), 1.0),
    )


def two_proportion_test(
    x: Array,
    n: Array,
    r: Array,
    m: Array,
    *,
    variance_x: float | Array = 0.0,
    variance_r: float | Array = 0.0,
) -> Array:
    """Two-sided p-value of "x of n and r of m have the same share"; 1 where a side is empty.

    The score test with the noise's variance added. Rare (or almost certain) events without noise
    get the exact conditional test instead: given x + r events, x is binomial.
    """
    n, m, x, r, v_x, v_r = np.broadcast_arrays(n, m, x, r, variance_x, variance_r)
    told = (n >= 1) & (m >= 1)
    n, m = np.where(told, n, 1.0), np.where(told, m, 1.0)
    pooled = np.clip((x + r) / (n + m), 0.0, 1.0)
    spread = pooled * (1 - pooled) * (1 / n + 1 / m) + v_x / n**2 + v_r / m**2
    z = np.abs(x / n - r / m) / np.sqrt(np.maximum(spread, 1e-300))
    normal = np.where(spread > 0, 2 * special.ndtr(-z), 1.0)
    few = pooled > 0.5
    rare = _rare_events_test(np.where(few, n - x, x), n, np.where(few, m - r, r), m)
    scarce = np.minimum(n, m) * np.minimum(pooled, 1 - pooled) < RARE
    p_value = np.where(scarce & (v_x == 0) & (v_r == 0), rare, normal)
    return np.where(told, np.minimum(p_value, 1.0), 1.0)


def _rare_events_test(x: Array, n: Array, r: Array, m: Array) -> Array:
    """Twice the smaller tail of x ~ Binomial(x + r, n / (n + m)), counting half of P(x) itself."""
    x, r = np.maximum(x, 0.0), np.maximum(r, 0.0)
    share = n / (n + m)
    below = special.bdtr(x, (x + r).astype(int), share)
    beyond = special.bdtr(x - 1, (x + r).astype(int), share)
    here = np.where(x >= 1, below - beyond, below)
    return np.asarray(2 * np.minimum(below - here / 2, 1 - below + here / 2))
