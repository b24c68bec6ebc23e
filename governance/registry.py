"""Register models and their versions. The registry holds names and digests, never an artefact.

Both verbs may be repeated: the same facts again change nothing, other facts are refused.
"""

from django.db import transaction

from countersign.statement import Refused
from governance.audit import entries
from governance.models import Model, Version


def register_model(
    name: str,
    *,
    actor: str,
    purpose: str = "",
    owner: str = "",
    business_unit: str = "",
    tier: int | None = None,
) -> tuple[Model, bool]:
    """The model of that name, and whether it is new. Raises `Refused` (`model.conflict`).

    What is left empty agrees with whatever is registered already.
    """
    told = {"purpose": purpose, "owner": owner, "business_unit": business_unit, "tier": tier}
    told = {field: value for field, value in told.items() if value not in ("", None)}
    with transaction.atomic():
        model, new = Model.objects.get_or_create(name=name, defaults=told)
        if new:
            entries.record(
                "model.registered",
                actor=actor,
                content={k: v for k, v in (("purpose", purpose), ("owner", owner)) if v},
                model=name,
                business_unit=business_unit,
                tier=tier,
            )
    if any(getattr(model, field) != value for field, value in told.items()):
        raise Refused("model.conflict", "The model is registered with other facts.")
    return model, new


def place_model(model: Model, *, business_unit: str, tier: int | None, actor: str) -> None:
    """Say which unit a model belongs to and how much it matters: so which policies hold for it."""
    with transaction.atomic():
        others = Model.objects.filter(pk=model.pk).exclude(business_unit=business_unit, tier=tier)
        if others.update(business_unit=business_unit, tier=tier):
            entries.record(
                "model.placed",
                actor=actor,
                model=model.name,
                business_unit=business_unit,
                tier=tier,
            )


def register_version(model: str, name: str, digest: str, *, actor: str) -> tuple[Version, bool]:
    """The version, and whether it is new. Raises `Refused` (`model.unknown`, `.conflict`)."""
    owner = find_model(model)
    with transaction.atomic():
        version, new = Version.objects.get_or_create(
            model=owner, name=name, defaults={"digest": digest}
        )
        if new:
            entries.record("version.registered", actor=actor, version=str(version), digest=digest)
    if version.digest != digest:
        raise Refused("version.conflict", "The version is registered with another digest.")
    return version, new


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
