"""What a year of watching costs people: 1,000 models, 50 features each, 20 true changes.

    .venv/bin/python bench/fatigue.py

Each model decides on ROWS rows a day; a feature is normal, counted in BINS equally frequent bins.
Its mean varies by weekday and from day to day as a real feature does (`varying`), or not at all
(`steady`). The reference is REFERENCE days. Each of 20 models has one true change in the year: 1 to
5 of its features move by SHIFT standard deviations for LASTS days.

Side by side on the same counts:

p < 0.05      a message for each feature and day (Pearson's chi-square against the reference)
BH, q < 0.05  the same over the model's features of that day (Benjamini, Hochberg)
countersign   the product's alarms (`learn_reference`, `advance`, one false alarm per model and
              year); a message when they open or reopen the model's one incident. People resolve it
              RESOLVED_AFTER days after it opened.

`per_owner_week`: messages, if an owner has MODELS_EACH models. `precision`: the share of messages
in the time of a true change of the model and about a feature that moved. `told`: the share of the
true changes with such a message within 7 days. One seed, one process.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from detectors.statistics.counts import NO_NOISE
from detectors.statistics.e_detector import advance, alarm_limit, initial_state, restart
from detectors.statistics.reference import Limits, learn_reference
from detectors.statistics.streams import Streams, ordered_streams

RESULT = Path(__file__).with_name("results") / "fatigue.json"
MODELS, FEATURES, DAYS, ROWS, BINS, REFERENCE = 1_000, 50, 365, 2_000, 10, 56
CHANGES, SHIFT, LASTS, RESOLVED_AFTER = 20, 0.25, 21, 3
AT_ONCE = 20  # models
MODELS_EACH = 20
TOLERANCE, LEVEL, SOON = 0.01, 0.05, 7
WORLDS = {"steady": (0.0, 0.0), "varying": (0.1, 0.03)}  # sd of the weekday effect, of the day's
EDGES = ndtri(np.arange(BINS + 1) / BINS)


@dataclass(frozen=True)
class Change:
    """A true change of some of a model's features."""

    begin: int
    features: np.ndarray

    def about(self, day: int, features: np.ndarray) -> bool:
        """Whether a message of that day about these features tells of the change."""
        return self.begin <= day < self.begin + LASTS and np.isin(features, self.features).any()


@dataclass
class Score:
    """The messages of one way of telling."""

    messages: int = 0
    right: int = 0
    delays: list[int] = field(default_factory=list)  # of the changes that were told

    def add(self, messages: list[tuple[int, np.ndarray]], change: Change | None) -> None:
        """A model's messages of the year: the day, and the features that each is about."""
        self.messages += len(messages)
        right = [day for day, features in messages if change and change.about(day, features)]
        self.right += len(right)
        if change and right:
            self.delays.append(min(right) - change.begin)

    def row(self, world: str, name: str) -> dict:
        weeks = MODELS / MODELS_EACH * DAYS / 7
        return {
            "world": world,
            "told_by": name,
            "messages": self.messages,
            "per_owner_week": round(self.messages / weeks, 3),
            "precision": round(self.right / max(self.messages, 1), 4),
            "told_in_7_days": sum(d < SOON for d in self.delays) / CHANGES,
            "told_at_all": len(self.delays) / CHANGES,
            "median_delay_days": float(np.median(self.delays)) if self.delays else None,
        }


def counts(rng: np.random.Generator, means: np.ndarray) -> np.ndarray:
    """Rows in each bin for features with these means, (..., BINS)."""
    return rng.multinomial(ROWS, np.diff(ndtr(EDGES - means[..., None]))).astype(float)


def one_per_feature(day: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Pearson's p-values that a day's counts (features, bins) are like the reference's."""
    n, m = day.sum(axis=1, keepdims=True), reference.sum(axis=1, keepdims=True)
    difference = np.sqrt(m / n) * day - np.sqrt(n / m) * reference
    return stats.chi2.sf((difference**2 / (day + reference)).sum(axis=1), BINS - 1)


def alarms(days: Iterator[Streams], limits: Limits) -> np.ndarray:
    """Which feature raises an alarm on which day, (days, features); the product's own functions."""
    limit = alarm_limit(FEATURES, 365, 1)
    state, raised = initial_state(AT_ONCE * FEATURES, BINS - 1), []
    for t, day in enumerate(days):
        state, log_mean = advance(state, day, limits, t % 7)
        raised.append(log_mean >= limit)
        state = restart(state, raised[-1])
    return np.array(raised)


def incidents(raised: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The messages of one model: the day that opens or reopens its incident, and the features."""
    messages, open_until = [], -1
    for day in np.flatnonzero(raised.any(axis=1)):
        if day > open_until:
            messages.append((int(day), np.flatnonzero(raised[day])))
            open_until = day + RESOLVED_AFTER
    return messages


def each_feature(found: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The messages of one model if each feature and day sends its own."""
    return [(int(day), np.array([feature])) for day, feature in np.argwhere(found)]


def judge(world: str, rng: np.random.Generator) -> list[dict]:
    weekday_sd, jitter = WORLDS[world]
    changed = dict.fromkeys(range(MODELS))
    for model in rng.choice(MODELS, CHANGES, replace=False):
        features = rng.choice(FEATURES, rng.integers(1, 6), replace=False)
        changed[model] = Change(int(rng.integers(30, DAYS - LASTS)), features)
    scores = {name: Score() for name in ("p < 0.05", "BH, q < 0.05", "countersign")}
    columns = AT_ONCE * FEATURES
    for first in range(0, MODELS, AT_ONCE):
        weekday = rng.normal(0, weekday_sd, (7, columns))
        means = weekday[np.arange(REFERENCE + DAYS) % 7]
        means = means + rng.normal(0, jitter, means.shape)
        for i in range(AT_ONCE):
            if change := changed[first + i]:
                begin = REFERENCE + change.begin
                means[begin : begin + LASTS, i * FEATURES + change.features] += SHIFT
        drawn = counts(rng, means)
        reference, year = drawn[:REFERENCE], drawn[REFERENCE:]
        season = np.arange(REFERENCE) % 7
        limits = learn_reference(
            ordered_streams(reference),
            season,
            7,
            level=LEVEL / FEATURES,
            tolerance=TOLERANCE,
            noise=NO_NOISE,
        )
        raised = alarms((ordered_streams(day) for day in year), limits)
        p = np.array([one_per_feature(day, reference.sum(axis=0)) for day in year])
        for i in range(AT_ONCE):
            mine = slice(i * FEATURES, (i + 1) * FEATURES)
            change = changed[first + i]
            q = stats.false_discovery_control(p[:, mine], axis=1)
            scores["p < 0.05"].add(each_feature(p[:, mine] < LEVEL), change)
            scores["BH, q < 0.05"].add(each_feature(q < LEVEL), change)
            scores["countersign"].add(incidents(raised[:, mine]), change)
    return [score.row(world, name) for name, score in scores.items()]


def main() -> None:
    begun = time.process_time()
    rows = [r for i, world in enumerate(WORLDS) for r in judge(world, np.random.default_rng(i))]
    facts = {name.lower(): globals()[name] for name in FACTS}
    seconds = round(time.process_time() - begun)
    result = {"bench": "fatigue", "cpu_seconds": seconds, "assumptions": facts, "rows": rows}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


FACTS = (
    *("MODELS", "FEATURES", "DAYS", "ROWS", "BINS", "REFERENCE", "CHANGES", "SHIFT", "LASTS"),
    *("RESOLVED_AFTER", "MODELS_EACH", "TOLERANCE", "WORLDS"),
)

if __name__ == "__main__":
    main()
