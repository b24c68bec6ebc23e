"""What other drift detectors say, with their defaults, about the days of `real_streams`.

    python drift_alarms.py evidently|nannyml|alibi-detect|river FILE.npz ...

Each file has (days, rows) arrays by column name, numeric ones also as `shifted NAME`, and how many
days are the reference. The answer, one per file: {detector: {"every": which days were looked at,
"quiet": [columns that alarm, by day], "delays": {column: [windows until it alarms]}}}.

evidently     ValueDrift, which DataDriftPreset is made of: each column by the test that Evidently
              chooses itself; it draws pictures for every column, so it gets every fifth day only
nannyml       UnivariateDriftCalculator, a chunk per day: Jensen-Shannon, threshold 0.1
alibi-detect  KSDrift, the numeric columns at p = 0.05 with Bonferroni's correction
river         ADWIN, KSWIN, PageHinkley, one per numeric column, fed row by row; KSWIN, which sorts
              at every row, gets one row in twenty
"""

import json
import os
import sys
import warnings

import numpy as np

os.environ |= {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}  # two of them call home
warnings.simplefilter("ignore")

SHIFTED = "hour"
EVERY, LOOK, NEVER = 30, 7, 999
REFERENCE_ROWS = 5_000  # rows of the reference that slow comparisons draw
FIFTH, THINNED, PAST = 5, 20, 28


class Days:
    """One file: days as columns of values."""

    def __init__(self, path):
        held = np.load(path)
        self.reference = int(held["reference"])
        names = [n for n in held.files if n != "reference" and not n.startswith("shifted ")]
        self.columns = {n: held[n] for n in names}
        self.moved = held[f"shifted {SHIFTED}"]
        self.numeric = [n for n in names if f"shifted {n}" in held.files]
        self.count = len(self.moved)

    def rows(self, days, *, moved=False, most=None, names=None):
        """The columns' values over some days, at most so many of them drawn at random."""
        chosen = {
            n: (self.moved if moved and n == SHIFTED else self.columns[n])[days].ravel()
            for n in names or self.columns
        }
        size = len(chosen[SHIFTED])
        if most and size > most:
            drawn = np.random.default_rng(0).choice(size, most, replace=False)
            chosen = {n: values[drawn] for n, values in chosen.items()}
        return chosen

    @property
    def past(self):
        return np.arange(self.reference)

    def starts(self):
        return range(self.reference, self.count - LOOK, EVERY)


def by_window(days, alarms_of, every=1):
    """For detectors that look at each day alone: `alarms_of(day, moved)` names its columns."""
    delays = []
    for first in days.starts():
        found = (SHIFTED in alarms_of(first + i, moved=True) for i in range(LOOK))
        delays.append(next((i for i, alarm in enumerate(found, start=1) if alarm), NEVER))
    looked = range(days.reference, days.count, every)
    quiet = [alarms_of(day, moved=False) for day in looked]
    return {"every": every, "quiet": quiet, "delays": {SHIFTED: delays}}


def evidently(days):
    import pandas as pd
    from evidently import Report
    from evidently.metrics import ValueDrift

    past = pd.DataFrame(days.rows(days.past, most=REFERENCE_ROWS))
    report = Report([ValueDrift(column=name) for name in days.columns])

    def alarms_of(day, *, moved):
        told = report.run(pd.DataFrame(days.rows([day], moved=moved)), past).dict()
        return [m["config"]["column"] for m in told["metrics"] if _evidently_drifted(m)]

    return {"evidently ValueDrift": by_window(days, alarms_of, FIFTH)}


def _evidently_drifted(metric):
    config, value = metric["config"], float(metric["value"])
    below = "p_value" in config["method"]
    return value < config["threshold"] if below else value >= config["threshold"]


def nannyml(days):
    import pandas as pd
    from nannyml.drift.univariate import UnivariateDriftCalculator

    calculator = UnivariateDriftCalculator(
        column_names=list(days.columns), chunk_size=days.columns[SHIFTED].shape[1]
    ).fit(pd.DataFrame(days.rows(days.past)))

    def alarmed(moved):
        rows = pd.DataFrame(days.rows(np.arange(days.reference, days.count), moved=moved))
        told = calculator.calculate(rows).filter(period="analysis").to_df()
        return [
            [name for name in days.columns if bool(told[name, "jensen_shannon", "alert"].iloc[i])]
            for i in range(days.count - days.reference)
        ]

    found = {moved: alarmed(moved) for moved in (False, True)}
    return {
        "nannyml UnivariateDriftCalculator": by_window(
            days, lambda day, moved: found[moved][day - days.reference]
        )
    }


def alibi_detect(days):
    from alibi_detect.cd import KSDrift

    def matrix(chosen, **options):
        rows = days.rows(chosen, names=days.numeric, **options)
        filled = [np.nan_to_num(rows[n], nan=np.nanmedian(rows[n])) for n in days.numeric]
        return np.stack(filled, axis=1).astype(np.float32)

    detector = KSDrift(matrix(days.past, most=REFERENCE_ROWS), p_val=0.05)

    def alarms_of(day, *, moved):
        told = detector.predict(matrix([day], moved=moved))["data"]
        low = told["p_val"] < told["threshold"]
        return [n for n, drifted in zip(days.numeric, low, strict=True) if drifted]

    return {"alibi-detect KSDrift": by_window(days, alarms_of)}


def river(days):
    from river.drift import ADWIN, KSWIN, PageHinkley

    kinds = {"ADWIN": (ADWIN, 1), "KSWIN": (lambda: KSWIN(seed=1), THINNED)}
    kinds["PageHinkley"] = (PageHinkley, 1)
    answer = {}
    for name, (make, step) in kinds.items():
        quiet = [[] for _ in range(days.reference, days.count)]
        for column in days.numeric:
            alarms = _feed(make(), days.columns[column][:, ::step])
            for day in np.flatnonzero(alarms[days.reference :]):
                quiet[day].append(column)
        delays = [_river_delay(make(), days, first, step) for first in days.starts()]
        answer[f"river {name}"] = {"every": 1, "quiet": quiet, "delays": {SHIFTED: delays}}
    return answer


def _feed(detector, values):
    """On which of the days (days, rows) the detector said drift."""
    alarms = []
    for day in values.tolist():
        drift = False
        for value in day:
            if value == value:
                detector.update(value)
                drift = drift or detector.drift_detected
        alarms.append(drift)
    return np.array(alarms)


def _river_delay(detector, days, first, step):
    past = days.columns[SHIFTED][first - PAST : first, ::step]
    now = days.moved[first : first + LOOK, ::step]
    alarms = _feed(detector, np.concatenate([past, now]))[len(past) :]
    return int(np.argmax(alarms)) + 1 if alarms.any() else NEVER


PEERS = {
    "evidently": evidently,
    "nannyml": nannyml,
    "alibi-detect": alibi_detect,
    "river": river,
}

if __name__ == "__main__":
    print(json.dumps([PEERS[sys.argv[1]](Days(path)) for path in sys.argv[2:]]))
