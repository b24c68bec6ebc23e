"""How many bits of a foreign text each field of a statement can carry past every check.

A fuzzer takes valid statements, writes k random bits into one field in every way it knows, mends
what depends on the field (a column's other cells, the same name elsewhere), and asks whether the
result would be accepted: the firewall, the strict parse, the one spelling, the rules of the wire,
the plan, and what the appliance knows (model, version, plan, clock). A field carries k bits if
every one of several random words of k bits gets through and comes out different.

The words that get through can't be told from honest ones; what is measured is the room that any
format with such a field leaves, so that the threat model can state it.
"""

import json
import string
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import lgamma, log
from typing import Any

import numpy as np

from countersign import statement as wire
from countersign import templates
from countersign.checks import check_baseline, check_outcomes, check_window
from countersign.collector import Collector
from countersign.statement import Baseline, Event, Outcomes, Plan, Predicate, Refused, Window
from countersign.statements import OpenPlan
from detectors import firewall
from tests.collector import cast
from tests.collector.appliance import plan_payload

LADDER = (1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 48, 52, 56, 64, 96, 120, 128, 192, 250, 256, 320, 370)
WORDS = 6  # of each size that must all get through
FIRST = datetime(1990, 1, 1, tzinfo=UTC)  # as detectors.admission has it, which needs a database
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Door:
    """What the appliance knows: it stands for the tables that intake asks.

    `window` is the one whose counts have come: outcomes are of that one.
    """

    plan: Plan
    plan_digest: str
    version_digest: str
    now: datetime
    window: Window

    def admits(self, kind: type[Predicate], document: dict[str, Any]) -> bytes | None:
        """The canonical bytes if they would be accepted."""
        try:
            subject, told = wire.decode(json.dumps(document).encode(), kind)  # type: ignore[type-var]
            payload = wire.encode(told, subject.digest.get("sha256", ""))
            firewall.refuse_profiles(payload)
            firewall.refuse_content(payload)
            known = (told.model, told.version) == (self.plan.model, self.plan.version)
            if not known or subject.digest.get("sha256") != self.version_digest:
                return None
            return payload if self._agrees(told) else None
        except Refused:
            return None

    def _agrees(self, told: Predicate) -> bool:
        latest = self.now
        match told:
            case Window():
                check_window(told, self.plan)
                length = 2 * timedelta(seconds=self.plan.window_seconds)
                timely = told.start >= FIRST and told.end <= latest
                return told.plan == self.plan_digest and timely and told.end - told.start <= length
            case Outcomes():
                check_outcomes(told, self.plan)
                own = (self.window.deployment, self.window.start, self.window.end)
                same = (told.deployment, told.start, told.end) == own
                return told.plan == self.plan_digest and same
            case Baseline():
                check_baseline(told)
                if told.template is not None:
                    templates.load(told.template)
                return all(s.start >= FIRST and s.end <= latest for s in told.windows)
            case Event():
                return FIRST <= told.at <= latest
        return False


def of_all(baseline: bytes, rows: Any, now: datetime) -> dict[str, Any]:
    """Bits by field of every kind of statement: a baseline, and what its plan asks for.

    And the room of all cells of a window together, which is the larger the more rows it has.
    """
    opened = OpenPlan.read(plan_payload(baseline))
    collector = Collector(opened, key=cast.KEY, deployment="prod")
    collector.add(rows)
    payload = collector.close_window(cast.START, cast.END, replay=True)
    window = wire.decode(payload, Window)[1]
    event = Event(
        model=window.model,
        version=window.version,
        kind="upstream_change",
        at=cast.START,
        label="feed 7 moved",
        reference="0" * 64,
    )
    door = Door(opened.plan, opened.digest, opened.version_digest, now, window)
    statements: list[tuple[type[Predicate], bytes]] = [
        (Window, payload),
        (Outcomes, collector.outcomes(rows, cast.START, cast.END)),
        (Event, wire.encode(event, opened.version_digest)),
        (Baseline, baseline),
    ]
    return {
        "bits": {kind.__name__: capacities(door, kind, body) for kind, body in statements},
        "bits_of_all_cells_of_a_column": {
            f"{rows} rows, 20 cells": round(room(rows, 20)) for rows in (1_000, 100_000, 10_000_000)
        },
    }


