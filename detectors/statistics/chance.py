"""How far apart two distributions come to lie by chance and noise alone.

A window of the reference's own shares still shows a distance; the fewer rows and the more noise,
the larger. Here such windows are simulated, from the shares of both samples together, and the
sizes of `effects` taken of them. All columns and all sizes share the same draws.

The draws are the rounded squares of normals: sqrt(Poisson) is nearly normal with spread 1/2, down
to a bin that expects a single row (Anscombe 1948, The transformation of Poisson data), and counts
divided by their sum then vary like a multinomial's. The draws of `ks` can't be used: they are of
differences alone, whereas these sizes need both sides, with negative noisy counts set to 0.
"""

import numpy as np
import numpy.typing as npt

from detectors.statistics.counts import Array, Sample, comparable, pooled_proportions
from detectors.statistics.effects import FLOOR

Single = npt.NDArray[np.float32]

DRAWS = 99
RANK = 95  # of 99 draws and one more, that one exceeds the 95th with probability 5 %
CELLS = 1000  # simulated together: their draws fit the cache
# Jensen-Shannon's terms are Hellinger's times 1 + A u + B u^2, u = 2 sqrt(pq) / (p + q): exactly
# where u is 0 or 1, to 2 % between. With its logarithms close p and q would lose all their digits.
A, B = 0.7156, -0.2729


def chance_limits(
    current: Sample, reference: Sample, rng: np.random.Generator, steps: Array | None = None
) -> dict[str, Array]:
    """What each size of `effects` exceeds in 5 % of windows without a change: name -> (features,).

    `steps` (features, bins - 1) are Wasserstein's, which makes sense for ordered bins only. NaN
    where either side has no rows. Columns share their draws, so their limits err together: a limit
    is exceeded in 5 % of windows give or take 2.
    """
    features, bins = current.counts.shape
    p = pooled_proportions(current.counts, reference.counts)
    steps = np.ones((features, bins - 1)) if steps is None else steps
    whole = np.maximum(steps.sum(axis=1, keepdims=True), 1e-300)
    sides = [_Side(sample, p, rng) for sample in (current, reference)]
    limits = np.empty((len(NAMES), features))
    for start in range(0, features, max(CELLS // bins, 1)):
        part = slice(start, start + max(CELLS // bins, 1))
        x, r = (side.counts(part) for side in sides)
        sizes = _sizes(x, r, (steps / whole)[part])
        limits[:, part] = np.partition(sizes, RANK - 1, axis=2)[:, :, RANK - 1]
    limits[ROOTS] = np.sqrt(limits[ROOTS])
    limits[0] *= whole[:, 0]
    return dict(zip(NAMES, np.where(comparable(current, reference), limits, np.nan), strict=True))


NAMES = ("wasserstein", "total_variation", "psi", "hellinger", "jensen_shannon")
ROOTS = slice(3, 5)


class _Side:
    """One sample as it would be if its shares were p: normals and noise that all columns share."""

    def __init__(self, sample: Sample, p: Array, rng: np.random.Generator) -> None:
        bins = p.shape[1]
        self.roots = np.sqrt(p * sample.rows[:, None]).astype(np.float32)
        self.halves = rng.standard_normal((bins, DRAWS), np.float32) / 2
        drawn = sample.noise.draw(rng, (bins, DRAWS)) if sample.noise.present else None
        self.noise = None if drawn is None else drawn.astype(np.float32)

    def counts(self, part: slice) -> Single:
        """Simulated counts of some of the features, none negative: (features, bins, DRAWS)."""
        drawn = self.roots[part, :, None] + self.halves
        drawn *= drawn
        drawn -= np.float32(0.25)  # the mean of the squared spread
        np.rint(drawn, out=drawn)
        if self.noise is not None:
            drawn += self.noise
        return np.maximum(drawn, 0, out=drawn)


def _sizes(x: Single, r: Single, steps: Array) -> Single:
    """The sizes NAMES of simulated counts, those in ROOTS squared: (sizes, features, DRAWS).

    Works in place and uses up x and r: fresh arrays would take half of the time.
    """
    n, m = (np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (x, r))
    psi = _psi(np.maximum(x, FLOOR), np.maximum(r, FLOOR), n, m)
    x /= n
    r /= m
    p, q, difference = np.sqrt(x), np.sqrt(r), x - r
    wasserstein = _moved(difference, steps.astype(np.float32))
    variation = np.abs(difference, out=difference).sum(axis=1) / 2
    x += r
    u = np.multiply(p, q, out=r)
    u /= np.maximum(x, np.float32(1e-30), out=x)
    p -= q
    p *= p
    hellinger = p.sum(axis=1) / 2
    factor = np.multiply(u, 4 * B, out=x)
    factor += 2 * A
    factor *= u
    divergence = hellinger + np.einsum("fkd,fkd->fd", p, factor) / 2
    return np.stack([wasserstein, variation, psi, hellinger, divergence])


def _psi(x: Single, r: Single, n: Single, m: Single) -> Single:
    x /= n
    r /= m
    ratio = x / r
    x -= r
    return np.asarray(np.einsum("fkd,fkd->fd", x, np.log(ratio, out=ratio)))


def _moved(difference: Single, steps: Single) -> Single:
    """Wasserstein, edge by edge: a cumulative sum would take ten times as long."""
    gap = np.zeros_like(difference[:, 0])
    moved = np.zeros_like(gap)
    for edge in range(steps.shape[1]):
        gap += difference[:, edge]
        moved += np.abs(gap) * steps[:, edge, None]
    return moved
