"""Which slices of the rows does the model serve worse: worse than the rest, or than before?

A slice is a declared part of the rows; slices may overlap. It is known by its rows and its loss: a
count of wrong decisions, or the sum of a bounded loss with the sum of its squares. The effect is a
difference of mean losses with its interval. The p-value is one-sided, "no worse", and the q-value
allows for the number of slices looked at (Benjamini-Hochberg).

SliceLine's score weighs how bad a slice is against how large, a (e_S/e - 1) - (1 - a)(n/n_S - 1):
positive for slices that are both bad and large enough to be worth a look. It knows no chance; for
order, go by the lower bound of the effect (`ranking`).

Source: Sagadeeva, Boehm (2021), SliceLine: Fast, linear-algebra-based slice finding for ML model
debugging.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors.statistics.counts import Array, Mask
from detectors.statistics.estimate import Estimate
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.performance import share
from detectors.statistics.proportions import newcombe

BADNESS = 0.6  # the weight a of the mean loss against the size
FEWEST = 11
LEVEL = 0.05


class LossNoise(NamedTuple):
    """Variance of the noise in a slice's rows and in its total loss, and their covariance."""

    rows: float = 0.0
    total: float = 0.0
    both: float = 0.0


NO_LOSS_NOISE = LossNoise()


@dataclass(frozen=True)
class Losses:
    """Rows and total loss of each slice, and the total of the squared losses, one shape.

    `squares` is None where every loss is 0 or 1. NaN rows or totals are not known.
    """

    rows: Array
    total: Array
    squares: Array | None = None
    noise: LossNoise = NO_LOSS_NOISE

    @property
    def mean(self) -> Array:
        """Mean loss, NaN without rows."""
        return share(self.total, self.rows)

    @property
    def variance(self) -> Array:
        """Variance of one row's loss, as the rows show it; 0 without rows."""
        mean = self.mean
        squares = (
            np.clip(mean, 0.0, 1.0) if self.squares is None else share(self.squares, self.rows)
        )
        return np.nan_to_num(np.maximum(squares - mean**2, 0.0))

    @property
    def least_rows(self) -> float:
        """Fewer rows than this say too little: 11, or twenty times the noise in them."""
        return max(float(FEWEST), 20 * float(np.sqrt(self.noise.rows)))

    @property
    def told(self) -> Mask:
        """The slices that are large enough to be spoken of."""
        return np.asarray((self.rows >= self.least_rows) & ~np.isnan(self.total))

    def noise_at(self, mean: Array) -> Array:
        """Noise in the total that would disturb a mean as much as all the noise does."""
        rows, total, both = self.noise
        return np.asarray(np.maximum(total - 2 * mean * both + mean**2 * rows, 0.0))

    def kept(self, which: Mask) -> "Losses":
        """The same with nothing in the other slices."""
        squares = None if self.squares is None else np.where(which, self.squares, 0.0)
        rows, total = np.where(which, self.rows, 0.0), np.where(which, self.total, 0.0)
        return Losses(rows, total, squares, self.noise)


def decisions(wrong: Array, right: Array, variances: tuple[float, float] = (0.0, 0.0)) -> Losses:
    """Losses of decisions counted as wrong or right; `variances`: of the noise in both counts."""
    noise = LossNoise(sum(variances), variances[0], variances[0])
    return Losses(wrong + right, wrong, None, noise)


@dataclass(frozen=True)
class SliceFindings:
    """One figure per slice. Slices not `told` have too few rows on one side: NaN throughout."""

    score: Array
    effect: Estimate
    p_value: Array
    q_value: Array
    told: Mask


def worse_than_rest(slices: Losses, overall: Losses) -> SliceFindings:
    """Each slice's mean loss against that of all other rows; `overall` has shape ().

    If the overall carries noise, it is taken as drawn by itself. Where it is a sum of the slices'
    own noisy cells, intervals are a little too wide.

    >>> slices = decisions(np.array([60.0, 20.0]), np.array([140.0, 780.0]))
    >>> found = worse_than_rest(slices, decisions(np.array(80.0), np.array(920.0)))
    >>> found.effect.value, found.score.round(2)
    (array([ 0.275, -0.275]), array([ 0.05, -0.51]))
    """
    rest = _rest(slices, overall)
    told = slices.told & rest.told
    slices, rest = slices.kept(told), rest.kept(told)
    # A slice's noise is in the rest as well, the other way round: both shift the difference.
    here = np.sqrt(slices.noise_at(slices.mean))
    there = np.sqrt(slices.noise_at(rest.mean)) * share(slices.rows, rest.rows)
    noise = (here + there) ** 2, overall.noise_at(rest.mean)
    return _findings(slices, rest, noise, usual=overall.mean, all_rows=overall.rows, told=told)


def worse_than_before(slices: Losses, reference: Losses, rows: Array) -> SliceFindings:
    """Each slice's mean loss against its own in the reference; `rows` () are all current rows.

    The score has the slice's own reference loss in the place of the overall one.
    """
    told = slices.told & reference.told
    slices, reference = slices.kept(told), reference.kept(told)
    noise = slices.noise_at(slices.mean), reference.noise_at(reference.mean)
    return _findings(slices, reference, noise, usual=reference.mean, all_rows=rows, told=told)


