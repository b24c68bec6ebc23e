"""An incident's children: what each figure did in its windows, and what was held back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from governance.models import Incident, Sighting

from .terms import Term, detector
from .words import in_unit

SHOWN = 60


@dataclass(frozen=True)
class Child:
    """One figure of an incident. `lasts`: the newest window of the incident still shows it."""

    name: str
    term: Term
    severity: str
    first: datetime
    last: datetime
    windows: int
    worst: str
    worst_at: datetime
    lasts: bool


@dataclass(frozen=True)
class Held:
    """A finding that nobody was told of."""

    sighting: Sighting
    term: Term
    sentence: str


def children_of(incident: Incident) -> list[Child]:
    """One line for each figure, those that last first. Two queries."""
    told = incident.sightings.filter(fate=Sighting.Fate.TOLD)
    spans = told.values("detector", "name").annotate(
        first=Min("start"), last=Max("start"), windows=Count("start", distinct=True)
    )
    worst = {
        (s.detector, s.name): s
        for s in told.order_by("detector", "name", "-weight", "-start").distinct("detector", "name")
    }
    children = [_child(row, worst[row["detector"], row["name"]], incident) for row in spans]
    return sorted(children, key=lambda c: (not c.lasts, -c.windows, c.name))[:SHOWN]


def held_back_by(incident: Incident) -> list[Held]:
    """What was not told because this incident's data were broken, the newest first."""
    return held(incident.sightings.filter(fate=Sighting.Fate.INHIBITED))


def held(rows: QuerySet[Sighting]) -> list[Held]:
    """The newest of them, ready to be read."""
    return in_words(list(rows.order_by("-at", "-pk")[:SHOWN]))


def in_words(rows: Sequence[Sighting]) -> list[Held]:
    return [Held(row, detector(row.detector), row.finding["sentence"]) for row in rows]


def _child(row: Mapping[str, Any], worst: Sighting, incident: Incident) -> Child:
    return Child(
        name=row["name"],
        term=detector(row["detector"]),
        severity=worst.finding["severity"],
        first=row["first"],
        last=row["last"],
        windows=row["windows"],
        worst=in_unit(worst.finding["value"], worst.finding["unit"]),
        worst_at=worst.start,
        lasts=row["last"] == incident.last_window and not incident.quiet_windows,
    )
