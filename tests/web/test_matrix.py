"""Every page and every operation, asked for by everybody: one declared table says who gets what.

A page or operation without a line in the table fails. People of another unit learn nothing: what
they ask for is not there for them, as if it had never been.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from appliance.api import api
from appliance.web import account_urls, urls
from governance import policies, senders
from governance.incidents import Finding, Occasion, weigh
from governance.models import Membership, Model, OneTimeToken, Silence, Token, Version
from tests import cast

SEE = "ada ben vera paul dan cleo rita inside"
HANDLE = "ada ben vera inside"
LOG = "vera paul dan cleo rita"
REFUSALS = "ada ben cleo rita"
SENDERS = "ben rita"
POLICY = "dan inside"
SIGN = "vera paul inside elsewhere"
LISTS = SEE + " elsewhere"  # where each sees what there is for them, perhaps nothing
TWO_FACTORS = "vera paul dan rita inside elsewhere"  # whose roles ask for it
LOGGED_IN = LISTS + " nobody"
ANYBODY = LOGGED_IN + " stranger deactivated"
METHOD = None  # this method is not for this address
NAMED = {"model": "loans", "version": "1", "digest": "d" * 64, "identity": "1"}
NAMED |= {"number": "0", "index": "0", "old": "1", "new": "1"}
FORM = {"business_unit": "lending", "reason": "because"}  # what is asked or sent everywhere

Row = tuple[str | None, str | None]

# Page -> who may GET it, who may POST to it; everybody else is denied, or asked to log in.
PAGES: dict[str, Row] = {
    "overview": (LISTS, METHOD),
    "models": (LISTS, METHOD),
    "inventory-csv": (LISTS, METHOD),
    "inventory-json": (LISTS, METHOD),
    "register-model": (METHOD, "ada ben inside elsewhere"),
    "sign-offs": (LISTS, METHOD),
    "signing-keys": (SIGN, SIGN),
    "incidents": (LISTS, METHOD),
    "silences": (LISTS, METHOD),
    "make-silence": (METHOD, "ben inside elsewhere"),
    "why": (LISTS, METHOD),
    "privacy": (LISTS, POLICY),
    "policies": (LISTS, METHOD),
    "place-unit": (METHOD, POLICY + " elsewhere"),
    "propose-policy": (POLICY + " elsewhere", POLICY),
    "upload-policy": (METHOD, POLICY + " elsewhere"),
    "refusals": (REFUSALS, METHOD),
    "outside": (LOG, LOG),
    "texts": (LOG, METHOD),
    "routes": ("ben dan", METHOD),
    "make-route": (METHOD, "ben dan"),
    "deliveries": ("ben dan", METHOD),
    "add-witness": (METHOD, "rita"),
    "erase": (METHOD, "dan"),
    "audit": (LOG, METHOD),
    "verify": (METHOD, LOG),
    "senders": (SENDERS, METHOD),
    "make-token": (METHOD, SENDERS),
    "limit-key": (METHOD, SENDERS),
    "revoke-key": (METHOD, SENDERS),
    "revoke-token": (METHOD, SENDERS),
    "people": ("rita", "rita"),
    "person": ("rita", METHOD),
    "new-link": (METHOD, "rita"),
    "grant-role": (METHOD, "rita"),
    "withdraw-role": (METHOD, "rita"),
    "change-person": (METHOD, "rita"),
    "join": (ANYBODY, ANYBODY),
    "set-up": (ANYBODY, ANYBODY),
    # about oneself
    "mfa_index": (LOGGED_IN, METHOD),
    "account_change_password": (LOGGED_IN, LOGGED_IN),
    "usersessions_list": (LOGGED_IN, LOGGED_IN),
    "account_reauthenticate": (LOGGED_IN, LOGGED_IN),
    "mfa_reauthenticate": (LOGGED_IN, LOGGED_IN),
    "mfa_reauthenticate_webauthn": (LOGGED_IN, LOGGED_IN),
    "mfa_activate_totp": (LOGGED_IN, LOGGED_IN),
    "mfa_view_recovery_codes": (TWO_FACTORS, METHOD),
    "mfa_generate_recovery_codes": (LOGGED_IN, LOGGED_IN),
    "mfa_list_webauthn": (LOGGED_IN, METHOD),
    "mfa_add_webauthn": (LOGGED_IN, LOGGED_IN),
    "mfa_remove_webauthn": (LOGGED_IN, LOGGED_IN),
    "mfa_deactivate_totp": (TWO_FACTORS, TWO_FACTORS),
    # the way in
    "account_login": (ANYBODY, ANYBODY),
    "mfa_login_webauthn": (LOGGED_IN, LOGGED_IN),  # strangers are led to the log-in page
    "mfa_authenticate": (LOGGED_IN, LOGGED_IN),
    "account_inactive": (ANYBODY, METHOD),
    "socialaccount_login_cancelled": (ANYBODY, METHOD),
    "socialaccount_login_error": (ANYBODY, METHOD),
}
# The same for pages about one model, which is in the unit `lending`.
ABOUT_A_MODEL: dict[str, Row] = {
    "model": (SEE, METHOD),
    "version": (SEE, METHOD),
    "windows": (SEE, METHOD),
    "incident": (SEE, METHOD),
    "acknowledge": (METHOD, HANDLE),
    "assign": (METHOD, HANDLE),
    "snooze": (METHOD, HANDLE),
    "comment": (METHOD, HANDLE),
    "resolve": (METHOD, HANDLE),
    "lift-silence": (METHOD, "ben inside"),
    "model-privacy": (SEE, METHOD),
    "place-model": (METHOD, POLICY),
    "model-policy": (SEE, METHOD),
    "exempt": (METHOD, "ben inside"),
    "dossier-pdf": (SEE, METHOD),
    "dossier-json": (SEE, METHOD),
    "record": (SEE, METHOD),
    "describe-model": (METHOD, "ben inside"),
    "register-version": (METHOD, "ada ben inside"),
    "start-deployment": (METHOD, "ada ben inside"),
    "raise-finding": (METHOD, "vera cleo inside"),
    "close-finding": (METHOD, "vera inside"),
    "request-exception": (METHOD, "ben inside"),
    "decide-exception": (METHOD, "paul inside"),
    "set-objective": (METHOD, "ben vera inside"),
    "set-requirement": (METHOD, "ben vera inside"),
    "ask-sign-off": ("ada ben inside", "ada ben inside"),
}
# The same for what doesn't exist: whom the door lets through, finds nothing.
OF_NOTHING: dict[str, Row] = {
    "end-deployment": (METHOD, "ada ben inside elsewhere"),
    "end-exception": (METHOD, "ben inside elsewhere"),
    "retire-objective": (METHOD, "ben vera inside elsewhere"),
    "retire-requirement": (METHOD, "ben vera inside elsewhere"),
    "decide-exemption": (METHOD, LISTS),
    "policy": (LISTS, METHOD),
    "policy-file": (LISTS, METHOD),
    "replay-policy": (METHOD, POLICY + " elsewhere"),
    "decide-policy": (METHOD, POLICY + " elsewhere"),
    "entry": (LOG, METHOD),
    "remove-witness": (METHOD, "rita"),
    "test-route": (METHOD, "ben dan"),
    "switch-route": (METHOD, "ben dan"),
    "sign-off": (LISTS, METHOD),
    "sign-off-file": (LISTS, METHOD),
    "sign": (SIGN, SIGN),
    "withdraw-sign-off": (METHOD, "ada ben inside elsewhere"),
    "revoke-signing-key": (METHOD, SIGN),
}
ABOUT_A_PERSON = ("person", "new-link", "grant-role", "withdraw-role", "change-person")
ABOUT_ONESELF = {pattern.name for pattern in account_urls.urlpatterns}
SOME = ("ada", "vera", "nobody", "deactivated", "stranger")  # for pages that know no roles
NOT_THERE = {"openid_connect_login", "openid_connect_callback"}  # no provider is configured
# These end at the log-in page, whoever asks.
TO_LOG_IN: dict[str, Row] = {
    "account_logout": (METHOD, ANYBODY),
    "socialaccount_signup": (ANYBODY, ANYBODY),
}
ONLY_IF_SET_UP = {"mfa_deactivate_totp", "mfa_view_recovery_codes"}
ASKS_FIRST = {"mfa_index", "mfa_view_recovery_codes", "mfa_list_webauthn"}  # then by which method

TABLES = PAGES | ABOUT_A_MODEL | OF_NOTHING | TO_LOG_IN

# Operation -> the scopes of which a token needs one; None where no token is asked for.
OPERATIONS: dict[str, set[str] | None] = {
    "POST /keys": None,
    "POST /models": {"register"},
    "POST /models/{model}/versions": {"register"},
    "GET /models": {"read", "inventory"},
    "GET /models.csv": {"read", "inventory"},
    "GET /models/{model}": {"read", "inventory"},
    "PATCH /models/{model}": {"inventory"},
    "GET /models/{model}/versions": {"read", "inventory"},
    "GET /models/{model}/deployments": {"read", "inventory"},
    "POST /models/{model}/deployments": {"register", "inventory"},
    "POST /models/{model}/deployments/end": {"register", "inventory"},
    "GET /models/{model}/findings": {"read", "inventory"},
    "POST /models/{model}/findings": {"inventory"},
    "POST /versions/{model}/{version}/sign-offs": {"register"},
    "GET /sign-offs": {"read"},
    "GET /sign-offs/{identity}": {"read"},
    "POST /decisions": None,
    "GET /gate": {"read"},
    "GET /policies": {"read"},
    "GET /policies/{number}": {"read"},
    "POST /policies": None,  # a person who is logged in
    "GET /versions/{model}/{version}/dossier.pdf": {"read", "inventory"},
    "GET /versions/{model}/{version}/dossier.json": {"read", "inventory"},
    "GET /models/{model}/privacy": {"upload", "read"},
    "POST /versions/{model}/{version}/baseline": {"upload"},
    "GET /versions/{model}/{version}/plan": {"upload", "read"},
    "POST /windows": {"upload"},
    "POST /outcomes": {"upload"},
    "POST /events": {"upload"},
    "GET /receipts/{digest}": {"upload", "read"},
    "GET /incidents": {"read"},
    "GET /refusals": {"read"},
    "GET /log/proofs/{index}": None,
    "GET /log/consistency/{old}/{new}": None,
    "GET /status": set(senders.SCOPES),
}


@pytest.fixture
def numbers(db: None) -> dict[str, Any]:
    """What there is to ask for: a model of the unit `lending`, its incident, a key and a token."""
    model = Model.objects.create(name="loans", business_unit="lending")
    version = Version.objects.create(model=model, name="1", digest="d" * 64)
    now = timezone.now()
    finding = Finding("feed", "volume", "rows", "A window is missing.", "low")
    occasion = Occasion(version, "production", now - timedelta(days=7), now)
    with transaction.atomic():
        [incident] = weigh([finding], occasion, policies.in_force())
    secret = senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    sender, _ = senders.enrol_key(secret, name="host", public_key=b"k" * 32)
    senders.issue_token("pipeline", ["read"], actor="countersign")
    silence = Silence.objects.create(
        model=model,
        reason="Known.",
        owner=cast.person("ben"),
        actor="user:1",
        ends_at=now + timedelta(days=1),
    )
    by_page = {
        "lift-silence": silence.pk,
        "limit-key": sender.pk,
        "revoke-key": sender.pk,
        "revoke-token": Token.objects.get(sender=None).pk,
    }
    person = dict.fromkeys(ABOUT_A_PERSON, silence.owner.pk)
    return {"incident": incident.pk} | by_page | person


@pytest.fixture
def everybody(db: None) -> dict[str, Client]:
    """The cast, whose roles hold in every unit, and those at the edges."""
    clients = {name: cast.enter(name) for name in cast.CAST}
    clients["inside"] = cast.logged_in(_of_every_role("lena", "lending"))
    clients["elsewhere"] = cast.logged_in(_of_every_role("olga", "markets"))
    clients["nobody"] = cast.logged_in(cast.somebody("nora"))
    clients["deactivated"] = cast.logged_in(cast.of_all_trades())
    User.objects.filter(username="max").update(is_active=False)
    return clients | {"stranger": Client()}


def _of_every_role(name: str, unit: str) -> User:
    return cast.somebody(name, *Membership.Role, unit=unit)


def patterns() -> Iterator[URLPattern]:
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        yield pattern


def address_of(pattern: URLPattern, numbers: dict[str, Any]) -> str:
    name = str(pattern.name)
    known = {
        "model": "loans",
        "version": "1",
        "number": numbers.get(name, numbers["incident"]),
        "secret": "once",
        "provider_id": "oidc",
        "pk": 1,
        "verb": "reset-second-factor",
        "identity": "0",
    }
    return reverse(name, kwargs={each: known[each] for each in pattern.pattern.converters})


def outcome(client: Client, method: str, address: str) -> str:
    """What came of it, in a word; nothing that it changed stays."""
    cookies = deepcopy(client.cookies)
    with transaction.atomic():
        answer = getattr(client, method)(address, FORM)
        transaction.set_rollback(True)
    client.cookies = cookies
    if answer.status_code == 302 and answer.headers["Location"].split("?")[0] == "/log-in/":
        return "log in"
    names = {403: "denied", 404: "not there", 405: "method"}
    assert answer.status_code < 500, address
    return names.get(answer.status_code, "in")


def expected(name: str, who: str, allowed: str | None) -> str:
    """What the table says."""
    if name in NOT_THERE:
        return "not there"
    if name in TO_LOG_IN:
        return "log in" if allowed else "method"
    if allowed is not METHOD and who in allowed.split():
        return "not there" if name in OF_NOTHING else "in"
    if who in ("stranger", "deactivated") and (allowed is not METHOD or name in ASKS_FIRST):
        return "log in"
    if allowed is METHOD:
        return "method"
    elsewhere = who == "elsewhere" and name in ABOUT_A_MODEL
    return "not there" if elsewhere or name in ONLY_IF_SET_UP else "denied"


def test_every_page_has_a_line_in_the_table() -> None:
    named = set(TABLES) | NOT_THERE
    assert {str(pattern.name) for pattern in patterns()} == named


def test_everybody_gets_what_the_table_says(
    everybody: dict[str, Client], numbers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.ACCOUNT_RATE_LIMITS", False)
    wrong = []
    for pattern in patterns():
        name, address = str(pattern.name), address_of(pattern, numbers)
        row = TABLES.get(name, ("", ""))
        people = SOME if name in ABOUT_ONESELF else everybody
        for who, client in ((who, everybody[who]) for who in people):
            for method, allowed in zip(("get", "post"), row, strict=True):
                found = outcome(client, method, address)
                if found != expected(name, who, allowed):
                    wrong.append((name, method, who, found, expected(name, who, allowed)))
    assert wrong == [], "\n".join(map(str, wrong))


def test_what_is_elsewhere_and_what_is_nowhere_look_the_same(
    everybody: dict[str, Client], numbers: dict[str, Any]
) -> None:
    elsewhere, incident = everybody["elsewhere"], numbers["incident"]
    for here, nowhere in (
        ("/models/loans/", "/models/none/"),
        ("/models/loans/1/", "/models/none/1/"),
        ("/privacy/models/loans/", "/privacy/models/none/"),
        (f"/incidents/{incident}/", f"/incidents/{incident + 999}/"),
    ):
        one, other = elsewhere.get(here), elsewhere.get(nowhere)
        assert (one.status_code, one.content) == (other.status_code, other.content)
    for page in ("overview", "models", "privacy"):
        assert "/loans/" not in elsewhere.get(reverse(page)).content.decode()


@pytest.mark.parametrize("place", ["models/{}", "models/loans/{}", "sign-offs/{}", "inventory/{}"])
def test_no_name_holds_a_nul(everybody: dict[str, Client], place: str) -> None:
    assert everybody["ben"].get(f"/{place.format('%00')}/").status_code == 404


def operations() -> set[str]:
    paths = api.get_openapi_schema()["paths"].items()
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}" for path, of in paths for method in of
    }


def test_every_operation_has_a_line_in_the_table() -> None:
    assert operations() == set(OPERATIONS)


def ask(operation: str, client: Client, bearer: str) -> Any:
    """The answer as (status, rule)."""
    method, _, path = operation.partition(" ")
    address = "/api/v1" + path.format(**NAMED)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    options: dict[str, Any] = {"headers": headers, "content_type": "application/json"}
    data = {} if method == "GET" else b"{}"
    answer = getattr(client, method.lower())(address, data, **options)
    return answer.status_code, answer.json()["type"] if answer.status_code >= 400 else ""


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_tokens_do_what_their_scopes_say_and_a_session_does_nothing(
    numbers: dict[str, Any], operation: str
) -> None:
    needed = OPERATIONS[operation]
    for scope in sorted(senders.SCOPES):
        status, rule = ask(operation, Client(), senders.issue_token("t", [scope], actor="user:1"))
        lacking = needed is not None and scope not in needed
        assert (rule == "credential.scope") == lacking, (scope, status, rule)
    if needed is None:
        return
    for client in (Client(), cast.enter("rita"), cast.enter("ben")):
        assert ask(operation, client, "") == (401, "credential.missing")
    assert ask(operation, Client(), "invented") == (401, "token.unknown")
    revoked = senders.issue_token("t", sorted(senders.SCOPES), actor="user:1")
    senders.revoke_token(Token.objects.latest("pk"), actor="user:1")
    assert ask(operation, Client(), revoked) == (403, "credential.revoked")
