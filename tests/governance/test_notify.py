"""People are told: to real servers, at least once, and never where a message must not go."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from standardwebhooks import Webhook

from countersign.statement import Refused
from governance import messages, notify, outbound
from governance.handling import acknowledge_incident, resolve_incident
from governance.models import Attempt, Delivery, Entry, Incident, Model, Route, Version
from governance.outbound import Target, Unsent
from tests.api.test_races import at_once
from tests.governance.servers import Hook, Post, delivering, listening
from tests.governance.test_alert_policies import in_force
from tests.governance.test_incidents import SHIFT, see

pytestmark = pytest.mark.django_db
DAN = "user:1"


@pytest.fixture(autouse=True)
def secrets(settings: LazySettings, tmp_path: Path) -> None:
    settings.COUNTERSIGN_DATA = tmp_path


@pytest.fixture
def version() -> Version:
    model = Model.objects.create(name="loans", business_unit="lending", tier=1)
    return Version.objects.create(model=model, name="1", digest="d" * 64)


@pytest.fixture
def hook(settings: LazySettings) -> Iterator[Hook]:
    with listening(Hook()) as hook:
        settings.COUNTERSIGN_INTERNAL_HOSTS = [f"127.0.0.1:{hook.port}"]
        yield hook


@pytest.fixture
def post(settings: LazySettings) -> Iterator[Post]:
    with delivering(Post()) as post:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", post.port
        yield post


def a_route(kind: str, address: str, secret: str = "", **changes: Any) -> tuple[Route, str]:
    route = Route(**{"name": kind, "kind": kind, "least": "low"} | changes)
    return route, notify.make_route(route, address, secret, actor=DAN)


def tell_all() -> None:
    """What the job does when it finds something due."""
    for number in notify.due():
        notify.deliver(number)


def soon() -> None:
    """The pause between two attempts is over."""
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now())


def test_a_webhook_is_signed_as_standard_webhooks_say(version: Version, hook: Hook) -> None:
    _, secret = a_route("webhook", hook.url)
    (incident,) = see(version, 0, SHIFT)
    tell_all()
    ((headers, body),) = hook.requests
    told = Webhook(secret).verify(body, {k.lower(): v for k, v in headers.items()})
    assert (told["type"], told["data"]["incident"]) == ("incident.opened", incident.pk)
    assert headers["webhook-id"] == str(Delivery.objects.get().key)
    assert Attempt.objects.get().status == 200
    assert notify.due() == []


def test_slack_and_pagerduty_are_told_in_their_own_forms(version: Version, hook: Hook) -> None:
    a_route("slack", hook.url)
    a_route("pagerduty", hook.url, "integration-key")
    (incident,) = see(version, 0, replace(SHIFT, sentence="a < b & c has shifted."))
    acknowledge_incident(incident, actor=DAN)
    resolve_incident(incident, "expected", actor=DAN, reason="Over.")
    tell_all()
    told = [json.loads(body) for _, body in hook.requests]
    texts = [each["text"] for each in told if "text" in each]
    assert "a &lt; b &amp; c has shifted" in texts[0]
    events = [each for each in told if "event_action" in each]
    assert [e["event_action"] for e in events] == ["trigger", "acknowledge", "resolve"]
    assert {e["dedup_key"] for e in events} == {f"countersign-{incident.pk}"}
    assert {e["routing_key"] for e in events} == {"integration-key"}


def test_mail_says_it_in_words(version: Version, post: Post, settings: LazySettings) -> None:
    settings.COUNTERSIGN_ADDRESS = "https://countersign.example"
    a_route("mail", "ada@bank.example, ben@bank.example")
    (incident,) = see(version, 0, SHIFT)
    tell_all()
    (mail,) = post.mails
    assert "To: ada@bank.example, ben@bank.example" in mail
    assert f"https://countersign.example/incidents/{incident.pk}/" in mail
    assert Delivery.objects.get().state == "delivered"


def test_mail_that_bounces_is_given_up_and_a_full_box_is_tried_again(
    version: Version, post: Post
) -> None:
    a_route("mail", "gone@bank.example")
    post.answer = "452 box is full"
    see(version, 0, SHIFT)
    tell_all()
    assert Delivery.objects.get().state == "waiting"
    post.answer = "550 nobody here"
    soon()
    tell_all()
    assert Delivery.objects.get().state == "failed"
    attempts = Attempt.objects.order_by("pk").values_list("error", "status")
    assert list(attempts) == [("recipients", 452), ("recipients", 550)]


def test_a_digest_is_one_mail_at_its_hour(version: Version, post: Post) -> None:
    a_route("mail", "ada@bank.example", digest=True)
    see(version, 0, SHIFT, replace(SHIFT, cause="service", name="latency"))
    see(version, 1, replace(SHIFT, cause="answers", name="grade"))
    tell_all()
    assert post.mails == []
    assert set(Delivery.objects.values_list("reason", flat=True)) == {"digest"}
    soon()
    tell_all()
    assert len(post.mails) == 1
    assert "Digest: 3 messages" in post.mails[0]
    assert Delivery.objects.filter(state="delivered").count() == 3


def test_a_digest_goes_out_however_many_went_before(
    version: Version, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "AT_ONCE", 1)
    a_route("mail", "ada@bank.example", digest=True)
    for number, name in enumerate(("age", "income")):
        see(version, number, replace(SHIFT, cause=("drift", "service")[number], name=name))
        soon()
        tell_all()
        assert len(post.mails) == number + 1


def test_quiet_hours_hold_everything_but_what_is_high(version: Version, hook: Hook) -> None:
    now = timezone.now()
    begin, end = now - timedelta(hours=1), now + timedelta(hours=1)
    in_force({"quiet_hours": f"{begin:%H:%M}-{end:%H:%M}"})
    a_route("slack", hook.url)
    see(version, 0, replace(SHIFT, severity="low"), replace(SHIFT, cause="service", weight=3))
    told = dict(Delivery.objects.values_list("incident__severity", "reason"))
    assert told == {"low": "quiet_hours", "high": ""}
    tell_all()
    assert len(hook.requests) == 1


def test_what_was_not_sent_is_written_down_with_the_reason(version: Version, hook: Hook) -> None:
    off, _ = a_route("slack", hook.url)
    notify.switch_route(off, on=False, actor=DAN)
    a_route("webhook", hook.url, least="high")
    a_route("slack", hook.url, name="cards", business_unit="cards")
    see(version, 0, replace(SHIFT, severity="low"))
    tell_all()
    assert set(Delivery.objects.values_list("route__name", "state", "reason")) == {
        ("slack", "not_sent", "route_off"),
        ("webhook", "not_sent", "below"),
    }
    assert hook.requests == []


def test_the_policy_names_the_routes(version: Version, hook: Hook) -> None:
    a_route("slack", hook.url)
    a_route("slack", hook.url, name="risk")
    in_force({"routes": ["risk"]})
    see(version, 0, SHIFT)
    assert [d.route.name for d in Delivery.objects.all()] == ["risk"]


def test_a_failing_hook_is_tried_again_with_the_same_key_and_longer_pauses(
    version: Version, hook: Hook
) -> None:
    a_route("webhook", hook.url)
    see(version, 0, SHIFT)
    hook.status = 503
    pauses = []
    for _ in range(3):
        tell_all()
        pauses.append((Delivery.objects.get().due_at - timezone.now()).total_seconds())
        assert notify.due() == []
        soon()
    assert [round(pause / 60) for pause in pauses] == [1, 2, 4]
    hook.status = 204
    tell_all()
    assert Delivery.objects.get().state == "delivered"
    assert len({headers["webhook-id"] for headers, _ in hook.requests}) == 1
    assert list(Attempt.objects.order_by("pk").values_list("status", "error")) == [
        *[(503, "status")] * 3,
        (204, ""),
    ]


def test_any_other_error_is_an_attempt_too_and_ends(version: Version, hook: Hook) -> None:
    """Kept is the error's class, and never its words, which may hold an address or a secret."""
    a_route("webhook", hook.url)
    Route.objects.update(sealed=messages.seal({"url": hook.url}))  # without its secret
    see(version, 0, SHIFT)
    tell_all()
    assert (Attempt.objects.get().error, Delivery.objects.get().state) == ("KeyError", "waiting")
    assert notify.due() == []
    Delivery.objects.update(tries=notify.MOST_TRIES - 1)
    soon()
    tell_all()
    assert (Attempt.objects.count(), Delivery.objects.get().state) == (2, "failed")
    assert Route.objects.get().failures == 2


