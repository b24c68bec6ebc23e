"""How much of a foreign text fits through each field: no more than the threat model says.

The whole table is made by bench/attacks; here small statements are searched for the fields that
carry more than they should.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.attacks import smuggling
from bench.attacks.smuggling import Door
from countersign.statement import Baseline, Event, Outcomes, Window
from tests.builders import (
    VERSION_DIGEST,
    a_baseline,
    a_plan,
    a_statement,
    a_window,
    an_event,
    outcomes_of,
)

PLAN = "0" * 64
WINDOW = a_window(PLAN)
DOOR = Door(a_plan(), PLAN, VERSION_DIGEST, datetime.now(UTC), WINDOW)
RESULTS = Path(smuggling.__file__).resolve().parent / "results" / "smuggling.json"
KINDS: dict[type[Any], bytes] = {
    Window: a_statement(WINDOW),
    Outcomes: a_statement(outcomes_of(WINDOW)),
    Event: a_statement(an_event(reference="0" * 64)),
    Baseline: a_statement(a_baseline(windows=[])),
}
CANARY = 64  # bits

# Texts that a sender chooses, with the bits that were measured at most.
TEXTS = {
    "Window": {"predicate.deployment": 370},
    "Outcomes": {},
    "Event": {"predicate.label": 370, "predicate.reference": 256},
    "Baseline": {"predicate.columns[*].name": 370, "predicate.columns[*].tokens[*]": 128},
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_only_the_named_texts_carry_a_canary(kind: type[Any]) -> None:
    bits = smuggling.capacities(DOOR, kind, KINDS[kind])
    wide = {field: n for field, n in bits.items() if n >= CANARY}
    allowed = TEXTS[kind.__name__]
    assert set(wide) <= set(allowed)
    assert all(n <= allowed[field] for field, n in wide.items())
    assert max(bits.values()) > 8  # the fuzzer does find what there is


def test_the_fuzzer_finds_a_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the firewall and the registry's knowledge away, names carry what they like."""
    monkeypatch.setattr(Door, "_agrees", lambda self, told: True)
    outcomes = smuggling.capacities(DOOR, Outcomes, KINDS[Outcomes])
    assert outcomes["predicate.deployment"] >= CANARY
    assert outcomes["predicate.plan"] >= CANARY


def test_the_committed_table_has_every_field_and_no_wider_text() -> None:
    told = json.loads(RESULTS.read_text())["bits"]
    for kind in KINDS:
        fields = set(smuggling.fields(json.loads(KINDS[kind])))
        known = set(told[kind.__name__])
        optional = {"predicate.revision"}
        assert fields - known <= optional, fields - known


def test_a_tables_cells_hold_about_as_many_bits_as_there_are_ways_to_fill_them() -> None:
    # By hand: 22 rows in 2 cells, none below 11: (22,0) (0,22) (11,11).
    assert smuggling.room(22, 2) == pytest.approx(1.585, abs=0.001)
    assert smuggling.room(11, 4) == pytest.approx(2)
    assert smuggling.room(100_000, 20) > smuggling.room(1_000, 20)