def ranking(found: SliceFindings) -> npt.NDArray[np.intp]:
    """Slice numbers, worst first: by the lower bound of the effect; those not told come last."""
    return np.argsort(np.where(found.told, -found.effect.low, np.inf), kind="stable")


def sliceline_score(mean: Array, rows: Array, usual: Array, all_rows: Array) -> Array:
    """a (mean/usual - 1) - (1 - a)(all_rows/rows - 1); NaN where the usual loss is not above 0."""
    return np.asarray(
        BADNESS * (share(mean, usual) - 1) - (1 - BADNESS) * (share(all_rows, rows) - 1)
    )


def smoothed_variance(losses: Losses, typical: Array) -> Array:
    """Variance of one row's loss, with one row's worth of the `typical` one mixed in.

    A few rows that happen to be equal are no proof that all of them are.
    """
    rows = np.maximum(losses.rows, 0.0)
    return np.asarray((rows * losses.variance + typical) / (rows + 1))


def _rest(slices: Losses, overall: Losses) -> Losses:
    squares = None
    if slices.squares is not None and overall.squares is not None:
        squares = overall.squares - slices.squares
    noise = LossNoise(*(a + b for a, b in zip(slices.noise, overall.noise, strict=True)))
    return Losses(overall.rows - slices.rows, overall.total - slices.total, squares, noise)


def _findings(
    a: Losses, b: Losses, noise: tuple[Array, Array], *, usual: Array, all_rows: Array, told: Mask
) -> SliceFindings:
    compare = _shares if a.squares is None else _means
    value, low, high, p_value = (np.where(told, x, np.nan) for x in compare(a, b, noise))
    score = np.where(told, sliceline_score(a.mean, a.rows, usual, all_rows), np.nan)
    effect = Estimate(value, low, high, a.rows)
    return SliceFindings(score, effect, p_value, benjamini_hochberg(p_value), told)


def _shares(a: Losses, b: Losses, noise: tuple[Array, Array]) -> tuple[Array, ...]:
    """Difference of two shares, its limits, and the p-value of "not above 0".

    Rare errors in a small slice have a longer tail upwards: by a normal law, p for 800 rows at 10 %
    would be half of the exact test's 0.0002, and that is where it matters among 500 slices.
    """
    x, r = (np.nan_to_num(v) for v in noise)
    value, low, high = newcombe(a.total, a.rows, b.total, b.rows, variance_x=x, variance_r=r)
    n, m = np.maximum(a.rows, 1.0), np.maximum(b.rows, 1.0)
    pooled = np.clip((a.total + b.total) / (n + m), 0.0, 1.0)
    each = pooled * (1 - pooled)
    variance = each * (1 / n + 1 / m) + x / n**2 + r / m**2
    spread = np.sqrt(np.where(variance > 0, variance, 1.0))
    skew = each * (1 - 2 * pooled) * (1 / n**2 - 1 / m**2) / spread**3
    return value, low, high, _skewed_tail((a.total / n - b.total / m) / spread, skew)


def _skewed_tail(z: Array, skew: Array) -> Array:
    """P(Z >= z) of a Pearson type III law (a shifted gamma) with mean 0, variance 1 and this skew.

    >>> _skewed_tail(np.array([3.0]), np.array([0.2])).round(4)
    array([0.0028])
    """
    shape = 4 / np.maximum(np.abs(skew), 1e-3) ** 2
    root = np.sqrt(shape)
    above = special.gammaincc(shape, np.maximum(shape + z * root, 0.0))
    below = special.gammainc(shape, np.maximum(shape - z * root, 0.0))
    straight = special.ndtr(-z)
    return np.asarray(np.where(np.abs(skew) < 1e-3, straight, np.where(skew > 0, above, below)))


def _means(a: Losses, b: Losses, noise: tuple[Array, Array]) -> tuple[Array, ...]:
    """The same for means of any loss: Welch's test, the noise added to both variances."""
    value = a.mean - b.mean
    rows = np.maximum(a.rows, 1.0), np.maximum(b.rows, 1.0)
    typical = (rows[0] * a.variance + rows[1] * b.variance) / (rows[0] + rows[1])
    sampling = [smoothed_variance(x, typical) / n for x, n in zip((a, b), rows, strict=True)]
    variance = sum(
        s + np.nan_to_num(v) / n**2 for s, v, n in zip(sampling, noise, rows, strict=True)
    )
    doubt = sum(s**2 / np.maximum(n - 1, 1.0) for s, n in zip(sampling, rows, strict=True))
    freedom = np.where(doubt > 0, variance**2 / np.where(doubt > 0, doubt, 1.0), 1e9)
    spread = np.sqrt(variance)
    half = special.stdtrit(freedom, 1 - LEVEL / 2) * spread
    t = value / np.where(spread > 0, spread, 1e-300)
    return value, value - half, value + half, special.stdtr(freedom, -np.nan_to_num(t))
