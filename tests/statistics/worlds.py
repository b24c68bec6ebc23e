"""Made-up data for these tests: samples from known shares, with and without noise."""

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise, Sample

LAPLACE = Noise("discrete_laplace", scale=2.0)
GAUSSIAN = Noise("discrete_gaussian", scale=3.0)


def draw(
    rng: np.random.Generator, shares: Array, rows: int, features: int, noise: Noise = NO_NOISE
) -> Sample:
    """`features` independent columns of `rows` rows with the same true shares (bins,)."""
    counts = rng.multinomial(rows, shares, size=features).astype(float)
    counts += noise.draw(rng, counts.shape)
    return Sample(counts, counts.sum(axis=1), noise)


def sample(*rows: list[float], noise: Noise = NO_NOISE) -> Sample:
    """The counts written out, one list per column."""
    counts = np.array(rows, dtype=float)
    return Sample(counts, counts.sum(axis=1), noise)
