"""Incidents by REST: what is open, for other people's dashboards."""

import pytest

from governance import incidents, policies
from governance.models import Version
from tests.builders import hours_ago

from .conftest import Caller

pytestmark = pytest.mark.django_db


def open_an_incident() -> None:
    finding = incidents.Finding(
        cause="drift",
        detector="ks",
        name="age",
        sentence="Applicants are older than they were.",
        severity="medium",
    )
    occasion = incidents.Occasion(
        Version.objects.get(), "production", start=hours_ago(2), end=hours_ago(1)
    )
    incidents.weigh([finding], occasion, policies.in_force())


def test_incidents_are_listed_by_status(ada: Caller, loans: str) -> None:
    open_an_incident()
    (listed,) = ada.get("/incidents").json()
    assert listed == ada.get("/incidents?status=open").json()[0]
    assert (listed["model"], listed["version"], listed["cause"]) == ("loans", "1", "drift")
    assert listed["title"] == "Applicants are older than they were."
    assert listed["findings"][0]["name"] == "age"
    assert ada.get("/incidents?status=resolved").json() == []
