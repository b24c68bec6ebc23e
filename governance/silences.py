"""Silences: findings that nobody is to be told of, for a reason, for a while, by somebody's word.

A silence is about a model, a column, a cause, or several of these at once. What it holds back is
written down all the same and shown. It ends by itself, within the days that the policy allows.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from countersign.statement import Refused
from governance import policies
from governance.audit import entries
from governance.models import Sighting, Silence

LOOKED_BACK = timedelta(days=30)


def make_silence(silence: Silence, *, actor: str) -> Silence:
    """Let a silence, not saved yet, begin now. Raises `Refused` (`silence.*`)."""
    silence.actor, silence.reason = actor, silence.reason.strip()
    check(silence)
    with transaction.atomic():
        silence.save(force_insert=True)
        entries.record(
            "silence.made",
            actor=actor,
            content={"reason": silence.reason} | _named("column", silence.column),
            silence=silence.pk,
            owner=f"user:{silence.owner_id}",
            model=silence.model.name if silence.model else "",
            cause=silence.cause,
            until=silence.ends_at,
        )
    return silence


def lift_silence(silence: Silence, *, actor: str) -> None:
    """End it before its time. The second person who does so changes nothing."""
    with transaction.atomic():
        if in_force().filter(pk=silence.pk).update(lifted_at=timezone.now()):
            entries.record("silence.lifted", actor=actor, silence=silence.pk)


def in_force(now: datetime | None = None) -> QuerySet[Silence]:
    """Silences that hold now."""
    return Silence.objects.filter(ends_at__gt=now or timezone.now(), lifted_at=None)


def would_hide(silence: Silence) -> list[Sighting]:
    """What the silence would have held back in the last LOOKED_BACK, the newest first."""
    rows = Sighting.objects.filter(at__gte=timezone.now() - LOOKED_BACK)
    if silence.model:
        rows = rows.filter(version__model=silence.model)
    if silence.cause:
        rows = rows.filter(cause=silence.cause)
    rows = rows.select_related("version__model", "incident").order_by("-at", "-pk")
    return [sighting for sighting in rows if _matches(silence, sighting)]


def hold_back(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Keep those that a silence is about, and return the others. In the caller's transaction."""
    if not sightings:
        return []
    model = sightings[0].version.model
    silences = list(in_force().filter(Q(model=None) | Q(model=model)).order_by("pk"))
    for sighting in sightings:
        sighting.silence = next((s for s in silences if _matches(s, sighting)), None)
        if sighting.silence:
            sighting.fate = Sighting.Fate.SILENCED
    keep_held(s for s in sightings if s.silence)
    return [s for s in sightings if not s.silence]


def keep_held(sightings: Iterable[Sighting]) -> None:
    """Write findings down that nobody is told of, here and in the log."""
    kept = list(sightings)
    Sighting.objects.bulk_create(kept)
    for sighting in kept:
        entries.record(
            "finding.held_back",
            actor="countersign",
            sighting=sighting.pk,
            version=str(sighting.version),
            cause=sighting.cause,
            detector=sighting.detector,
            fate=sighting.fate,
            silence=sighting.silence_id,
            incident=sighting.incident_id,
        )


def _matches(silence: Silence, sighting: Sighting) -> bool:
    return is_about(silence, sighting.version.model_id, sighting.cause, sighting.name)


def is_about(silence: Silence, model_id: int, cause: str, name: str) -> bool:
    """Whether a silence is about findings of this model, cause and column."""
    return (
        silence.model_id in (None, model_id)
        and silence.cause in ("", cause)
        and fnmatchcase(name, silence.column or "*")
    )


def check(silence: Silence) -> None:
    """Raises `Refused` if the silence may not be made: about everything, without reason or end."""
    now = timezone.now()
    if not (silence.model or silence.column.strip("*") or silence.cause):
        raise Refused("silence.everything", "Name a model, a column or a cause.")
    if not silence.reason.strip():
        raise Refused("silence.no_reason", "Say why nobody is to be told.", "$.reason")
    longest = policies.in_force(silence.model).silence_days
    if not now < silence.ends_at <= now + timedelta(days=longest):
        raise Refused(
            "silence.too_long",
            f"By the policy a silence ends within {longest} days, and not before it begins.",
            "$.days",
        )


def _named(field: str, text: str) -> dict[str, str]:
    return {field: text} if text else {}
