"""Logging in: password, second factor, identity provider; sessions that end; who must show more."""

import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from appliance.web import presence
from tests import cast

LOG_IN = reverse("account_login")


def code_of_the_app(secret: str = cast.SECRET) -> str:
    code: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    return code


def log_in(client: Client, name: str, password: str = cast.PASSWORD) -> HttpResponse:
    return client.post(LOG_IN, {"login": name, "password": password})  # type: ignore[return-value]


def is_logged_in(client: Client) -> bool:
    return client.get(reverse("mfa_index")).status_code == 200


@pytest.fixture
def vera(db: None) -> User:
    return cast.with_second_factor(cast.person("vera"))


def test_a_role_that_is_none_is_not_withdrawn(db: None) -> None:
    rita, ben = cast.enter("rita"), cast.person("ben")
    address = reverse("withdraw-role", args=[ben.pk])
    for role, unit in (("\x00", ""), ("owner", "\x00"), ("king", "")):
        assert rita.post(address, {"role": role, "business_unit": unit}).status_code == 422
    assert rita.post(address, {"role": "owner"}).status_code == 302
    assert [held.role for held in ben.memberships.all()] == ["operator"]


def test_an_administrator_may_stop_being_one(db: None) -> None:
    rita, other = cast.person("rita"), cast.somebody("nora")
    User.objects.filter(pk=other.pk).update(is_superuser=True, last_login=timezone.now())
    answer = cast.enter("rita").post(
        reverse("change-person", args=[rita.pk, "unmake-administrator"])
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("overview"))
    rita.refresh_from_db()
    assert not rita.is_superuser


# --- the second factor ------------------------------------------------------------------------


def test_vera_logs_in_with_password_and_app(vera: User) -> None:
    client = Client()
    assert log_in(client, "vera").headers["Location"] == reverse("mfa_authenticate")
    assert not is_logged_in(client), "a password alone is not enough"
    wrong = client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert "Incorrect code" in wrong.content.decode()
    client.post(reverse("mfa_authenticate"), {"code": code_of_the_app()})
    assert is_logged_in(client)


def test_a_code_of_the_app_works_once(vera: User) -> None:
    code = code_of_the_app()
    for client, works in ((Client(), True), (Client(), False)):
        log_in(client, "vera")
        client.post(reverse("mfa_authenticate"), {"code": code})
        assert is_logged_in(client) == works


def test_a_recovery_code_stands_in_for_the_app_once(vera: User) -> None:
    code = cast.recovery_code(vera)
    for client, works in ((Client(), True), (Client(), False)):
        log_in(client, "vera")
        client.post(reverse("mfa_authenticate"), {"code": code})
        assert is_logged_in(client) == works


def test_who_signs_sets_up_a_second_factor_before_anything_else(db: None) -> None:
    cast.person("paul")
    client = Client()
    log_in(client, "paul")
    page = client.get(reverse("overview"), follow=True)
    assert page.redirect_chain == [(reverse("mfa_index"), 302)]
    assert "set up a second factor before you go on" in page.content.decode()
    client.post(reverse("account_reauthenticate"), {"password": cast.PASSWORD})
    set_up = client.get(reverse("mfa_activate_totp")).content.decode()
    assert 'src="data:image/svg+xml;base64,' in set_up
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", set_up)
    assert secret
    client.post(reverse("mfa_activate_totp"), {"code": code_of_the_app(secret[1])})
    assert client.get(reverse("overview")).status_code == 200
    codes = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert len(re.findall(r"\b\d{8}\b", codes)) == 10
    [app] = Authenticator.objects.filter(type="totp")
    assert secret[1] not in json.dumps(app.data), "the database alone gives no code away"


def test_who_signs_nothing_needs_none(db: None) -> None:
    for name in ("ada", "ben", "cleo"):
        assert cast.enter(name).get(reverse("overview")).status_code == 200


# --- guessing ---------------------------------------------------------------------------------


def test_the_sixth_wrong_password_in_five_minutes_is_not_looked_at(db: None) -> None:
    cast.person("ada")
    for _ in range(5):
        assert "correct username and password" in log_in(Client(), "ada", "x").content.decode()
    locked = log_in(Client(), "ada")
    assert "Too many failed attempts" in locked.content.decode()
    cast.person("ben")
    assert log_in(Client(), "ben").status_code == 302


def test_a_wrong_name_and_a_wrong_password_sound_alike(db: None) -> None:
    cast.person("ada")
    one, other = (log_in(Client(), name, "guess").content.decode() for name in ("ada", "nobody"))
    plain = [re.sub(r'value="[^"]*"', "", page) for page in (one, other)]
    assert plain[0] == plain[1]


