"""Do columns still go together as they did? From the mean product of every pair of columns.

The collector standardises each column by the reference, cuts rows that are longer than a given
norm down to it, and sends the mean of x_i x_j over the window's rows: a symmetric (d, d) matrix,
d <= 50. Columns can lose their correlation while each keeps its own distribution; no test of single
columns sees that, and this one does.

Each entry's distance from the reference is put in standard deviations z. Two questions follow: is
the mean of all z^2 larger than it should be (many pairs moved a little), and is the largest |z|
(one pair moved much)? The smaller p-value counts, doubled.

With at least 75 reference windows standard deviations and null come from the windows themselves.
With fewer, entries are taken to vary as products of normal columns do, C_ii C_jj + C_ij^2
(Isserlis), up to one common factor that the windows tell, and only the first question is asked. One
window alone cannot tell that factor, and columns are rarely normal: nothing is said then.

Privacy: exact second moments of few rows can be solved for the rows, so a window must have
`least_rows(d, min_count)` of them and entries are rounded to `rounding_step(rows)`.

Source: Isserlis (1918), On a formula for the product-moment coefficient, for the normal law.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from detectors.statistics import mean_vectors
from detectors.statistics.counts import Array

LEAST_VARIANCE = 0.01  # of one row's product, where a standard normal's is 1 or 2


@dataclass(frozen=True)
class MomentShift:
    """`size`: mean z^2, about 1 if nothing moved; `z` (d, d): by how much each pair moved, signed.

    Without current rows, or with fewer than two reference windows, size and z are NaN, p_value 1.
    """

    size: float
    p_value: float
    z: Array


def second_moment_shift(
    current: Array, rows: float, reference: Array, reference_rows: Array, sigma: float = 0.0
) -> MomentShift:
    """Current mean products (d, d) of `rows` rows against reference windows (windows, d, d).

    `reference_rows` (windows,); `sigma` is the standard deviation of the noise in the sum (rows x
    mean) of each entry, in every window alike. Windows without rows or with NaN are left out.
    """
    d = len(current)
    place = np.triu_indices(d)
    told = (reference_rows >= 1) & ~np.isnan(reference).any(axis=(1, 2))
    if not (rows >= 1 and d and told.sum() >= 2) or np.isnan(current).any():
        return MomentShift(np.nan, 1.0, np.full((d, d), np.nan))
    means = reference[told][:, *place]
    usual = mean_vectors.pooled_mean(reference[told].reshape(told.sum(), -1), reference_rows[told])
    normal = _normal_variances(usual.reshape(d, d))[place]
    ratio = sigma**2 / normal.mean()
    weights = mean_vectors.weights_of(reference_rows[told], ratio)
    weight = float(mean_vectors.weights_of(np.asarray(rows), ratio))
    far = mean_vectors.departures(current[place], weight, means, weights)
    if len(means) >= mean_vectors.ENOUGH_WINDOWS:
        variance, p_value = _by_windows(far, means, weights)
    else:
        variance, p_value = _by_normal_law(far, means, weights, usual.reshape(d, d))
    z = np.zeros((d, d))
    gap = current[place] - mean_vectors.pooled_mean(means, weights)
    z[place] = np.copysign(np.sqrt(far / variance), gap)
    return MomentShift(float((far / variance).mean()), p_value, z + np.triu(z, 1).T)


def moved_pairs(shift: MomentShift, most: int) -> list[tuple[int, int, float]]:
    """The pairs (i, j, z), i <= j, that moved most, largest |z| first; i = j is a column's spread.

    >>> z = np.array([[0.5, 7.0], [7.0, -2.0]])
    >>> moved_pairs(MomentShift(17.8, 0.001, z), 2)
    [(0, 1, 7.0), (1, 1, -2.0)]
    """
    i, j = np.triu_indices(len(shift.z))
    z = shift.z[i, j]
    order = np.argsort(-np.abs(z), kind="stable")[:most]
    return [(int(i[k]), int(j[k]), float(z[k])) for k in order if not np.isnan(z[k])]


def least_rows(columns: int, min_count: int) -> int:
    """Rows that a window needs before its second moments may leave: 20 for each column."""
    return max(min_count, 20 * columns)


def rounding_step(rows: int) -> float:
    """Step to round mean products to: the largest power of 2 up to half their sampling error.

    >>> rounding_step(2000)  # an entry's standard error is about 1 / sqrt(2000) = 0.022
    0.0078125
    """
    return float(2.0 ** np.floor(np.log2(0.5 / max(rows, 1) ** 0.5)))


def _by_windows(far: Array, means: Array, weights: Array) -> tuple[Array, float]:
    """Variance of one row's product in each entry, and p, from how the windows vary."""
    null = mean_vectors.left_out_squares(means, weights, LEAST_VARIANCE)
    variance = np.maximum(mean_vectors.between_windows(means, weights), LEAST_VARIANCE)
    z2 = far / variance
    p_many = mean_vectors.standing(float(z2.mean()), null.mean(axis=1))
    p_one = mean_vectors.standing(float(z2.max()), null.max(axis=1))
    return variance, min(1.0, 2 * min(p_many, p_one))


def _by_normal_law(far: Array, means: Array, weights: Array, usual: Array) -> tuple[Array, float]:
    """The same from the law of products of normal columns, and what few windows add to it."""
    place = np.triu_indices(len(usual))
    variance = _normal_variances(usual)[place]
    factor = float((mean_vectors.between_windows(means, weights) / variance).mean())
    variance = variance * max(factor, LEAST_VARIANCE)
    freedom = _normal_directions(usual)
    size = (far / variance).mean()
    return variance, float(special.fdtrc(freedom, (len(means) - 1) * freedom, size))


def _normal_variances(usual: Array) -> Array:
    """Var(x_i x_j) of normal columns with mean 0 and these mean products, (d, d)."""
    spread = np.diag(usual)
    return np.asarray(np.maximum(np.outer(spread, spread) + usual**2, LEAST_VARIANCE))


def _normal_directions(usual: Array) -> float:
    """(tr K)^2 / tr(K^2) of the covariance K of all z, if columns are normal."""
    i, j = np.triu_indices(len(usual))
    scale = np.sqrt(_normal_variances(usual)[i, j])
    k = usual[np.ix_(i, i)] * usual[np.ix_(j, j)] + usual[np.ix_(i, j)] * usual[np.ix_(j, i)]
    k = k / np.outer(scale, scale)
    return float(np.trace(k) ** 2 / max(np.sum(k**2), 1e-300)) or 1.0
