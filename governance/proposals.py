"""The life of an alert policy: proposed, replayed, approved by somebody else, in force.

A proposal is never edited: whoever wants another one proposes that, `instead_of` the first. It is
approved only as what was replayed: if anything changed meanwhile that the replay rested on, it is
replayed again. Approving, rejecting and withdrawing are conditional updates; who comes second is
told so.
"""

import hashlib
from dataclasses import asdict, replace
from datetime import timedelta

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import access
from governance.audit import entries
from governance.levels import Level, Said, everything_said
from governance.models import Model, PolicyVersion, Replay
from governance.policies import check_level, composed, lock_policies, setting_changes
from governance.policy_settings import Settings, plain, read_settings

FRESH = timedelta(days=1)  # so old may the data of a replay be when it is approved
LONGEST_REASON = 500

Status = PolicyVersion.Status


def propose(
    level: Level,
    settings: Settings,
    *,
    by: User,
    reason: str,
    instead_of: PolicyVersion | None = None,
) -> PolicyVersion:
    """What a level shall say from its approval on. Raises `Refused` (`policy.looser` and others).

    Settings that are left out will be as the level above has them.
    """
    check_level(level)
    model = _model_of(level)
    access.demand(by, "policy.propose", unit=model.business_unit if model else level.business_unit)
    reason = checked_reason(reason)
    with transaction.atomic():
        lock_policies()
        if instead_of is not None:
            withdraw(instead_of, by=by)
        said = everything_said()
        refuse_looser(level, settings, said)
        version = PolicyVersion.objects.create(
            business_unit=level.business_unit,
            tier=level.tier,
            model=model,
            said=plain(settings),
            digest=digest_of(level, settings),
            reason=reason,
            replaces=in_force_at(level, said),
            proposed_by=by,
        )
        _record("policy.proposed", version, by, {"reason": reason})
    return version


def approve(version: PolicyVersion, *, by: User, reason: str = "") -> None:
    """Let a proposal come into force, once it was replayed. Raises `Refused`."""
    _demand(by, "policy.approve", version)
    if by.pk == version.proposed_by_id:
        raise Refused("policy.same_person", "Another person than the proposer approves.")
    with transaction.atomic():
        lock_policies()
        said = everything_said()
        level = Level.of(version)
        now_in_force = in_force_at(level, said)
        if not PolicyVersion.objects.filter(pk=version.pk, status=Status.PROPOSED).exists():
            raise _decided()
        _refuse_overtaken(version, now_in_force)
        _refuse_not_replayed(version, said)
        refuse_looser(level, read_settings(version.said), said)
        if now_in_force:
            PolicyVersion.objects.filter(pk=now_in_force.pk).update(status=Status.REPLACED)
        _decide(version, Status.IN_FORCE, by, reason)
        _record("policy.approved", version, by, {"reason": reason} if reason else {})


def reject(version: PolicyVersion, *, by: User, reason: str) -> None:
    """Say no, and why."""
    _demand(by, "policy.approve", version)
    if by.pk == version.proposed_by_id:
        raise Refused("policy.same_person", "Another person than the proposer rejects.")
    reason = checked_reason(reason)
    with transaction.atomic():
        _decide(version, Status.REJECTED, by, reason)
        _record("policy.rejected", version, by, {"reason": reason})


def withdraw(version: PolicyVersion, *, by: User) -> None:
    """Take a proposal back: its proposer, or whoever else may propose at its level."""
    _demand(by, "policy.propose", version)
    with transaction.atomic():
        _decide(version, Status.WITHDRAWN, by, "")
        _record("policy.withdrawn", version, by, {})


def covered_models(version: PolicyVersion, said: Said | None = None) -> list[Model]:
    """The models for which a version speaks, by name."""
    alone = replace(said or everything_said(), versions=[version])
    models = Model.objects.order_by("name")
    return [m for m in models if alone.covering(Level.of(m)).versions]


def with_version(said: Said, version: PolicyVersion) -> Said:
    """Everything that would be said if the version were in force."""
    level = Level.of(version)
    return replace(said, versions=[v for v in said.versions if Level.of(v) != level] + [version])


def in_force_at(level: Level, said: Said) -> PolicyVersion | None:
    """What a level says now."""
    return next((v for v in said.versions if Level.of(v) == level), None)


def refuse_looser(level: Level, settings: Settings, said: Said) -> None:
    """Below the organisation, settings with an order may only be stricter than those above."""
    others = [v for v in said.versions if Level.of(v) != level]
    model = _model_of(level)
    above = composed(
        Level.of(model) if model else level, replace(said, versions=others, exemptions=[])
    )
    _, looser = setting_changes(level, above.policy, settings)
    if looser:
        raise Refused(
            "policy.looser",
            f"The level above is stricter: {', '.join(looser)}.",
            f"$.settings.{looser[0]}",
        )


def digest_of(level: Level, settings: Settings) -> str:
    """SHA-256 of a version's level and settings."""
    said = {"level": asdict(level), "settings": plain(settings)}
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def checked_reason(reason: str) -> str:
    """The reason without blanks around it. Raises `Refused` (`policy.no_reason`)."""
    reason = reason.strip()
    if not reason:
        raise Refused("policy.no_reason", "Say why.", "$.reason")
    if len(reason) > LONGEST_REASON or "\x00" in reason:
        raise Refused("policy.value", f"At most {LONGEST_REASON} characters.", "$.reason")
    return reason


def _model_of(level: Level) -> Model | None:
    if not level.model:
        return None
    if level.business_unit or level.tier:
        raise Refused("policy.level", "A model's level is named by the model alone.", "$.level")
    model = Model.objects.filter(name=level.model).first()
    if model is None:
        raise Refused("model.unknown", "No model of this name is registered.", "$.level.model")
    return model


def _demand(by: User, action: str, version: PolicyVersion) -> None:
    unit = version.model.business_unit if version.model else version.business_unit
    access.demand(by, action, unit=unit)


def _refuse_overtaken(version: PolicyVersion, now_in_force: PolicyVersion | None) -> None:
    """What the approver saw compared is what is replaced."""
    if version.replaces_id != (now_in_force.pk if now_in_force else None):
        raise Refused("policy.overtaken", "Another policy came into force at this level meanwhile.")


def _refuse_not_replayed(version: PolicyVersion, said: Said) -> None:
    replay = Replay.objects.filter(version=version).exclude(finished_at=None).last()
    if replay is None:
        raise Refused("policy.not_replayed", "This proposal's replay is not finished.")
    about = [model.pk for model in covered_models(version, said)]
    fresh = replay.until >= timezone.now() - FRESH
    if not fresh or replay.against != said.digest or replay.about != about:
        raise Refused(
            "policy.stale_replay",
            "The replay is older than a day, or policies, units or models changed after it.",
        )


def _decide(version: PolicyVersion, status: str, by: User, reason: str) -> None:
    """Of two who decide at once, one does."""
    waiting = PolicyVersion.objects.filter(pk=version.pk, status=Status.PROPOSED)
    if not waiting.update(
        status=status,
        decided_by=by,
        decided_at=timezone.now(),
        decision=reason.strip()[:LONGEST_REASON],
    ):
        raise _decided()


def _decided() -> Refused:
    return Refused("policy.decided", "This proposal was decided or withdrawn already.")


def _record(kind: str, version: PolicyVersion, by: User, content: dict[str, str]) -> None:
    entries.record(
        kind,
        actor=f"user:{by.pk}",
        content=content,
        policy=version.pk,
        business_unit=version.business_unit,
        tier=version.tier,
        model=version.model.name if version.model else "",
        digest=version.digest,
    )
