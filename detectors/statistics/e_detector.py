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

Where a share wanders by itself, its level is followed (`wander`), and "no change" means: between
the reference's limits and these limits moved to the level. The level comes from earlier windows
only, so a bet knows nothing of the window that it is about. Coming back to the reference is never
a change.

The state is float32, (streams, edges x 2 x 3 + edges + 1): ln M of every bet, every edge's followed
level, and how many windows there were. It keeps its size however long the history.

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
BETS = 2 * len(ODDS)  # per edge
LAPLACE_ROOM = 0.6  # bets stay below this share of the exponent at which Laplace noise has no mean


def initial_state(streams: int, edges: int) -> State:
    """Nothing bet yet: ln 0 for every bet; no window seen, so no level followed."""
    state = np.zeros((streams, edges * (BETS + 1) + 1), dtype=np.float32)
    bets_of(state)[:] = -np.inf
    return state


def bets_of(state: State) -> State:
    """The part of the state that are bets, (streams, edges * BETS); the rest is what is known."""
    edges = (state.shape[1] - 1) // (BETS + 1)
    return state[:, : edges * BETS]


def alarm_limit(streams: int, windows_per_year: float, false_alarms_per_year: float) -> float:
    """ln c: a stream alarms when its log mean reaches this. `streams` counts all that share c."""
    return float(np.log(max(streams * windows_per_year / false_alarms_per_year, 1.0)))


def advance(
    state: State,
    window: Streams,
    limits: Limits,
    season: int = 0,
    draws: int = 1,
    *,
    first: bool = True,
) -> tuple[State, Array]:
    """The state after one window, and each stream's ln(average M), (streams,).

    `window` holds one window: successes (streams, edges), totals (streams,). `draws` is how many
    draws of the limits' noise each of its cells holds (the shards that were added up). `first` is
    false for more rows of a window that was seen before: a window gets one fresh bet, however many
    pieces it comes in, or pieces would spend the budget that windows have.
    """
    bets = bets_of(state)
    known = state[:, bets.shape[1] :].astype(float)
    followed, age = known[:, :-1], known[:, -1:]
    level = limits.wander.level(followed, age)
    log_e = log_e_values(window, limits, season, draws, level).reshape(bets.shape)
    grown = (np.logaddexp(bets, np.float32(0)) if first else bets) + log_e
    rows = np.maximum(window.totals, 0.0)
    deviation = window.successes / np.maximum(rows, 1.0)[:, None] - limits.shares[season]
    weight = np.minimum(rows / limits.typical, 1.0)
    followed = limits.wander.follow(followed, deviation, weight)
    after = np.concatenate([grown, followed, age + first], axis=1).astype(np.float32)
    return after, log_average(after)


def log_average(state: State) -> Array:
    """ln of the mean of M over each stream's bets, (streams,)."""
    bets = bets_of(state)
    return np.asarray(special.logsumexp(bets, axis=1) - np.log(bets.shape[1]), dtype=float)


def restart(state: State, streams: npt.NDArray[np.bool_]) -> State:
    """The state with the streams that have raised an alarm set back to nothing bet."""
    again = state.copy()
    bets_of(again)[streams] = -np.inf
    return again


def log_e_values(
    window: Streams,
    limits: Limits,
    season: int = 0,
    draws: int = 1,
    level: Array | float = 0.0,
) -> Array:
    """ln e of each bet, (streams, edges, 2, len(ODDS)); the third axis is up, down.

    `level` (streams, edges) is where each share has wandered to, beyond its place in the reference.
    """
    high = limits.high[season] + np.maximum(level, 0.0)
    low = limits.low[season] + np.minimum(level, 0.0)
    worst = np.stack([high, low], axis=2)
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