def test_codes_cannot_be_guessed_either(vera: User) -> None:
    client = Client()
    log_in(client, "vera")
    for _ in range(5):
        client.post(reverse("mfa_authenticate"), {"code": "000000"})
    answer = client.post(reverse("mfa_authenticate"), {"code": code_of_the_app()})
    assert "Too many failed attempts" in answer.content.decode()


# --- sessions ---------------------------------------------------------------------------------


def test_a_session_ends_after_its_hours_and_when_nobody_uses_it(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    started = time.time()
    for minutes_between, lasts in ((30, 12 * 60), (61, 60)):
        monkeypatch.setattr("appliance.middleware.time.time", lambda: started)
        client = cast.enter("ada")
        now = 0.0
        while now <= lasts:
            monkeypatch.setattr("appliance.middleware.time.time", lambda at=now: started + 60 * at)
            assert is_logged_in(client), now
            now += minutes_between
        monkeypatch.setattr("appliance.middleware.time.time", lambda at=now: started + 60 * at)
        answer = client.get(reverse("overview"), follow=True)
        assert "Your session has ended" in answer.content.decode()


def test_a_new_password_ends_the_other_sessions(db: None) -> None:
    cast.person("ada")
    here, there = Client(), Client()
    for client in (here, there):
        log_in(client, "ada")
    new = "another long password of hers"
    said = {"oldpassword": cast.PASSWORD, "password1": new, "password2": new}
    answer = here.post(reverse("account_change_password"), said, follow=True)
    assert "Your password is changed" in answer.content.decode()
    assert is_logged_in(here)
    assert not is_logged_in(there)


def test_sessions_are_listed_and_the_others_ended(db: None) -> None:
    cast.person("ada")
    here, there = Client(), Client(headers={"user-agent": "A browser in the train"})
    for client in (here, there):
        log_in(client, "ada")
    page = here.get(reverse("usersessions_list")).content.decode()
    assert "A browser in the train" in page
    here.post(reverse("usersessions_list"))
    assert is_logged_in(here)
    assert not is_logged_in(there)


def test_logging_in_changes_the_session_and_behind_tls_its_cookie_is_secure(db: None) -> None:
    from appliance import settings

    cast.person("ada")
    client = Client()
    log_in(client, "ada")
    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert settings.SESSION_COOKIE_SECURE == settings.CSRF_COOKIE_SECURE == settings.HTTPS


def test_nobody_signs_up(db: None) -> None:
    for address in ("/signup/", "/accounts/signup/", "/log-in/unknown/"):
        Client().post(address, {"username": "eve", "password1": "x" * 20, "password2": "x" * 20})
    assert not User.objects.exists()


# --- again, for a signature -------------------------------------------------------------------


def request_of(client: Client, user: User):
    request = RequestFactory().get("/")
    request.session, request.user = client.session, user
    return request


def test_a_signature_asks_for_password_and_second_factor_anew(vera: User) -> None:
    client = cast.logged_in(vera)
    request = request_of(client, vera)
    assert not presence.fresh(request)
    to = presence.ask_again(request, next="/sign/").headers["Location"]
    assert to == reverse("account_reauthenticate") + "?next=%2Fsign%2F"
    answer = client.post(to, {"password": cast.PASSWORD})
    assert answer.headers["Location"] == "/sign/"
    request = request_of(client, vera)
    assert not presence.fresh(request), "the password alone is not enough"
    to = presence.ask_again(request, next="/sign/").headers["Location"]
    assert to.startswith(reverse("mfa_reauthenticate"))
    client.post(to, {"code": cast.recovery_code(vera)})
    request = request_of(client, vera)
    assert presence.fresh(request)
    presence.spend(request)
    assert not presence.fresh(request), "it is good for one signature"


def test_five_minutes_later_it_is_asked_for_again(
    vera: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cast.logged_in(vera)
    cast.confirm(client, vera)
    request = request_of(client, vera)
    assert presence.fresh(request)
    later = time.time() + presence.FRESH + 1
    monkeypatch.setattr("appliance.web.presence.time.time", lambda: later)
    assert not presence.fresh(request)


def test_asking_again_leads_nowhere_else(vera: User) -> None:
    client = cast.logged_in(vera)
    to = presence.ask_again(request_of(client, vera), next="https://eve.example/")
    answer = client.post(to.headers["Location"], {"password": cast.PASSWORD})
    assert answer.headers["Location"] == reverse("overview")
