"""The API's page: every address and every rule, made from the description, without a script."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.urls import reverse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from .rules import RULES

TEMPLATE = Engine(libraries={"static": "django.templatetags.static"}).from_string(
    Path(__file__).with_name("docs.html").read_text(encoding="utf-8")
)


class Page(DocsBase):
    """Rendered here, because the site's policy lets no foreign or inline script run."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """The list of addresses, what they take and answer, and the rules they refuse by."""
        schema = api.get_openapi_schema()
        page = {
            "info": schema["info"],
            "description": reverse("api:openapi-json"),
            "operations": list(_operations(schema)),
            "schemas": sorted(schema["components"]["schemas"].items()),
            "rules": RULES,
        }
        return HttpResponse(TEMPLATE.render(Context(page)))


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield {
                "method": method.upper(),
                "path": path,
                "text": operation["description"],
                "takes": list(_bodies(operation.get("requestBody", {}))),
                "answers": {
                    code: answer["description"] for code, answer in operation["responses"].items()
                },
                "token": bool(operation.get("security")),
            }


def _bodies(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for media_type, content in body.get("content", {}).items():
        yield media_type, content["schema"]["$ref"].rpartition("/")[2]
