"""What the API says of itself: schemas, OpenAPI, the page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from appliance.api.formats import statement_schema
from appliance.api.rules import RULES
from appliance.management.commands import write_schemas
from countersign import dsse
from countersign.statement import PREDICATE_TYPES, Predicate
from tests.builders import a_baseline, a_plan, a_statement, a_window, an_event, outcomes_of

from .conftest import Caller, refused

pytestmark = pytest.mark.django_db

STATEMENTS: list[Predicate] = [
    a_baseline(),
    a_plan(),
    a_window("0" * 64),
    outcomes_of(a_window("0" * 64)),
    an_event(),
]


@pytest.fixture
def openapi(eve: Caller) -> dict[str, Any]:
    description: dict[str, Any] = eve.get("/openapi.json").json()
    return description


def test_the_published_schemas_are_those_of_the_structs() -> None:
    for path, text in write_schemas.files().items():
        assert path.read_text(encoding="utf-8") == text, "run manage.py write_schemas"


def test_the_command_writes_every_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_schemas, "FOLDER", tmp_path / "formats")
    call_command("write_schemas")
    assert {path.stem for path in (tmp_path / "formats").iterdir()} == {
        "rules",
        "roles",
        "policy",
        *(kind.__name__.lower() for kind in PREDICATE_TYPES),
    }


@pytest.mark.parametrize("predicate", STATEMENTS, ids=lambda p: type(p).__name__)
def test_a_valid_statement_satisfies_its_schema(predicate: Predicate) -> None:
    schema = statement_schema(type(predicate))
    Draft202012Validator.check_schema(schema)
    statement = json.loads(a_statement(predicate))
    assert list(Draft202012Validator(schema).iter_errors(statement)) == []
    statement["predicate"]["email"] = "x"
    assert list(Draft202012Validator(schema).iter_errors(statement)) != []


def test_openapi_lists_every_address_and_resolves(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"] == "3.1.0"
    assert {path.removeprefix("/api/v1") for path in openapi["paths"]} == {
        "/keys",
        "/models",
        "/models.csv",
        "/models/{model}",
        "/models/{model}/versions",
        "/models/{model}/deployments",
        "/models/{model}/deployments/end",
        "/models/{model}/findings",
        "/versions/{model}/{version}/dossier.pdf",
        "/versions/{model}/{version}/dossier.json",
        "/versions/{model}/{version}/baseline",
        "/versions/{model}/{version}/plan",
        "/windows",
        "/outcomes",
        "/events",
        "/receipts/{digest}",
        "/log/proofs/{index}",
        "/log/consistency/{old}/{new}",
        "/incidents",
        "/refusals",
        "/models/{model}/privacy",
        "/policies",
        "/policies/{number}",
        "/versions/{model}/{version}/sign-offs",
        "/sign-offs",
        "/sign-offs/{identity}",
        "/decisions",
        "/gate",
        "/status",
    }
    schemas = openapi["components"]["schemas"]
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(openapi))
    assert set(references) <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_openapi_describes_what_an_upload_takes_and_how_it_is_refused(
    openapi: dict[str, Any],
) -> None:
    window = openapi["paths"]["/api/v1/windows"]["post"]
    assert set(window["requestBody"]["content"]) == {
        "application/json",
        "application/vnd.dsse+json",
    }
    assert set(window["responses"]) == {"200", "202", "default"}
    resolver = {"$defs": {}, "components": openapi["components"]}
    validator = Draft202012Validator(resolver | {"$ref": "#/components/schemas/WindowStatement"})
    assert list(validator.iter_errors(json.loads(a_statement(a_window("0" * 64))))) == []
    envelope = json.loads(dsse.sign(b"{}", Caller().key))
    validator = Draft202012Validator(resolver | {"$ref": "#/components/schemas/Envelope"})
    assert list(validator.iter_errors(envelope)) == []


def test_a_problem_is_what_openapi_says(eve: Caller, openapi: dict[str, Any]) -> None:
    document = refused(eve.get("/status"), 401, "credential.missing")
    schema = openapi["components"]["schemas"]["Problem"]
    assert list(Draft202012Validator(schema).iter_errors(document)) == []


def test_the_page_lists_every_address_and_rule_without_scripts(eve: Caller) -> None:
    answer = eve.get("/docs")
    page = answer.content.decode()
    assert "/api/v1/windows" in page
    assert all(rule in page for rule in RULES)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://", page)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
