"""Register models and their versions. The registry holds names and digests, never an artefact.

Both verbs may be repeated: the same facts again change nothing, other facts are refused.
"""

from django.db import transaction

from countersign.statement import Refused
from governance.audit import entries
from governance.models import Model, Version


def register_model(
    name: str, *, actor: str, purpose: str = "", owner: str = ""
) -> tuple[Model, bool]:
    """The model of that name, and whether it is new. Raises `Refused` (`model.conflict`).

    A purpose or owner left empty agrees with any that is registered already.
    """
    with transaction.atomic():
        model, new = Model.objects.get_or_create(
            name=name, defaults={"purpose": purpose, "owner": owner}
        )
        if new:
            entries.record(
                "model.registered",
                actor=actor,
                content={k: v for k, v in (("purpose", purpose), ("owner", owner)) if v},
                model=name,
            )
    if purpose not in ("", model.purpose) or owner not in ("", model.owner):
        raise Refused("model.conflict", "The model is registered with another purpose or owner.")
    return model, new


def register_version(model: str, name: str, digest: str, *, actor: str) -> tuple[Version, bool]:
    """The version, and whether it is new. Raises `Refused` (`model.unknown`, `.conflict`)."""
    owner = Model.objects.filter(name=model).first()
    if owner is None:
        raise Refused("model.unknown", "No model of this name is registered.")
    with transaction.atomic():
        version, new = Version.objects.get_or_create(
            model=owner, name=name, defaults={"digest": digest}
        )
        if new:
            entries.record("version.registered", actor=actor, version=str(version), digest=digest)
    if version.digest != digest:
        raise Refused("version.conflict", "The version is registered with another digest.")
    return version, new


def find_version(model: str, name: str) -> Version:
    """A registered version. Raises `Refused` (`version.unknown`)."""
    version = Version.objects.filter(model__name=model, name=name).select_related("model").first()
    if version is None:
        raise Refused("version.unknown", "No version of this name is registered for this model.")
    return version
