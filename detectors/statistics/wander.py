"""How far a stream strays by itself, and where it has strayed to.

Temperatures follow the seasons, customers change over months. A share that wanders like this leaves
any fixed interval sooner or later, though nothing is wrong. So the detector follows it:

    level <- level + rate (share - expected share - level),    one step per window

the best forecast of a random walk seen through noise (Muth 1960). Rate 0 is a share that stays
where the reference was, rate 1 one of which only the last window tells.

The rate is learned from how well each of RATES would have forecast the reference windows. A short
reference can't tell a slow wanderer from a share that stays, so the largest rate is taken that the
reference doesn't speak against (by the likelihood ratio, at 95 %), as for the dispersion. What
keeps that harmless is the `stride`: a level may go no farther than a walk of this rate would go by
then, REACH standard deviations. A sudden change soon outruns it, and so does a slow one at length.

Source: Muth (1960), Optimal properties of exponentially weighted forecasts.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.statistics.counts import Array, Mask

RATES = np.array([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7])
UNLIKELY = 1.35  # loss of log-likelihood at a one-sided 95 % limit: half of chi-square's 90 % point
REACH = 3.0
STILL = 0.01  # binomial variances; counts that vary less than this do not vary
NEAR_ZERO = 1e-9


@dataclass(frozen=True)
class Wander:
    """`rate` (streams,); `start` (streams, edges), the level at the reference's end; `stride`
    (streams, edges): after t windows it may be up to stride * sqrt(t) away from there.
    """

    rate: Array
    start: Array
    stride: Array

    def level(self, followed: Array, age: Array) -> Array:
        """Where the share is taken to be beyond its place in the reference, (streams, edges).

        `followed` (streams, edges) is what `follow` made of the windows so far, `age` how many.
        """
        reach = self.stride * np.sqrt(age)
        return np.asarray(self.start + np.clip(followed, -reach, reach))

    def follow(self, followed: Array, deviation: Array, weight: Array) -> Array:
        """`followed` after one more window, which deviates this much from its season's share.

        `weight` (streams,) is 1 for an ordinary window and less for one of few rows.
        """
        rate = (self.rate * weight)[:, None]
        return np.asarray(followed + rate * (deviation - self.start - followed))


def learn_rate(
    deviation: Array, rows: Array, unit: Array, told: Mask, least: Array | float = 0.0
) -> tuple[Array, Array, Array]:
    """Each stream's rate (streams,), its level at the end and its spread around it.

    `deviation` (windows, streams, edges) is each window's share less what its season lets expect,
    `rows` (windows, streams, 1) how many rows stand behind it, `unit` p (1 - p). Only `told` edges
    (streams, edges) count; where there are none the rate is 0. `least` (streams,) bounds it below.
    The spread is the sum of squared forecast errors over the windows, in binomial variances.
    """
    usual = np.maximum(rows.mean(axis=0), 1.0)
    rates = RATES[:, None, None]
    level = np.zeros((len(RATES), *unit.shape))
    squares = np.zeros_like(level)
    for now, n in zip(deviation, rows, strict=True):
        error = now - level
        squares += n * error**2
        level += rates * np.minimum(n / usual, 1.0) * error
    spread = squares / unit
    chosen = np.maximum(_largest_likely(spread, told, len(deviation)), _place(least))
    streams = np.arange(len(unit))
    return RATES[chosen], level[chosen, streams], spread[chosen, streams]


def _largest_likely(spread: Array, told: Mask, windows: int) -> npt.NDArray[np.intp]:
    """Which of RATES, (streams,): the largest that is not unlikely.

    A stream's edges move together, so all of them are as good as one series of forecasts. A share
    that never moves stays.
    """
    errors = (spread * told).sum(axis=2)
    least = errors.min(axis=0)
    loss = windows / 2 * np.log(np.maximum(errors, NEAR_ZERO) / np.maximum(least, NEAR_ZERO))
    likely = (loss <= UNLIKELY) & (least > STILL * windows)
    largest = len(RATES) - 1 - np.argmax(likely[::-1], axis=0)
    return np.where(likely.any(axis=0), largest, 0)


def _place(rate: Array | float) -> npt.NDArray[np.intp]:
    """Which of RATES a rate is."""
    return np.asarray(np.searchsorted(RATES, rate))
