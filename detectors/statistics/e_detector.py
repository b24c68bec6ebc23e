"""Paging within a false-alarm budget: one e-detector per stream.

An e-value is a bet against "no change" that is worth at most 1 on average as long as nothing
changed. The Shiryaev-Roberts e-detector adds a fresh bet every window and lets the old ones run,
M_t = (M_{t-1} + 1) e_t. Under no change its mean is at most t, so it stays below c for at least c
windows on average, whatever the dependence between streams. With K streams and T windows a year,
raising an alarm at c = K T / A (and starting again from 0) costs at most A false alarms a year.

One stream runs many bets at once and is their average: every edge, up and down, at the odds ratios
of ODDS. A bet is the likelihood ratio of binomial counts, log e = th1 S + th0 F for S successes and
F failures, th1 = ln(p1/p0), th0 = ln((1-p1)/(1-p0)), where p0 is the worst share that the reference
allows. Three things weaken a bet so that it stays fair:

* Overdispersion: e^(1/deff), with deff = 1 + excess n.
* Noise: both counts carry it, so the bet pays its moment generating function G: ln e loses ln G(th)
  for each noisy cell. The odds ratio is shrunk to what is best worth betting under the noise.
* A window without rows bets nothing.

The state is ln M as float32, (streams, edges x 2 x 3): the same size however long the history.

Source: Shin, Ramdas, Rinaldo (2022), E-detectors: a nonparametric framework for sequential change
detection. Ville's and Jensen's inequalities do the rest.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import special

from detectors.statistics.counts import Array, Noise
from detectors.statistics.reference import NEAR_ZERO, Limits, noise_load
from detectors.statistics.streams import Streams

State = npt.NDArray[np.float32]

ODDS = (1.1, 1.4, 2.2)
LAPLACE_ROOM = 0.6  # bets stay below this share of the exponent at which Laplace noise has no mean


def initial_state(streams: int, edges: int) -> State:
    """Nothing bet yet: ln 0 for every bet, (streams, edges * 2 * len(ODDS))."""
    return np.full((streams, edges * 2 * len(ODDS)), -np.inf, dtype=np.float32)


def alarm_limit(streams: int, windows_per_year: float, false_alarms_per_year: float) -> float:
    """ln c: a stream alarms when its log mean reaches this. `streams` counts all that share c."""
    return float(np.log(max(streams * windows_per_year / false_alarms_per_year, 1.0)))


def advance(
    state: State, window: Streams, limits: Limits, season: int = 0, draws: int = 1
) -> tuple[State, Array]:
    """The state after one window, and each stream's ln(average M), (streams,).

    `window` holds one window: successes (streams, edges), totals (streams,). `draws` is how many
    draws of the limits' noise each of its cells holds (the shards that were added up).
    """
    bets = log_e_values(window, limits, season, draws).reshape(state.shape)
    grown = (np.logaddexp(state, np.float32(0)) + bets).astype(np.float32)
    return grown, log_average(grown)


def log_average(state: State) -> Array:
    """ln of the mean of M over each stream's bets, (streams,)."""
    return np.asarray(special.logsumexp(state, axis=1) - np.log(state.shape[1]), dtype=float)


def restart(state: State, streams: npt.NDArray[np.bool_]) -> State:
    """The state with the streams that have raised an alarm set back to nothing bet."""
    return np.where(streams[:, None], np.float32(-np.inf), state)


def log_e_values(window: Streams, limits: Limits, season: int = 0, draws: int = 1) -> Array:
    """ln e of each bet, (streams, edges, 2, len(ODDS)); the third axis is up, down."""
    worst = np.stack([limits.high[season], limits.low[season]], axis=2)
    p0 = np.clip(worst, NEAR_ZERO, 1 - NEAR_ZERO)
    noise = replace(limits.noise, draws=limits.noise.draws * draws)
    theta = _log_odds_ratios(p0, limits, noise)
    th0 = -np.log1p(p0[..., None] * np.expm1(theta))
    temper = _temper(limits, np.maximum(window.totals, 0.0))
    won = theta * window.successes[..., None, None] + th0 * window.totals[:, None, None, None]
    log_e = won * temper
    if noise.present:
        log_e = log_e - limits.inside[:, None, None] * noise.log_moment(temper * (theta + th0))
        log_e = log_e - limits.outside[:, None, None] * noise.log_moment(temper * th0)
    return np.asarray(log_e)


def _temper(limits: Limits, n: Array) -> Array:
    """1 / deff at n rows, (streams, edges, 1, 1)."""
    temper: Array = 1 / (1 + limits.excess * n[:, None])
    return temper[..., None, None]


def _log_odds_ratios(p0: Array, limits: Limits, noise: Noise) -> Array:
    """The log odds ratio to bet on, broadcastable to (streams, edges, 2, len(ODDS)).

    Without noise those of ODDS. With noise they are shrunk by the share of sampling variance in the
    whole, the best bet on that shift. It must not depend on the counts of this window, so the
    reference's typical window stands in for it.
    """
    theta: Array = np.log(ODDS) * np.array([[1.0], [-1.0]])
    if not noise.present:
        return theta
    n = limits.typical[:, None, None]
    sampling = n * p0 * (1 - p0)
    temper = _temper(limits, limits.typical)[..., 0]
    load = noise_load(p0, limits.inside[:, None], limits.outside[:, None])
    shrunk = theta * (sampling / (sampling + temper * noise.variance * load))[..., None]
    if noise.mechanism == "discrete_laplace":
        room = LAPLACE_ROOM / noise.scale
        return np.clip(shrunk, -room, room)
    return np.asarray(shrunk)
