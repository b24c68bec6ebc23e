"""Keys, tokens and scopes: who gets in."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.utils import timezone

from governance import senders
from governance.models import OneTimeToken, Sender, Token
from governance.senders import ONE_TIME_LIFETIME
from tests.builders import a_statement, an_event

from .conftest import DAN, Caller, enrolled, refused, registered, with_token

pytestmark = pytest.mark.django_db


def request_for(caller: Caller, token: str, **changes: str) -> dict[str, str]:
    public = caller.key.public_key().public_bytes_raw()
    return {
        "token": token,
        "name": "scoring-1",
        "public_key": base64.b64encode(public).decode(),
    } | changes


def one_time_token() -> str:
    return senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor=DAN)


def test_a_one_time_token_enrols_a_key_and_the_bearer_token_works(eve: Caller) -> None:
    answer = eve.post("/keys", request_for(eve, one_time_token()))
    assert answer.status_code == 201
    enrolment = answer.json()
    eve.bearer = enrolment["bearer"]
    assert eve.get("/status").json() == {
        "name": "scoring-1",
        "keyid": enrolment["keyid"],
        "scopes": ["read", "register", "upload"],
    }
    assert len(base64.b64decode(enrolment["appliance_public_key"])) == 32


def test_a_one_time_token_works_once(eve: Caller) -> None:
    token = one_time_token()
    assert eve.post("/keys", request_for(eve, token)).status_code == 201
    again = Caller()
    refused(again.post("/keys", request_for(again, token)), 403, "one_time_token.invalid")
    assert Sender.objects.count() == 1


def test_an_expired_an_unknown_and_another_purposes_token_are_refused_alike(eve: Caller) -> None:
    expired = one_time_token()
    OneTimeToken.objects.update(expires_at=timezone.now() - ONE_TIME_LIFETIME)
    other = senders.issue_one_time_token(OneTimeToken.Purpose.SET_UP, actor=DAN)
    answers = [
        refused(eve.post("/keys", request_for(eve, token)), 403, "one_time_token.invalid")
        for token in (expired, other, "guess")
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_key_that_is_enrolled_already_leaves_the_token_unused(ada: Caller) -> None:
    token = one_time_token()
    refused(ada.post("/keys", request_for(ada, token)), 409, "key.already_enrolled")
    eve = Caller()
    assert eve.post("/keys", request_for(eve, token)).status_code == 201


@pytest.mark.parametrize("key", ["", "AAAA", "no base64!", "A" * 44, "é" * 44])
def test_what_is_no_public_key_is_refused(eve: Caller, key: str) -> None:
    request = request_for(eve, one_time_token(), public_key=key)
    refused(eve.post("/keys", request), 422, "key.malformed")


@pytest.mark.parametrize("name", ["", "a" * 65, "two\nlines", "nul\x00", "line feed\n"])
def test_a_senders_name_is_one_short_line(eve: Caller, name: str) -> None:
    request = request_for(eve, one_time_token(), name=name)
    refused(eve.post("/keys", request), 422, "request.malformed")


def test_only_hashes_of_secrets_are_kept(eve: Caller) -> None:
    token = one_time_token()
    bearer = eve.post("/keys", request_for(eve, token)).json()["bearer"]
    kept = [*OneTimeToken.objects.values_list("digest"), *Token.objects.values_list("digest")]
    assert len(kept) == 2
    assert not any(secret in str(kept) for secret in (token, bearer))


def test_without_or_with_an_unknown_token_nothing_is_told(eve: Caller) -> None:
    answer = eve.get("/status")
    refused(answer, 401, "credential.missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    eve.bearer = "guess"
    refused(eve.get("/status"), 401, "token.unknown")


def test_basic_authentication_is_not_a_token(eve: Caller) -> None:
    answer = eve.post("/models", {"name": "loans"}, Authorization="Basic QWRhOnBhc3N3b3Jk")
    refused(answer, 401, "credential.missing")


@pytest.mark.parametrize("scopes", [["read"], ["upload"], ["read", "upload"]])
def test_registering_needs_its_scope(scopes: list[str]) -> None:
    refused(with_token(*scopes).post("/models", {"name": "loans"}), 403, "credential.scope")


def test_uploading_needs_its_scope(ada: Caller) -> None:
    registered(ada)
    payload = a_statement(an_event())
    refused(with_token("read", "register").post("/events", payload), 403, "credential.scope")
    assert with_token("upload").post("/events", payload).status_code == 202


def test_reading_incidents_needs_its_scope(db: None) -> None:
    refused(with_token("upload").get("/incidents"), 403, "credential.scope")
    assert with_token("read").get("/incidents").json() == []


def test_a_revoked_token_works_no_longer(db: None) -> None:
    caller = with_token("read")
    senders.revoke_token(Token.objects.get(), actor=DAN)
    refused(caller.get("/status"), 403, "credential.revoked")


def test_a_revoked_key_neither_signs_nor_carries_its_token(ada: Caller) -> None:
    registered(ada)
    senders.revoke_sender(Sender.objects.get(), actor=DAN)
    refused(ada.send("/events", a_statement(an_event())), 403, "credential.revoked")
    refused(ada.get("/status"), 403, "credential.revoked")


def test_revoking_one_key_leaves_the_others(ada: Caller) -> None:
    other = enrolled("Ben's host")
    senders.revoke_sender(Sender.objects.get(name="Ada's host"), actor=DAN)
    assert other.get("/status").status_code == 200


def test_the_command_prints_a_token_that_enrols(
    eve: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("enrolment_token")
    token = capsys.readouterr().out.strip()
    assert eve.post("/keys", request_for(eve, token)).status_code == 201


def test_the_plan_key_is_made_once_and_readable_by_its_owner_only(
    eve: Caller, data_directory
) -> None:
    first = eve.post("/keys", request_for(eve, one_time_token())).json()
    other = Caller(key=Ed25519PrivateKey.generate())
    second = other.post("/keys", request_for(other, one_time_token())).json()
    assert first["appliance_public_key"] == second["appliance_public_key"]
    secret = data_directory / "secrets" / "plan"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert list(secret.parent.iterdir()) == [secret]
