"""KS on bins: did an ordered distribution shift? The largest gap between cumulative shares.

The gap's law under "no change" depends on the bins, both totals and the noise, so it is simulated
for each feature (parametric bootstrap): both samples drawn from the pooled shares, plus noise.
Three steps, each only where it is needed, keep 1,000 features cheap:

1. `limit`: sampling error drawn as normal, from draws that all features share; noise drawn from its
   true law. Good from about 100 rows on.
2. `exact`: multinomial draws, where the smaller sample has few rows and p could be below 0.1.
3. `tail`: where fewer than FEW of the draws reach the gap, p comes from the bins' own tails: the
   sum of the probabilities that each single gap is as large, scaled to meet the draws at 5 %.

Sources: Kolmogorov (1933) and Smirnov (1939) for the statistic; Wood, Altavela (1978), Large-sample
results for Kolmogorov-Smirnov statistics for discrete distributions, for the limit.
"""

import numpy as np
import numpy.typing as npt
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

Indices = npt.NDArray[np.intp]

DRAWS = 399
FEW = 5  # exceedances below which a count of draws says too little
SMALL = 100.0  # rows of the smaller sample below which normal sampling error is not trusted
WORTH_EXACT = (1e-4, 0.1)
CHUNK = 50  # features simulated together: their draws fit the cache, which is a third faster


def ks_test(current: Sample, reference: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
    """Largest gap of the cumulative shares and its p-value, each (features,).

    Bins must be in order. Where a total is below 1, or there is only one bin: (0, 1).
    """
    features, bins = current.counts.shape
    told = comparable(current, reference)
    if bins < 2 or not told.any():
        return np.zeros(features), np.ones(features)
    null = _Null(pooled_proportions(current.counts, reference.counts), current, reference)
    gap = _largest_gap(differences(current, reference, null.p))
    p_value = _p_value(null, gap, null.limit_gaps(rng))
    low, high = WORTH_EXACT
    doubtful = told & (null.smaller < SMALL) & (low < p_value) & (p_value < high)
    for i in np.flatnonzero(doubtful):
        one = null.only(np.array([i]))
        p_value[i] = _p_value(one, gap[i : i + 1], one.exact_gaps(rng))[0]
    return np.where(told, gap, 0.0), np.where(told, p_value, 1.0)


class _Null:
    """Two samples of the given totals and noise from the same shares p: the law of their gap."""

    def __init__(self, p: Array, current: Sample, reference: Sample) -> None:
        self.p, self.current, self.reference = p, current, reference

    @property
    def smaller(self) -> Array:
        """Rows of the smaller sample, (features,)."""
        return np.minimum(self.current.rows, self.reference.rows)

    def only(self, chosen: Indices) -> "_Null":
        """The null of some of the features."""
        samples = (
            Sample(s.counts[chosen], s.totals[chosen], s.noise)
            for s in (self.current, self.reference)
        )
        return _Null(self.p[chosen], *samples)

    def limit_gaps(self, rng: np.random.Generator) -> Array:
        """Simulated gaps (features, DRAWS): normal sampling error, true noise."""
        features, bins = self.p.shape
        sources = [rng.standard_normal((bins, DRAWS))]
        sizes = [np.sqrt(inverse_rows(self.current, self.reference)[:, None] * self.p)]
        for sample in (self.current, self.reference):
            if sample.noise.present:
                sources.append(sample.noise.draw(rng, (bins, DRAWS)))
                sizes.append(np.repeat(1 / sample.rows[:, None], bins, axis=1))
        source = np.concatenate(sources).astype(np.float32)
        gaps = np.empty((features, DRAWS))
        for start in range(0, features, CHUNK):
            part = slice(start, start + CHUNK)
            path = _cumulation(self.p[part])
            spread = np.concatenate([path * size[part, None, :] for size in sizes], axis=2)
            flat = spread.reshape(-1, len(source)).astype(np.float32) @ source
            gaps[part] = np.abs(flat, out=flat).reshape(-1, bins - 1, DRAWS).max(axis=1)
        return gaps

    def exact_gaps(self, rng: np.random.Generator) -> Array:
        """Simulated gaps (1, DRAWS) of a one-feature null from multinomial draws."""
        share = self.p[0] / self.p[0].sum()
        x, r = (
            Sample(
                rng.multinomial(round(float(s.rows[0])), share, size=DRAWS)
                + s.noise.draw(rng, (DRAWS, len(share))),
                np.repeat(s.rows, DRAWS),
            )
            for s in (self.current, self.reference)
        )
        return _largest_gap(differences(x, r, self.p))[None]

    def edge_tails(self, gap: Array) -> Array:
        """Sum over the edges of P(that edge's gap >= gap), (features,): a bound on the p-value.

        Each edge's difference has known variance and fourth cumulant; Student's t with the same
        kurtosis stands in for its law, so that heavy-tailed noise is not taken for a normal. Its
        tail comes by Wallace's (1959) normal approximation, many times faster than the exact one.
        """
        squared = np.square(_cumulation(self.p))
        cell = inverse_rows(self.current, self.reference)[:, None] * self.p
        cell = cell + noise_between(self.current, self.reference)[:, None]
        variance = np.einsum("fek,fk->fe", squared, cell)
        fourth = self.current.noise_kurtosis + self.reference.noise_kurtosis
        loading = np.einsum("fek,fek->fe", squared, squared)
        kurtosis = loading * fourth[:, None] / variance**2
        freedom = 4 + 6 / np.maximum(kurtosis, 1e-6)
        t_square = gap[:, None] ** 2 / variance * freedom / (freedom - 2)
        shrink = (8 * freedom + 1) / (8 * freedom + 3)
        z = shrink * np.sqrt(freedom * np.log1p(t_square / freedom))
        return np.asarray(2 * special.ndtr(-z).sum(axis=1))


def _largest_gap(difference: Array) -> Array:
    """Largest absolute cumulative difference of each row; the last is 0 by construction."""
    return np.asarray(np.abs(np.cumsum(difference, axis=1)[:, :-1]).max(axis=1))


def _cumulation(p: Array) -> Array:
    """The map from cells to cumulative differences, (features, bins - 1, bins)."""
    bins = p.shape[1]
    steps = np.tri(bins - 1, bins)
    return np.asarray(steps[None] - np.cumsum(p, axis=1)[:, :-1, None])


def _p_value(null: _Null, gap: Array, simulated: Array) -> Array:
    """Share of simulated gaps that reach the observed one, by the tail where they are too few."""
    reached = (simulated >= gap[:, None] - 1e-9).sum(axis=1)
    p_value = (reached + 1) / (DRAWS + 1)
    rare = np.flatnonzero(reached < FEW)
    if len(rare):
        p_value[rare] = _tail(null, rare, gap, simulated)
    return np.asarray(p_value)


def _tail(null: _Null, rare: Indices, gap: Array, simulated: Array) -> Array:
    """The bound at the observed gap, scaled to be 5 % where the draws say 5 %."""
    few = null.only(rare)
    anchor = np.quantile(simulated[rare], 0.95, axis=1)
    ratio = few.edge_tails(gap[rare]) / few.edge_tails(anchor)
    return np.asarray(np.minimum(0.05 * ratio, FEW / (DRAWS + 1)))
