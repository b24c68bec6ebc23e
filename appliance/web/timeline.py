"""What happened to a model, from all tables that know something of it, the newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.urls import reverse
from django.utils import timezone

from detectors.models import Baseline, Event
from governance.models import IncidentStep, Model, SignOff, SignOffDecision

from .people import names_of
from .terms import EVENTS

SHOWN = 60


@dataclass(frozen=True)
class Happening:
    """One thing that happened: what, when, by whom, and the page that tells more."""

    at: datetime
    what: str
    actor: str = ""
    more: str = ""
    address: str = ""
    who: str = ""


def timeline(model: Model) -> list[Happening]:
    """The newest happenings. A constant number of queries."""
    told = chain.from_iterable(tell(model) for tell in TELLERS)
    newest = sorted(told, key=lambda each: each.at, reverse=True)[:SHOWN]
    names = names_of(each.actor for each in newest if each.actor)
    return [
        Happening(h.at, h.what, h.actor, h.more, h.address, names.get(h.actor, "")) for h in newest
    ]


def _versions(model: Model) -> Iterator[Happening]:
    yield Happening(model.registered_at, "Model registered")
    for version in model.versions.order_by("-registered_at")[:SHOWN]:
        address = reverse("version", args=[model.name, version.name])
        what = f"Version {version.name} registered"
        yield Happening(version.registered_at, what, address=address)


def _baselines(model: Model) -> Iterator[Happening]:
    rows = Baseline.objects.filter(version__model=model).select_related("version")
    for baseline in rows.order_by("-accepted_at")[:SHOWN]:
        what = f"Baseline {baseline.revision} of version {baseline.version.name} accepted"
        yield Happening(baseline.accepted_at, what)


def _changes(model: Model) -> Iterator[Happening]:
    for change in model.changes.order_by("-at")[:SHOWN]:
        fields = ", ".join(sorted(change.after)).replace("_", " ")
        about = change.about[:1].upper() + change.about[1:]
        yield Happening(change.at, f"{about} changed", change.actor, fields)


def _deployments(model: Model) -> Iterator[Happening]:
    for each in model.deployments.select_related("version").order_by("-since")[:SHOWN]:
        what = f"Version {each.version.name} runs in {each.environment}"
        yield Happening(each.since, what, each.actor)
        if each.until:
            yield Happening(each.until, f"Version {each.version.name} ended in {each.environment}")


def _findings(model: Model) -> Iterator[Happening]:
    for finding in model.findings.order_by("-pk")[:SHOWN]:
        yield Happening(finding.raised_at, "Finding raised", finding.raised_by, finding.title)
        if finding.closed_at:
            actor = f"user:{finding.closed_by_id}"
            yield Happening(finding.closed_at, "Finding closed", actor, finding.title)


def _exceptions(model: Model) -> Iterator[Happening]:
    now = timezone.now()
    for each in model.exceptions.order_by("-pk")[:SHOWN]:
        asker = f"user:{each.requested_by_id}"
        yield Happening(each.requested_at, "Exception asked for", asker, each.title)
        if each.decided_at:
            what = "Exception agreed to" if each.approved else "Exception refused"
            yield Happening(each.decided_at, what, f"user:{each.decided_by_id}", each.title)
        if each.ended_at:
            yield Happening(each.ended_at, "Exception ended", more=each.title)
        elif each.approved and each.expires_at < now:
            yield Happening(each.expires_at, "Exception expired", more=each.title)


def _incidents(model: Model) -> Iterator[Happening]:
    steps = IncidentStep.objects.filter(incident__version__model=model).select_related("incident")
    for step in steps.order_by("-at")[:SHOWN]:
        what = f"Incident {step.incident_id}: {step.get_kind_display().lower()}"
        address = reverse("incident", args=[step.incident_id])
        yield Happening(step.at, what, step.actor, step.incident.title, address)


def _sign_offs(model: Model) -> Iterator[Happening]:
    rows = SignOff.objects.filter(version__model=model).select_related("version")
    for asked in rows.order_by("-pk")[:SHOWN]:
        what = f"Sign-off of version {asked.version.name} asked for"
        yield Happening(asked.requested_at, what, asked.actor, asked.reason)
    decided = SignOffDecision.objects.filter(sign_off__version__model=model)
    for each in decided.select_related("sign_off__version").order_by("-pk")[:SHOWN]:
        what = f"Sign-off of version {each.sign_off.version.name}: {each.act.replace('_', ' ')}"
        yield Happening(each.received_at, what, f"user:{each.user_id}")


def _events(model: Model) -> Iterator[Happening]:
    for event in Event.objects.filter(version__model=model).order_by("-at")[:SHOWN]:
        yield Happening(event.at, EVENTS.get(event.kind, event.kind), more=event.label)


TELLERS = (
    _versions,
    _baselines,
    _changes,
    _deployments,
    _findings,
    _exceptions,
    _incidents,
    _sign_offs,
    _events,
)
