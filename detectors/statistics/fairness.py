"""How differently a model treats groups of people: a rate in each group, and how far they differ.

Every rate is a share of a group's rows: of all scored rows those selected (demographic parity), of
the rows labelled positive those selected (equal opportunity), and so on. Arrays are (groups,).

A group whose rate rests on fewer than `min_count` rows gets no figure and is left out of every
comparison. With fewer than two groups left there is nothing to compare: NaN, not "no difference".

Which groups are best and worst off is itself read off the data, so intervals of comparisons allow
for every group being it. The side towards "no difference" looks at all pairs at once (Bonferroni),
so that many equal groups don't differ by chance; the other side is one pair's. With two groups this
is Newcombe's interval, or MOVER-R for a ratio.

Sources: Hardt, Price, Srebro (2016), Equality of opportunity in supervised learning; Agarwal,
Beygelzimer, Dudik, Langford, Wallach (2018), A reductions approach to fair classification; Newcombe
(1998), Interval estimation for the difference between independent proportions; Newcombe (2016),
MOVER-R confidence intervals for ratios and products of two independently estimated quantities.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.statistics.counts import Array
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import Confusion
from detectors.statistics.proportions import newcombe, wilson

LEVEL = 0.05
FOUR_FIFTHS = 0.8  # the rule of thumb of 29 CFR 1607.4(D), to be drawn as a line, not as a verdict

Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


@dataclass(frozen=True)
class Rates:
    """`hits` of `rows` in each group, and the noise's `variance` in hits; no rows if not told."""

    hits: Array
    rows: Array
    variance: Array

    @property
    def told(self) -> "Rates":
        """The groups that have a figure."""
        told = self.rows > 0
        return Rates(self.hits[told], self.rows[told], self.variance[told])

    @property
    def shares(self) -> Array:
        return np.clip(self.hits / self.rows, 0.0, 1.0)


def rates(
    hits: Array, misses: Array, variances: tuple[float, float] = (0.0, 0.0), min_count: int = 1
) -> Rates:
    """hits / (hits + misses) in each group; NaN counts are not known.

    `variances`: of the noise in hits and in misses. Both shift the share, in opposite directions.
    """
    rows = hits + misses
    told = rows >= max(min_count, 1)
    hits, rows = np.where(told, hits, 0.0), np.where(told, rows, 0.0)
    share = np.clip(hits / np.maximum(rows, 1.0), 0.0, 1.0)
    variance = (1 - share) ** 2 * variances[0] + share**2 * variances[1]
    return Rates(hits, rows, variance)


def outcome_rates(
    c: Confusion, variances: tuple[float, float] = (0.0, 0.0), min_count: int = 1
) -> dict[str, Rates]:
    """tpr, fpr, ppv and accuracy in each group.

    `variances`: of the noise in a count of selected rows (tp, fp) and of rejected ones (tn, fn).
    """
    selected, rejected = variances
    both = selected + rejected
    return {
        "tpr": rates(c.tp, c.fn, (selected, rejected), min_count),
        "fpr": rates(c.fp, c.tn, (selected, rejected), min_count),
        "ppv": rates(c.tp, c.fp, (selected, selected), min_count),
        "accuracy": rates(c.tp + c.tn, c.fp + c.fn, (both, both), min_count),
    }


def group_rates(r: Rates) -> Estimate:
    """Each group's rate with Wilson's interval, (groups,).

    >>> group_rates(rates(np.array([30.0, 5.0]), np.array([30.0, 3.0]), min_count=11)).value
    array([0.5, nan])
    """
    value, low, high = wilson(r.hits, r.rows, r.variance)
    told = r.rows > 0
    return Estimate(value, np.where(told, low, np.nan), np.where(told, high, np.nan), r.rows)


def largest_difference(r: Rates, comparisons: int = 1) -> Estimate:
    """Highest rate - lowest rate, one figure. `comparisons`: figures it is the largest of."""
    told = r.told
    groups = len(told.rows)
    if groups < 2:
        return _unknown(told.rows.sum())
    value = np.asarray(told.shares.max() - told.shares.min())
    _, _, high = _differences(told, LEVEL)
    _, low, _ = _differences(told, LEVEL / (_pairs_of(groups) * comparisons))
    return Estimate(value, np.maximum(low.max(), 0.0), high.max(), told.rows.sum())


