import numpy as np
import pytest

from detectors.statistics.counts import Array
from detectors.statistics.estimate import Estimate
from detectors.statistics.track_record import track_record, widened


def past(told: list[float] | Array, half: float = 0.02) -> Estimate:
    values = np.array(told, dtype=float)
    return Estimate(values, values - half, values + half, np.full(len(values), 500.0))


def test_errors_bias_and_coverage():
    record = track_record(past([0.9, 0.8, 0.7, np.nan]), np.array([0.89, 0.85, np.nan, 0.5]))
    assert record.windows == 2
    assert record.mean_abs_error == pytest.approx(0.03)
    assert record.bias == pytest.approx(-0.02)
    assert record.covered.value == 0.5


def test_no_labels_yet_is_a_record_of_no_windows():
    for estimates, came in ((past([]), np.array([])), (past([0.9]), np.array([np.nan]))):
        record = track_record(estimates, came)
        assert record.windows == record.covered.n == 0
        for figure in (record.mean_abs_error, record.bias, record.covered.value):
            assert np.isnan(figure)
        now = Estimate(*(np.array(v) for v in (0.9, 0.88, 0.92, 500.0)))
        assert widened(now, estimates, came) == now


def test_bands_widen_by_what_the_assumption_cost_and_not_by_chance():
    rng = np.random.default_rng(1)
    now = Estimate(*(np.array(v) for v in (0.5, 0.48, 0.52, 500.0)))
    for drift, expected in ((0.0, 0.02), (0.03, 1.96 * np.hypot(0.02 / 1.96, 0.03))):
        came = 0.5 + rng.normal(0, 0.02 / 1.96, 4000) + rng.normal(0, drift, 4000)
        wider = widened(now, past(np.full(4000, 0.5)), came)
        assert wider.high - wider.value == pytest.approx(expected, rel=0.1)
        assert wider.value == now.value
