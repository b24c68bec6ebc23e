"""Where versions run: told by pipelines as it happens, asked for any date."""

from datetime import datetime
from typing import Annotated

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from countersign.tables import Slug
from governance import deployments, registry
from governance.models import Deployment

from .bodies import described_json, read_json
from .credentials import Bearer, caller_of

router = Router(tags=["Registry"], auth=Bearer("register", "inventory"))
READ = Bearer("read", "inventory")
MOST = 1_000

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NewDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version that runs in an environment from `since` on (now).

    `deployment` is the name that the windows from there carry.
    """

    version: Slug
    environment: Slug
    deployment: Slug = "default"
    since: Moment | None = None


class EndedDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An environment in which nothing of the model runs from `until` on (now)."""

    environment: Slug
    deployment: Slug = "default"
    until: Moment | None = None


class RecordedDeployment(Schema):
    """`until` is null as long as the version runs there."""

    model: str = Field(alias="version.model.name")
    version: str = Field(alias="version.name")
    digest: str = Field(alias="version.digest")
    environment: str
    deployment: str = Field(alias="name")
    since: datetime
    until: datetime | None


@router.get("/models/{model}/deployments", response=list[RecordedDeployment], auth=READ)
def get_deployments(
    request: HttpRequest, model: str, on: datetime | None = None
) -> QuerySet[Deployment]:
    """Where the model's versions ran, the newest first; with `on`, only what was in force then."""
    found = registry.find_model(model)
    if on is not None:
        aware = on if timezone.is_aware(on) else timezone.make_aware(on)
        return deployments.in_force_on(found, aware)
    rows = found.deployments.select_related("version__model")
    return rows.order_by("-since", "-pk")[:MOST]


@router.post(
    "/models/{model}/deployments",
    response={201: RecordedDeployment, 200: RecordedDeployment},
    openapi_extra=described_json(NewDeployment),
)
def post_deployment(request: HttpRequest, model: str) -> Status[Deployment]:
    """Record that a version runs; it takes the place of what ran there. 200 if that is known."""
    new = read_json(request, NewDeployment)
    started, is_new = deployments.start_deployment(
        registry.find_version(model, new.version),
        new.environment,
        name=new.deployment,
        since=new.since or timezone.now(),
        actor=caller_of(request).actor,
    )
    return Status(201 if is_new else 200, started)


@router.post(
    "/models/{model}/deployments/end",
    response=RecordedDeployment,
    openapi_extra=described_json(EndedDeployment),
)
def post_end(request: HttpRequest, model: str) -> Deployment:
    """Record that nothing of the model runs there any more."""
    asked = read_json(request, EndedDeployment)
    return deployments.end_deployment(
        registry.find_model(model),
        asked.environment,
        name=asked.deployment,
        until=asked.until or timezone.now(),
        actor=caller_of(request).actor,
    )
