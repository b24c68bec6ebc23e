"""The public log: any reader of tlog-tiles can follow it, and nobody can change it."""

import pytest
from django.test import Client
from django.urls import include, path

from countersign.tlog import verify
from governance.audit import keys, log

from .conftest import Record

urlpatterns = [path("log/", include("appliance.log_site"))]
pytestmark = pytest.mark.urls(__name__)


def read(name: str) -> bytes:
    response = Client().get(f"/log/{name}")
    if response.status_code != 200:
        raise FileNotFoundError(name)
    return response.content


@pytest.fixture
def some_log(record: Record) -> None:
    record(300)
    log.seal()
    record(5)
    log.seal()
    record(1)


@pytest.mark.django_db
def test_the_served_log_verifies_as_a_whole(some_log):
    assert verify.verify_log(read, [keys.verifier_key()]).size == 305


@pytest.mark.django_db
def test_partial_tiles_of_earlier_checkpoints_stay_available(some_log):
    earlier = read("tile/0/001.p/44")
    assert read("tile/0/001.p/49").startswith(earlier)
    assert read("tile/entries/001.p/49").startswith(read("tile/entries/001.p/44"))


@pytest.mark.django_db
def test_each_file_says_what_it_is_and_how_long_it_holds(some_log):
    for name, content_type, keep in (
        ("checkpoint", "text/plain; charset=utf-8", "no-cache"),
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/0/001.p/49", "application/octet-stream", "public, max-age=60"),
        ("tile/1/000.p/1", "application/octet-stream", "public, max-age=60"),
    ):
        response = Client().get(f"/log/{name}")
        assert response.headers["Content-Type"] == content_type
        assert response.headers["Cache-Control"] == keep
        assert "Cookie" not in response.headers.get("Vary", "")
        assert not response.cookies


@pytest.mark.django_db
def test_what_the_log_does_not_have_is_not_found(some_log):
    for name in (
        *("tile/0/001", "tile/0/001.p/50", "tile/0/002.p/1", "tile/entries/001.p/50"),
        *("tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/63/000", "tile/00/000"),
        *("tile/-1/000", "tile/entries/0", "tile/0/x000/000", "tile/0/000.p/256"),
        *("tile/0/000.p/00", "tile/0/../entries/000", "tile/0/", "tile/", "tile/entries"),
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/\u0660\u0660\u0660",
    ):
        assert Client().get(f"/log/{name}").status_code == 404, name


@pytest.mark.django_db
def test_before_anything_is_published_there_is_nothing_to_read(record: Record):
    record()
    for name in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
        assert Client().get(f"/log/{name}").status_code == 404


@pytest.mark.django_db
def test_the_log_is_read_only(some_log):
    for method in ("post", "put", "patch", "delete"):
        for name in ("checkpoint", "tile/0/000"):
            assert getattr(Client(), method)(f"/log/{name}").status_code == 405
