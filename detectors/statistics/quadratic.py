"""Q: did an unordered distribution change? A chi-square test that knows about noise.

Each bin's difference d_j = x_j/n - r_j/m is weighed by the inverse of its own variance,
w_j = 1/(c p_j + s), with c = 1/n + 1/m from sampling and s from noise, and Q = sum w_j d_j^2.
Without noise this is Pearson's statistic. With noise Q is a weighted sum of squares whose mean and
variance are known, so it is matched to a scaled chi-square (Satterthwaite 1946). The variance
needs the fourth cumulants: discrete Laplace noise and sparse cells have heavier tails than a
normal, and without that term small p-values come far too often.
"""

import numpy as np
from scipy import special

from detectors.statistics.counts import (
    Array,
    Sample,
    comparable,
    differences,
    inverse_rows,
    noise_between,
    pooled_proportions,
)


def quadratic_test(current: Sample, reference: Sample) -> tuple[Array, Array]:
    """Statistic Q and p-value, each (features,).

    Where a total is below 1, or there is only one bin, there is no evidence: (0, 1).

    >>> current = Sample(np.array([[60.0, 40.0]]), np.array([100.0]))
    >>> reference = Sample(np.array([[500.0, 500.0]]), np.array([1000.0]))
    >>> q, p = quadratic_test(current, reference)
    >>> round(float(q[0]), 3), round(float(p[0]), 4)
    (3.638, 0.0566)
    """
    p = pooled_proportions(current.counts, reference.counts)
    c, s = inverse_rows(current, reference), noise_between(current, reference)
    weight = 1 / (c[:, None] * p + s[:, None])
    statistic = (weight * differences(current, reference, p) ** 2).sum(axis=1)
    mean, variance = _moments(p, c, s, _fourth_cumulant(p, current, reference))
    told = comparable(current, reference) & (mean > 1e-9)
    mean, variance = np.where(told, mean, 1.0), np.where(told, variance, 1.0)
    p_value = special.gammaincc(mean**2 / variance, mean * statistic / variance)
    return np.where(told, statistic, 0.0), np.where(told, p_value, 1.0)


def _fourth_cumulant(p: Array, current: Sample, reference: Sample) -> Array:
    """Fourth cumulant of each cell's difference, (features, bins).

    The sampling part is that of a binomial split of the cell's pooled count between both samples;
    it matters where a bin expects fewer than about five rows.
    """
    n, m = current.rows, reference.rows
    noise = current.noise_kurtosis + reference.noise_kurtosis
    sampling = (1 / n + 1 / m) ** 3 * (1 - 6 * n * m / (n + m) ** 2)
    return np.asarray(noise[:, None] + sampling[:, None] * p)


def _moments(p: Array, c: Array, s: Array, fourth: Array) -> tuple[Array, Array]:
    """Mean and variance of Q under no change, each (features,).

    d has covariance diag(c p + s) - U with U = g pp' + s (p1' + 1p') and g = c - k s, so with
    w = 1/(c p + s) both traces are sums over bins: no k x k matrix is ever formed.
    """
    k = p.shape[1]
    w = 1 / (c[:, None] * p + s[:, None])
    g = c - k * s
    w0, w1, w2 = w.sum(axis=1), (w * p).sum(axis=1), (w * p**2).sum(axis=1)
    diagonal = g * w2 + 2 * s * w1
    mean = k - diagonal
    u_u = (g * w2) ** 2 + 2 * s**2 * (w2 * w0 + w1**2) + 4 * g * s * w2 * w1
    loading = w * (1 - 2 * p) + w2[:, None]  # how much of one cell's square enters Q
    variance = 2 * (k - 2 * diagonal + u_u) + (fourth * loading**2).sum(axis=1)
    return mean, np.maximum(variance, mean)
