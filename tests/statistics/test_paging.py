"""Streams, what the reference allows, and the e-detectors that page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from detectors.statistics.counts import NO_NOISE, Array, Mask, Noise
from detectors.statistics.e_detector import (
    ODDS,
    advance,
    alarm_limit,
    initial_state,
    log_e_values,
    restart,
)
from detectors.statistics.reference import ENOUGH_WINDOWS, UNKNOWN_EXCESS, Limits, learn_reference
from detectors.statistics.streams import (
    Streams,
    ordered_streams,
    rate_streams,
    unordered_streams,
)
from tests.statistics.worlds import GAUSSIAN, LAPLACE

Split = Callable[[Array], Streams]


def reference_of(
    rng: np.random.Generator,
    shares: npt.ArrayLike,
    *,
    rows: int = 1000,
    windows: int = 40,
    columns: int = 3,
    noise: Noise = NO_NOISE,
) -> Array:
    counts = rng.multinomial(rows, np.asarray(shares), size=(windows, columns)).astype(float)
    return counts + noise.draw(rng, counts.shape)


def limits_of(
    counts: Array,
    *,
    season: npt.ArrayLike | None = None,
    seasons: int = 1,
    streams: Split = ordered_streams,
    **known: Any,
) -> Limits:
    season = np.zeros(len(counts)) if season is None else season
    return learn_reference(streams(counts), season, seasons, level=1e-3, **known)


def test_shards_of_a_window_add_up_in_every_kind_of_stream():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 50, (2, 4, 6)).astype(float)
    for split in (ordered_streams, unordered_streams):
        np.testing.assert_array_equal(
            split(a).successes + split(b).successes, split(a + b).successes
        )
        np.testing.assert_array_equal(split(a).totals + split(b).totals, split(a + b).totals)


def test_streams_count_the_cells_whose_noise_they_hold():
    x = np.ones((2, 5))
    assert (ordered_streams(x).inside + ordered_streams(x).outside == 5).all()
    np.testing.assert_array_equal(ordered_streams(x).successes[0], ordered_streams(x).inside)
    assert (unordered_streams(x).outside == 4).all()
    assert rate_streams(x[:, 0], x.sum(1), cells=5, hit_cells=2).outside == 3


def test_without_season_or_jitter_the_interval_is_about_clopper_pearsons():
    counts = reference_of(np.random.default_rng(1), np.full(4, 0.25))
    limits = limits_of(counts, dispersion=1.0)
    below = int(ordered_streams(counts.sum(0)).successes[0, 0])
    exact = stats.binomtest(below, 40_000).proportion_ci(1 - 1e-3, "exact")
    assert (limits.low[0, 0, 0], limits.high[0, 0, 0]) == pytest.approx(tuple(exact), rel=1e-6)
    assert (limits.excess == 0).all()


def test_jitter_beyond_chance_is_seen_and_widens_the_interval():
    rng = np.random.default_rng(2)
    shares = rng.beta(20, 20, size=(60, 5))
    hits = rng.binomial(1000, shares).astype(float)
    limits = learn_reference(
        rate_streams(hits, np.full((60, 5), 1000.0)), np.zeros(60), 1, level=0.01
    )
    true_excess = 1 / 41  # beta-binomial: deff = 1 + (n - 1) / (a + b + 1)
    assert (limits.excess > 0.8 * true_excess).all()
    assert (limits.excess < 2.2 * true_excess).all()
    assert (limits.high - limits.low > 0.04).all()


def test_noise_is_not_taken_for_jitter():
    rng = np.random.default_rng(3)
    counts = reference_of(rng, np.full(5, 0.2), windows=400, noise=Noise("discrete_laplace", 10.0))
    told = limits_of(counts, noise=Noise("discrete_laplace", 10.0))
    fooled = limits_of(counts)
    assert 1000 * told.excess.max() < 1 < 1000 * fooled.excess.max()
    assert (told.excess < fooled.excess).all()


def test_a_season_is_used_where_it_is_there_to_see():
    rng = np.random.default_rng(4)
    season = np.arange(70) % 7
    flat = rng.binomial(2000, 0.3, (70, 1)).astype(float)
    weekly = rng.binomial(2000, 0.3 + 0.05 * (season == 6))[:, None].astype(float)
    hits = np.concatenate([flat, weekly], axis=1)
    limits = learn_reference(rate_streams(hits, np.full((70, 2), 2000.0)), season, 7, level=0.01)
    assert limits.pooling[0] < 0.5 < 0.9 < limits.pooling[1]
    assert limits.low[6, 1, 0] > limits.high[0, 1, 0]
    assert 0.33 < (limits.low[6, 1, 0] + limits.high[6, 1, 0]) / 2 < 0.37


def test_a_season_never_seen_may_be_like_any_other():
    rng = np.random.default_rng(10)
    season = np.arange(60) % 6
    hits = rng.binomial(2000, 0.2 + 0.05 * season)[:, None].astype(float)
    limits = learn_reference(rate_streams(hits, np.full((60, 1), 2000.0)), season, 7, level=0.01)
    assert limits.low[6, 0, 0] == limits.low[:6].min()
    assert limits.high[6, 0, 0] == limits.high[:6].max()


def test_too_few_windows_show_no_season_and_get_the_assumed_jitter():
    counts = reference_of(np.random.default_rng(5), np.full(4, 0.25), windows=ENOUGH_WINDOWS - 1)
    limits = limits_of(counts, season=np.arange(ENOUGH_WINDOWS - 1), seasons=7)
    assert (limits.excess == UNKNOWN_EXCESS).all()
    assert (limits.pooling == 0).all()


def all_outcomes(p: float, n: int, noise: Noise) -> tuple[Any, Any, Array, Array]:
    """Every (successes, failures) with noise within reach, and its log probability: one stream."""
    reach = np.arange(-260, 261) if noise.present else np.zeros(1, dtype=int)
    if noise.mechanism == "discrete_laplace":
        log_noise = -np.abs(reach) / noise.scale
    else:
        log_noise = -(reach**2) / (2 * max(noise.scale, 1e-9) ** 2)
    log_noise = log_noise - special.logsumexp(log_noise)
    s = np.arange(n + 1)
    log_binomial = stats.binom.logpmf(s, n, p)
    return s, reach, log_binomial, log_noise


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda n: n.mechanism)
@pytest.mark.parametrize("p", [0.02, 0.5, 0.9])
def test_every_bet_is_worth_at_most_one_while_nothing_changed(noise, p):
    n = 60
    hits = np.full((20, 1), n * p)
    limits = learn_reference(
        rate_streams(hits, np.full((20, 1), float(n))),
        np.zeros(20),
        1,
        level=0.5,
        noise=noise,
        dispersion=1.0,
    )
    for true in (limits.low[0, 0, 0], p, limits.high[0, 0, 0]):
        s, reach, log_binomial, log_noise = all_outcomes(true, n, noise)

        def log_e(successes: Array, failures: Array) -> Array:
            window = Streams(
                successes[:, None], successes + failures, limits.inside, limits.outside
            )
            return log_e_values(window, limits).reshape(len(successes), -1)

        # ln e is linear in successes and failures, so its mean splits into three sums.
        zero = log_e(np.zeros(1), np.zeros(1))
        per_hit = log_e(np.ones(1), np.zeros(1)) - zero
        per_miss = log_e(np.zeros(1), np.ones(1)) - zero
        clean = log_e(s.astype(float), (n - s).astype(float))
        mean = special.logsumexp(clean + log_binomial[:, None], axis=0)
        for slope in (per_hit, per_miss):
            mean = mean + special.logsumexp(reach[:, None] * slope + log_noise[:, None], axis=0)
        assert (mean <= 1e-9).all()


def test_the_recursion_is_shiryaev_and_roberts():
    rng = np.random.default_rng(6)
    limits = limits_of(reference_of(rng, np.full(4, 0.25)), dispersion=1.0)
    windows = [ordered_streams(c) for c in reference_of(rng, [0.3, 0.2, 0.2, 0.3], windows=5)]
    state, plain = initial_state(3, 3), np.zeros((3, 3, 2, len(ODDS)))
    for window in windows:
        state, log_mean = advance(state, window, limits)
        plain = (plain + 1) * np.exp(log_e_values(window, limits))
        np.testing.assert_allclose(log_mean, np.log(plain.mean(axis=(1, 2, 3))), rtol=1e-4)
    assert state.dtype == np.float32


def run(
    windows: Array, limits: Limits, *, split: Split = ordered_streams, budget_streams: int = 1
) -> Mask:
    state = initial_state(windows.shape[1], split(windows[0]).successes.shape[1])
    limit, alarms = alarm_limit(budget_streams, 365, 1), np.zeros(windows.shape[:2], dtype=bool)
    for t, counts in enumerate(windows):
        state, log_mean = advance(state, split(counts), limits)
        alarms[t] = log_mean >= limit
        state = restart(state, alarms[t])
    return alarms


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE], ids=lambda n: n.mechanism)
def test_a_quiet_year_stays_within_its_budget(noise):
    rng = np.random.default_rng(7)
    shares = np.full(8, 0.125)
    limits = limits_of(reference_of(rng, shares, columns=40, noise=noise), noise=noise)
    year = reference_of(rng, shares, windows=365, columns=40, noise=noise)
    assert run(year, limits, budget_streams=40).sum() <= 1


@pytest.mark.parametrize("split", [ordered_streams, unordered_streams])
def test_a_change_is_paged_soon_in_either_direction(split):
    rng = np.random.default_rng(8)
    before = np.array([0.25, 0.25, 0.25, 0.25])
    limits = limits_of(reference_of(rng, before), streams=split)
    for after in ([0.35, 0.25, 0.2, 0.2], [0.2, 0.2, 0.25, 0.35]):
        alarms = run(reference_of(rng, after, windows=8), limits, split=split)
        assert alarms[:4].any(axis=0).all()


def test_after_an_alarm_a_stream_bets_anew_but_keeps_what_it_knows():
    rng = np.random.default_rng(11)
    limits = limits_of(reference_of(rng, np.full(4, 0.25)))
    state = initial_state(3, 3)
    for counts in reference_of(rng, [0.4, 0.2, 0.2, 0.2], windows=5):
        state, _ = advance(state, ordered_streams(counts), limits)
    again = restart(state, np.array([True, False, False]))
    bets = 3 * 2 * len(ODDS)
    assert np.isneginf(again[0, :bets]).all()
    np.testing.assert_array_equal(again[0, bets:], state[0, bets:])
    np.testing.assert_array_equal(again[1:], state[1:])
    # As if its first window came now: nothing of the old bets is left.
    window = ordered_streams(reference_of(rng, np.full(4, 0.25), windows=1)[0])
    fresh = np.where(np.arange(state.shape[1]) < bets, -np.inf, state).astype(np.float32)
    np.testing.assert_array_equal(
        advance(again, window, limits)[1][0], advance(fresh, window, limits)[1][0]
    )


def test_an_alarm_comes_again_after_a_restart_while_the_change_lasts():
    rng = np.random.default_rng(12)
    limits = limits_of(reference_of(rng, np.full(4, 0.25)))
    alarms = run(reference_of(rng, [0.45, 0.25, 0.15, 0.15], windows=20), limits)
    assert (alarms.sum(axis=0) >= 3).all()


counts = st.integers(-40, 3000).map(float)


@settings(max_examples=60)
@given(st.lists(counts, min_size=4, max_size=4), st.sampled_from([NO_NOISE, LAPLACE, GAUSSIAN]))
def test_no_window_can_break_the_state(cells, noise):
    """Empty, negative, huge, or with all rows on one side: numbers, never NaN or a warning."""
    reference = np.tile(np.array([[[500.0, 0.0, 0.0, 500.0]]]), (20, 1, 1))
    limits = limits_of(reference, noise=noise)
    state = initial_state(1, 3)
    for _ in range(3):
        state, log_mean = advance(state, ordered_streams(np.array([cells])), limits)
        assert not np.isnan(state).any()
        assert np.isfinite(log_mean).all()


def test_an_empty_window_is_no_evidence():
    limits = limits_of(reference_of(np.random.default_rng(9), np.full(4, 0.25)))
    empty = ordered_streams(np.zeros((3, 4)))
    assert (log_e_values(empty, limits) == 0).all()
    _, log_mean = advance(initial_state(3, 3), empty, limits)
    np.testing.assert_allclose(log_mean, 0, atol=1e-6)


def test_an_empty_reference_allows_everything():
    limits = limits_of(np.zeros((10, 1, 4)))
    np.testing.assert_array_equal((limits.low.min(), limits.high.max()), (0, 1))
    assert not run(np.full((5, 1, 4), 250.0), limits).any()


def test_the_limit_follows_streams_windows_and_budget():
    assert alarm_limit(1000, 365, 1) == pytest.approx(np.log(365_000))
    assert alarm_limit(1000, 365, 2) < alarm_limit(1000, 365, 1)
    assert alarm_limit(1, 1, 99) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), shards=st.integers(2, 5))
def test_shards_add_up_in_any_order(seed, shards):
    rng = np.random.default_rng(seed)
    limits = limits_of(reference_of(rng, np.full(4, 0.25)))
    parts = rng.integers(0, 100, (shards, 3, 4)).astype(float)
    states = []
    for order in (np.arange(shards), rng.permutation(shards)):
        added = sum((parts[i] for i in order[1:]), parts[order[0]])
        states.append(advance(initial_state(3, 3), ordered_streams(added), limits)[0])
    np.testing.assert_array_equal(states[0], states[1])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), times=st.integers(2, 5))
def test_without_jitter_twice_the_rows_are_twice_the_evidence(seed, times):
    rng = np.random.default_rng(seed)
    limits = limits_of(reference_of(rng, np.full(4, 0.25)), dispersion=1.0)
    counts = rng.integers(0, 300, (3, 4)).astype(float)
    once, often = (log_e_values(ordered_streams(k * counts), limits) for k in (1, times))
    np.testing.assert_allclose(often, times * once, rtol=1e-9, atol=1e-9)


def test_merged_bins_leave_the_other_edges_as_they_are():
    rng = np.random.default_rng(13)
    counts = reference_of(rng, np.full(6, 1 / 6))
    merged = np.add.reduceat(counts, [0, 2, 4], axis=2)
    fine, coarse = limits_of(counts, dispersion=1.0), limits_of(merged, dispersion=1.0)
    np.testing.assert_array_equal(fine.high[..., [1, 3]], coarse.high)
    window = reference_of(rng, np.full(6, 1 / 6), windows=1)[0]
    of_fine = log_e_values(ordered_streams(window), fine)
    of_coarse = log_e_values(ordered_streams(np.add.reduceat(window, [0, 2, 4], axis=1)), coarse)
    np.testing.assert_array_equal(of_fine[:, [1, 3]], of_coarse)


@pytest.mark.parametrize("tolerance", [0.0, 0.01])
def test_the_tolerance_is_a_point_in_a_columns_middle_and_less_in_its_tails(tolerance):
    counts = reference_of(np.random.default_rng(14), [0.02, 0.48, 0.48, 0.02], windows=20)
    plain = limits_of(counts, dispersion=1.0)
    kind = limits_of(counts, dispersion=1.0, tolerance=tolerance)
    wider = (kind.high - plain.high).mean(axis=(0, 1))
    assert wider[1] == pytest.approx(tolerance, rel=0.01)
    assert wider[0] == pytest.approx(0.28 * tolerance, rel=0.1)
    hits = counts[..., 0]
    rate = [
        learn_reference(
            rate_streams(hits, counts.sum(-1)), np.zeros(20), 1, level=1e-3, tolerance=t
        )
        for t in (0.0, tolerance)
    ]
    np.testing.assert_allclose(rate[1].high - rate[0].high, tolerance, atol=1e-12)
