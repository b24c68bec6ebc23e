"""Everything that the dossier of a version says, gathered. Reads only, and never asks the clock."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Max

from appliance.web import queries
from appliance.web.about import about
from appliance.web.history import found_in
from appliance.web.panels import Panels
from appliance.web.panels.evidence import Scene
from detectors.models import Examination
from detectors.sign_offs import evidence_of
from governance import policies
from governance.models import SignOff, Version

from . import evidence, people, proofs
from .blocks import Section

FORMAT = "countersign-dossier-1"
RECENT = 12  # windows whose alarms choose what is charted, as on the version's page
NOTE = (
    "It holds what this appliance recorded until then, and nothing later. The same records give "
    "the same bytes. The JSON inside this file says the same to programs. In charts a line, with "
    "its band, is what was measured or estimated; dots are what was realised; a dotted line is the "
    "reference, a dashed one a limit or a guide; a red ground marks the windows of incidents."
)


def contents_of(version: Version) -> dict[str, Any]:
    """The dossier's contents: plain data, ready for JSON."""
    until = evidence_until(version)
    panels = panels_of(version)
    sections: list[Section] = [
        people.identity(version),
        people.approvals(version),
        *evidence.sections(version, panels),
        people.findings(version),
        people.exceptions(version),
        evidence.incidents(version),
        evidence.privacy(version.model, until),
        people.changes(version.model),
        proofs.told(version),
    ]
    return {
        "format": FORMAT,
        "title": f"Dossier of {version}",
        "short": f"{version.model.name} / {version.name}",
        "appliance": settings.COUNTERSIGN_ORIGIN,
        "evidence_until": until.isoformat(),
        "as_of": f"As of {until:%d %B %Y, %H:%M:%S} UTC",
        "answer": people.answer(version),
        "note": NOTE,
        "evidence": _plain(evidence_of(version)),
        "proofs": proofs.proofs_of(version),
        "sections": sections,
    }


def evidence_until(version: Version) -> datetime:
    """When the newest thing happened that the dossier tells of; to the second."""
    model = version.model
    looks = Examination.objects.filter(window__baseline__version=version)
    newest: list[datetime | None] = [
        version.registered_at,
        *looks.aggregate(at=Max("examined_at")).values(),
        *version.baselines.aggregate(at=Max("accepted_at")).values(),
        *model.changes.aggregate(at=Max("at")).values(),
        *model.findings.aggregate(a=Max("raised_at"), b=Max("closed_at")).values(),
        *model.exceptions.aggregate(
            a=Max("requested_at"), b=Max("decided_at"), c=Max("ended_at")
        ).values(),
        *version.deployments.aggregate(a=Max("since"), b=Max("until")).values(),
        *version.incidents.aggregate(a=Max("opened_at"), b=Max("steps__at")).values(),
        *SignOff.objects.filter(version=version)
        .aggregate(a=Max("requested_at"), b=Max("decided_at"), c=Max("decisions__received_at"))
        .values(),
    ]
    return max(at for at in newest if at is not None).astimezone(UTC).replace(microsecond=0)


def panels_of(version: Version) -> Panels | None:
    """What the version's page shows of the deployment with the newest window; None without any."""
    deployments = queries.deployments_of(version)
    if not deployments:
        return None
    name = deployments[0].name
    policy = policies.in_force(version.model)
    windows = list(queries.windows_of(version, name)[: queries.HISTORY])
    examined = [window for window in windows if window.examinations.all()]
    if not examined:
        return None
    held_to = queries.newest_baseline(examined, version.baselines.latest("revision"))
    found = found_in(windows[:RECENT], policy.false_alarms_per_year)
    scene = Scene(
        version,
        held_to,
        name,
        examined,
        queries.incidents_of(version, name),
        about(held_to.pk),
        policy,
        queries.gaps_of(version, name, windows[-1].start),
        [key for keys in found.values() for key in keys],
    )
    return Panels.read(scene)


def _plain(value: Any) -> Any:
    """As JSON has it: times as text, and null for a figure that is not finite."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return None if isinstance(value, float) and value - value != 0 else value