def equalised_odds(tpr: Rates, fpr: Rates) -> Estimate:
    """The larger one of the differences in true and in false positive rate; NaN unless both are."""
    first, second = largest_difference(tpr, 2), largest_difference(fpr, 2)
    value, low, high = (np.maximum(a, b) for a, b in zip(first[:3], second[:3], strict=True))
    return Estimate(value, low, high, first.n + second.n)


def smallest_ratio(r: Rates) -> Estimate:
    """Lowest rate / highest rate, one figure; NaN where all rates are 0."""
    told = r.told
    groups = len(told.rows)
    if groups < 2 or told.shares.max() == 0:
        return _unknown(told.rows.sum())
    low, _ = _ratios(told, LEVEL)
    _, high = _ratios(told, LEVEL / _pairs_of(groups))
    value = np.asarray(told.shares.min() / told.shares.max())
    return Estimate(value, low.min(), np.minimum(high.min(), 1.0), told.rows.sum())


def impact_ratios(r: Rates) -> Estimate:
    """Each group's rate / the best-off group's, (groups,); at most 1. NaN where all rates are 0.

    >>> impact_ratios(rates(np.array([30.0, 45.0]), np.array([70.0, 55.0]))).value.round(3)
    array([0.667, 1.   ])
    """
    told, figures = r.told, np.full((3, len(r.rows)), np.nan)
    groups = len(told.rows)
    if groups >= 2 and told.shares.max() > 0:
        low, _ = _ratios(told, LEVEL)
        _, high = _ratios(told, LEVEL / (groups - 1))
        bounds = np.minimum([low.min(axis=1), high.min(axis=1)], 1.0)
        figures[:, r.rows > 0] = [told.shares / told.shares.max(), *bounds]
    return Estimate(figures[0], figures[1], figures[2], r.rows)


def ratio_interval(part: Array, whole: Array) -> tuple[Array, Array]:
    """MOVER-R: limits of part[0] / whole[0], from shares with their own limits (3, ...).

    For large counts much like Katz's on the log scale, but there are limits for shares of 0 too.
    """
    (p, p_low, p_high), (q, q_low, q_high) = part, whole
    below, beneath = p_low * (2 * p - p_low), q_low * (2 * q - q_low)
    # Rounding may take what stands under a root just below 0.
    root = np.sqrt(np.maximum((p * q) ** 2 - below * q_high * (2 * q - q_high), 0.0))
    low = _divide(below, p * q + root, 0.0)
    root = np.sqrt(np.maximum((p * q) ** 2 - beneath * p_high * (2 * p - p_high), 0.0))
    return low, _divide(p * q + root, beneath, np.inf)


def _differences(told: Rates, level: float) -> tuple[Array, Array, Array]:
    """Newcombe's interval of every ordered pair of groups."""
    i, j = _ordered_pairs(len(told.rows))
    return newcombe(
        told.hits[i],
        told.rows[i],
        told.hits[j],
        told.rows[j],
        variance_x=told.variance[i],
        variance_r=told.variance[j],
        level=level,
    )


def _ratios(told: Rates, level: float) -> tuple[Array, Array]:
    """Limits of each group's rate / each other group's, (groups, groups - 1)."""
    i, j = _ordered_pairs(len(told.rows))
    share = np.stack(wilson(told.hits, told.rows, told.variance, level))
    low, high = ratio_interval(share[:, i], share[:, j])
    shape = len(told.rows), -1
    return low.reshape(shape), high.reshape(shape)


def _ordered_pairs(groups: int) -> Pairs:
    """Every group with every other one, by first group."""
    first, second = np.nonzero(~np.eye(groups, dtype=bool))
    return first, second


def _pairs_of(groups: int) -> int:
    return groups * (groups - 1) // 2


def _divide(part: Array, whole: Array, otherwise: float) -> Array:
    there = whole > 0
    return np.asarray(np.where(there, part / np.where(there, whole, 1.0), otherwise))


def _unknown(n: Array) -> Estimate:
    nothing = np.asarray(np.nan)
    return Estimate(nothing, nothing, nothing, n)
