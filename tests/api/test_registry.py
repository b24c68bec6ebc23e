"""Models and versions by REST: the same again is welcome, something else is not."""

import pytest

from governance.models import Model, Version

from .conftest import Caller, refused

pytestmark = pytest.mark.django_db

DIGEST = "1" * 64


def test_a_model_is_registered_once_and_may_be_registered_again(ada: Caller) -> None:
    loans = {"name": "loans", "purpose": "Scores applicants", "owner": "Ada"}
    assert ada.post("/models", loans).status_code == 201
    assert ada.post("/models", loans).status_code == 200
    assert ada.post("/models", {"name": "loans"}).status_code == 200
    assert Model.objects.count() == 1


@pytest.mark.parametrize("change", [{"purpose": "Scores staff"}, {"owner": "Eve"}])
def test_a_model_does_not_change_its_purpose_or_owner_by_registering(
    ada: Caller, change: dict[str, str]
) -> None:
    loans = {"name": "loans", "purpose": "Scores applicants", "owner": "Ada"}
    ada.post("/models", loans)
    refused(ada.post("/models", loans | change), 409, "model.conflict")
    assert Model.objects.get().owner == "Ada"


def test_a_version_is_registered_by_its_digest_and_never_with_another(ada: Caller) -> None:
    ada.post("/models", {"name": "loans"})
    version = {"version": "1", "digest": DIGEST}
    first = ada.post("/models/loans/versions", version)
    again = ada.post("/models/loans/versions", version)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = version | {"digest": "2" * 64}
    refused(ada.post("/models/loans/versions", other), 409, "version.conflict")
    assert Version.objects.get().digest == DIGEST


@pytest.mark.parametrize("name", ["eve", "a%00b", "a%0Ab", "%F0%9F%92%A5", "..%2F"])
def test_an_unknown_model_is_not_found_whatever_its_name(ada: Caller, name: str) -> None:
    answer = ada.post(f"/models/{name}/versions", {"version": "1", "digest": DIGEST})
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["eve", "a%0Ab", "%F0%9F%92%A5"])
def test_an_unknown_version_has_no_plan(ada: Caller, name: str) -> None:
    refused(ada.get(f"/versions/{name}/{name}/plan"), 404, "version.unknown")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": 7},
        {"name": ""},
        {"name": "two words"},
        {"name": "loans\n"},
        {"name": "loans", "secret": "x"},
        {"name": "loans", "purpose": "nul \x00"},
        {"name": "loans", "purpose": "x" * 501},
        {"name": "loans", "owner": "two\nlines"},
        [],
        None,
        b"{",
        b"\xff\xfe",
        b"[" * 5_000,
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
    ],
)
def test_a_malformed_model_is_refused(ada: Caller, body: object) -> None:
    refused(ada.post("/models", body), 422, "request.malformed")
    assert not Model.objects.exists()


@pytest.mark.parametrize("digest", ["", "D" * 64, "1" * 63, "1" * 64 + "\n", 7])
def test_a_digest_is_64_hexadecimal_digits(ada: Caller, digest: object) -> None:
    ada.post("/models", {"name": "loans"})
    body = {"version": "1", "digest": digest}
    refused(ada.post("/models/loans/versions", body), 422, "request.malformed")
