"""The inventory, deployments and findings by REST, and as a table for spreadsheets."""

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import Change, Deployment, Model, ReviewFinding

from .conftest import Caller, refused, with_token

pytestmark = pytest.mark.django_db

DIGEST = "1" * 64
FORMULA = '=HYPERLINK("http://eve.example")'


@pytest.fixture
def team(db: None) -> Caller:
    """A pipeline whose token may do everything but upload."""
    caller = with_token("register", "read", "inventory")
    caller.post("/models", {"name": "loans", "owner": "ada", "business_unit": "lending", "tier": 1})
    caller.post("/models/loans/versions", {"version": "1", "digest": DIGEST})
    return caller


def patch(caller: Caller, address: str, body: dict[str, Any]) -> Any:
    return caller.client.patch(
        f"/api/v1{address}",
        data=body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {caller.bearer}"},
    )


def test_the_inventory_tells_what_is_known_and_open(team: Caller) -> None:
    team.post("/models", {"name": "income"})
    told = {
        "manager": "Grace",
        "limits_of_use": "Not for\nbusinesses.",
        "state": "in_use",
        "depends_on_models": ["income"],
        "depends_on_sources": ["bureau"],
    }
    answer = patch(team, "/models/loans", told)
    assert answer.status_code == 200, answer.content
    team.post("/models/loans/deployments", {"version": "1", "environment": "production"})
    finding = {"title": "No fallback", "severity": "high", "owner": "ben", "due": "2020-01-01"}
    assert team.post("/models/loans/findings", finding).status_code == 201
    income, loans = team.get("/models").json()
    assert loans == team.get("/models/loans").json()
    assert told.items() <= loans.items()
    assert loans["in_force"][0]["version"] == "1"
    assert (loans["open_findings"], loans["overdue_findings"]) == (1, 1)
    assert (income["in_force"], income["open_findings"], income["tier"]) == ([], 0, None)


def test_the_inventory_takes_as_many_queries_for_many_models_as_for_one(team: Caller) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            team.get("/models")
        return len(taken)

    one = queries()
    for number in range(5):
        team.post("/models", {"name": f"m{number}"})
        team.post(f"/models/m{number}/versions", {"version": "1", "digest": DIGEST})
    assert queries() == one


def test_no_cell_of_the_table_is_a_formula(team: Caller) -> None:
    patch(team, "/models/loans", {"owner": FORMULA, "vendor": "  @SUM(A1)", "purpose": 'a","b'})
    answer = team.get("/models.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row["owner"] == "'" + FORMULA
    assert row["vendor"] == "'  @SUM(A1)"
    assert row["purpose"] == 'a","b'


def test_a_collectors_token_reads_no_inventory_into_other_hands(ada: Caller) -> None:
    """It registers; what people decided it can't change."""
    ada.post("/models", {"name": "loans"})
    refused(patch(ada, "/models/loans", {"owner": "eve"}), 403, "credential.scope")
    refused(ada.post("/models/loans/findings", {}), 403, "credential.scope")


@pytest.mark.parametrize(
    "body",
    [
        {"tier": 3},
        {"business_unit": "other"},
        {"state": "gone"},
        {"owner": "two\nlines"},
        {"depends_on_models": ["../x"]},
        {"depends_on_sources": [""]},
        {"limits_of_use": "\x00"},
    ],
)
def test_a_wrong_change_is_refused_whole(team: Caller, body: dict[str, Any]) -> None:
    refused(patch(team, "/models/loans", {"vendor": "Acme"} | body), 422, "request.malformed")
    assert Model.objects.get().vendor == ""
    assert not Change.objects.exists()


def test_circles_and_strangers_are_refused(team: Caller) -> None:
    on = {"depends_on_models": ["loans"]}
    refused(patch(team, "/models/loans", on), 422, "dependency.cycle")
    refused(patch(team, "/models/loans", {"depends_on_models": ["eve"]}), 404, "model.unknown")
    refused(patch(team, "/models/eve", {}), 404, "model.unknown")


def test_a_version_tells_where_it_comes_from(team: Caller) -> None:
    told = {
        "version": "2",
        "digest": DIGEST,
        "manifest_digest": "2" * 64,
        "code_commit": "ab12cd34",
        "training_data_digest": "3" * 64,
        "run": "r1",
        "developers": ["ben", "ada", "ada"],
        "labels": ["champion"],
    }
    answer = team.post("/models/loans/versions", told)
    assert answer.status_code == 201
    expected = told | {"developers": ["ada", "ben"]}
    assert expected.items() <= answer.json().items()
    newest, _ = team.get("/models/loans/versions").json()
    assert newest == answer.json()
    other = told | {"manifest_digest": "4" * 64}
    refused(team.post("/models/loans/versions", other), 409, "version.conflict")


def test_deployments_are_told_and_asked_for_any_date(team: Caller) -> None:
    team.post("/models/loans/versions", {"version": "2", "digest": DIGEST})
    at = "/models/loans/deployments"
    first = {"version": "1", "environment": "production", "since": "2026-01-01T00:00:00Z"}
    second = {"version": "2", "environment": "production", "since": "2026-02-01T01:00:00+01:00"}
    assert [team.post(at, body).status_code for body in (first, second, second)] == [201, 201, 200]
    refused(team.post(at, first), 409, "deployment.overlap")

    def on(moment: str) -> list[str]:
        return [each["version"] for each in team.get(f"{at}?on={moment}").json()]

    assert on("2026-01-31T23:59:59Z") == ["1"]
    assert on("2026-02-01T00:00:00Z") == ["2"]
    assert on("2025-12-31T00:00:00") == []
    refused(team.get(f"{at}?on=yesterday"), 422, "request.malformed")
    end = {"environment": "production", "until": "2026-03-01T00:00:00Z"}
    assert team.post(f"{at}/end", end).json()["until"] == "2026-03-01T00:00:00Z"
    refused(team.post(f"{at}/end", end), 404, "deployment.none")
    future = {"version": "1", "environment": "production", "since": "2999-01-01T00:00:00Z"}
    refused(team.post(at, future), 422, "deployment.future")
    ancient = {"version": "1", "environment": "test", "since": "0001-01-01T00:00:00+14:00"}
    refused(team.post(at, ancient), 422, "deployment.past")
    local = {"version": "1", "environment": "production", "since": "2026-05-01T00:00:00"}
    refused(team.post(at, local), 422, "request.malformed")
    assert Deployment.objects.count() == 2


def test_findings_are_told_and_asked_for(team: Caller) -> None:
    at = "/models/loans/findings"
    body = {"title": "No fallback", "severity": "high", "owner": "ben", "due": "2026-09-01"}
    told = team.post(at, body | {"version": "1", "text": "Two\nlines"}).json()
    assert body.items() <= told.items()
    assert team.get(f"{at}?status=open").json() == [told]
    assert team.get(f"{at}?status=closed").json() == []
    refused(team.post(at, body | {"version": "9"}), 404, "version.unknown")
    for wrong in ({"title": ""}, {"severity": "huge"}, {"due": "soon"}, {"due": "2026-02-30"}):
        refused(team.post(at, body | wrong), 422, "request.malformed")
    assert ReviewFinding.objects.count() == 1
