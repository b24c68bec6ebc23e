"""The dossier's sections about what people said and decided."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from appliance.web.people import names_of
from appliance.web.words import listed, many
from countersign import dsse
from governance import registry
from governance.changes import last_approval, since
from governance.models import (
    Model,
    ModelException,
    ReviewFinding,
    SignOff,
    SignOffDecision,
    Version,
)

from .blocks import Section, facts, section, table, text


def moment(at: datetime | None) -> str:
    """
    >>> from datetime import UTC
    >>> moment(datetime(2026, 3, 1, 9, 5, tzinfo=UTC)), moment(None)
    ('1 Mar 2026, 09:05 UTC', '–')
    """
    return f"{at.day} {at:%b %Y, %H:%M} UTC" if at else "–"


def answer(version: Version) -> str:
    """May this version run? What was decided last, and what is open, in a sentence or two."""
    last = SignOff.objects.filter(version=version).order_by("-pk").first()
    status = (
        f"Sign-off: {last.get_status_display().lower()}" if last else "No sign-off was asked for"
    )
    unmended = version.model.findings.filter(closed_at=None).count()
    incidents = version.incidents.exclude(status="resolved").count()
    open_ones = [
        many(number, f"{what} is", f"{what}s are") if number else f"no {what} is"
        for number, what in ((unmended, "finding"), (incidents, "incident"))
    ]
    both = f"{open_ones[0]} open, and {open_ones[1]} unresolved."
    return f"{status}. {both[:1].upper()}{both[1:]}"


def identity(version: Version) -> Section:
    """Which model this is, whose, what for, and which artefact exactly."""
    model, depends = version.model, registry.dependencies_of(version.model)
    tier = f"tier {model.tier}" if model.tier else "no tier"
    told = [
        ("Purpose", model.purpose),
        ("Limits of use", model.limits_of_use),
        ("Owner", model.owner),
        ("Accountable manager", model.manager),
        ("Validator", model.validator),
        ("Business unit", model.business_unit),
        ("Tier", f"{tier}: {model.tier_reason}" if model.tier_reason else tier),
        ("Vendor", model.vendor or "made in-house, or not said"),
        ("Depends on", listed([*depends["models"], *depends["sources"]], 100)),
        ("State", model.get_state_display()),
        ("Artefact, SHA-256", version.digest),
        ("Manifest, SHA-256", version.manifest_digest),
        ("Code commit", version.code_commit),
        ("Training data, SHA-256", version.training_data_digest),
        ("Training run", version.run),
        ("Developers", listed(registry.developers_of(version), 100)),
        ("Registered", moment(version.registered_at)),
    ]
    ran = version.deployments.order_by("since", "pk")
    rows = [
        (
            each.environment,
            each.name,
            moment(each.since),
            moment(each.until) if each.until else "in force",
        )
        for each in ran
    ]
    heads = ("Environment", "Deployment", "Since", "Until")
    return section(
        "What it is and where it runs",
        facts(told),
        table(heads, rows, "No deployment is recorded."),
    )


def approvals(version: Version) -> Section:
    """What was asked, who decided what, on which condition."""
    rows = version.sign_offs.prefetch_related("decisions").order_by("pk")
    blocks = []
    for asked in rows:
        decisions = list(asked.decisions.order_by("pk"))
        blocks += [
            facts(
                [
                    ("Request", asked.identity),
                    ("Status", asked.get_status_display()),
                    ("Why it was asked for", asked.reason),
                    ("Asked for", moment(asked.requested_at)),
                    ("Approvals", f"{asked.approvals} of {asked.quorum} that it takes"),
                    ("To be reviewed or decided by", moment(asked.expires_at)),
                ]
            ),
            table(
                ("Who", "Meaning of the signature", "When", "Reason"),
                [_decided(each) for each in decisions],
                "Nobody has decided yet.",
            ),
            table(
                ("Condition", "At least", "At most"),
                _conditions(asked.conditions),
                "No condition is watched.",
            ),
        ]
    return section("Approvals and conditions", *blocks or [text("No sign-off was asked for.")])


def _decided(decision: SignOffDecision) -> tuple[str, str, str, str]:
    """As the person signed it."""
    payload = dsse.payload_of(dsse.parse(bytes(decision.envelope)))
    signed = json.loads(payload)["predicate"]
    at = moment(decision.received_at)
    return signed["name"], signed["meaning"], at, signed.get("reason", "") or "–"


def _conditions(conditions: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for each in conditions:
        bounds = [
            str(each[side]) if each.get(side) is not None else "–"
            for side in ("at_least", "at_most")
        ]
        yield f"{each['kind']}: {each['figure']}", bounds[0], bounds[1]


def findings(version: Version) -> Section:
    """What had to be mended, and what shows that it is."""
    rows = version.model.findings.select_related("version", "closed_by").order_by("pk")
    told = [
        (
            f.title + (f"\n{f.text}" if f.text else ""),
            f.get_severity_display(),
            f"{f.owner}, due {f.due:%d %b %Y}",
            _closed(f),
        )
        for f in rows
    ]
    heads = ("Finding", "Severity", "Owner", "State and evidence")
    return section("Findings", table(heads, told, "Nobody has raised a finding about this model."))


def exceptions(version: Version) -> Section:
    """What the model is allowed for a time, and who agreed."""
    rows = version.model.exceptions.select_related("requested_by", "decided_by").order_by("pk")
    told = [
        (
            f"{e.title}\n{e.reason}",
            e.owner,
            f"ended {moment(e.ended_at)}" if e.ended_at else f"until {moment(e.expires_at)}",
            _decided_on(e),
        )
        for e in rows
    ]
    heads = ("Exception", "Owner", "Time", "Second person")
    return section("Exceptions", table(heads, told, "There is none."))


def _closed(finding: ReviewFinding) -> str:
    if finding.closed_by is None:
        return "open"
    said = f"closed by {finding.closed_by.username}, {moment(finding.closed_at)}:"
    return " ".join(filter(None, [said, finding.evidence, finding.evidence_digest]))


def _decided_on(exception: ModelException) -> str:
    if exception.decided_by is None:
        return "waits for a second person"
    said = "agreed to" if exception.approved else "refused"
    return f"{said} by {exception.decided_by.username}, {moment(exception.decided_at)}"


def changes(model: Model) -> Section:
    """What was changed since the last approval, or since it was registered."""
    last = last_approval(model)
    start = last or model.registered_at
    counted = since(model, start)
    rows = list(model.changes.filter(at__gt=start).order_by("pk"))
    names = names_of(row.actor for row in rows)
    told = [
        (
            row.about,
            ", ".join(sorted(row.after)).replace("_", " "),
            names[row.actor],
            moment(row.at),
        )
        for row in rows
    ]
    whence = "the last approval" if last else "the model was registered"
    return section(
        "Small changes",
        text(
            f"Since {whence}: {many(counted['inventory'], 'change')} of the record, "
            f"{many(counted['versions'], 'version')} registered, "
            f"{many(counted['deployments'], 'deployment')} recorded."
        ),
        table(("What", "Fields", "Who", "When"), told, "Nothing of the record was changed."),
    )
