"""Texts go when their time is over, segment by segment; proofs stay, and the log says so."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from countersign.tlog import verify
from governance import retention
from governance.audit import entries, erasure, files, keys, log, selfcheck
from governance.models import Content, Entry, Model

YEAR = timedelta(days=365)


def recorded(count: int, years: int, text: str = "Ada Lovelace") -> None:
    """So many entries with a name behind them, as they were written so long ago."""
    then = timezone.now() - years * YEAR
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: then)
        for number in range(count):
            entries.record(
                "incident.resolved", actor="user:7", incident=number, content={"note": text}
            )


def run(*options: str) -> str:
    out = StringIO()
    call_command("erase_expired", *options, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_only_whole_segments_whose_every_entry_is_old_are_erased():
    recorded(300, years=8)
    recorded(255, years=7)
    recorded(20, years=1)
    recorded(300, years=8)  # written by a clock that was wrong: after younger ones
    log.seal()
    root = log.root_at(875)
    assert run() == (
        "would erase 512 texts behind the first 512 entries (2 segments older than 2191 days)\n"
    )
    assert Content.objects.count() == 875
    assert run("--erase").startswith("erased 512 texts behind the first 512 entries")
    assert not Content.objects.filter(entry__leaf__index__lt=512).exists()
    assert Content.objects.count() == 363
    assert log.root_at(875) == root
    said = json.loads(bytes(Entry.objects.latest("pk").body))
    assert {name: said[name] for name in ("kind", "below", "texts", "days")} == {
        "kind": "content.expired",
        "below": 512,
        "texts": 512,
        "days": 2191,
    }
    log.seal()
    published = log.published_checkpoint()
    assert published is not None
    verify.verify_log(lambda path: files.read(path, published), [keys.verifier_key()])
    assert not selfcheck.check().problems
    assert run("--erase").startswith("erased 0 texts")
    assert Entry.objects.filter(kind="content.expired").count() == 1


@pytest.mark.django_db
def test_what_is_not_sealed_or_not_a_whole_segment_stays():
    recorded(255, years=8)
    log.seal()
    recorded(300, years=8)
    assert run("--erase").startswith("erased 0 texts behind the first 0 entries")
    assert Content.objects.count() == 555


@pytest.mark.django_db
@pytest.mark.parametrize("days", ["182", "0", "-1"])
def test_less_than_half_a_year_is_refused(days: str):
    recorded(256, years=8)
    log.seal()
    with pytest.raises(CommandError, match=r"retention\.too_short"):
        run("--days", days, "--erase")
    assert Content.objects.count() == 256
    assert retention.least_days() == 183


@pytest.mark.django_db
def test_a_persons_names_are_erased_wherever_they_stand():
    recorded(2, years=0, text="Ada Lovelace")
    recorded(1, years=0, text="Ben")
    assert (
        erasure.erase_texts(["Ada Lovelace", "ada@x.example"], actor="user:1", person="user:7") == 2
    )
    assert [content.text for content in Content.objects.all()] == ["Ben"]
    said = json.loads(bytes(Entry.objects.latest("pk").body))
    assert (said["kind"], said["person"], said["texts"]) == ("content.erased", "user:7", 2)
    log.seal()
    assert not selfcheck.check().problems


@pytest.mark.django_db
def test_the_site_role_may_erase_texts_and_nothing_else():
    recorded(256, years=8)
    log.seal()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE countersign_app")
    try:
        assert retention.erase_expired(2191, actor="user:1").texts == 256
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


@pytest.mark.django_db
def test_the_longest_retention_takes_as_many_queries_for_many_models_as_for_one(
    django_assert_max_num_queries,
):
    Model.objects.bulk_create(Model(name=f"m{i}", business_unit="lending") for i in range(20))
    with django_assert_max_num_queries(6):
        assert retention.least_days() == 183
