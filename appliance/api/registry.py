"""Models and their versions: names and digests, never an artefact."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status

from appliance import inventory
from countersign.tables import Digest, Slug
from governance import registry
from governance.models import Model, Version

from .bodies import described_json, read_json
from .credentials import Bearer, caller_of, models_of

router = Router(tags=["Registry"], auth=Bearer("register"))
READ = Bearer("read", "inventory")

# One line of text: no control characters.
Purpose = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,500}$(?!\n)")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$(?!\n)")]
NotEmpty = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,200}$(?!\n)")]
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]{0,2000}$(?!\n)")]
Tier = Annotated[int, msgspec.Meta(ge=1, le=3)]
Commit = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{7,64}$(?!\n)")]
State = Literal["in_development", "in_use", "retired"]
Some = msgspec.Meta(max_length=100)


class NewModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model's name, what it is for, whose it is, and how much it matters (tier 1 most)."""

    name: Slug
    purpose: Purpose = ""
    owner: Name = ""
    business_unit: Slug | None = None
    tier: Tier | None = None


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the inventory says of a model. What is left out stays as it is.

    `depends_on_models` and `depends_on_sources` replace what was said before.
    """

    purpose: Purpose | None = None
    limits_of_use: Text | None = None
    owner: Name | None = None
    manager: Name | None = None
    validator: Name | None = None
    vendor: Name | None = None
    state: State | None = None
    depends_on_models: Annotated[list[Slug], Some] | None = None
    depends_on_sources: Annotated[list[NotEmpty], Some] | None = None


class NewVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version's name and the SHA-256 of its artefact, and where it comes from.

    `digest`: a file's, or of a directory the root digest of OpenSSF Model Signing, beside which
    `manifest_digest` covers the files' names. `developers` may not approve the version.
    """

    version: Slug
    digest: Digest
    manifest_digest: Digest | None = None
    code_commit: Commit | None = None
    training_data_digest: Digest | None = None
    run: Slug | None = None
    developers: Annotated[list[NotEmpty], Some] = msgspec.field(default_factory=list)
    labels: Annotated[list[Slug], Some] | None = None


class RegisteredModel(Schema):
    name: str
    registered: datetime


class RegisteredVersion(Schema):
    """Facts that nobody told are empty."""

    model: str
    version: str
    digest: str
    manifest_digest: str
    code_commit: str
    training_data_digest: str
    run: str
    developers: list[str]
    labels: list[str]
    registered: datetime


class RunningVersion(Schema):
    environment: str
    deployment: str
    version: str
    since: datetime


class InventoryRow(Schema):
    """What the inventory says of one model, and how much is open about it now."""

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
    in_force: list[RunningVersion]
    open_findings: int
    overdue_findings: int
    exceptions_in_force: int
    open_incidents: int


@router.get("/models", response=list[InventoryRow], auth=READ)
def get_models(request: HttpRequest) -> list[inventory.Row]:
    """The inventory: every model that the token is for, by name."""
    return inventory.rows(models_of(request))


@router.get("/models.csv", auth=READ)
def get_models_csv(request: HttpRequest) -> HttpResponse:
    """The inventory as a table for spreadsheets."""
    table = inventory.as_csv(inventory.rows(models_of(request)))
    return HttpResponse(table, content_type="text/csv; charset=utf-8")


@router.post(
    "/models",
    response={201: RegisteredModel, 200: RegisteredModel},
    openapi_extra=described_json(NewModel),
)
def post_model(request: HttpRequest) -> Status[RegisteredModel]:
    """Register a model; 200 if it is registered already."""
    new = read_json(request, NewModel)
    caller_of(request).demand_model(new.name)
    model, is_new = registry.register_model(
        new.name,
        actor=caller_of(request).actor,
        purpose=new.purpose,
        owner=new.owner,
        business_unit=new.business_unit,
        tier=new.tier,
    )
    told = RegisteredModel(name=model.name, registered=model.registered_at)
    return Status(201 if is_new else 200, told)


@router.get("/models/{model}", response=InventoryRow, auth=READ)
def get_model(request: HttpRequest, model: str) -> inventory.Row:
    """What the inventory says of one model."""
    return _row(registry.find_model(model))


@router.patch(
    "/models/{model}",
    response=InventoryRow,
    auth=Bearer("inventory"),
    openapi_extra=described_json(Inventory),
)
def patch_model(request: HttpRequest, model: str) -> inventory.Row:
    """Change what the inventory says of a model. People decide on its unit and its tier."""
    asked = msgspec.structs.asdict(read_json(request, Inventory))
    found, actor = registry.find_model(model), caller_of(request).actor
    told = {name: asked[name] for name in registry.DESCRIPTION if asked[name] is not None}
    on, sources = asked["depends_on_models"], asked["depends_on_sources"]
    registry.describe_model(found, told, on, sources, actor=actor)
    return _row(found)


@router.get("/models/{model}/versions", response=list[RegisteredVersion], auth=READ)
def get_versions(request: HttpRequest, model: str) -> list[RegisteredVersion]:
    """A model's versions, the newest first."""
    versions = registry.find_model(model).versions.select_related("model")
    ordered = versions.prefetch_related("developers").order_by("-registered_at", "-pk")
    return [_told(version) for version in ordered]


@router.post(
    "/models/{model}/versions",
    response={201: RegisteredVersion, 200: RegisteredVersion},
    openapi_extra=described_json(NewVersion),
)
def post_version(request: HttpRequest, model: str) -> Status[RegisteredVersion]:
    """Register a version by its artefact's digest; 200 if it is registered with that digest.

    What wasn't known before is completed, developers are added, labels replaced.
    """
    new = read_json(request, NewVersion)
    version, is_new = registry.register_version(
        model,
        new.version,
        new.digest,
        actor=caller_of(request).actor,
        developers=new.developers,
        labels=new.labels,
        **{name: getattr(new, name) or "" for name in registry.ONCE},
    )
    return Status(201 if is_new else 200, _told(version))


def _row(model: Model) -> inventory.Row:
    [row] = inventory.rows(Model.objects.filter(pk=model.pk))
    return row


def _told(version: Version) -> RegisteredVersion:
    return RegisteredVersion(
        model=version.model.name,
        version=version.name,
        digest=version.digest,
        **{name: getattr(version, name) for name in registry.ONCE},
        developers=sorted(each.name for each in version.developers.all()),
        labels=version.labels,
        registered=version.registered_at,
    )
