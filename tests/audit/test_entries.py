"""Recording: in the same transaction or not at all, and nothing that tells on a person."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import transaction

from governance.audit import entries, log, selfcheck
from governance.models import Content, Entry, Model, Pending


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded():
    with pytest.raises(entries.EntryRefused, match=r"entry\.no_transaction"):
        entries.record("key.enrolled", actor="user:1")
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_recorded_does_not_happen():
    with pytest.raises(entries.EntryRefused), transaction.atomic():
        Model.objects.create(name="loans")
        entries.record("model.registered", actor="Ada Lovelace", model="loans")
    assert not Model.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_does_not_happen_is_not_recorded():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        entries.record("key.enrolled", actor="user:1", content={"name": "Ada"})
        raise ZeroDivisionError
    assert not (Entry.objects.exists() or Pending.objects.exists() or Content.objects.exists())


@pytest.mark.django_db
def test_an_entry_is_canonical_json_that_waits_for_its_place():
    at = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    entry = entries.record(
        "window.late", actor="countersign", window=5, start=at, parts=[1, None, True]
    )
    facts = json.loads(bytes(entry.body))
    assert bytes(entry.body) == entries.canonical(facts)
    assert facts.pop("time") == entry.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert facts == {
        "actor": "countersign",
        "kind": "window.late",
        "parts": [1, None, True],
        "start": "2026-01-02T01:00:00.000000Z",
        "window": 5,
    }
    assert Pending.objects.get().entry == entry


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    [
        "two words",
        "ada@example.com",
        "Ærø",
        "line\n",
        "x" * 201,
        1.0,
        2**53,
        datetime(2026, 1, 1),
        b"bytes",
        {"two words": 1},
        ["free text"],
    ],
)
def test_facts_have_no_room_for_names_and_text(value):
    with pytest.raises(entries.EntryRefused, match=r"entry\.facts") as refusal:
        entries.record("window.accepted", actor="countersign", fact=value)
    assert "two words" not in str(refusal.value)
    assert not Entry.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("actor", ["", "ada", "Ada Lovelace", "user:", "user:ada", "root:1"])
def test_an_actor_is_an_id_and_not_a_name(actor: str):
    with pytest.raises(entries.EntryRefused, match=r"entry\.actor"):
        entries.record("window.accepted", actor=actor)


@pytest.mark.django_db
def test_a_kind_that_nobody_explained_is_refused():
    with pytest.raises(entries.EntryRefused, match=r"entry\.kind"):
        entries.record("window.vanished", actor="countersign")


@pytest.mark.django_db
def test_the_time_of_an_entry_cannot_be_chosen():
    with pytest.raises(entries.EntryRefused, match=r"entry\.facts"):
        entries.record("window.late", actor="countersign", time=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.django_db
def test_an_entry_longer_than_a_bundle_can_hold_is_refused():
    with pytest.raises(entries.EntryRefused, match=r"entry\.too_long"):
        entries.record("window.examined", actor="countersign", names=["x" * 100] * 700)


@pytest.mark.django_db
def test_equal_texts_cannot_be_told_from_their_entries():
    first, second = (
        entries.record("incident.resolved", actor="user:1", content={"reason": "false alarm"})
        for _ in range(2)
    )
    digests = [json.loads(bytes(e.body))["content"]["reason"] for e in (first, second)]
    assert digests[0] != digests[1]
    assert all(b"false alarm" not in bytes(e.body) for e in (first, second))
    assert entries.contents_of(first) == {"reason": "false alarm"}


@pytest.mark.django_db
def test_erasing_a_text_leaves_the_log_verifiable_and_is_recorded():
    entry = entries.record("key.enrolled", actor="user:1", content={"name": "Ada Lovelace"})
    log.seal()
    assert entries.erase_content(entry, actor="user:4") == 1
    log.seal()
    assert entries.contents_of(entry) == {}
    assert selfcheck.check().problems == []
    assert json.loads(bytes(Entry.objects.get(kind="content.erased").body))["entry"] == entry.pk
    assert entries.erase_content(entry, actor="user:4") == 0
