"""A few missing values, too few to be told, hide no shift of the others."""

from datetime import UTC, datetime, timedelta

import numpy as np

from countersign.baseline import make_baseline
from countersign.collector import Collector
from countersign.recipe import Recipe
from countersign.statement import Baseline, Window, decode, digest_of, encode
from countersign.statements import OpenPlan
from detectors import alarms
from detectors.counted import count
from detectors.learning.known import learn
from detectors.plans import make_plan
from governance.policies import Policy

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
DIGEST, KEY = "0" * 64, b"k" * 32
DAYS, ROWS, MISSING = 28, 2_000, 5


def day(i: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    income = np.random.default_rng(i).normal(shift, 1.0, ROWS)
    income[:MISSING] = np.nan
    at = np.datetime64((START + i * DAY).replace(tzinfo=None), "s")
    return {"income": income, "at": np.full(ROWS, at)}


def test_a_shift_is_found_although_the_missing_are_merged_with_the_lowest():
    policy = Policy()
    recipe = Recipe(model="m", version="1", digest=DIGEST, key=KEY, time="at", window=DAY)
    payload = make_baseline(lambda: map(day, range(DAYS)), recipe)
    statement = decode(payload, Baseline)[1]
    assert statement.windows[0].tally.columns["income"].cells[1] is None
    plan = make_plan(statement, digest_of(payload), policy, datetime.now(UTC))
    collector = Collector(OpenPlan.read(encode(plan, DIGEST)), key=KEY)
    known = learn(statement, policy.tolerance)
    budget = alarms.Budget(known, 1, policy)
    state, found = np.zeros(0, np.float32), []
    for i in range(DAYS, DAYS + 14):
        start = START + i * DAY
        collector.add(day(i, 0.25 if i >= DAYS + 7 else 0.0))
        window = decode(collector.close_window(start, start + DAY, replay=True), Window)[1]
        counted = count(known, [window], start, policy.min_count, 0)
        raised, state = alarms.advance(state, known, counted, budget)
        found.append({alarm.column for alarm in raised.alarms})
    assert not any(found[:7])
    assert {"income"} in found[7:]
