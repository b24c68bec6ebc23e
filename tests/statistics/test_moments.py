import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import NO_NOISE, Array, Sample
from detectors.statistics.moments import binning_doubt, changes, lay_out, moments
from tests.statistics.test_contract import DEGENERATE
from tests.statistics.worlds import GAUSSIAN, LAPLACE, sample

counts = hnp.arrays(float, (2, 6), elements=st.integers(0, 10_000).map(float)).filter(
    lambda c: c.sum(axis=1).min() >= 2
)
EDGES = np.array([[0.0, 1.0, 2.0, 4.0, 8.0]] * 2)
noises = pytest.mark.parametrize(
    "noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda noise: noise.mechanism
)


def binned(values: Array, edges: Array) -> Sample:
    below, above = (values < edges[0]).sum(), (values > edges[-1]).sum()
    return sample([below, *np.histogram(values, edges)[0], above])


def of(rows: Array) -> Sample:
    return Sample(rows, rows.sum(axis=1))


LAWS = {
    "normal": lambda rng: rng.normal(50, 10, 100_000),
    "ends abruptly": lambda rng: rng.random(100_000),
    "skewed": lambda rng: rng.gamma(2, 5, 100_000),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("equal", ["widths", "counts"])
def test_moments_are_those_of_the_rows(law, equal):
    values = LAWS[law](np.random.default_rng(0))
    ends = np.quantile(values, [0.005, 0.995])
    values = np.clip(values, *ends)  # as rows outside the bins are
    places = np.linspace(0, 1, 13)
    edges = ends[0] + places * np.ptp(ends) if equal == "widths" else np.quantile(values, places)
    one = binned(values, edges)
    found = moments(one, lay_out(edges[None], one.counts))
    assert found.mean.value[0] == pytest.approx(values.mean(), abs=0.02 * values.std())
    assert found.sd.value[0] == pytest.approx(values.std(), rel=0.02)


def test_equal_bins_of_a_normal_column_get_sheppards_correction():
    rng = np.random.default_rng(1)
    values, edges = rng.normal(0, 1, 1_000_000), np.arange(-5.0, 5.1, 0.5)
    one = binned(values, edges)
    middles = (edges[1:] + edges[:-1]) / 2
    midpoints = np.average(middles**2, weights=one.counts[0, 1:-1])
    found = moments(one, lay_out(edges[None], one.counts)).sd.value[0] ** 2
    assert found == pytest.approx(midpoints - 0.5**2 / 12, abs=0.003)


@noises
@pytest.mark.parametrize("rows", [100, 2000])
def test_intervals_hold_and_p_values_keep_their_promise(noise, rows):
    rng = np.random.default_rng(rows)
    shares = np.array([0.02, 0.1, 0.2, 0.3, 0.25, 0.11, 0.02])
    edges = np.array([[0.0, 1, 2, 3, 4, 6]])

    def drawn(n: int) -> Sample:
        cells = rng.multinomial(n, shares, size=1500).astype(float)
        cells += noise.draw(rng, cells.shape)
        return Sample(cells, cells.sum(axis=1), noise)

    places = lay_out(edges, 1e6 * shares[None])
    true = [float(e.value[0]) for e in moments(of(1e6 * shares[None]), places)]
    current, reference = drawn(rows), drawn(20_000)
    found, change = moments(current, places), changes(current, reference, places)
    for estimate, value in zip(found, true, strict=True):
        assert 0.92 < ((estimate.low <= value) & (value <= estimate.high)).mean() < 0.975
    for p in (change.mean_p, change.sd_p):
        assert 0.03 < (p < 0.05).mean() < 0.07
    for difference in (change.mean, change.sd):
        assert 0.92 < ((difference.low <= 0) & (difference.high >= 0)).mean() < 0.975


def test_a_shift_and_a_spread_are_told_apart():
    rng = np.random.default_rng(3)
    edges = np.linspace(-4, 4, 17)
    then, shifted, spread = (
        binned(rng.normal(m, s, 4000), edges) for m, s in ((0, 1), (0.2, 1), (0, 1.15))
    )
    places = lay_out(edges[None], then.counts)
    first, second = changes(shifted, then, places), changes(spread, then, places)
    assert first.mean_p < 1e-6 and first.sd_p > 0.01
    assert second.sd_p < 1e-6 and second.mean_p > 0.01
    assert first.mean.low < 0.2 < first.mean.high
    assert second.sd.low < 0.15 < second.sd.high


@given(counts, counts)
def test_shards_add_up(x, y):
    """The mean is linear: that of two shards together is their average."""
    places = lay_out(EDGES, x)
    one, other, both = (moments(of(c), places).mean.value for c in (x, y, x + y))
    n, m = x.sum(axis=1), y.sum(axis=1)
    np.testing.assert_allclose(both, (n * one + m * other) / (n + m), rtol=1e-9)


@given(counts, counts, st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_units_change_the_figures_and_nothing_else(x, r, shift, scale):
    before, after = lay_out(EDGES, r), lay_out(shift + scale * EDGES, r)
    plain, other = moments(of(x), before), moments(of(x), after)
    size = abs(shift) + scale
    np.testing.assert_allclose(other.mean.value, shift + scale * plain.mean.value, atol=1e-7 * size)
    np.testing.assert_allclose(other.sd.value, scale * plain.sd.value, atol=1e-4 * size)
    one, two = (changes(of(x), of(r), places).mean_p for places in (before, after))
    np.testing.assert_allclose(one, two, atol=1e-3)


@given(counts, st.permutations(range(2)))
def test_columns_do_not_know_each_other(x, order):
    whole = moments(of(x), lay_out(EDGES, x))
    mixed = moments(of(x[order]), lay_out(EDGES, x[order]))
    for estimate, other in zip(whole, mixed, strict=True):
        np.testing.assert_array_equal(estimate.value[order], other.value)


@given(counts, st.integers(0, 999))
def test_wherever_rows_lie_in_their_bins_the_doubt_covers_it(x, seed):
    rng = np.random.default_rng(seed)
    places = lay_out(EDGES, x)
    lies = np.where(rng.random((2, 6)) < 0.5, places.low, places.high) * places.scale[:, None]
    p = x / x.sum(axis=1, keepdims=True)
    mean = (p * lies).sum(axis=1)
    sd = np.sqrt((p * (lies - mean[:, None]) ** 2).sum(axis=1))
    found, doubt = moments(of(x), places), binning_doubt(of(x), places)
    assert (np.abs(mean - found.mean.value) <= doubt[0] + 1e-9).all()
    assert (np.abs(sd - found.sd.value) <= doubt[1] + 1e-9).all()


def test_rows_of_two_bins_may_all_lie_on_the_edge_between():
    places = lay_out(np.array([[0.0, 1, 2, 3]]), np.full((1, 5), 100.0))
    two = sample([0, 50, 50, 0, 0])
    found, doubt = moments(two, places), binning_doubt(two, places)
    assert doubt[1] >= found.sd.value > 0.5


@noises
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_counts_have_moments_or_none(case, noise):
    edges = np.array([[0.0, 1.0, 5.0]])
    x, r = (np.array([row]) for row in DEGENERATE[case])
    current, reference = Sample(x, x.sum(axis=1), noise), Sample(r, r.sum(axis=1), noise)
    places = lay_out(edges, r)
    found, change = moments(current, places), changes(current, reference, places)
    doubt = binning_doubt(current, places)
    told = x.sum() >= 2
    for estimate in found:
        assert np.isnan(estimate[:3]).all() != told
        assert not told or estimate.low <= estimate.value <= estimate.high
    assert np.isnan(doubt).all() != told
    for p in (change.mean_p, change.sd_p):
        assert 0 <= p <= 1
        assert (told and r.sum() >= 2) or p == 1


def test_a_constant_column_has_not_changed_and_its_bin_is_all_that_is_known():
    edges, constant = np.array([[0.0, 1.0, 2.0, 3.0]]), sample([0, 0, 500, 0, 0])
    places = lay_out(edges, constant.counts)
    change, doubt = changes(constant, constant, places), binning_doubt(constant, places)
    assert change.mean_p == change.sd_p == 1
    assert moments(constant, places).mean.value == pytest.approx(1.5)
    assert doubt[0] == pytest.approx(0.5)


@pytest.mark.parametrize("largest", [1e-300, 1e60])
def test_edges_of_any_size_are_fine(largest):
    one = sample([0, 10, 20, 5])
    found = moments(one, lay_out(np.array([[0.0, largest / 2, largest]]), one.counts))
    assert 0 < found.mean.value < largest
    assert np.isfinite(found.sd).all()
