"""Models and their versions: names and digests, never an artefact."""

from datetime import datetime
from typing import Annotated

import msgspec
from django.http import HttpRequest
from ninja import Router, Schema, Status

from countersign.tables import Digest, Slug
from governance import registry

from .bodies import described_json, read_json
from .credentials import Bearer, caller_of

router = Router(tags=["Registry"], auth=Bearer("register"))

# One line of text: no control characters.
Purpose = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,500}$(?!\n)")]
Owner = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$(?!\n)")]
Tier = Annotated[int, msgspec.Meta(ge=1, le=3)]


class NewModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model's name, what it is for, whose it is, and how much it matters (tier 1 most)."""

    name: Slug
    purpose: Purpose = ""
    owner: Owner = ""
    business_unit: Slug | None = None
    tier: Tier | None = None


class NewVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version's name and the SHA-256 of its artefact."""

    version: Slug
    digest: Digest


class RegisteredModel(Schema):
    name: str
    registered: datetime


class RegisteredVersion(Schema):
    model: str
    version: str
    digest: str
    registered: datetime


@router.post(
    "/models",
    response={201: RegisteredModel, 200: RegisteredModel},
    openapi_extra=described_json(NewModel),
)
def post_model(request: HttpRequest) -> Status[RegisteredModel]:
    """Register a model; 200 if it is registered already."""
    new = read_json(request, NewModel)
    model, is_new = registry.register_model(
        new.name,
        actor=caller_of(request).actor,
        purpose=new.purpose,
        owner=new.owner,
        business_unit=new.business_unit or "",
        tier=new.tier,
    )
    told = RegisteredModel(name=model.name, registered=model.registered_at)
    return Status(201 if is_new else 200, told)


@router.post(
    "/models/{model}/versions",
    response={201: RegisteredVersion, 200: RegisteredVersion},
    openapi_extra=described_json(NewVersion),
)
def post_version(request: HttpRequest, model: str) -> Status[RegisteredVersion]:
    """Register a version by its artefact's digest; 200 if it is registered with that digest."""
    new = read_json(request, NewVersion)
    version, is_new = registry.register_version(
        model, new.version, new.digest, actor=caller_of(request).actor
    )
    told = RegisteredVersion(
        model=model,
        version=version.name,
        digest=version.digest,
        registered=version.registered_at,
    )
    return Status(201 if is_new else 200, told)
