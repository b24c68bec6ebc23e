"""Streams that stray by themselves, and what the reference windows don't tell."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.statistics.counts import Array, Mask
from detectors.statistics.e_detector import (
    advance,
    alarm_limit,
    initial_state,
    log_e_values,
    restart,
)
from detectors.statistics.reference import Limits, learn_reference
from detectors.statistics.streams import Streams, ordered_streams, rate_streams
from detectors.statistics.wander import RATES

ROWS = 2000
SHARES = np.full(5, 0.2)


def walks(rng: np.random.Generator, step: float, windows: int, columns: int) -> Array:
    """Counts (windows, columns, 5) of columns whose mean walks at random, `step` sd a window."""
    walk = rng.normal(0, step, (windows, columns)).cumsum(axis=0)
    return counts_at(rng, walk)


def counts_at(rng: np.random.Generator, means: Array) -> Array:
    """Counts of normal columns with these means, in five bins of equal shares around 0."""
    edges = np.array([-0.8416, -0.2533, 0.2533, 0.8416])
    rows = rng.normal(means[..., None], 1, (*means.shape, ROWS))
    bins = np.searchsorted(edges, rows)
    return np.stack([(bins == i).sum(axis=-1) for i in range(5)], axis=-1).astype(float)


def learn(counts: Array, **options: Any) -> Limits:
    return learn_reference(ordered_streams(counts), np.zeros(len(counts)), 1, level=1e-3, **options)


def run(counts: Array, limits: Limits) -> Mask:
    """Which columns alarm in which window."""
    state = initial_state(counts.shape[1], counts.shape[2] - 1)
    limit, alarms = alarm_limit(counts.shape[1], 365, 1), []
    for window in counts:
        state, log_mean = advance(state, ordered_streams(window), limits)
        alarms.append(log_mean >= limit)
        state = restart(state, alarms[-1])
    return np.array(alarms)


def test_a_share_that_stays_is_hardly_followed_and_one_that_wanders_is():
    rng = np.random.default_rng(1)
    stays = learn(walks(rng, 0.0, 200, 20)).wander
    assert np.median(stays.rate) <= 0.02
    assert (learn(walks(rng, 0.2, 56, 20)).wander.rate >= 0.4).all()


def test_a_longer_reference_says_more_surely_that_a_share_stays():
    rng = np.random.default_rng(2)
    counts = walks(rng, 0.0, 300, 20)
    assert learn(counts).wander.rate.mean() < learn(counts[:30]).wander.rate.mean()


def test_a_column_that_wandered_in_the_reference_may_wander_on():
    rng = np.random.default_rng(3)
    counts = walks(rng, 0.04, 256, 20)
    limits = learn(counts[:56])
    alone = learn(counts[:56], dispersion=float(1 + limits.excess.mean() * ROWS))
    assert run(counts[56:], limits).sum() <= 1
    assert run(counts[56:], alone).sum() > 20, "the stream would alarm if nothing were followed"


def test_a_jump_of_a_wandering_column_is_found_at_once():
    rng = np.random.default_rng(4)
    walk = rng.normal(0, 0.03, (76, 20)).cumsum(axis=0)
    walk[56:] += np.where(walk[55] > 0, 0.8, -0.8)  # away from the reference
    counts = counts_at(rng, walk)
    assert run(counts[56:], learn(counts[:56]))[:3].any(axis=0).mean() > 0.9


def test_a_change_of_a_column_that_stays_is_not_followed_away():
    """It alarms anew after every restart, months later still."""
    rng = np.random.default_rng(5)
    counts = counts_at(rng, np.zeros((56, 10)))
    alarms = run(counts_at(rng, np.full((120, 10), 0.2)), learn(counts))
    assert alarms[:10].any(axis=0).all()
    assert alarms[90:].any(axis=0).all()


def test_a_slow_drift_of_a_column_that_stayed_is_found_at_length():
    rng = np.random.default_rng(6)
    limits = learn(counts_at(rng, np.zeros((56, 10))))
    drift = np.repeat(np.linspace(0, 0.4, 200)[:, None], 10, axis=1)
    alarms = run(counts_at(rng, drift), limits)
    assert not alarms[:15].any()
    assert alarms.any(axis=0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), size=st.floats(-0.3, 0.3))
def test_wherever_the_level_is_the_reference_is_no_change_either(seed, size):
    """The level only widens what counts as no change, so no bet is worth more for it."""
    rng = np.random.default_rng(seed)
    limits = learn(walks(rng, 0.05, 20, 3))
    window = ordered_streams(walks(rng, 0.3, 1, 3)[0])
    plain = log_e_values(window, limits)
    level = rng.uniform(-1, 1, (3, 4)) * size
    assert (log_e_values(window, limits, level=level) <= plain + 1e-9).all()


def test_a_bet_knows_nothing_of_its_own_window():
    """The level that a window is judged by comes from the windows before it."""
    rng = np.random.default_rng(7)
    counts = walks(rng, 0.2, 30, 2)
    limits = learn(counts)
    assert (limits.wander.rate > 0).all()
    fresh, window = initial_state(2, 4), ordered_streams(counts[7])
    log_e = log_e_values(window, limits, level=limits.wander.start)
    _, log_mean = advance(fresh, window, limits)
    np.testing.assert_allclose(log_mean, np.log(np.exp(log_e).mean(axis=(1, 2, 3))), rtol=1e-4)


def test_an_empty_window_moves_no_level():
    rng = np.random.default_rng(8)
    limits = learn(walks(rng, 0.2, 30, 2))
    state, _ = advance(initial_state(2, 4), ordered_streams(counts_at(rng, np.ones(2))), limits)
    after, _ = advance(state, ordered_streams(np.zeros((2, 5))), limits)
    np.testing.assert_array_equal(after[:, -5:-1], state[:, -5:-1])
    assert (state[:, -5:-1] != 0).any()


def test_streams_that_are_known_not_to_vary_are_not_followed():
    counts = walks(np.random.default_rng(9), 0.3, 30, 4)
    assert (learn(counts, dispersion=1.0).wander.rate == 0).all()
    assert (learn(counts[:7]).wander.rate == 0).all(), "too few windows tell nothing"


def test_a_share_that_never_moved_stays():
    limits = learn(np.tile(np.array([[[400.0, 400, 400, 400, 400]]]), (30, 1, 1)))
    assert limits.wander.rate == 0


def test_out_of_range_wanders_with_its_column():
    counts = walks(np.random.default_rng(10), 0.3, 30, 4)
    limits = learn(counts)
    rate = rate_streams(counts[..., 0] * 0, counts.sum(axis=-1))
    alone, like = (
        learn_reference(rate, np.zeros(30), 1, level=1e-3, like=of) for of in (None, limits)
    )
    assert (alone.wander.rate == 0).all()
    np.testing.assert_array_equal(like.wander.rate, limits.wander.rate)
    assert set(like.wander.rate) <= set(RATES)
    assert (like.excess[:, 0] >= limits.excess.mean(axis=1)).all()


def test_edges_that_the_windows_do_not_tell_may_vary_as_much_as_there_is():
    counts = walks(np.random.default_rng(11), 0.0, 30, 2)
    told = np.ones((2, 4), dtype=bool)
    told[0, 1:3] = False
    limits = learn(counts, told=told)
    assert (limits.excess[0, 1:3] == 1).all()
    assert (limits.excess[told] < 0.01).all()
    nothing = learn(counts, told=np.zeros((2, 4), dtype=bool))
    assert (nothing.wander.rate == 0).all()
    assert (nothing.pooling == 0).all()


def test_a_rate_that_the_windows_do_not_tell_may_double_but_not_do_anything():
    hits, rows = np.full((20, 1), 40.0), np.full((20, 1), 2000.0)
    limits = learn_reference(
        rate_streams(hits, rows), np.zeros(20), 1, level=1e-3, told=np.zeros((1, 1), dtype=bool)
    )
    assert limits.excess[0, 0] == pytest.approx(0.02 / 0.98)
    state, limit = initial_state(1, 1), alarm_limit(50, 365, 1)
    for share, soon in ((0.04, False), (0.5, True)):
        window = rate_streams(np.array([share * 2000]), np.array([2000.0]))
        assert (advance(state, window, limits)[1] > limit).all() == soon


@settings(max_examples=60, deadline=None)
@given(p=st.floats(0.01, 0.99), rows=st.integers(1, 5000))
def test_bets_are_fair_even_if_all_rows_of_a_window_are_alike(p, rows):
    """With the worst excess no law of the share, whatever it is, makes a bet worth more than 1."""
    limits = learn_reference(
        rate_streams(np.full((20, 1), p * rows), np.full((20, 1), float(rows))),
        np.zeros(20),
        1,
        level=0.5,
        dispersion=1.0 + rows,
    )
    none, all_of_them = (
        Streams(np.array([[hits]]), np.array([float(rows)]), limits.inside, limits.outside)
        for hits in (0.0, float(rows))
    )
    for true in (limits.low[0, 0, 0], limits.high[0, 0, 0], p):
        worth = (1 - true) * np.exp(log_e_values(none, limits))
        worth += true * np.exp(log_e_values(all_of_them, limits))
        up, down = worth[0, 0]
        assert (up if true <= limits.high else np.zeros(1)).max() <= 1 + 1e-9
        assert (down if true >= limits.low else np.zeros(1)).max() <= 1 + 1e-9


def test_seasons_learned_from_few_windows_each_give_no_false_alarms():
    """Each weekday is known from four windows only; its error counts as jitter."""
    rng = np.random.default_rng(12)
    weekday = rng.normal(0, 0.3, (7, 20))

    def days(count: int) -> Array:
        return counts_at(rng, weekday[np.arange(count) % 7] + rng.normal(0, 0.05, (count, 20)))

    limits = learn_reference(ordered_streams(days(28)), np.arange(28) % 7, 7, level=0.05 / 20)
    assert (limits.pooling > 0.8).all()
    state, limit, alarms = initial_state(20, 4), alarm_limit(20, 365, 1), 0
    for day, counts in enumerate(days(182)):
        state, log_mean = advance(state, ordered_streams(counts), limits, day % 7)
        alarms += int((log_mean >= limit).sum())
        state = restart(state, log_mean >= limit)
    assert alarms <= 1


def test_what_is_not_known_of_a_season_counts_as_jitter():
    """Two windows a weekday leave half a window's variance in each weekday's share."""
    rng = np.random.default_rng(13)
    weekday = rng.permuted(np.linspace(-0.4, 0.4, 7))[:, None]
    jitter = rng.normal(0, 0.1, (200, 30))
    steady = learn(counts_at(rng, jitter)).excess[:, 1:3] * ROWS
    days = ordered_streams(counts_at(rng, weekday[np.arange(14) % 7] + jitter[:14]))
    limits = learn_reference(days, np.arange(14) % 7, 7, level=1e-3)
    upper = 7 / 2.167 / (199 / 167.4)  # both are upper limits, with 7 and with 199 degrees
    ratio = (1 + limits.excess[:, 1:3] * ROWS).mean() / (1 + steady).mean() / upper
    assert 1.3 < ratio < 2
