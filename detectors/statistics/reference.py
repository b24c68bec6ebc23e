"""What the reference allows: a share's interval per season, and how much windows vary anyway.

Real streams differ from window to window by more than chance: by weekday or hour, by jitter that
nobody can name, and by wandering slowly. All of it decides whether paging is bearable, and all of
it is learned from the reference windows:

* Season, by partial pooling. A season's share is the overall share plus B times its own deviation;
  B = 1 - 1/F, from the ratio F of the variance between seasons to the variance within (James, Stein
  1961; Efron, Morris 1975). Seasons that are not there to see get B near 0 and cost nothing.
* Wandering: `wander` says how the share's level is followed.
* Overdispersion (the design effect): the variance that is left over the binomial variance, its
  upper 95 % limit, with the noise's known share taken out. Kept per row, since jitter of the
  share itself weighs more in bigger windows: deff(n) = 1 + excess n.

The interval is Clopper-Pearson's with as many rows as the whole reference is worth after all this.
That a season's share is known from its own windows only doesn't widen it: such errors differ from
season to season and cancel over a cycle, so they count as jitter, and go into the excess.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors.statistics.counts import NO_NOISE, Array, Mask, Noise
from detectors.statistics.proportions import clopper_pearson
from detectors.statistics.streams import Streams
from detectors.statistics.wander import REACH, Wander, learn_rate

ENOUGH_WINDOWS = 8  # fewer say too little about how windows vary
# What is assumed then: a jitter of 0.05 standard deviations of a feature, at its median.
UNKNOWN_EXCESS = 0.05**2 * 2 / np.pi
CONFIDENCE = 0.05
NEAR_ZERO = 1e-9

Seasons = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Limits:
    """What counts as no change. `low`, `high` (seasons, streams, edges) bound each share around
    `shares`; `wander` moves them.

    `excess` (streams, edges) is the overdispersion per row, `typical` (streams,) the rows of an
    ordinary window, `pooling` (streams,) the B above: 0 season ignored, 1 each season by itself.
    `noise` is that of one cell of one window.
    """

    low: Array
    high: Array
    shares: Array
    wander: Wander
    excess: Array
    typical: Array
    pooling: Array
    inside: Array
    outside: Array
    noise: Noise


def learn_reference(
    windows: Streams,
    season_of_window: npt.ArrayLike,
    seasons: int,
    *,
    level: float,
    total: Streams | None = None,
    tolerance: float = 0.0,
    noise: Noise = NO_NOISE,
    dispersion: float | None = None,
    told: Mask | None = None,
    like: Limits | None = None,
) -> Limits:
    """Limits from the streams of reference windows (a leading axis of windows).

    `season_of_window` (windows,) are whole numbers below `seasons` (all 0 without a season).
    `level` is how often an interval may miss: 0.05 over the number of streams. `total` is the
    whole reference, if it was counted and noised by itself; else the windows are added up.
    `tolerance` is a change that nobody minds: of a rate's share; of a column's in its middle, and
    less in its tails, as a shift of the whole column would do it. `noise` is that of one cell of a
    window or of `total`. `dispersion`, where it is known, replaces the estimate, and nothing
    wanders.

    `told` (streams, edges) marks the edges that the windows really counted; where cells were merged
    nothing is known of how they vary, and the worst is assumed. `like` are the limits of other
    streams over the same columns: these vary and wander no less.

    A reference of fewer than ENOUGH_WINDOWS windows shows no dispersion: UNKNOWN_EXCESS is assumed,
    and the reference is taken to have come in that many windows.
    """
    counted = _add_up(windows, total, noise)
    told = np.ones(counted.overall.shape, dtype=bool) if told is None else told
    season = np.asarray(season_of_window, dtype=int)
    fit = _fit_season(counted, season, seasons, told)
    rate, start, excess = _learn_variation(
        counted, fit, season, told, dispersion=dispersion, like=like
    )
    variance = 1 + excess * counted.typical + counted.noise  # of one window, in binomial ones
    stride = REACH * rate[:, None] * np.sqrt(variance * counted.unit / counted.typical)
    excess = excess + variance * fit.doubt / counted.typical
    excess = np.where(told, excess, np.maximum(excess, _untold_excess(counted.overall)))
    low, high = _interval(counted, fit.shares, excess, level)
    low[~fit.seen], high[~fit.seen] = low[fit.seen].min(axis=0), high[fit.seen].max(axis=0)
    allowed = tolerance * (2 * np.sqrt(counted.unit) if counted.unit.shape[1] > 1 else 1.0)
    return Limits(
        low=np.clip(low - allowed, 0.0, 1.0),
        high=np.clip(high + allowed, 0.0, 1.0),
        shares=fit.shares,
        wander=Wander(rate, start, stride),
        excess=excess,
        typical=counted.typical[:, 0],
        pooling=fit.pooling,
        inside=windows.inside,
        outside=windows.outside,
        noise=noise,
    )


@dataclass(frozen=True)
class _Counted:
    """The reference added up; `noise` is in binomial variances of a window and of the whole."""

    hits: Array  # (windows, streams, edges)
    rows: Array  # (windows, streams, 1)
    whole: Array  # (streams, 1), all rows
    overall: Array  # (streams, edges), all shares
    typical: Array  # (streams, 1), rows of an ordinary window
    noise: Array  # (streams, edges)
    whole_noise: Array  # (streams, edges)

    @property
    def unit(self) -> Array:
        """The binomial variance of one row."""
        return self.overall * (1 - self.overall)


def _add_up(windows: Streams, total: Streams | None, noise: Noise) -> _Counted:
    s, n = windows.successes, np.maximum(windows.totals, 0.0)[..., None]
    hits = s.sum(axis=0) if total is None else total.successes
    whole = n.sum(axis=0) if total is None else total.totals[..., None]
    overall = np.clip(hits / np.maximum(whole, 1.0), NEAR_ZERO, 1 - NEAR_ZERO)
    count = max(len(s), ENOUGH_WINDOWS)
    typical = np.maximum(n.sum(axis=0) / count, 1.0)
    load = noise.variance * noise_load(overall, windows.inside, windows.outside)
    each = load / (typical * overall * (1 - overall))
    draws = len(s) if total is None else 1
    return _Counted(s, n, whole, overall, typical, each, each * draws / count)


def _learn_variation(
    counted: _Counted,
    fit: "_SeasonFit",
    season: Seasons,
    told: Mask,
    *,
    dispersion: float | None,
    like: Limits | None,
) -> tuple[Array, Array, Array]:
    """How streams wander, rate (streams,) and start, and their excess (both (streams, edges)).

    The excess is known, estimated or assumed, in this order.
    """
    windows, rows = len(counted.hits), np.maximum(counted.rows, 1.0)
    enough = dispersion is None and windows >= ENOUGH_WINDOWS
    deviation = np.where(counted.rows > 0, counted.hits / rows - fit.shares[season], 0.0)
    least = 0.0 if like is None else like.wander.rate
    rate, start, spread = learn_rate(deviation, counted.rows, counted.unit, told & enough, least)
    if dispersion is not None:
        excess = (dispersion - 1) / counted.typical + np.zeros_like(spread)
    elif not enough:
        excess = np.full(spread.shape, UNKNOWN_EXCESS)
    else:
        upper = spread / special.chdtri(fit.freedom, 1 - CONFIDENCE)
        excess = np.maximum(upper - counted.noise - 1, 0.0) / counted.typical
    if like is not None:
        excess = np.maximum(excess, like.excess.mean(axis=1, keepdims=True))
    return rate, start, excess


def _untold_excess(overall: Array) -> Array:
    """What is assumed of edges that the windows don't tell, (streams, edges).

    Of a column's, that all rows of a window may be alike, the most there is. A rate by itself may
    double or vanish from window to window: its standard deviation is as large as itself.
    """
    if overall.shape[1] > 1:
        return np.ones_like(overall)
    rarer = np.minimum(overall, 1 - overall)
    return np.asarray(rarer / (1 - rarer))


def _interval(counted: _Counted, shares: Array, excess: Array, level: float) -> tuple[Array, Array]:
    """Clopper-Pearson with the rows that the reference is worth, (seasons, streams, edges)."""
    spread = 1 + excess * counted.typical + counted.whole_noise
    rows = np.where(counted.whole >= 1, counted.whole / spread, 0.0)
    return clopper_pearson(shares * rows, rows, level)


def noise_load(p: Array, inside: Array, outside: Array) -> Array:
    """Noise variance of S - p n, in units of one cell's: S and n share the noise of S's cells."""
    return np.asarray(inside * (1 - p) ** 2 + outside * p**2)


@dataclass(frozen=True)
class _SeasonFit:
    shares: Array  # (seasons, streams, edges), partially pooled
    seen: Mask  # (seasons,)
    pooling: Array  # (streams,)
    doubt: Array  # (streams, 1), variance of a season's own part, in variances of one window
    freedom: Array  # (streams, 1), windows less what the seasons took


def _fit_season(counted: _Counted, season: Seasons, seasons: int, told: Mask) -> _SeasonFit:
    """Partially pooled shares. A season that the reference never saw is like all of it."""
    s, n, overall, unit = counted.hits, counted.rows, counted.overall, counted.unit
    member = (season == np.arange(seasons)[:, None]).astype(float)  # (seasons, windows)
    rows = np.einsum("sw,wfe->sfe", member, n)
    hits = np.einsum("sw,wfe->sfe", member, s)
    seen = member.any(axis=1)
    deviation = np.where(rows > 0, hits / np.maximum(rows, 1.0) - overall, 0.0)
    between = (rows * deviation**2).sum(axis=0) / unit
    left = s - n * (overall + deviation[season])
    within = (left**2 / np.maximum(n, 1.0)).sum(axis=0) / unit
    pooling = _pooling((between * told).sum(axis=1), (within * told).sum(axis=1), seen, len(s))
    shrink = pooling[:, None]
    doubt = shrink * counted.typical / np.maximum(rows[seen].mean(axis=0), 1.0)
    freedom = np.maximum(len(s) - 1 - shrink * (seen.sum() - 1), 1.0)
    return _SeasonFit(overall + shrink * deviation, seen, pooling, doubt, freedom)


def _pooling(between: Array, within: Array, seen: Mask, windows: int) -> Array:
    """B of each stream, from all its edges together; 0 with fewer than two windows a season."""
    count = int(seen.sum())
    if count < 2 or windows < 2 * count:
        return np.zeros(len(between))
    ratio = within / (windows - count) / np.maximum(between / (count - 1), NEAR_ZERO)
    return np.where(between > 0, 1 - np.minimum(ratio, 1.0), 0.0)
