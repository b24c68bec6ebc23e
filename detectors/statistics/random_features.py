"""Did a cloud of embeddings move? From the mean of random Fourier features.

The collector maps each embedding x (d,) to D numbers and sends their mean over the window. How far
two means lie apart is how far the two clouds do (maximum mean discrepancy, MMD), for a Gaussian
kernel of the given bandwidth and whatever the difference is: place, spread or shape.

The map, which collector and baseline must share to the last digit, is declared by seed, bandwidth
and dimension D (even, 64 to 128). W (d, D/2) holds independent normals of standard deviation
1/bandwidth, and z(x) = [cos(xW), sin(xW)] / sqrt(D/2): cosines first, every row's length exactly 1.

    >>> seed, bandwidth, dimension, x = 7, 2.0, 4, np.array([[0.5, -1.0, 2.0]])
    >>> normals = np.random.Generator(np.random.PCG64(seed)).standard_normal((3, dimension // 2))
    >>> angle = x @ (normals / bandwidth)
    >>> z = np.hstack([np.cos(angle), np.sin(angle)]) / np.sqrt(dimension / 2)
    >>> z.round(6), float((z**2).sum().round(12))
    (array([[ 0.67181 ,  0.6299  , -0.220615, -0.321288]]), 1.0)

As each row's length is 1, a row's total variance is 1 - |mean|^2: no further figure is needed to
say what sampling adds to a distance. That and the noise are taken out of MMD^2, which is 0 on
average where nothing moved and may be negative.

The null is the reference windows' own distances if there are at least 75. With 20 or more, windows
tell how much they vary and in how many directions, and p is an F law's. With fewer the variance is
the larger of both, in one direction only: the heaviest tail that a sum of squares of normals can
have (Szekely, Bakirov), so p is too large rather than too small.

Sources: Rahimi, Recht (2007), Random features for large-scale kernel machines; Gretton and others
(2012), A kernel two-sample test; Szekely, Bakirov (2003), Extremal probabilities for Gaussian
quadratic forms; Bai, Saranadasa (1996), Effect of high dimension.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from detectors.statistics import mean_vectors
from detectors.statistics.counts import Array

SOME_WINDOWS = 20
LEAST_VARIANCE = 1e-9  # all rows alike: then nothing varies, and anything else is a change


@dataclass(frozen=True)
class EmbeddingShift:
    """MMD^2 without bias, between -small and 4; NaN, with p_value 1, where there is nothing."""

    mmd2: float
    p_value: float


def embedding_shift(
    current: Array, rows: float, reference: Array, reference_rows: Array, sigma: float = 0.0
) -> EmbeddingShift:
    """Current mean features (D,) of `rows` rows against reference windows (windows, D).

    `reference_rows` (windows,); `sigma` is the standard deviation of the noise in the sum (rows x
    mean) of each feature, in every window alike. Windows without rows or with NaN are left out.
    """
    told = (reference_rows >= 1) & ~np.isnan(reference).any(axis=1)
    if not (rows >= 1 and told.any()) or np.isnan(current).any():
        return EmbeddingShift(np.nan, 1.0)
    means, counts, features = reference[told], reference_rows[told], len(current)
    variance = max(_row_variance(means, counts, features * sigma**2), LEAST_VARIANCE)
    ratio = features * sigma**2 / variance
    weights = mean_vectors.weights_of(counts, ratio)
    weight = float(mean_vectors.weights_of(np.asarray(rows), ratio))
    far = float(mean_vectors.departures(current, weight, means, weights).sum())
    mmd2 = (far - variance) * (1 / weight + 1 / weights.sum())
    return EmbeddingShift(float(mmd2), _p_value(far, means, weights, variance))


def _row_variance(means: Array, rows: Array, noise: float) -> float:
    """1 - |mean|^2 of one row, given what noise and sampling add to the |mean|^2 of all rows."""
    total = rows.sum()
    length = float(np.sum(mean_vectors.pooled_mean(means, rows) ** 2))
    length -= noise * len(means) / total**2
    return float((1 - length) * total / max(total - 1, 1.0))


def _p_value(far: float, means: Array, weights: Array, variance: float) -> float:
    """P(distance >= far) if nothing moved; `variance` is one row's, without overdispersion."""
    windows = len(means)
    if windows >= mean_vectors.ENOUGH_WINDOWS:
        null = mean_vectors.left_out_departures(means, weights).sum(axis=1)
        return mean_vectors.standing(far, null)
    if windows == 1:
        return float(special.chdtrc(1.0, far / variance))
    between = max(float(mean_vectors.between_windows(means, weights).sum()), LEAST_VARIANCE)
    if windows < SOME_WINDOWS:
        return float(special.chdtrc(1.0, far / max(variance, between)))
    freedom = mean_vectors.directions(means, weights, np.ones(means.shape[1]))
    return float(special.fdtrc(freedom, (windows - 1) * freedom, far / between))
