# ruff: noqa: E402  (Django is set up before its models are imported)
"""False alarms on real streams that vary by themselves, and windows until a shift is found there.

    .venv/bin/python bench/statistics/real_streams.py [--peers DIRECTORY]

The streams are those of `real_data`: days of 2,000 rows, of which the first 56 (or 365) are the
reference. The appliance's side is the product: its collector counts, its baseline is learned from,
its alarms decide, under its own policy; once with its floor of 11 rows under every count, once
without (1). Every alarm on the unchanged stream is called false, hurricanes included.

A shift adds a quarter of the reference's standard deviation to one column, from every tenth day on
by itself, kept within the range that the reference saw: `median` windows until that column alarms,
and the share found `within_7`. `jitter` is how much the column's daily mean varies by itself, in
the same standard deviation and within weekdays, over the reference: where it exceeds the shift,
nobody can find the shift in a week.

The peers see the same days as rows, with their defaults, each in an environment that the bench
makes (--peers names a folder with ready ones, which saves minutes). `a_year` are windows with an
alarm in a year; `incidents` leaves out alarms of a column within a week of its last one, which a
person would be told as one.
"""

import argparse
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import figures  # first: it holds numpy to one core
import numpy as np
import pandas as pd
import real_data
from peers.environment import ask

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
import django

django.setup()

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

PEERS = {
    "evidently": ["evidently==0.7.23", "pandas<3"],
    "nannyml": ["nannyml==0.13.1", "statsmodels"],
    "alibi-detect": ["alibi-detect==0.13.0"],
    "river": ["river==0.26.1"],
}
DAY = timedelta(days=1)
KEY, DIGEST = b"k" * 32, "0" * 64
SHIFT, EVERY, LOOK, WEEK = 0.25, 10, 14, 7
NEVER = 999
FEW_VALUES = 100


class Product:
    """The appliance over one stream: what the reference taught it, and how it counts a day."""

    def __init__(self, stream: real_data.Stream, reference: int, floor: int) -> None:
        self.stream, self.reference = stream, reference
        self.policy = Policy(min_count=floor)
        recipe = Recipe(
            model=stream.name, version="1", digest=DIGEST, key=KEY, time="at", window=DAY,
            min_count=floor,
        )  # fmt: skip
        payload = make_baseline(lambda: map(self.day, range(reference)), recipe)
        statement = decode(payload, Baseline)[1]
        plan = make_plan(statement, digest_of(payload), self.policy, datetime.now(UTC))
        self.collector = Collector(OpenPlan.read(encode(plan, DIGEST)), key=KEY)
        self.known = learn(statement, self.policy.tolerance)
        self.budget = alarms.Budget(self.known, 1, self.policy)

    def day(self, i: int, shifted: str | None = None) -> dict[str, np.ndarray]:
        rows = {name: values[i] for name, values in self.stream.columns.items()}
        if shifted:
            rows[shifted] = shift(rows[shifted], self.stream.columns[shifted][: self.reference])
        return rows | {"at": np.repeat(self.stream.dates.to_numpy("datetime64[s]")[i], 2_000)}

    def counted(self, i: int, shifted: str | None = None):
        """One day's statement, read as the appliance reads it."""
        start = self.stream.dates[i].to_pydatetime().replace(tzinfo=UTC)
        self.collector.add(self.day(i, shifted))
        payload = self.collector.close_window(start, start + DAY, replay=True)
        return count(self.known, [decode(payload, Window)[1]], start, self.policy.min_count, 0)

    def quiet(self):
        """The columns that alarm on each unchanged day, and the state before each."""
        state, found, states = np.zeros(0, np.float32), [], []
        for i in range(self.reference, len(self.stream.dates)):
            states.append(state)
            raised, state = alarms.advance(state, self.known, self.counted(i), self.budget)
            found.append({alarm.column for alarm in raised.alarms})
        return found, states

    def delays(self, shifted: str, states: list) -> list[int]:
        """Windows until the column alarms, from every EVERY-th day on."""
        days = [self.counted(i, shifted) for i in range(self.reference, len(self.stream.dates))]
        return [
            self._delay(shifted, states[first], days[first : first + LOOK])
            for first in range(0, len(days) - LOOK, EVERY)
        ]

    def _delay(self, shifted: str, state, days: list) -> int:
        for passed, day in enumerate(days, start=1):
            raised, state = alarms.advance(state, self.known, day, self.budget)
            if any(alarm.column == shifted for alarm in raised.alarms):
                return passed
        return NEVER


