"""Counts that may carry noise: how much, of what shape, and what they are still worth.

A `Sample` is counts of shape (features, bins) with their totals (features,) and their noise. Where
two samples meet, x and n are the current one's counts and totals, r and m the reference's. Noisy
counts may be negative and are never clamped before a test: clamping turns noise into bias.

Noise follows one of two integer laws, drawn `draws` times and added up when shards or windows were
summed. Discrete Laplace of scale b (b = sensitivity / epsilon) has P(z) proportional to a^|z| with
a = exp(-1/b); discrete Gaussian of scale sigma has P(z) proportional to exp(-z^2 / (2 sigma^2)).

Sources: Ghosh, Roughgarden, Sundararajan (2009), Universally utility-maximizing privacy
mechanisms; Canonne, Kamath, Steinke (2020), The discrete Gaussian for differential privacy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MECHANISMS = ("none", "discrete_laplace", "discrete_gaussian")


@dataclass(frozen=True)
class Noise:
    """The noise in every cell: its law, its scale, and how many independent draws add up in it.

    >>> round(Noise("discrete_laplace", scale=10.0).variance, 1)
    199.8
    """

    mechanism: str = "none"
    scale: float = 0.0
    draws: int = 1

    def __post_init__(self) -> None:
        if self.mechanism not in MECHANISMS:
            raise ValueError(f"noise.mechanism: expected one of {', '.join(MECHANISMS)}")
        if (self.scale > 0) != (self.mechanism != "none") or self.draws < 1:
            raise ValueError("noise.scale: noise has a scale above 0 and at least one draw")

    @property
    def present(self) -> bool:
        return self.mechanism != "none"

    @property
    def variance(self) -> float:
        """Variance of one cell's noise."""
        if self.mechanism == "discrete_laplace":
            a = np.exp(-1 / self.scale)
            return float(self.draws * 2 * a / (1 - a) ** 2)
        return self.draws * self.scale**2

    @property
    def fourth_cumulant(self) -> float:
        """E z^4 - 3 (E z^2)^2 of one cell's noise: what makes its tail heavier than a normal's."""
        if self.mechanism != "discrete_laplace":
            return 0.0
        a = np.exp(-1 / self.scale)
        variance = 2 * a / (1 - a) ** 2
        return float(self.draws * (variance * (1 + 10 * a + a**2) / (1 - a) ** 2 - 3 * variance**2))

    def log_moment(self, theta: Array) -> Array:
        """log E exp(theta z), infinite where a Laplace tail is too heavy (|theta| >= 1/scale)."""
        if self.mechanism == "discrete_laplace":
            a = np.exp(-1 / self.scale)
            # (1 - a e^t)(1 - a e^-t) / (1 - a)^2 = 1 - (cosh t - 1) 2a / (1 - a)^2
            room = 1 - 4 * a / (1 - a) ** 2 * np.sinh(np.minimum(np.abs(theta), 30.0) / 2) ** 2
            bounded = np.log(np.where(room > 0, room, 1.0))
            return self.draws * np.where(room > 0, -bounded, np.inf)
        return np.asarray(0.5 * self.variance * np.square(theta))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Noise as float64. A discrete Gaussian is drawn as a rounded normal: same to 1/12."""
        if self.mechanism == "discrete_laplace":
            success = -np.expm1(-1 / self.scale)
            plus = rng.negative_binomial(self.draws, success, shape)
            return (plus - rng.negative_binomial(self.draws, success, shape)).astype(float)
        if self.mechanism == "discrete_gaussian":
            return np.rint(rng.normal(0.0, self.variance**0.5, shape))
        return np.zeros(shape)


NO_NOISE = Noise()


@dataclass(frozen=True)
class Sample:
    """Counts (features, bins), their totals (features,), and the noise in every cell.

    The totals are the best known numbers of rows: with noise they need not be the counts' sums. For
    rates the counts are (features,) as well.
    """

    counts: Array
    totals: Array
    noise: Noise = NO_NOISE

    @property
    def rows(self) -> Array:
        """Totals that can be divided by."""
        return np.maximum(self.totals, 1.0)

    @property
    def noise_share(self) -> Array:
        """Noise variance of one cell's share of the rows, (features,)."""
        return np.asarray(self.noise.variance / self.rows**2)

    @property
    def noise_kurtosis(self) -> Array:
        """Fourth cumulant of the noise in one cell's share of the rows, (features,)."""
        return np.asarray(self.noise.fourth_cumulant / self.rows**4)


def comparable(current: Sample, reference: Sample) -> Mask:
    """Where both samples hold at least one row: elsewhere there is nothing to compare."""
    return np.asarray((current.totals >= 1) & (reference.totals >= 1))


def inverse_rows(current: Sample, reference: Sample) -> Array:
    """1/n + 1/m, (features,): what sampling adds to the variance of a difference of shares."""
    return np.asarray(1 / current.rows + 1 / reference.rows)


def noise_between(current: Sample, reference: Sample) -> Array:
    """Noise variance of one cell of x/n - r/m, (features,)."""
    return np.asarray(current.noise_share + reference.noise_share)


def pooled_proportions(x: Array, r: Array) -> Array:
    """Shares of both samples together, (features, bins), strictly positive, summing to 1."""
    both = np.maximum(x + r, 0.5)
    return np.asarray(both / both.sum(axis=1, keepdims=True))


def differences(current: Sample, reference: Sample, p: Array) -> Array:
    """x/n - r/m, (features, bins), with what the noise added to either total taken out.

    A sample's surplus over its total is laid out as `p`, so a row's differences sum to about 0 and
    nothing is divided by a noisy sum. If the totals are the sums, this is exactly x/n - r/m.
    """
    x, r = current.counts / current.rows[:, None], reference.counts / reference.rows[:, None]
    surplus = x.sum(axis=1) - r.sum(axis=1)
    return np.asarray(x - r - surplus[:, None] * p)


def effective_size(n: Array, bins: int, noise: Noise) -> Array:
    """Rows without noise that would tell as much as n noisy ones: n / (1 + k v / n)."""
    safe = np.maximum(n, 1.0)
    return np.asarray(np.where(n >= 1, n / (1 + bins * noise.variance / safe), 0.0))


def fill_suppressed(x: Array, total: Array, r: Array) -> Array:
    """Fill NaN cells with what is missing from the total, split as the reference splits it.

    x, r: (features, bins), total: (features,). The split leans towards "nothing changed". Nothing
    missing fills with 0; a reference without rows in those bins splits evenly.

    >>> fill_suppressed(np.array([[50.0, np.nan, np.nan]]), np.array([80.0]),
    ...                 np.array([[500.0, 200.0, 100.0]]))
    array([[50., 20., 10.]])
    """
    hidden = np.isnan(x)
    missing = np.maximum(total - np.where(hidden, 0.0, x).sum(axis=1), 0.0)
    weight = np.where(hidden, np.maximum(r, 0.0), 0.0)
    empty = weight.sum(axis=1, keepdims=True) <= 0
    weight = np.where(empty, hidden, weight)
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(np.where(hidden, missing[:, None] * share, x))
