"""The command line from enrolment to labels, against a real HTTP server."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from countersign.cli import OK, REFUSED, UNREACHABLE, main
from countersign.statement import Baseline, Outcomes, Window

from .appliance import PROBLEM, TOKEN, SmallAppliance, running_appliance
from .cast import ROLES, some_rows

Run = Callable[..., int]


@pytest.fixture
def appliance() -> Iterator[SmallAppliance]:
    with running_appliance() as running:
        yield running


@pytest.fixture
def run(appliance: SmallAppliance, tmp_path: Path) -> Run:
    """Runs a command in the home of an enrolled collector."""
    home = str(tmp_path / "home")
    assert main(["enroll", appliance.url, TOKEN, "--name", "ada-host", "--home", home]) == OK
    (tmp_path / "model.bin").write_bytes(b"weights")
    return lambda *arguments: main([*map(str, arguments), "--home", home])


def baseline_of(file: Path) -> list[str]:
    options = [str(file), "--model", "loans", "--version", "1"]
    options += ["--model-file", str(file.parent / "model.bin"), "--threshold", "0.37"]
    for name, role in ROLES.items():
        options += ["--role", f"{name}={role}"]
    return ["baseline", *options, "--time", "when"]


def written(rows: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, row_group_size=4_000)
    return path


VERSION = ["--model", "loans", "--version", "1"]


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_from_enrolment_to_labels(
    run: Run,
    appliance: SmallAppliance,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
):
    file = written(some_rows(20_000), tmp_path / name)
    assert run(*baseline_of(file)) == OK
    assert run("window", file, *VERSION, "--time", "when", "--replay", "--deployment", "prod") == OK
    assert run("outcomes", file, *VERSION, "--time", "when", "--deployment", "prod") == OK
    assert run("status") == OK

    [baseline] = appliance.payloads(Baseline)
    windows, outcomes = appliance.payloads(Window), appliance.payloads(Outcomes)
    assert len(baseline.windows) == 13
    assert sum(w.tally.rows for w in windows) == 20_000
    assert {w.deployment for w in windows} == {"prod"}
    assert all(w.replay for w in windows)
    week = dt.timedelta(days=7)
    assert all(w.end - w.start == week and w.start.weekday() == 0 for w in windows)
    assert [(o.start, o.end) for o in outcomes] == [(w.start, w.end) for w in windows]
    told = capsys.readouterr()
    assert told.out.count("accepted") == 1 + len(windows) + len(outcomes)
    assert "0 statements wait" in told.out
    assert told.err == ""


def test_a_csv_file_says_what_the_same_parquet_file_says(
    run: Run, appliance: SmallAppliance, tmp_path: Path
):
    rows = some_rows(5_000).assign(branch=lambda f: [f"{i % 7:03}" for i in range(len(f))])
    rows.loc[::50, ["income", "region"]] = None
    for name in ("rows.parquet", "rows.csv"):
        file = written(rows, tmp_path / name)
        arguments = [*baseline_of(file), "--role", "branch=group"]
        arguments[3 + arguments.index("--model")] = "1" if name.endswith("csv") else "2"
        assert run(*arguments) == OK
    first, second = appliance.payloads(Baseline)
    assert first.columns == second.columns
    assert first.total == second.total
    assert first.labels == second.labels


def test_a_file_may_be_one_window_or_a_part_of_it(
    run: Run, appliance: SmallAppliance, tmp_path: Path
):
    file = written(some_rows(3_000), tmp_path / "rows.parquet")
    run(*baseline_of(file))
    period = ["--start", "2026-01-05", "--end", "2026-01-12T00:00:00+00:00"]
    assert run("window", file, *VERSION, *period, "--shard", "1/2", "--revision", "3") == OK
    [window] = appliance.payloads(Window)
    assert (window.shard, window.shards, window.revision) == (1, 2, 3)
    assert window.start == dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    assert window.tally.rows == 3_000


def test_labels_by_one_person_more_are_held_back(
    run: Run, appliance: SmallAppliance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = some_rows(3_000)
    file = written(rows, tmp_path / "rows.parquet")
    run(*baseline_of(file))
    period = ["--start", "2026-01-05", "--end", "2026-01-12"]
    assert run("outcomes", file, *VERSION, *period) == OK
    written(rows.assign(repaid=rows["repaid"].where(rows.index > 0)), file)
    assert run("outcomes", file, *VERSION, *period, "--revision", "2") == OK
    assert "held back: labels.small_step" in capsys.readouterr().out
    assert len(appliance.payloads(Outcomes)) == 1


def test_a_window_of_a_shard_that_is_not_over_waits(
    run: Run, appliance: SmallAppliance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = written(some_rows(3_000), tmp_path / "rows.parquet")
    run(*baseline_of(file))
    period = ["--start", "2999-01-05", "--end", "2999-01-12", "--shard", "0/2"]
    assert run("window", file, *VERSION, *period) == OK
    assert "1 statements wait for the end of their window" in capsys.readouterr().out
    assert appliance.payloads(Window) == []


def test_start_and_end_choose_whole_windows_of_a_file(
    run: Run, appliance: SmallAppliance, tmp_path: Path
):
    file = written(some_rows(20_000), tmp_path / "rows.parquet")
    run(*baseline_of(file))
    period = ["--start", "2026-01-08", "--end", "2026-02-01"]
    assert run("window", file, *VERSION, "--time", "when", *period) == OK
    starts = [w.start.isoformat()[:10] for w in appliance.payloads(Window)]
    assert starts == ["2026-01-08", "2026-01-15", "2026-01-22"]


def test_a_refusal_names_the_rule_and_ends_with_1(
    run: Run, appliance: SmallAppliance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = written(some_rows(3_000), tmp_path / "rows.parquet")
    assert run("window", file, *VERSION, "--time", "when") == REFUSED
    run(*baseline_of(file))
    capsys.readouterr()
    appliance.first.append((422, PROBLEM, b'{"type": "window.future", "detail": "It is over."}'))
    period = ["--start", "2026-01-05", "--end", "2026-01-12"]
    assert run("window", file, *VERSION, *period) == REFUSED
    assert "window.future" in capsys.readouterr().err
    assert run("window", file, *VERSION) == REFUSED
    assert "window.period" in capsys.readouterr().err
    assert run("window", tmp_path / "absent.csv", *VERSION, "--time", "when") == REFUSED
    assert "file.missing" in capsys.readouterr().err


def test_unreadable_files_are_refused_without_quoting_them(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "rows.parquet").write_bytes(b"mary@example.com")
    assert run(*baseline_of(tmp_path / "rows.parquet")) == REFUSED
    numbers = "".join(f"2026-01-01,{i}\n" for i in range(1_000_000))
    (tmp_path / "rows.csv").write_text(f"when,x\n{numbers}2026-01-01,mary@example.com\n")
    assert run(*baseline_of(tmp_path / "rows.csv")) == REFUSED
    told = capsys.readouterr().err
    assert told.count("file.unreadable") == 2
    assert "mary" not in told


def test_what_cannot_be_sent_waits_and_goes_with_the_next_command(
    run: Run, appliance: SmallAppliance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = written(some_rows(3_000), tmp_path / "rows.parquet")
    run(*baseline_of(file))
    appliance.first.append((503, {}, b""))
    first = ["--start", "2026-01-05", "--end", "2026-01-12"]
    assert run("window", file, *VERSION, *first) == UNREACHABLE
    assert "1 statements wait" in capsys.readouterr().err
    second = ["--start", "2026-01-12", "--end", "2026-01-19"]
    assert run("window", file, *VERSION, *second) == OK
    assert len(appliance.payloads(Window)) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["baseline", "x.csv", *VERSION],
        ["baseline", "x.csv", *VERSION, "--digest", "beef"],
        ["baseline", "x.csv", *VERSION, "--digest", "0" * 64, "--role", "risk"],
        ["baseline", "x.csv", *VERSION, "--digest", "0" * 64, "--window", "1 week"],
        ["window", "x.csv", *VERSION, "--start", "yesterday"],
        ["window", "x.csv", *VERSION, "--shard", "3/3"],
        ["fly"],
        [],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: countersign" in capsys.readouterr().err


RECIPE_FILE = """
threshold = 0.37
time = "when"
slices = ["region", ["region", "employed"]]
multivariate = ["age", "income"]
template = "credit"

