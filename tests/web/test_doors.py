"""Who gets in, and the link that lets the first administrator in."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from appliance.web.accounts import issue_setup_link
from governance.audit import recent
from governance.models import OneTimeToken, Sender, Token
from governance.senders import enrol_key, issue_one_time_token, issue_token
from tests import cast
from tests.cast import PASSWORD

CHOSEN = {"username": "dan", "password1": PASSWORD, "password2": PASSWORD}


def test_a_form_without_its_secret_is_refused(db: None) -> None:
    dan = Client(enforce_csrf_checks=True)
    dan.force_login(cast.with_second_factor(cast.person("rita")))
    answer = dan.post(reverse("make-token"))
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()


def test_ada_logs_in_with_her_password_and_out_again(eve: Client) -> None:
    User.objects.create_user("ada", password=PASSWORD)
    wrong = eve.post(reverse("account_login"), {"login": "ada", "password": "guess"})
    assert "correct username and password" in wrong.content.decode()
    right = eve.post(reverse("account_login"), {"login": "ada", "password": PASSWORD})
    assert right.headers["Location"] == reverse("overview")
    eve.post(reverse("account_logout"))
    assert eve.get(reverse("overview")).status_code == 302


def test_logging_in_never_leads_to_another_site(eve: Client) -> None:
    User.objects.create_user("ada", password=PASSWORD)
    answer = eve.post(
        reverse("account_login"),
        {"login": "ada", "password": PASSWORD, "next": "https://eve.example/"},
    )
    assert answer.headers["Location"] == reverse("overview")


def link() -> str:
    told = issue_setup_link("http://127.0.0.1:8700/")
    assert told is not None
    assert told.startswith("http://127.0.0.1:8700/set-up/")
    return urlsplit(told).path


def test_the_link_makes_the_first_administrator_and_logs_them_in(eve: Client) -> None:
    answer = eve.post(link(), CHOSEN)
    assert answer.headers["Location"] == reverse("overview")
    dan = User.objects.get()
    assert (dan.username, dan.is_superuser) == ("dan", True)
    first = eve.get(reverse("senders"))
    assert first.headers["Location"] == reverse("mfa_index"), "a second factor comes first"
    cast.with_second_factor(dan)
    assert eve.get(reverse("senders")).status_code == 200
    created, issued = recent.newest(2)
    assert (created.kind, created.facts["actor"]) == ("administrator.created", f"user:{dan.pk}")
    assert (issued.kind, issued.facts["actor"]) == ("one_time_token.issued", "countersign")


def test_the_link_works_once_and_no_other_link_after_it(eve: Client) -> None:
    first, second = link(), link()
    eve.post(first, CHOSEN)
    for spent in (first, second):
        answer = Client().post(spent, CHOSEN | {"username": "eve"})
        assert answer.status_code == 410
    assert User.objects.count() == 1
    assert issue_setup_link("http://127.0.0.1:8700") is None


def test_a_link_that_is_a_day_old_or_invented_does_nothing(eve: Client) -> None:
    old = link()
    OneTimeToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for address in (old, reverse("set-up", args=["invented"])):
        assert eve.post(address, CHOSEN).status_code == 410
    assert not User.objects.exists()


def test_a_weak_password_is_refused_and_the_link_stays_good(eve: Client) -> None:
    address = link()
    answer = eve.post(address, CHOSEN | {"password1": "short", "password2": "short"})
    assert answer.status_code == 422
    assert "too short" in answer.content.decode()
    assert eve.post(address, CHOSEN).status_code == 302


def test_an_enrolment_token_does_not_make_an_administrator(eve: Client) -> None:
    secret = issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    assert eve.post(reverse("set-up", args=[secret]), CHOSEN).status_code == 410


def test_rita_makes_a_token_that_enrols_a_key_and_sees_it_once(rita: Client) -> None:
    page = rita.post(reverse("make-token")).content.decode()
    [secret] = [word for word in page.split() if word.startswith("countersign-once-")]
    sender, _ = enrol_key(secret.split("<")[0], name="Ada's host", public_key=b"k" * 32)
    again = rita.get(reverse("senders")).content.decode()
    assert secret not in again
    assert "Ada&#x27;s host" in again
    assert sender.keyid in again


def test_rita_revokes_a_key_and_a_token(rita: Client) -> None:
    secret = issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    sender, _ = enrol_key(secret, name="host", public_key=b"k" * 32)
    issue_token("pipeline", ["read"], actor="countersign")
    pipeline = Token.objects.get(sender=None)
    rita.post(reverse("revoke-key", args=[sender.pk]))
    page = rita.post(reverse("revoke-token", args=[pipeline.pk]), follow=True).content.decode()
    assert "The key of host is revoked." in page
    assert "The token pipeline is revoked." in page
    assert not Sender.objects.filter(revoked_at=None).exists()
    assert not Token.objects.filter(sender=None, revoked_at=None).exists()


def test_rita_limits_what_a_key_is_for(rita: Client) -> None:
    page = rita.post(reverse("make-token"), {"models": "loans, claims"}).content.decode()
    [secret] = [word for word in page.split() if word.startswith("countersign-once-")]
    sender, _ = enrol_key(secret.split("<")[0], name="host", public_key=b"k" * 32)
    assert sender.for_models == ["claims", "loans"]
    wrong = rita.post(reverse("limit-key", args=[sender.pk]), {"models": "no/slash"})
    assert wrong.status_code == 422 and "Nothing was changed" in wrong.content.decode()
    changed = rita.post(reverse("limit-key", args=[sender.pk]), {"models": ""}, follow=True)
    assert "every model" in changed.content.decode()
    sender.refresh_from_db()
    assert sender.for_models == []
