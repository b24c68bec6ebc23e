"""Columns under aliases: no name crosses, everything else is counted as ever."""

import hmac
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign import Collector, Refused
from countersign.aliases import alias_of
from countersign.labels import labels_of
from countersign.statement import Baseline, Outcomes, Window, decode
from countersign.tables import is_alias

from .appliance import SmallAppliance
from .cast import END, KEY, RECIPE, RICH, START, plan_of, rich_rows, shap_values, some_rows
from .test_cli import VERSION, Run, appliance, baseline_of, run, written

__all__ = ["appliance", "run"]

ROWS = rich_rows(3_000)
NAMED = Collector.baseline(ROWS, attributions=shap_values(400), **RICH)
HIDDEN = Collector.baseline(ROWS, attributions=shap_values(400), aliases=True, **RICH)


def alias(name: str) -> str:
    return alias_of(KEY, "loans", name)


def counted(baseline: bytes) -> tuple[bytes, bytes]:
    """A window, some of it row by row, and its labels."""
    collector = Collector(plan_of(baseline), key=KEY)
    collector.add(ROWS[:2_700])
    for row in ROWS[2_700:].to_dict("records"):
        collector.add_row(row)
    collector.add_attributions(shap_values(400))
    told = collector.close_window(START, END), collector.outcomes(ROWS, START, END)
    assert collector.failures == 0
    return told


@given(st.text(), st.text())
def test_an_alias_is_the_documented_hmac(model: str, name: str):
    parts = [p.encode("utf-8", "surrogatepass") for p in ("countersign alias v1", model, name)]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert alias_of(KEY, model, name) == "k" + hmac.new(KEY, message, "sha256").hexdigest()[:12]


def test_no_columns_name_is_in_any_statement():
    names = [*ROWS.columns, "sex and origin"]
    for payload in (HIDDEN, *counted(HIDDEN)):
        assert [n for n in names if n not in ("age", "sex") and n.encode() in payload] == []
        assert b'"age"' not in payload and b'"sex"' not in payload
    assert all(is_alias(c.name) for c in decode(HIDDEN, Baseline)[1].columns)


def test_under_aliases_the_same_is_counted():
    told, plain_told = (decode(payload, Baseline)[1] for payload in (HIDDEN, NAMED))
    assert [c.edges for c in told.columns] == [c.edges for c in plain_told.columns]
    hidden, named = counted(HIDDEN), counted(NAMED)
    window, labels = decode(hidden[0], Window)[1], decode(hidden[1], Outcomes)[1]
    plain, known = decode(named[0], Window)[1], decode(named[1], Outcomes)[1]
    for name in ("income", "age", "risk", "employed", "milliseconds", "politeness"):
        assert window.tally.columns[alias(name)] == plain.tally.columns[name]
    assert labels.labels.overall == known.labels.overall
    assert labels.labels.quality[alias("usefulness")] == known.labels.quality["usefulness"]
    assert set(window.tally.maps) == {"second moments", alias("picture")}
    assert window.tally.attributions is not None and plain.tally.attributions is not None
    assert sorted(window.tally.attributions.mean_absolute.values()) == sorted(
        plain.tally.attributions.mean_absolute.values()
    )


def test_a_refusal_tells_the_team_the_columns_own_name():
    frame = some_rows(200).assign(moment=lambda f: f["when"]).drop(columns="when")
    with pytest.raises(Refused) as refused:
        Collector.baseline(frame, aliases=True, **RECIPE)
    assert (refused.value.rule, refused.value.path) == ("baseline.unsupported_column", "moment")


def test_names_that_the_wire_cannot_carry_can_have_aliases():
    frame = some_rows(200).drop(columns="when").rename(columns={"age": "Alter (geschätzt)"})
    told = decode(Collector.baseline(frame, aliases=True, **RECIPE), Baseline)[1]
    assert alias("Alter (geschätzt)") in told.total.columns


def test_labels_say_what_the_plans_tokens_and_aliases_stand_for():
    plan = plan_of(HIDDEN)
    labels = labels_of(plan, KEY, [ROWS[:1_500], ROWS[1_500:]])
    tokens = {token for column in plan.plan.columns for token in column.tokens}
    aliases = {column.name for column in plan.plan.columns} | {alias("picture")}
    assert tokens | aliases <= set(labels)
    assert labels[alias("income")] == "income"
    assert labels[alias("sex and origin")] == "sex and origin"
    assert {"north", "south", "f and here"} <= set(labels.values())


def test_a_category_that_the_plan_does_not_tell_is_not_among_the_labels():
    rows = ROWS.copy()
    rows.loc[0, "region"] = "Canary Island"
    assert "Canary Island" not in labels_of(plan_of(HIDDEN), KEY, [rows]).values()


def test_the_command_line_counts_under_aliases_and_writes_labels(
    run: Run, appliance: SmallAppliance, tmp_path: Path
):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("aliases = true\n")
    rows = some_rows(4_000).assign(branch=lambda f: [f"{i % 7:03}" for i in range(len(f))])
    file = written(rows, tmp_path / "rows.csv")
    assert run(*baseline_of(file), "--role", "branch=group", "--recipe", str(recipe)) == 0
    assert run("window", file, *VERSION, "--time", "when", "--replay") == 0
    assert run("outcomes", file, *VERSION, "--time", "when") == 0
    windows = appliance.payloads(Window)
    assert sum(w.tally.rows for w in windows) == 4_000
    told = [name for w in windows for name in w.tally.columns]
    assert told and all(map(is_alias, told))

    out = tmp_path / "labels.json"
    assert run("labels", file, *VERSION, "--out", str(out)) == 0
    labels = json.loads(out.read_text())["labels"]
    assert {"branch", "income", "003", "north"} <= set(labels.values())
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert all("branch" not in str(payload) for payload in appliance.received.values())