[roles]
risk = "score"
approved = "prediction"
repaid = "outcome"

[joined]
"sex and origin" = ["sex", "origin"]

[worth]
currency = "EUR"
false_positive = -900.0
"""


def test_a_recipe_file_says_what_a_command_line_cannot(
    run: Run, appliance: SmallAppliance, tmp_path: Path
):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE_FILE)
    for name in ("rows.parquet", "rows.csv"):
        file = written(some_rows(20_000), tmp_path / name)
        arguments = ["baseline", file, "--model", "loans", "--digest", "d" * 64]
        version = ["--version", "1" if name.endswith("csv") else "2"]
        assert run(*arguments, *version, "--recipe", recipe, "--window", "14d") == OK
    assert run("window", file, *VERSION, "--time", "when") == OK
    assert run("outcomes", file, *VERSION, "--time", "when") == OK
    first, second = appliance.payloads(Baseline)
    assert first.total == second.total
    assert (first.window_seconds, first.threshold) == (14 * 86_400, 0.37)
    assert (first.template, len(first.slices), len(first.maps)) == ("credit", 2, 1)
    assert "sex and origin" in first.total.groups
    assert all(w.tally.slices for w in appliance.payloads(Window))
    assert any(o.labels.slices for o in appliance.payloads(Outcomes))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, "file.missing"),
        ("thresold = 0.4", "file.recipe"),
        ("threshold = 'high'", "file.recipe"),
        ("window = '7 days'", "file.recipe"),
        ("not toml at all", "file.recipe"),
        ("slices = ['shoe size']", "baseline.slices"),
        ("template = 'no spaces'", "baseline.template"),
    ],
)
def test_what_no_recipe_can_say_is_refused_by_name(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, rule: str
):
    file = written(some_rows(500).drop(columns="when"), tmp_path / "rows.parquet")
    recipe = tmp_path / "recipe.toml"
    if text is not None:
        recipe.write_text(text)
    arguments = ["baseline", file, *VERSION, "--digest", "d" * 64, "--recipe", recipe]
    assert run(*arguments) == REFUSED
    assert capsys.readouterr().err.startswith(f"refused: {rule}")


def test_a_profile_becomes_a_baseline_and_a_window(
    run: Run, appliance: SmallAppliance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    buckets = [{"value": "north", "count": 800}, {"value": "Eve", "count": 3}]
    strings = {
        "common": {"num_present": 803, "num_missing": 97},
        "distribution": {"categorical": {"buckets": buckets}},
    }
    feature = {"name": "region", "inferred_type": "String", "string_statistics": strings}
    profile = tmp_path / "statistics.json"
    profile.write_text(json.dumps({"dataset": {"item_count": 900}, "features": [feature]}))
    assert run("convert", profile, *VERSION, "--digest", "d" * 64) == OK
    period = ["--start", "2026-01-05", "--end", "2026-01-12", "--deployment", "prod"]
    assert run("convert", profile, *VERSION, *period, "--replay") == OK
    [baseline], [window] = appliance.payloads(Baseline), appliance.payloads(Window)
    assert baseline.total.columns["region"].cells == [97, 0, 803, None]
    assert (window.tally, window.deployment, window.replay) == (baseline.total, "prod", True)
    told = capsys.readouterr().out
    assert told.count("not sent: texts of categories of 1 column") == 2
    assert not any(b"Eve" in body for body in appliance.received.values())


def test_convert_needs_to_know_what_for_and_a_profile(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    profile = tmp_path / "profile.json"
    assert run("convert", profile, *VERSION, "--digest", "d" * 64) == REFUSED
    profile.write_text(
        '{"dataset": {"item_count": 9}, "features": [{"inferred_type": "x", "name": "a"}]}'
    )
    assert run("convert", profile, *VERSION) == REFUSED
    assert run("convert", profile, *VERSION, "--digest", "d" * 64) == REFUSED
    profile.write_text("age\n3\n")
    assert run("convert", profile, *VERSION, "--digest", "d" * 64) == REFUSED
    rules = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert rules == ["file.missing", "convert.what", "convert.column", "convert.unknown"]
