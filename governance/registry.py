"""Register models and their versions. The registry holds names and digests, never an artefact.

Registering may be repeated: the same facts again change nothing, other facts are refused. What is
known of a version may be completed later, and developers added, never taken away. A model's
inventory is changed by `describe_model` and `place_model`, and each change is kept.
"""

import json
from collections.abc import Collection, Mapping

from django.db import connection, transaction

from countersign.statement import Refused
from governance import changes
from governance.audit import entries
from governance.models import Dependency, Developer, Model, Version
from governance.signoff.guard import kept_by_the_database

PLACE = ("business_unit", "tier", "tier_reason")
DESCRIPTION = ("purpose", "limits_of_use", "owner", "manager", "validator", "vendor", "state")
ONCE = ("manifest_digest", "code_commit", "training_data_digest", "run")  # facts of a version
IDENTIFIERS = ("business_unit", "tier", "state")  # what the log may hold in the clear

Told = Mapping[str, str | int | None]


def register_model(name: str, *, actor: str, **told: str | int | None) -> tuple[Model, bool]:
    """The model of that name, and whether it is new. Raises `Refused` (`model.conflict`).

    `told` are facts of PLACE and DESCRIPTION. What is left empty agrees with whatever is
    registered already.
    """
    facts = _given(told, (*PLACE, *DESCRIPTION))
    with transaction.atomic():
        model, new = Model.objects.get_or_create(name=name, defaults=facts)
        if new:
            entries.record(
                "model.registered",
                actor=actor,
                content={k: str(v) for k, v in facts.items() if k not in IDENTIFIERS},
                model=name,
                business_unit=model.business_unit,
                tier=model.tier,
            )
    if any(getattr(model, field) != value for field, value in facts.items()):
        raise Refused("model.conflict", "The model is registered with other facts.")
    return model, new


def describe_model(
    model: Model,
    told: Told,
    on: Collection[str] | None = None,
    sources: Collection[str] | None = None,
    *,
    actor: str,
) -> bool:
    """Change what DESCRIPTION names, and on which models and sources of data it depends.

    Whether anything did change. Raises `Refused` (`model.unknown`, `dependency.cycle`).
    """
    if unknown := set(told) - set(DESCRIPTION):
        raise ValueError(f"not part of a description: {unknown}")
    with transaction.atomic():
        if on is None and sources is None:
            return _change(model, told, "model.changed", actor)
        with connection.cursor() as cursor:  # before any row is: two that close a circle meet here
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('dependencies', 2))")
        depends = _depend(model, on, sources, actor)
        return _change(model, told, "model.changed", actor) or depends


def place_model(
    model: Model, *, business_unit: str, tier: int | None, tier_reason: str = "", actor: str
) -> None:
    """Say which unit a model belongs to and how much it matters: so which policies hold for it."""
    told = {"business_unit": business_unit, "tier": tier, "tier_reason": tier_reason}
    _change(model, told, "model.placed", actor, business_unit=business_unit, tier=tier)


def dependencies_of(model: Model) -> dict[str, list[str]]:
    """The names of the models and of the sources that it depends on."""
    rows = list(Dependency.objects.filter(model=model).select_related("on"))
    return {
        "models": sorted(row.on.name for row in rows if row.on),
        "sources": sorted(row.source for row in rows if row.source),
    }


def register_version(
    model: str,
    name: str,
    digest: str,
    *,
    actor: str,
    developers: Collection[str] = (),
    labels: Collection[str] | None = None,
    **told: str,
) -> tuple[Version, bool]:
    """The version, and whether it is new. Raises `Refused` (`model.unknown`, `version.conflict`,
    `signoff.four_eyes` for a developer who has decided on it).

    `told` are facts of ONCE: what is not known yet is completed, and then stays. `labels` replace
    the earlier ones, `developers` are added to them.
    """
    owner = find_model(model)
    facts = _given(told, ONCE)
    with kept_by_the_database():
        version, new = Version.objects.get_or_create(
            model=owner, name=name, defaults={"digest": digest}
        )
        version = Version.objects.select_for_update().select_related("model").get(pk=version.pk)
        for field, value in {"digest": digest, **facts}.items():
            if getattr(version, field) not in ("", value):
                raise Refused("version.conflict", "The version is registered with other facts.")
        was, now = _complete(version, facts, developers, labels)
        if new:
            entries.record(
                "version.registered",
                actor=actor,
                content={"facts": json.dumps(now, sort_keys=True)},
                version=str(version),
                digest=digest,
            )
        else:
            about = f"version {name}"
            changes.note("version.changed", owner, about, was, now, actor=actor, version=name)
    return version, new