def shift(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """A quarter of a standard deviation up, but not beyond what the reference saw.

    Where there are few different values, such as whole hours, no new ones arise: each row moves to
    one of its new neighbours at random, by as much on average.
    """
    known = np.unique(reference[~np.isnan(reference)])
    moved = values + SHIFT * np.nanstd(reference)
    if len(known) <= FEW_VALUES:
        step = np.diff(known).min()
        rng = np.random.default_rng(6)
        moved = known[0] + step * np.floor((moved - known[0]) / step + rng.random(values.shape))
    return np.where(moved > known[-1], np.maximum(values, known[-1]), moved)


def incidents(found: list[set[str]], every: int) -> int:
    """Alarms of a column that are not within a week of its last one."""
    last: dict[str, int] = {}
    told = 0
    for i, columns in enumerate(found):
        told += sum(every * i - last.get(column, -NEVER) > WEEK for column in columns)
        last |= dict.fromkeys(columns, every * i)
    return told


def jitter(stream: real_data.Stream, column: str, reference: int) -> float:
    """How much the column's daily mean varies within weekdays, in standard deviations."""
    values = stream.columns[column][:reference].astype(float)
    means = pd.Series(np.nanmean(values, axis=1) / np.nanstd(values))
    weekday = stream.dates[:reference].dayofweek
    return round(float((means - means.groupby(weekday).transform("mean")).std()), 3)


def quiet_row(case: tuple, who: str, found: list[set[str]], every: int = 1) -> dict:
    """How often it alarmed although nothing was changed; `found` are the columns, day by day."""
    stream, reference = case
    years = len(found) * every / 365
    alarmed = sum(map(bool, found))
    told = incidents(found, every)
    return {
        "stream": stream.name,
        "reference": reference,
        "who": who,
        "windows": len(found),
        "alarms": alarmed,
        "a_year": round(alarmed * every / years, 1),
        "incidents": told,
        "incidents_a_year": round(told / years, 1),
        "columns": ", ".join(sorted(set().union(*found))),
    }


def shift_row(case: tuple, who: str, column: str, delays: list[int]) -> dict:
    """How soon it found a shift of the column."""
    stream, reference = case
    return {
        "stream": stream.name,
        "reference": reference,
        "who": who,
        "column": column,
        "jitter": jitter(stream, column, reference),
        "shifts": len(delays),
        "median": float(np.median(delays)),
        "within_7": round(float(np.mean(np.array(delays) <= WEEK)), 2),
    }


def write_for_peers(stream: real_data.Stream, reference: int, folder: Path) -> str:
    """The stream as a file of arrays: columns, the shifted ones beside them, and the reference."""
    moved = {
        f"shifted {name}": shift(stream.columns[name], stream.columns[name][:reference])
        for name in stream.shifting
    }
    plain = {name: _coded(values) for name, values in stream.columns.items()}
    path = folder / f"{stream.name}-{reference}.npz"
    np.savez(path, reference=reference, **plain, **moved)
    return str(path)


def _coded(values: np.ndarray) -> np.ndarray:
    """Categories as short text, which needs no pickle."""
    if values.dtype.kind in "iuf":
        return values.astype(float)
    _, codes = np.unique(values.astype(str), return_inverse=True)
    return np.char.add("c", codes.reshape(values.shape).astype(str))


def cases(found: list[real_data.Stream]) -> list[tuple[real_data.Stream, int]]:
    """Each stream with 56 days of reference; with 365, where as many follow."""
    return [(s, n) for s in found for n in (56, 365) if len(s.dates) >= 2 * n]


def ours(case: tuple) -> tuple[list[dict], list[dict]]:
    """The product's rows of both tables."""
    quiet, shifted = [], []
    for floor in (11, 1):
        who = f"countersign, floor {floor}"
        product = Product(*case, floor)
        found, states = product.quiet()
        quiet.append(quiet_row(case, who, found))
        for column in case[0].shifting:
            shifted.append(shift_row(case, who, column, product.delays(column, states)))
    return quiet, shifted


def theirs(cases: list[tuple], folder: Path, ready: Path | None) -> tuple[list, list, list[str]]:
    """The peers' rows of both tables, and what could not be had."""
    quiet, shifted, missing = [], [], []
    paths = [write_for_peers(*case, folder) for case in cases]
    for peer, packages in PEERS.items():
        python = str(ready / peer / "bin" / "python") if ready else None
        told, trouble = ask("drift_alarms.py", packages, python, peer, *paths)
        missing += [f"{peer}: {trouble}"] * bool(trouble)
        for case, answer in zip(cases, told or [], strict=False):
            for who, said in answer.items():
                found = [set(columns) for columns in said["quiet"]]
                quiet.append(quiet_row(case, who, found, said["every"]))
                for column, delays in said["delays"].items():
                    shifted.append(shift_row(case, who, column, delays))
    return quiet, shifted, missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, help="a folder with an environment for each peer")
    ready = parser.parse_args().peers
    quiet, shifted = [], []
    with tempfile.TemporaryDirectory() as name:
        found, missing = real_data.streams(Path(name))
        for case in cases(found):
            for table, rows in zip((quiet, shifted), ours(case), strict=True):
                table += rows
        longest = list({case[0].name: case for case in cases(found)}.values())
        *tables, troubles = theirs(longest, Path(name), ready)
    missing += troubles
    for table, rows in zip((quiet, shifted), tables, strict=True):
        table += rows
        table.sort(key=lambda row: (row["stream"], row["reference"]))
    facts = {"rows_a_window": real_data.ROWS, "left_out": missing}
    figures.report("real_streams", quiet, **facts, budget=Policy().false_alarms_per_year)
    figures.report("real_shifts", shifted, **facts, shift_sd=SHIFT, never=NEVER)
    for sentence in missing:
        print(f"*** {sentence} ***")


if __name__ == "__main__":
    main()
