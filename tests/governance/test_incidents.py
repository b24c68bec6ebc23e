"""From findings to incidents: what opens, continues, reopens or is held back; how severe it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import incidents, policies, silences
from governance.handling import resolve_incident, snooze_incident
from governance.incidents import QUIET_AFTER, REOPENED_WITHIN, Finding, Occasion
from governance.models import Entry, Incident, Model, Sighting, Silence, Version
from governance.suggestions import RULES, suggest
from tests import cast

DAY = timedelta(days=1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SHIFT = Finding(
    "drift", "drift_alarm", "age", "age has shifted.", "medium", 2.0, 0.3, 0.28, 0.32, 0.25
)
GONE = Finding("data_quality", "column_gone", "income", "income is gone.", "high", 1e9, 1.0)
FEW = Finding("feed", "volume", "rows", "3 rows arrived.", "medium", value=3.0, limit=900.0)

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> Version:
    model = Model.objects.create(name="loans", business_unit="lending")
    return Version.objects.create(model=model, name="1", digest="d" * 64)


def see(version: Version, number: int, *findings: Finding) -> list[Incident]:
    """The window of that day was examined, and this was found."""
    start = BEGIN + number * DAY
    occasion = Occasion(version, "production", start, start + DAY)
    with transaction.atomic():
        opened = incidents.weigh(findings, occasion, policies.in_force(version.model))
        incidents.note_quiet(occasion)
    return opened


def a_silence(version: Version, **changes: object) -> Silence:
    facts = {"model": version.model, "reason": "A campaign.", "ends_at": timezone.now() + DAY}
    return Silence(**facts | {"owner": cast.person("ben")} | changes)


def test_every_finding_is_a_child_with_its_own_windows(version: Version) -> None:
    see(version, 0, SHIFT, replace(SHIFT, name="region"))
    see(version, 1, SHIFT)
    (incident,) = see(version, 2, replace(SHIFT, weight=9.0, value=0.9))
    assert Incident.objects.count() == 1
    ages = incident.sightings.filter(name="age").order_by("start")
    assert [s.start for s in ages] == [BEGIN, BEGIN + DAY, BEGIN + 2 * DAY]
    assert ages.latest("weight").finding["value"] == 0.9
    assert incident.sightings.filter(name="region").count() == 1


@pytest.mark.parametrize(
    ("tier", "low", "expected"),
    [
        (1, 0.28, "high"),
        (1, 0.20, "medium"),
        (2, 0.28, "medium"),
        (None, 0.20, "medium"),
        (3, 0.28, "medium"),
        (3, 0.20, "low"),
    ],
)
def test_severity_follows_impact_certainty_and_tier(
    version: Version, tier: int | None, low: float, expected: str
) -> None:
    version.model.tier = tier
    (incident,) = see(version, 0, replace(SHIFT, low=low))
    assert incident.severity == expected
    assert incident.findings[0]["impact"] == "medium"
    assert incident.due_at > timezone.now()


def test_a_gone_column_holds_drift_back_while_it_lasts_and_keeps_it(version: Version) -> None:
    opened = see(version, 0, SHIFT, GONE)
    assert [i.cause for i in opened] == ["data_quality"]
    see(version, 1, replace(SHIFT, name="region"))  # the window after still holds rows without it
    held = Sighting.objects.filter(fate="inhibited")
    assert {(s.name, s.incident) for s in held} == {("age", opened[0]), ("region", opened[0])}
    assert Entry.objects.filter(kind="finding.held_back").count() == 2
    assert [i.cause for i in see(version, 3, SHIFT)] == ["drift"]


def test_few_rows_hold_drift_back_and_many_do_not(version: Version) -> None:
    assert [i.cause for i in see(version, 0, SHIFT, FEW)] == ["feed"]
    many = replace(FEW, value=9e6, limit=2e3)
    assert {i.cause for i in see(version, 5, SHIFT, many)} == {"feed", "drift"}


def test_broken_data_of_another_deployment_hold_nothing_back(version: Version) -> None:
    see(version, 0, GONE)
    elsewhere = Occasion(version, "elsewhere", BEGIN, BEGIN + DAY)
    with transaction.atomic():
        opened = incidents.weigh([SHIFT], elsewhere, policies.in_force())
    assert [i.cause for i in opened] == ["drift"]


def test_what_comes_back_soon_opens_the_old_incident_again(version: Version) -> None:
    (incident,) = see(version, 0, SHIFT)
    resolve_incident(incident, "upstream", actor="user:1", reason="Repaired.")
    (again,) = see(version, 1, SHIFT)
    assert (again.pk, again.status, again.verdict, again.resolved_at) == (
        incident.pk,
        "open",
        "",
        None,
    )
    assert Entry.objects.filter(kind="incident.reopened").count() == 1


@pytest.mark.parametrize("long_ago", [True, False])
def test_what_comes_back_late_or_after_a_false_alarm_is_new(
    version: Version, long_ago: bool
) -> None:
    (incident,) = see(version, 0, SHIFT)
    verdict = "upstream" if long_ago else "false_alarm"
    resolve_incident(incident, verdict, actor="user:1", reason="Over.")
    if long_ago:
        Incident.objects.update(resolved_at=timezone.now() - REOPENED_WITHIN)
    (again,) = see(version, 1, SHIFT)
    assert again.pk != incident.pk


def test_it_is_said_to_be_quiet_and_stays_open(version: Version) -> None:
    (incident,) = see(version, 0, SHIFT)
    for number in range(1, QUIET_AFTER + 1):
        see(version, number)
        see(version, number)  # looked at again, for its labels
    incident.refresh_from_db()
    assert (incident.quiet_windows, incident.status) == (QUIET_AFTER, "open")
    assert incident.steps.get(kind="quiet").text == "for 14 windows"
    (again,) = see(version, QUIET_AFTER + 1, SHIFT)
    assert (again.pk, again.quiet_windows) == (incident.pk, 0)


def test_a_worse_finding_raises_the_severity_and_wakes_it(version: Version) -> None:
    (incident,) = see(version, 0, replace(SHIFT, severity="low"))
    until = timezone.now() + 20 * DAY
    snooze_incident(incident, until, actor="user:1", reason="Harmless.")
    (worse,) = see(version, 1, replace(SHIFT, severity="high"))
    assert (worse.severity, worse.snoozed_until) == ("high", None)
    assert worse.due_at < incident.due_at
    assert worse.steps.get(kind="worsened").text == "from low to high"


def test_a_silence_holds_back_what_it_is_about_and_ends_by_itself(version: Version) -> None:
    silence = silences.make_silence(a_silence(version, column="ag*"), actor="user:1")
    opened = see(version, 0, SHIFT, replace(SHIFT, name="region"))
    assert [f["name"] for f in opened[0].findings] == ["region"]
    assert Sighting.objects.get(fate="silenced").silence == silence
    Silence.objects.update(starts_at=timezone.now() - 2 * DAY, ends_at=timezone.now() - DAY)
    see(version, 1, SHIFT)
    assert Sighting.objects.filter(name="age", fate="told").count() == 1


def test_a_silence_of_another_model_hides_nothing(version: Version) -> None:
    other = Model.objects.create(name="cards")
    silences.make_silence(a_silence(version, model=other), actor="user:1")
    assert len(see(version, 0, SHIFT)) == 1


def test_a_silence_that_is_lifted_hides_nothing_more(version: Version) -> None:
    silence = silences.make_silence(a_silence(version), actor="user:1")
    silences.lift_silence(silence, actor="user:2")
    silences.lift_silence(silence, actor="user:3")
    assert len(see(version, 0, SHIFT)) == 1
    assert Entry.objects.filter(kind="silence.lifted").count() == 1


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"ends_at": datetime(9999, 1, 1, tzinfo=UTC)}, "silence.too_long"),
        ({"ends_at": BEGIN}, "silence.too_long"),
        ({"reason": " "}, "silence.no_reason"),
        ({"model": None}, "silence.everything"),
        ({"model": None, "column": "**"}, "silence.everything"),
    ],
)
def test_a_silence_without_end_reason_or_object_is_refused(
    version: Version, changes: dict[str, object], rule: str
) -> None:
    with pytest.raises(Refused) as refusal:
        silences.make_silence(a_silence(version, **changes), actor="user:1")
    assert refusal.value.rule == rule
    assert not Silence.objects.exists()


def test_the_preview_is_what_it_would_have_hidden(version: Version) -> None:
    see(version, 0, SHIFT, GONE)
    see(version, 1, replace(SHIFT, name="region"))
    assert [s.name for s in silences.would_hide(a_silence(version, column="age"))] == ["age"]
    assert len(silences.would_hide(a_silence(version))) == 3
    Sighting.objects.update(at=timezone.now() - 31 * DAY)
    assert silences.would_hide(a_silence(version)) == []


def test_every_cause_has_a_suggestion_with_its_reason() -> None:
    assert {rule.cause for rule in RULES} == set(Incident.Cause.values)
    findings = [
        {"detector": "drift_alarm", "name": "age", "severity": "high"},
        {"detector": "drift_alarm", "name": "region", "severity": "high"},
    ]
    found = suggest("drift", findings)
    assert [s.action for s in found] == ["Recalibrate", "Retrain"]
    assert "age, region" in found[0].reason