def developers_of(version: Version) -> list[str]:
    """The names of those who made it; a user name means that person."""
    return sorted(version.developers.values_list("name", flat=True))


def find_model(name: str) -> Model:
    """A registered model. Raises `Refused` (`model.unknown`)."""
    model = Model.objects.filter(name=name).first()
    if model is None:
        raise Refused("model.unknown", "No model of this name is registered.")
    return model


def find_version(model: str, name: str) -> Version:
    """A registered version. Raises `Refused` (`version.unknown`)."""
    version = Version.objects.filter(model__name=model, name=name).select_related("model").first()
    if version is None:
        raise Refused("version.unknown", "No version of this name is registered for this model.")
    return version


def _change(model: Model, told: Told, kind: str, actor: str, **clear: str | int | None) -> bool:
    with transaction.atomic():
        locked = Model.objects.select_for_update().get(pk=model.pk)
        before = {field: getattr(locked, field) for field in told}
        if not changes.note(kind, model, "inventory", before, told, actor=actor, **clear):
            return False
        Model.objects.filter(pk=model.pk).update(**told)
    return True


def _depend(
    model: Model, on: Collection[str] | None, sources: Collection[str] | None, actor: str
) -> bool:
    before = dependencies_of(model)
    after = {
        "models": sorted(set(before["models"] if on is None else on)),
        "sources": sorted(set(before["sources"] if sources is None else sources)),
    }
    others = [find_model(name) for name in after["models"]]
    _refuse_circles(model, others)
    if not changes.note("model.changed", model, "dependencies", before, after, actor=actor):
        return False
    Dependency.objects.filter(model=model).delete()
    Dependency.objects.bulk_create(
        [Dependency(model=model, on=other) for other in others]
        + [Dependency(model=model, source=source) for source in after["sources"]]
    )
    return True


def _complete(
    version: Version, facts: Told, developers: Collection[str], labels: Collection[str] | None
) -> tuple[changes.Facts, changes.Facts]:
    """Write what is new of a version; all of it before and after."""
    names = (*ONCE, "labels")
    before = {name: getattr(version, name) for name in names}
    before["developers"] = developers_of(version)
    for field, value in facts.items():
        setattr(version, field, value)
    if labels is not None:
        version.labels = sorted(set(labels))
    version.save(update_fields=names)
    Developer.objects.bulk_create(
        (Developer(version=version, name=name) for name in dict.fromkeys(developers)),
        ignore_conflicts=True,
    )
    after = {name: getattr(version, name) for name in names}
    return before, after | {"developers": developers_of(version)}


def _given(told: Told, known: Collection[str]) -> dict[str, str | int]:
    if unknown := set(told) - set(known):
        raise ValueError(f"not among the facts: {unknown}")
    return {field: value for field, value in told.items() if value is not None and value != ""}


def _refuse_circles(model: Model, others: Collection[Model]) -> None:
    """No model may depend on itself, however long the way."""
    rows = Dependency.objects.exclude(on=None).exclude(model=model).values_list("model", "on")
    onward: dict[int, list[int | None]] = {}
    for one, other in rows:
        onward.setdefault(one, []).append(other)
    reached: set[int | None] = set()
    ahead: list[int | None] = [other.pk for other in others]
    while ahead:
        at = ahead.pop()
        if at not in reached and at is not None:
            reached.add(at)
            ahead += onward.get(at, [])
    if model.pk in reached:
        raise Refused("dependency.cycle", "The model would depend on itself.")
