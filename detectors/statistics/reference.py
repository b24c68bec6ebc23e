"""What the reference allows: a share's interval per season, and how much windows vary anyway.

Real streams differ from window to window by more than chance: by weekday or hour, and by jitter
that nobody can name. Both are learned from the reference windows, and both decide whether paging
is bearable:

* Season, by partial pooling. A season's share is the overall share plus B times its own deviation;
  B = 1 - 1/F, from the ratio F of the variance between seasons to the variance within (James, Stein
  1961; Efron, Morris 1975). Seasons that are not there to see get B near 0 and cost nothing.
* Overdispersion (the design effect): the variance left within seasons over the binomial variance,
  its upper 95 % limit, with the noise's known share taken out. Kept per row, since jitter of the
  share itself weighs more in bigger windows: deff(n) = 1 + excess n.

The interval is Clopper-Pearson's with as many rows as the reference is worth after both.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.proportions import clopper_pearson
from detectors.statistics.streams import Streams

ENOUGH_WINDOWS = 8  # fewer say too little about how windows vary
# What is assumed then: a jitter of 0.05 standard deviations of a feature, at its median.
UNKNOWN_EXCESS = 0.05**2 * 2 / np.pi
CONFIDENCE = 0.05
NEAR_ZERO = 1e-9


@dataclass(frozen=True)
class Limits:
    """What counts as no change. `low`, `high` (seasons, streams, edges) bound each share.

    `excess` (streams, edges) is the overdispersion per row, `typical` (streams,) the rows of an
    ordinary window, `pooling` (streams,) the B above: 0 season ignored, 1 each season by itself.
    `noise` is that of one cell of one window.
    """

    low: Array
    high: Array
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
) -> Limits:
    """Limits from the streams of reference windows (a leading axis of windows).

    `season_of_window` (windows,) are whole numbers below `seasons` (all 0 without a season).
    `level` is how often an interval may miss: 0.05 over the number of streams. `total` is the
    whole reference, if it was counted and noised by itself; else the windows are added up.
    `tolerance` is a change of the share that nobody minds. `noise` is that of one cell of a window
    or of `total`. `dispersion`, where it is known, replaces the estimate.

    A reference of fewer than ENOUGH_WINDOWS windows shows no dispersion: UNKNOWN_EXCESS is assumed,
    and the reference is taken to have come in that many windows.
    """
    s, n = windows.successes, np.maximum(windows.totals, 0.0)[..., None]
    whole = s.sum(axis=0) if total is None else total.successes
    known = n.sum(axis=0) if total is None else total.totals[..., None]
    overall = np.clip(whole / np.maximum(known, 1.0), NEAR_ZERO, 1 - NEAR_ZERO)
    count = max(len(s), ENOUGH_WINDOWS)
    typical = np.maximum(n.sum(axis=0) / count, 1.0)
    load = noise.variance * noise_load(overall, windows.inside, windows.outside)
    noise_part = load / (typical * overall * (1 - overall))
    fit = _fit_season(s, n, overall, np.asarray(season_of_window, dtype=int), seasons)
    excess = _excess(fit, noise_part, typical, len(s), dispersion)
    draws = len(s) if total is None else 1  # of noise in the whole
    spread = 1 + excess * typical + np.stack([noise_part * draws / count, noise_part])
    low, high = _interval(fit, known, spread, level)
    return Limits(
        low=np.clip(low - tolerance, 0.0, 1.0),
        high=np.clip(high + tolerance, 0.0, 1.0),
        excess=excess,
        typical=typical[:, 0],
        pooling=fit.pooling,
        inside=windows.inside,
        outside=windows.outside,
        noise=noise,
    )


def _interval(fit: "_SeasonFit", rows: Array, spread: Array, level: float) -> tuple[Array, Array]:
    """Clopper-Pearson with the rows that each season's share is worth, (seasons, streams, edges).

    `spread` (2, streams, edges) is the dispersion of the whole reference and of single windows. A
    season that the reference never saw may be like any other.
    """
    own = fit.pooling[:, None]
    doubt = (1 - own) * spread[0] / np.maximum(rows, 1.0)
    doubt = doubt + own * spread[1] / np.maximum(fit.rows, 1.0)
    low, high = clopper_pearson(fit.shares / doubt, np.where(rows >= 1, 1 / doubt, 0.0), level)
    seen = fit.rows.sum(axis=(1, 2)) > 0
    if seen.any():
        low[~seen], high[~seen] = low[seen].min(axis=0), high[seen].max(axis=0)
    return low, high


def noise_load(p: Array, inside: Array, outside: Array) -> Array:
    """Noise variance of S - p n, in units of one cell's: S and n share the noise of S's cells."""
    return np.asarray(inside * (1 - p) ** 2 + outside * p**2)


def _excess(
    fit: "_SeasonFit", noise_part: Array, typical: Array, windows: int, dispersion: float | None
) -> Array:
    """Overdispersion per row, (streams, edges): known, estimated or assumed, in this order."""
    if dispersion is not None:
        return np.asarray((dispersion - 1) / typical + np.zeros_like(noise_part))
    if windows < ENOUGH_WINDOWS:
        return np.full(noise_part.shape, UNKNOWN_EXCESS)
    return np.asarray(np.maximum(fit.upper_dispersion - noise_part - 1, 0.0) / typical)


@dataclass(frozen=True)
class _SeasonFit:
    shares: Array  # (seasons, streams, edges), partially pooled
    rows: Array  # (seasons, streams, 1)
    pooling: Array  # (streams,)
    upper_dispersion: Array  # (streams, edges)


def _fit_season(
    s: Array, n: Array, overall: Array, season: npt.NDArray[np.int_], seasons: int
) -> _SeasonFit:
    """Partially pooled shares and what varies beyond them, in units of the binomial variance."""
    windows = len(s)
    member = (season == np.arange(seasons)[:, None]).astype(float)  # (seasons, windows)
    rows = np.einsum("sw,wfe->sfe", member, n)
    hits = np.einsum("sw,wfe->sfe", member, s)
    seen = int((member.sum(axis=1) > 0).sum())
    deviation = np.where(rows > 0, hits / np.maximum(rows, 1.0) - overall, 0.0)
    unit = overall * (1 - overall)
    between = (rows * deviation**2).sum(axis=0) / unit
    left = s - n * (overall + deviation[season])
    within = (left**2 / np.maximum(n, 1.0)).sum(axis=0) / unit
    pooling = _pooling(between, within, seen, windows)
    shrink = pooling[:, None]
    freedom = np.maximum(windows - 1 - shrink * (seen - 1), 1.0)
    leftover = within + (1 - shrink) ** 2 * between
    upper = leftover / special.chdtri(freedom, 1 - CONFIDENCE)
    return _SeasonFit(overall + shrink * deviation, rows, pooling, upper)


def _pooling(between: Array, within: Array, seen: int, windows: int) -> Array:
    """B of each stream, from all its edges together; 0 with fewer than two windows a season."""
    if seen < 2 or windows < 2 * seen:
        return np.zeros(len(between))
    mean_between = between.mean(axis=1) / (seen - 1)
    mean_within = within.mean(axis=1) / (windows - seen)
    return np.asarray(1 - np.minimum(mean_within / np.maximum(mean_between, NEAR_ZERO), 1.0))