def test_a_route_that_keeps_failing_is_switched_off_and_said_so(
    version: Version, hook: Hook
) -> None:
    route, _ = a_route("webhook", hook.url)
    Route.objects.update(failures=notify.SWITCHED_OFF_AFTER - 1)
    see(version, 0, SHIFT)
    hook.status = 500
    tell_all()
    assert [r.name for r in notify.troubled()] == ["webhook"]
    assert Entry.objects.filter(kind="route.switched_off").count() == 1
    soon()
    tell_all()
    assert Delivery.objects.get().reason == "route_off"
    notify.switch_route(route, on=True, actor=DAN)
    assert not notify.troubled()


def test_a_worker_that_dies_after_its_claim_loses_nothing(version: Version, hook: Hook) -> None:
    a_route("webhook", hook.url)
    see(version, 0, SHIFT)
    assert notify._claim(Delivery.objects.get(), timezone.now())  # and here it died
    tell_all()
    assert hook.requests == []
    soon()
    tell_all()
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_once_one_delivers(version: Version, hook: Hook) -> None:
    a_route("webhook", hook.url)
    see(version, 0, SHIFT)
    (number,) = notify.due()
    assert sorted(at_once(*[lambda: notify.deliver(number)] * 4)) == [False] * 3 + [True]
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "ftp://hooks.example/x",
        "https://user:word@hooks.example/",
        "https://",
        "https://[::1",
        "https://x:99999/",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        a_route("slack", url)
    assert refusal.value.rule == "route.address"
    assert not Route.objects.exists()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]"),
        *("2130706433", "0x7f.1", "100.64.0.1", "224.0.0.1"),
    ],
)
def test_inner_addresses_are_never_asked(version: Version, host: str) -> None:
    a_route("webhook", f"https://{host}/")
    see(version, 0, SHIFT)
    tell_all()
    assert Delivery.objects.get().state == "failed"
    assert Attempt.objects.get().error == "inward"


