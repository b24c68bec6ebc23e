"""The demo's data: real when the pinned wheel can be had, plainly generated when it can't."""

import hashlib
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appliance.demo import data

ROWS = 530  # a year of people: not a multiple of 52


def people(year: int) -> pa.Table:
    """A year as the survey's files hold it. Ages count the rows, so that an order can be seen."""
    ids = range((year - 2015) * ROWS, (year - 2014) * ROWS)
    return pa.table(
        {name: ["1"] * ROWS for name in data.COLUMNS}
        | {"AGEP": ids, "employed": ids, "id": ids, "year": [year] * ROWS}
    )


def wheel(folder: Path, *, later: pa.Table, labels: pa.Table) -> Path:
    """An archive laid out like the one that the demo downloads."""
    path = folder / "survey.whl"
    tables = {"reference": people(2015), "analysis": later, "analysis_target": labels}
    with zipfile.ZipFile(path, "w") as archive:
        for name, table in tables.items():
            out = io.BytesIO()
            pq.write_table(table, out)
            archive.writestr(f"{data.FOLDER}{name}.pq", out.getvalue())
    return path


@pytest.fixture
def years() -> pa.Table:
    return pa.concat_tables([people(2016), people(2017), people(2018)])


def test_every_row_lands_in_one_week_and_keeps_its_order(tmp_path: Path, years: pa.Table) -> None:
    rows = years.drop_columns("employed")
    survey = data.read_survey(wheel(tmp_path, later=rows, labels=years.select(["id", "employed"])))

    assert (len(survey.reference), len(survey.later)) == (52, 156)
    ages = [age for week in survey.reference + survey.later for age in week.rows["age"].to_pylist()]
    assert ages == list(range(4 * ROWS))
    employed = [e for week in survey.later for e in week.rows["employed"].to_pylist()]
    assert employed == ages[ROWS:]
    assert {week.rows.num_rows for week in survey.later} <= {10, 11}


def test_weeks_follow_each_other_without_a_gap(tmp_path: Path, years: pa.Table) -> None:
    survey = data.read_survey(wheel(tmp_path, later=years.drop_columns("employed"), labels=years))

    weeks = survey.reference + survey.later
    assert weeks[0].start == datetime(2015, 1, 5, tzinfo=UTC)
    assert [week.end for week in weeks[:-1]] == [week.start for week in weeks[1:]]


def test_the_version_is_known_by_the_digest_of_its_scores(tmp_path: Path, years: pa.Table) -> None:
    archive = wheel(tmp_path, later=years.drop_columns("employed"), labels=years)
    scores = zipfile.ZipFile(archive).read(f"{data.FOLDER}reference.pq")

    assert data.read_survey(archive).digest == hashlib.sha256(scores).hexdigest()


def test_labels_in_another_order_are_not_used(tmp_path: Path, years: pa.Table) -> None:
    shuffled = wheel(tmp_path, later=years.drop_columns("employed"), labels=years.slice(1))

    with pytest.raises(data.NotAvailable, match="same order"):
        data.read_survey(shuffled)


def test_a_wheel_that_is_not_the_pinned_one_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "nannyml-0.13.1-py3-none-any.whl").write_bytes(b"something else")

    with pytest.raises(data.NotAvailable, match="not the file"):
        data.fetch(tmp_path)


def test_without_the_wheel_the_data_are_generated_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    survey = data.load(tmp_path)

    assert survey.generated.startswith("GENERATED DATA, NOT REAL PEOPLE: pip could not download")
    assert (len(survey.reference), len(survey.later)) == (52, 156)
    assert survey.later[0].rows.column_names == list(data.COLUMNS.values())
