"""How far a model's estimates have been off, once the labels came.

An estimate made without labels rests on an assumption. Its past windows say how well that went:
each pair of an estimate and what the labels said later is one trial.
"""

from typing import NamedTuple

import numpy as np

from detectors.statistics.counts import Array
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import share_estimate


class TrackRecord(NamedTuple):
    """Over `windows` past windows: how far off, in which direction, how often within the band.

    bias is the mean of (estimate - realised): above 0, the estimates promised too much. `covered`
    is a share with its interval. Without any window: windows is 0 and the rest NaN.
    """

    windows: int
    mean_abs_error: float
    bias: float
    covered: Estimate


def track_record(estimates: Estimate, realised: Array) -> TrackRecord:
    """Judge past estimates (windows,) by realised values (windows,); pairs with a NaN are left out.

    A realised value that rests on late labels counts as it is known now.

    >>> past = Estimate(*(np.array(v) for v in ([0.8, 0.9], [0.7, 0.85], [0.9, 0.95], [99.0, 99])))
    >>> record = track_record(past, np.array([0.78, 0.8]))
    >>> record.windows, round(record.bias, 2), float(record.covered.value)
    (2, 0.06, 0.5)
    """
    told = ~(np.isnan(estimates.value) | np.isnan(realised))
    off = (estimates.value - realised)[told]
    held = (estimates.low <= realised) & (realised <= estimates.high) & told
    windows = np.array(float(told.sum()))
    return TrackRecord(
        windows=len(off),
        mean_abs_error=float(np.abs(off).mean()) if len(off) else float("nan"),
        bias=float(off.mean()) if len(off) else float("nan"),
        covered=share_estimate(np.array(float(held.sum())), windows),
    )


def widened(
    estimate: Estimate, past: Estimate, realised: Array, bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """An estimate whose band also has room for what its assumption has cost so far.

    Misses beyond what the past bands (windows,) allow for by chance are taken to be the assumption
    failing a little in every window, by tau: tau^2 = mean(miss^2 - (half band / 1.96)^2), at least
    0. Without a past, or where it was no worse than promised, nothing changes. `bounds` are what
    the figure can be.
    """
    told = ~(np.isnan(past.low) | np.isnan(realised))
    if not told.any():
        return estimate
    miss, chance = (past.value - realised)[told], (past.high - past.low)[told] / (2 * 1.96)
    tau = 1.96 * np.sqrt(max(float(np.mean(miss**2 - chance**2)), 0.0))
    below, above = estimate.value - estimate.low, estimate.high - estimate.value
    low = np.maximum(estimate.value - np.sqrt(below**2 + tau**2), bounds[0])
    high = np.minimum(estimate.value + np.sqrt(above**2 + tau**2), bounds[1])
    return Estimate(estimate.value, low, high, estimate.n)


def with_room(past: Estimate, truth: Estimate, known: Array) -> Estimate:
    """Past bands (windows,) with room for what the outcomes still to come may say otherwise.

    A band is for all of a window's rows. The figure of only a share `known` of them lies apart from
    that of all by chance: (1 - known) of its own variance.
    """
    above, below = (np.nan_to_num(x) for x in (truth.high - truth.value, truth.value - truth.low))
    low = past.value - np.sqrt((past.value - past.low) ** 2 + (1 - known) * above**2)
    high = past.value + np.sqrt((past.high - past.value) ** 2 + (1 - known) * below**2)
    return Estimate(past.value, low, high, past.n)