def test_metadata_is_refused_even_where_the_administrator_allows_the_host(
    settings: LazySettings,
) -> None:
    settings.COUNTERSIGN_INTERNAL_HOSTS = ["169.254.169.254"]
    with pytest.raises(Unsent, match="inward"):
        outbound.post("http://169.254.169.254/latest/", b"{}", {})


def test_a_name_that_changes_its_mind_is_asked_once(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between check and use, the name would have become an inner one."""
    answers = iter(["192.0.43.7", "127.0.0.1"])
    asked = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    tried = []

    def refuse(where: tuple[str, int], *_: object) -> None:
        tried.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(Unsent, match="connection"):
        outbound.post(f"https://rebinding.example:{hook.port}/", b"{}", {})
    assert asked == ["rebinding.example"]
    assert tried == [("192.0.43.7", hook.port)]
    assert hook.requests == []


def test_a_name_of_which_one_address_is_inner_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, 6, "", (a, 443)) for a in ("192.0.43.7", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Unsent, match="inward"):
        outbound.resolve(Target.of("https://mixed.example/"))


def test_a_redirect_is_not_followed(version: Version, hook: Hook) -> None:
    a_route("webhook", hook.url)
    hook.status = 307
    see(version, 0, SHIFT)
    tell_all()
    assert len(hook.requests) == 1
    assert Attempt.objects.get().error == "redirect"
    assert Delivery.objects.get().state == "failed"


def test_a_hook_that_answers_by_drops_is_hung_up_on(
    version: Version, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.3)
    hook.slow = True
    a_route("webhook", hook.url)
    see(version, 0, SHIFT)
    tell_all()
    assert Attempt.objects.get().error == "timeout"
    assert Delivery.objects.get().state == "waiting"


def test_nobody_listening_and_too_much_to_say_are_told_apart(hook: Hook) -> None:
    with pytest.raises(Unsent, match="too_large"):
        outbound.post(hook.url, b"x" * (outbound.LARGEST + 1), {})
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = hook.url.replace(str(hook.port), str(unused.getsockname()[1]))
        with pytest.raises(Unsent, match="address"):
            outbound.post(closed, b"", {})


def test_secrets_are_sealed_and_without_their_key_a_route_waits(
    version: Version, hook: Hook, settings: LazySettings, tmp_path: Path
) -> None:
    route, secret = a_route("webhook", hook.url)
    route.refresh_from_db()
    assert secret.encode() not in bytes(route.sealed)
    assert b"127.0.0.1" not in bytes(route.sealed)
    assert route.shown == "127.0.0.1"
    assert not any(secret.encode() in bytes(e.body) for e in Entry.objects.all())
    settings.COUNTERSIGN_DATA = tmp_path / "restored"
    see(version, 0, SHIFT)
    tell_all()
    assert Attempt.objects.get().error == "secret_unreadable"
    assert Delivery.objects.get().state == "waiting"


def test_a_test_message_goes_out_also_on_a_route_that_is_off(hook: Hook) -> None:
    route, _ = a_route("slack", hook.url)
    notify.switch_route(route, on=False, actor=DAN)
    notify.test_route(route, actor=DAN)
    tell_all()
    assert b"This is a test" in hook.requests[0][1]


def test_an_incident_that_cannot_be_kept_tells_nobody(version: Version, hook: Hook) -> None:
    """What is due is written down with the incident, or not at all."""
    a_route("slack", hook.url)
    with pytest.raises(KeyError):
        see(version, 0, SHIFT, replace(SHIFT, cause="service", severity="enormous"))
    assert (Incident.objects.count(), Delivery.objects.count()) == (0, 0)


def test_the_words_of_every_event_exist() -> None:
    assert set().union(*notify.EVENTS.values()) <= set(messages.WORDS)
