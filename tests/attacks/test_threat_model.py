"""The threat model quotes what was measured."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
RESULTS = ROOT / "bench" / "attacks" / "results"


def measured(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return figures


def test_the_table_of_designs_is_the_measured_one():
    rows = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("| ")]
    quoted = {cells[0].strip(): [c.strip() for c in cells[1:]] for cells in rows if len(cells) == 5}
    designs = measured("attacks")["designs"]
    order = ["ours", "whylogs", "evidently", "plain_sha256"]
    compared = 0
    for figure in designs["ours"]:
        shown = quoted.get(figure.replace("5000", "5,000").replace("50000", "50,000"))
        if shown is None or not all(isinstance(designs[name][figure], int) for name in order):
            continue
        told = [cell.replace(",", "").replace("–", "0") for cell in shown]
        assert told == [str(designs[name][figure]) for name in order], figure
        compared += 1
    assert compared >= 4


def test_the_firewalls_and_the_clocks_figures_are_the_measured_ones():
    names = measured("column_names")
    assert f"{names['different_names']:,} different column names" in TEXT
    assert f"{names['public_data_sets']} public data sets" in TEXT
    assert names["names_refused"] == []
    timing = measured("timing")
    assert timing["within_limit"] and timing["most_longer_ms"] <= timing["limit_ms"]
    assert f"{-timing['most_longer_ms']} ms sooner" in TEXT


def test_every_wide_field_is_in_the_table():
    bits = measured("smuggling")["bits"]
    texts = {n for kind in bits.values() for n in kind.values() if n >= 64}
    section = TEXT.partition("## How much fits")[2]
    assert texts <= {int(n) for n in re.findall(r"\d+", section)}


def test_the_audits_figures_are_the_measured_ones_here_and_where_privacy_is_explained():
    found = measured("epsilon_audit")
    privacy = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    for text in (TEXT, privacy):
        assert f"{found['statements_of_each_data_set']:,} statements of each" in text
        for one in found["audits"]:
            bounds = one["lower_bound"], one["lower_bound_with_half_the_noise"]
            cells = " | ".join(f"{bound:.2f}" for bound in bounds)
            law = one["mechanism"].replace("_", " ").title().replace("Discrete", "discrete")
            assert f"| {law} | {one['claimed']:g} | {cells} |" in text
    slowest = json.loads((ROOT / "bench" / "results" / "noise.json").read_text())["slowest"]
    assert f"{slowest} s at most" in privacy
