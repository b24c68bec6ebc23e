"""The API put together: its resources, its errors, its OpenAPI description and its page."""

from importlib.metadata import version
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from ninja import NinjaAPI

from governance.policy_files import PolicyFile

from . import (
    baselines,
    deployments,
    docs,
    dossier,
    events,
    findings,
    formats,
    incidents,
    keys,
    log,
    outcomes,
    plans,
    policies,
    privacy,
    problems,
    receipts,
    refusals,
    registry,
    signoffs,
    status,
    windows,
)

RESOURCES = (
    keys,
    registry,
    dossier,
    deployments,
    findings,
    baselines,
    plans,
    windows,
    outcomes,
    events,
    receipts,
    log,
    incidents,
    privacy,
    policies,
    refusals,
    signoffs,
    status,
)
REQUESTS: list[type[msgspec.Struct]] = [
    keys.NewKey,
    registry.NewModel,
    registry.Inventory,
    registry.NewVersion,
    deployments.NewDeployment,
    deployments.EndedDeployment,
    findings.NewFinding,
    signoffs.NewSignOff,
    signoffs.NewDecision,
    PolicyFile,
]


class Api(NinjaAPI):
    """Ninja's API, whose every error is a problem document and whose uploads are described."""

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        """The addresses; whatever none of them matches is a problem document too."""
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            assert isinstance(pattern, URLPattern)
            pattern.callback = problems.only_problems(pattern.callback)
        rest = re_path("", problems.only_problems(_nothing_here))
        return [*patterns, rest], app_name, namespace

    def get_openapi_schema(self, **options: Any) -> Any:
        """Ninja's description, with what our own parsers take and how every address refuses."""
        schema = super().get_openapi_schema(**options)
        schema["components"]["schemas"] |= formats.components(REQUESTS)
        schema["components"]["schemas"]["Problem"] = formats.PROBLEM
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"]["default"] = formats.REFUSAL
        return schema


def _nothing_here(request: HttpRequest) -> HttpResponse:
    raise Http404


api = Api(
    title="Countersign",
    version=version("countersign"),
    description="Statements in, receipts, plans and incidents out. Every error is a problem "
    "document (RFC 9457) named by a stable rule.",
    docs=docs.Page(),
    urls_namespace="api",
)
for resource in RESOURCES:
    api.add_router("", resource.router)
problems.add_handlers(api)
