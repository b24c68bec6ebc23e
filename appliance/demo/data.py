"""The demo's data: who in Massachusetts works, and a model's guess, 2015 to 2018.

The people are the American Community Survey's; the scores are those of a model that guesses who is
employed, published by the NannyML project together with them. Both come in three Parquet files
inside one wheel (Apache-2.0), which is downloaded alone, checked against the digest in `wheel.txt`,
and opened as the zip archive that it is. Its code is never installed or imported.

The files carry a year per row and nothing finer. The demo cuts each year, in the files' own order,
into 52 parts of nearly equal size and calls them weeks. The people, the answers and the scores are
real; the weeks are not. In the files of 2017 and 2018 the people who live in dormitories, nursing
homes and prisons stand together instead of among the others: nobody planted that for the demo.
"""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

WHEEL = Path(__file__).with_name("wheel.txt")
FOLDER = "nannyml/datasets/data/employment_MA_"
DOWNLOAD_SECONDS = 120

WEEK = timedelta(days=7)
WEEKS_A_YEAR = 52
FIRST_MONDAY = datetime(2015, 1, 5, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 2015, 2018

# The survey's codes, and what this demo calls them.
COLUMNS = {
    "AGEP": "age",
    "SCHL": "schooling",
    "MAR": "marital status",
    "RELP": "relationship",
    "DIS": "disability",
    "ESP": "parents at work",
    "CIT": "citizenship",
    "MIG": "moved house",
    "MIL": "military service",
    "ANC": "ancestry",
    "NATIVITY": "born abroad",
    "DEAR": "hearing difficulty",
    "DEYE": "seeing difficulty",
    "DREM": "thinking difficulty",
    "SEX": "sex",
    "RAC1P": "race",
    "prediction": "decision",
    "predicted_probability": "score",
    "employed": "employed",
}
ROLES = {
    "sex": "group",
    "race": "group",
    "score": "score",
    "decision": "prediction",
    "employed": "outcome",
}
THRESHOLD = 0.5
SLICES = ["marital status", "citizenship", "disability", ("disability", "moved house")]


class NotAvailable(Exception):
    """The wheel can't be had; the message says why, in a sentence for the person at the screen."""


@dataclass(frozen=True)
class Week:
    """One window's rows: [start, start + 7 days)."""

    start: datetime
    rows: pa.Table

    @property
    def end(self) -> datetime:
        return self.start + WEEK

    @property
    def year(self) -> int:
        """The year that most of the week lies in, as ISO 8601 counts."""
        return self.start.isocalendar().year

    def with_moments(self) -> pa.Table:
        """The rows with a column `moment`: evenly over the week."""
        seconds = np.linspace(0, WEEK.total_seconds(), len(self.rows), endpoint=False)
        moments = np.datetime64(self.start.replace(tzinfo=None), "s") + seconds.astype(int)
        return self.rows.append_column("moment", pa.array(moments))


@dataclass(frozen=True)
class Survey:
    """What the demo plays. `digest` stands in for the model's; `generated` is empty when real."""

    source: str
    digest: str
    digest_of: str
    reference: list[Week] = field(repr=False)
    later: list[Week] = field(repr=False)
    generated: str = ""

    def categories(self) -> dict[str, list[str]]:
        """The codes that each column of codes had in the reference year."""
        year = pa.concat_tables([week.rows for week in self.reference])
        return {
            name: [code for code in pc.unique(year[name]).to_pylist() if code is not None]
            for name in year.column_names
            if not pa.types.is_primitive(year[name].type)
        }


def load(cache: Path) -> Survey:
    """The survey, or, when it can't be had, a generated set that says so of itself."""
    try:
        return read_survey(fetch(cache))
    except NotAvailable as reason:
        return generate_survey(str(reason))


def fetch(cache: Path) -> Path:
    """The wheel that `wheel.txt` pins, from `cache` or downloaded. Raises `NotAvailable`."""
    requirement = next(li for li in WHEEL.read_text().splitlines() if li and li[0] != "#")
    name, _, digest = requirement.partition(" --hash=sha256:")
    wheel = cache / (name.replace("==", "-") + "-py3-none-any.whl")
    if not wheel.exists():
        _download(cache)
    if not wheel.exists() or hashlib.sha256(wheel.read_bytes()).hexdigest() != digest:
        raise NotAvailable(f"what arrived as {wheel.name} is not the file that the demo pins")
    return wheel


def read_survey(wheel: Path) -> Survey:
    """Read the three files out of the archive and lay them on a calendar."""
    with zipfile.ZipFile(wheel) as archive:
        scores = archive.read(f"{FOLDER}reference.pq")
        later = _table(archive.read(f"{FOLDER}analysis.pq"))
        labels = _table(archive.read(f"{FOLDER}analysis_target.pq"))
    if later["id"] != labels["id"]:
        raise NotAvailable("the later rows and their labels are not in the same order")
    return Survey(
        source="American Community Survey, Massachusetts 2015-2018 (in nannyml 0.13.1, Apache-2.0)",
        digest=hashlib.sha256(scores).hexdigest(),
        digest_of="the file of the model's scores in 2015 (the model itself is not published)",
        reference=list(_weeks(_table(scores))),
        later=list(_weeks(later.append_column("employed", labels["employed"]))),
    )


def generate_survey(reason: str, rows_a_year: int = 60_000) -> Survey:
    """Made-up people for a machine that can't reach the real ones. They age in the last year."""
    random = np.random.default_rng(2015)
    years = [
        _made_up(random, year, rows_a_year, older=10.0 * (year == LAST_YEAR))
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
    ]
    weeks = [list(_weeks(year)) for year in years]
    scores = years[0]["predicted_probability"].to_numpy().tobytes()
    return Survey(
        source="a generated set",
        digest=hashlib.sha256(scores).hexdigest(),
        digest_of="the generated scores of the first year",
        reference=weeks[0],
        later=[week for year in weeks[1:] for week in year],
        generated=f"GENERATED DATA, NOT REAL PEOPLE: {reason}",
    )


def _download(cache: Path) -> None:
    """Let pip download one wheel, as the machine's pip is configured; `wheel.txt` has the hash."""
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:"]
    what = ["--no-deps", "--require-hashes", "--requirement", str(WHEEL), "--dest", str(cache)]
    for python in dict.fromkeys([sys.executable, str(Path(sys.base_prefix, "bin", "python3"))]):
        command = [python, "-m", "pip", "download", *options, *what]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter, our own file
                command, capture_output=True, timeout=DOWNLOAD_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotAvailable(f"the download took over {DOWNLOAD_SECONDS} seconds") from None
        if done.returncode == 0:
            return
    raise NotAvailable("pip could not download the wheel that holds the survey")


def _table(parquet: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(parquet))


def _weeks(table: pa.Table) -> Iterator[Week]:
    """Cut each year into 52 parts. Row order is kept, and so is every row."""
    years = table["year"].to_numpy()
    named = table.select(list(COLUMNS)).rename_columns(list(COLUMNS.values()))
    for year in np.unique(years):
        first, last = np.flatnonzero(years == year)[[0, -1]]
        edges = np.linspace(first, last + 1, WEEKS_A_YEAR + 1).astype(int)
        for week, (start, end) in enumerate(pairwise(edges)):
            at = FIRST_MONDAY + ((int(year) - FIRST_YEAR) * WEEKS_A_YEAR + week) * WEEK
            yield Week(at, named.slice(start, end - start))


def _made_up(random: np.random.Generator, year: int, rows: int, older: float) -> pa.Table:
    """People with an age, a schooling and two groups; whether they work follows the score."""
    age = np.clip(random.normal(42 + older, 18, rows), 0, 95).round()
    schooling = random.choice(["1", "2", "3"], rows, p=[0.3, 0.5, 0.2])
    odds = 2.5 - np.abs(age - 42) / 9 + (schooling == "3")
    score = 1 / (1 + np.exp(-odds))
    plain = dict.fromkeys(COLUMNS, np.full(rows, "1"))
    return pa.table(
        plain
        | {
            "AGEP": age,
            "SCHL": schooling,
            "SEX": random.choice(["1", "2"], rows),
            "RAC1P": random.choice(["1", "2", "3"], rows, p=[0.8, 0.1, 0.1]),
            "predicted_probability": score,
            "prediction": (score >= THRESHOLD).astype(int),
            "employed": (random.random(rows) < score).astype(int),
            "year": np.full(rows, year),
        }
    )