def room(rows: int, cells: int, floor: int = 11) -> float:
    """In bits: how many ways there are to put the rows into cells of none or `floor` and more."""
    logs = []
    for used in range(1, cells + 1):
        free = rows - used * floor
        if free >= 0:
            which = lgamma(cells + 1) - lgamma(used + 1) - lgamma(cells - used + 1)
            logs.append(which + lgamma(free + used) - lgamma(used) - lgamma(free + 1))
    return float(np.logaddexp.reduce(logs)) / log(2)


def capacities(door: Door, kind: type[Predicate], payload: bytes) -> dict[str, int]:
    """Bits by field; like fields, such as all cells, are one, named with [*]."""
    document = json.loads(payload)
    assert door.admits(kind, document) == payload, "the fuzzer starts from a valid statement"
    found: dict[str, int] = {}
    for name, paths in fields(document).items():
        found[name] = max(_capacity(door, kind, document, path) for path in paths)
    return found


def fields(document: dict[str, Any]) -> dict[str, list[Path]]:
    """Two places of each kind of field, the first and one in the middle."""
    places: dict[str, list[Path]] = {}
    for path in _leaves(document):
        places.setdefault(_general(path), []).append(path)
    return {name: [paths[0], paths[len(paths) // 2]] for name, paths in places.items()}


def _leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from _leaves(each, (*path, i))
    elif value is not None:
        yield path


def _general(path: Path) -> str:
    """The field's name: places in lists, and names that aren't the wire's, become [*]."""
    known = firewall.wire_fields()
    return "".join(f".{p}" if isinstance(p, str) and p in known else "[*]" for p in path).lstrip(
        "."
    )


def _capacity(door: Door, kind: type[Predicate], document: dict[str, Any], path: Path) -> int:
    random = np.random.default_rng(0)
    most = 0
    for bits in LADDER:
        words = [int.from_bytes(random.bytes(bits // 8 + 1), "big") % 2**bits for _ in range(WORDS)]
        words[0] = 2**bits - 1
        if any(_carries(door, kind, document, path, words, how) for how in ENCODERS):
            most = bits
        elif bits > 2 * max(most, 8):
            break
    return most


def _carries(
    door: Door,
    kind: type[Predicate],
    document: dict[str, Any],
    path: Path,
    words: list[int],
    encode: Callable[[int, Any], Any],
) -> bool:
    """Whether every word gets through, and different words differ."""
    old = _at(document, path)
    sent = set()
    for word in words:
        new = encode(word, old)
        if new is None or type(new) is not type(old):
            return False
        ways = (mend(document, path, new) for mend in MENDERS)
        through = next((p for d in ways if d and (p := door.admits(kind, d))), None)
        if through is None:
            return False
        sent.add(through)
    return len(sent) == len(set(words))


# --- ways to write a word -------------------------------------------------------------------------


def _spelled(alphabet: str) -> Callable[[int, Any], Any]:
    def encode(word: int, old: Any) -> Any:
        if not isinstance(old, str):
            return None
        text = ""
        while word:
            word, rest = divmod(word, len(alphabet))
            text = alphabet[rest] + text
        return f"x{text}"

    return encode


def _hexadecimal(word: int, old: Any) -> Any:
    return f"{word:0{len(old)}x}" if isinstance(old, str) else None


def _moment(word: int, old: Any) -> Any:
    """So many microseconds after an early day, or after the moment that stands there."""
    if not isinstance(old, str) or not old.endswith("Z") or word >= 2**55:
        return None
    return (FIRST + timedelta(microseconds=word)).isoformat().replace("+00:00", "Z")


def _later(word: int, old: Any) -> Any:
    if not isinstance(old, str) or not old.endswith("Z") or word >= 2**50:
        return None
    moment = datetime.fromisoformat(old) - timedelta(microseconds=word)
    return moment.isoformat().replace("+00:00", "Z")


def _added(word: int, old: Any) -> Any:
    return old + word if isinstance(old, int) and not isinstance(old, bool) else None


def _number(word: int, old: Any) -> Any:
    return word if isinstance(old, int) and not isinstance(old, bool) else None


def _mantissa(word: int, old: Any) -> Any:
    """The lowest bits of a number between the old one and a little more."""
    if not isinstance(old, float) or word >= 2**52:
        return None
    base = np.float64(old if old else 1e-9)
    return float((base.view(np.int64) & ~np.int64(2**52 - 1) | np.int64(word)).view(np.float64))


def _low_mantissa(word: int, old: Any) -> Any:
    if not isinstance(old, float) or word >= 2**52:
        return None
    base = np.float64(old if old else 1e-9)
    width = word.bit_length()
    return float((base.view(np.int64) >> width << width | np.int64(word)).view(np.float64))


def _flag(word: int, old: Any) -> Any:
    return bool(word) if isinstance(old, bool) and word < 2 else None


ENCODERS = [
    _spelled(string.ascii_letters + string.digits),
    _spelled(string.ascii_letters),
    _hexadecimal,
    _moment,
    _later,
    _added,
    _number,
    _mantissa,
    _low_mantissa,
    _flag,
]


# --- what depends on the field --------------------------------------------------------------------


def _alone(document: dict[str, Any], path: Path, new: Any) -> dict[str, Any]:
    changed = deepcopy(document)
    _at(changed, path[:-1])[path[-1]] = new
    return changed


def _everywhere(document: dict[str, Any], path: Path, new: Any) -> dict[str, Any] | None:
    """A name in all places, a moment in the one that follows it too."""
    old = _at(document, path)
    if not isinstance(old, str):
        return None
    changed: dict[str, Any] = json.loads(
        json.dumps(document).replace(json.dumps(old), json.dumps(new))
    )
    return changed


def _balanced(document: dict[str, Any], path: Path, new: Any) -> dict[str, Any] | None:
    """A table's other cells give way, so that it adds up as before."""
    table = _at(document, path[:-1])
    if not isinstance(table, list) or not isinstance(new, int):
        return None
    changed = _alone(document, path, new)
    cells = _at(changed, path[:-1])
    others = [i for i, cell in enumerate(cells) if i != path[-1] and isinstance(cell, int)]
    if others:
        cells[max(others, key=lambda i: cells[i])] -= new - table[int(path[-1])]
    return changed


def _more_rows(document: dict[str, Any], path: Path, new: Any) -> dict[str, Any] | None:
    """More rows: every table of all rows gets them in its largest cell."""
    if path[-1] != "rows" or not isinstance(new, int):
        return None
    changed = _alone(document, path, new)
    tally, more = _at(changed, path[:-1]), new - _at(document, path)
    tables = [each["cells"] for each in tally.get("columns", {}).values()]
    tables += [each["rows"] for each in tally.get("slices", []) if each]
    for cells in tables:
        largest = max((i for i, c in enumerate(cells) if c is not None), key=lambda i: cells[i])
        cells[largest] += more
    return changed


def _shifted(document: dict[str, Any], path: Path, new: Any) -> dict[str, Any] | None:
    """A window keeps its length when its start or end moves; it is marked as history."""
    predicate = document.get("predicate", {})
    if path[-1] not in ("start", "end") or path[:-1] != ("predicate",) or not new.endswith("Z"):
        return None
    changed = _alone(document, path, new)
    length = datetime.fromisoformat(predicate["end"]) - datetime.fromisoformat(predicate["start"])
    other, step = ("end", length) if path[-1] == "start" else ("start", -length)
    moment = datetime.fromisoformat(new) + step
    changed["predicate"][other] = moment.isoformat().replace("+00:00", "Z")
    return changed


MENDERS = [_alone, _everywhere, _balanced, _more_rows, _shifted]


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value
