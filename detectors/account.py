"""Why was I not told? What became of one column in one window, step by step, from what was kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from detectors.models import Gap, Measurement, Window
from governance.models import Delivery, Incident, Sighting, Version

ALARMS = ("alarm", "alarm_outcomes")
MOVED = ("ks", "q")
DELIVERIES = 20  # shown, the first ones


@dataclass(frozen=True)
class Known:
    """One thing that is known of it. `rule` names what decided; `incident` where one is meant."""

    rule: str
    words: str
    at: datetime | None = None
    incident: Incident | None = None


def account_of(version: Version, deployment: str, column: str, at: datetime) -> list[Known]:
    """Everything that decided whether people were told, in the order in which it did."""
    window = _window(version, deployment, at)
    if window is None:
        return [_absent(version, deployment, at)]
    examination = window.examinations.order_by("-generation").first()
    if examination is None:
        return [Known("waiting", "The window has arrived and waits to be examined.")]
    known = [Known("examined", "The window was examined.", examination.examined_at)]
    rows = list(Measurement.objects.filter(examination__window=window).order_by("examination"))
    known += _evidence(rows, column)
    tolerance = _tolerance(rows, column)
    sightings = list(
        version.sightings.filter(deployment=deployment, name=column, start=window.start)
        .select_related("incident", "silence__owner")
        .order_by("pk")
    )
    if not sightings:
        return [*known, *tolerance, Known("no_finding", "So there was no finding to tell of.")]
    known += map(_fate, sightings)
    told = {s.incident_id for s in sightings if s.fate == Sighting.Fate.TOLD}
    deliveries = Delivery.objects.filter(incident__in=told).select_related("route", "incident")
    return [*known, *(_delivery(d) for d in deliveries.order_by("pk")[:DELIVERIES])]


def _window(version: Version, deployment: str, at: datetime) -> Window | None:
    return (
        Window.objects.filter(
            baseline__version=version, deployment=deployment, start__lte=at, end__gt=at
        )
        .order_by("-baseline__revision", "-pk")
        .first()
    )


def _absent(version: Version, deployment: str, at: datetime) -> Known:
    gap = Gap.objects.filter(
        baseline__version=version, deployment=deployment, start__lte=at, end__gt=at
    ).first()
    if gap is None:
        return Known("no_window", "No window covers this time, and none was awaited.")
    return Known("missing", "The window that should cover it has not arrived.", gap.noticed_at)


def _evidence(rows: list[Measurement], column: str) -> Iterator[Known]:
    """How far the column's streams were on their way to an alarm, the furthest of them."""
    reached = {
        name.partition(":")[2]: row.value[i] or 0.0
        for row in rows
        if row.detector in ALARMS
        for i, name in enumerate(row.names)
        if name.partition(":")[0] == column
    }
    if not reached:
        yield Known("not_watched", "No alarm watches a column of this name in this window.")
        return
    stream, share = max(reached.items(), key=lambda each: each[1])
    what = f"Of the evidence that an alarm takes, {100 * min(share, 1):.0f} % had come together"
    if share >= 1:
        yield Known("alarm", f"{what} ({stream}): an alarm.")
    else:
        yield Known(
            "budget_not_spent",
            f"{what} ({stream}): too little to spend any of the year’s false alarms on.",
        )


def _tolerance(rows: list[Measurement], column: str) -> Iterator[Known]:
    """How many rows lie elsewhere, if that is less than anybody minds or chance does as well."""
    for row in rows:
        if row.detector not in MOVED or column not in row.names:
            continue
        i = row.names.index(column)
        moved, limit = row.value[i], row.limit[i]
        if moved is not None and limit is not None and moved <= limit:
            yield Known(
                "by_chance",
                f"{100 * moved:.1f} % of the rows lay elsewhere than in the reference; chance "
                f"alone moves up to {100 * limit:.1f} % in 95 of 100 windows.",
            )


def _fate(sighting: Sighting) -> Known:
    if sighting.fate == Sighting.Fate.SILENCED:
        silence = sighting.silence
        assert silence is not None
        words = f"Silenced ({silence.owner.get_username()}): {silence.reason}"
        return Known("silenced", words, sighting.at)
    if sighting.fate == Sighting.Fate.INHIBITED:
        words = "Held back because the data of this window were broken."
        return Known("inhibited", words, sighting.at, sighting.incident)
    incident = sighting.incident
    assert incident is not None
    opened = incident.first_window == sighting.start
    words = "It opened this incident." if opened else "It joined this incident."
    return Known("told", words, sighting.at, incident)


def _delivery(delivery: Delivery) -> Known:
    """What became of a message about the incident, and by which rule."""
    told = f"On {delivery.route.name}, when it was {delivery.event}: "
    if delivery.state == Delivery.State.DELIVERED:
        return Known("delivered", told + "delivered.", delivery.delivered_at)
    words = delivery.get_state_display().lower()
    if delivery.reason:
        words += f", {delivery.get_reason_display()}"
    return Known(delivery.reason or delivery.state, f"{told}{words}.", delivery.made_at)
