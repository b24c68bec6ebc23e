"""The inventory of models, one row each, for pages, REST, CSV and the dossier. Reads only."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.utils import timezone

from governance.audit import entries
from governance.models import Dependency, Deployment, Incident, Model, Version

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet may take for a formula


@dataclass(frozen=True)
class InForce:
    """A version that runs now, where, and since when."""

    environment: str
    deployment: str
    version: str
    since: datetime


@dataclass(frozen=True)
class Row:
    """What the inventory says of one model, and how much is open about it."""

    name: str
    state: str
    business_unit: str
    tier: int | None
    tier_reason: str
    purpose: str
    limits_of_use: str
    owner: str
    manager: str
    validator: str
    vendor: str
    depends_on_models: list[str]
    depends_on_sources: list[str]
    registered: datetime
    newest_version: str | None
    in_force: list[InForce]
    open_findings: int
    overdue_findings: int
    exceptions_in_force: int
    open_incidents: int


def rows(models: QuerySet[Model]) -> list[Row]:
    """The rows of these models, by name, in a constant number of queries."""
    now = timezone.now()
    wanted = models.order_by("name").prefetch_related(
        Prefetch("dependencies", Dependency.objects.select_related("on")),
        Prefetch("versions", Version.objects.order_by("registered_at", "pk")),
        Prefetch(
            "deployments",
            Deployment.objects.filter(Q(until=None) | Q(until__gt=now), since__lte=now)
            .select_related("version")
            .order_by("environment", "name"),
        ),
    )
    numbers = _numbers(models, now)
    return [_row(model, numbers) for model in wanted]


def as_csv(found: Iterable[Row]) -> str:
    """A table for spreadsheets; none of its cells can act as a formula."""
    told = [_flat(row) for row in found]
    text = io.StringIO()
    heads = list(Row.__dataclass_fields__)
    writer = csv.DictWriter(text, heads, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(told)
    return text.getvalue()


def as_json(found: Iterable[Row]) -> str:
    """The same as JSON."""
    told = [asdict(row) for row in found]
    return json.dumps(told, ensure_ascii=False, indent=1, default=datetime.isoformat) + "\n"


def note_export(text: str, form: str, *, actor: str) -> None:
    """Record who took the inventory with them, and the digest of what they took."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        entries.record("inventory.exported", actor=actor, form=form, digest=digest)


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows and never runs: an apostrophe stands before what it might.

    >>> harmless("=cmd|' /C calc'!A0"), harmless("loans"), harmless("-1")
    ("'=cmd|' /C calc'!A0", 'loans', "'-1")
    """
    return f"'{cell}" if cell.lstrip(" ").startswith(RISKY) else cell


def _flat(row: Row) -> dict[str, str]:
    told: dict[str, Any] = asdict(row) | {
        "depends_on_models": "; ".join(row.depends_on_models),
        "depends_on_sources": "; ".join(row.depends_on_sources),
        "registered": row.registered.isoformat(),
        "in_force": "; ".join(f"{f.environment}/{f.deployment}: {f.version}" for f in row.in_force),
    }
    return {name: harmless("" if value is None else str(value)) for name, value in told.items()}


def _row(model: Model, numbers: dict[str, dict[int, int]]) -> Row:
    depends, versions = list(model.dependencies.all()), list(model.versions.all())
    return Row(
        name=model.name,
        state=model.state,
        business_unit=model.business_unit,
        tier=model.tier,
        tier_reason=model.tier_reason,
        purpose=model.purpose,
        limits_of_use=model.limits_of_use,
        owner=model.owner,
        manager=model.manager,
        validator=model.validator,
        vendor=model.vendor,
        depends_on_models=sorted(each.on.name for each in depends if each.on),
        depends_on_sources=sorted(each.source for each in depends if each.source),
        registered=model.registered_at,
        newest_version=versions[-1].name if versions else None,
        in_force=[
            InForce(each.environment, each.name, each.version.name, each.since)
            for each in model.deployments.all()
        ],
        **{name: by_model.get(model.pk, 0) for name, by_model in numbers.items()},
    )


def _numbers(models: QuerySet[Model], now: datetime) -> dict[str, dict[int, int]]:
    """How much is open, by column and model."""
    incidents = Incident.objects.filter(version__model__in=models).exclude(
        status=Incident.Status.RESOLVED
    )
    by_incident = incidents.order_by().annotate(model=F("version__model"))
    unmended = Q(findings__isnull=False, findings__closed_at=None)
    running = Q(exceptions__approved=True, exceptions__expires_at__gt=now)
    running &= Q(exceptions__ended_at=None) | Q(exceptions__ended_at__gt=now)
    counted = {
        "open_findings": Count("findings", filter=unmended),
        "overdue_findings": Count("findings", filter=unmended & Q(findings__due__lt=now.date())),
        "exceptions_in_force": Count("exceptions", filter=running),
    }
    found = {
        name: dict(models.order_by().annotate(number=number).values_list("pk", "number"))
        for name, number in counted.items()
    }
    return found | {"open_incidents": dict(by_incident.values_list("model").annotate(Count("pk")))}
