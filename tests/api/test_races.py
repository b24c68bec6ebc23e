"""Two at once, with two real connections: one is first, and the other is told so."""

import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from detectors import plans
from detectors.models import Statement, Window
from governance import senders
from governance.models import Entry, OneTimeToken, Sender, Version
from tests.builders import MODEL, a_baseline, a_statement, a_tally, a_window, an_event, outcomes_of

from .conftest import BASELINE_ADDRESS, DAN, Caller, enrolled, registered, with_baseline

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 4
DEPLOYMENTS = ["amsterdam", "berlin", "cracow", "dublin", "essen"]  # a round each


@pytest.fixture
def ada(transactional_db: None) -> Iterator[Caller]:
    """Ada's collector, enrolled and committed, so that other connections see it."""
    yield enrolled("Ada's host")


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run all actions at the same moment, each in a thread with a connection of its own."""
    start = threading.Barrier(len(actions))
    answers: list[Any] = [None] * len(actions)

    def run(i: int) -> None:
        try:
            start.wait()
            answers[i] = actions[i]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[i]) for i in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def sending(caller: Caller, address: str, payload: bytes) -> Callable[[], Any]:
    own = Caller(bearer=caller.bearer, key=caller.key)
    return lambda: own.send(address, payload)


def enrolling(caller: Caller, token: str, name: str) -> Callable[[], Any]:
    public = base64.b64encode(caller.key.public_key().public_bytes_raw()).decode()
    request = {"token": token, "name": name, "public_key": public}
    return lambda: Caller().post("/keys", request)


def statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_of_the_same_window_sent_at_once_one_is_accepted_and_all_get_one_receipt(
    ada: Caller,
) -> None:
    plan = with_baseline(ada)
    for deployment in DEPLOYMENTS:
        payload = a_statement(a_window(plan, deployment=deployment))
        entries = Entry.objects.count()
        answers = at_once(*[sending(ada, "/windows", payload)] * AT_ONCE)
        assert statuses(answers) == [200] * (AT_ONCE - 1) + [202]
        assert all(answer.json() == answers[0].json() for answer in answers)
        assert Entry.objects.count() == entries + 1
        window = Window.objects.get(deployment=deployment)
        assert (window.generation, window.parts.count()) == (1, 1)


@pytest.mark.parametrize("kind", ["baseline", "outcomes", "event"])
def test_of_the_same_statement_of_any_kind_one_is_accepted(ada: Caller, kind: str) -> None:
    window = a_window(with_baseline(ada))
    ada.send("/windows", a_statement(window))
    address, payload = {
        "baseline": (BASELINE_ADDRESS, a_statement(a_baseline(revision=2))),
        "outcomes": ("/outcomes", a_statement(outcomes_of(window))),
        "event": ("/events", a_statement(an_event())),
    }[kind]
    answers = at_once(*[sending(ada, address, payload)] * AT_ONCE)
    assert statuses(answers) == [200] * (AT_ONCE - 1) + [202]
    assert all(answer.json() == answers[0].json() for answer in answers)


def test_of_two_different_windows_of_one_revision_one_is_refused(ada: Caller) -> None:
    plan = with_baseline(ada)
    for deployment in DEPLOYMENTS:
        windows = [a_window(plan, deployment=deployment, tally=a_tally(n)) for n in (1_000, 2_000)]
        answers = at_once(*[sending(ada, "/windows", a_statement(each)) for each in windows])
        assert statuses(answers) == [202, 409]
    assert Statement.objects.filter(kind="window").count() == len(DEPLOYMENTS)


def test_shards_that_come_at_once_all_count(ada: Caller) -> None:
    plan = with_baseline(ada)
    for deployment in DEPLOYMENTS:
        shards = [
            a_window(plan, deployment=deployment, shard=i, shards=AT_ONCE) for i in range(AT_ONCE)
        ]
        answers = at_once(*[sending(ada, "/windows", a_statement(shard)) for shard in shards])
        assert statuses(answers) == [202] * AT_ONCE
        window = Window.objects.get(deployment=deployment)
        assert (window.generation, window.parts.count()) == (AT_ONCE, AT_ONCE)
        assert window.ready_at <= timezone.now()


def test_two_baselines_of_one_revision_leave_one_plan(ada: Caller) -> None:
    registered(ada)
    payloads = [a_statement(a_baseline(season=season)) for season in ("none", "hour")]
    answers = at_once(*[sending(ada, BASELINE_ADDRESS, payload) for payload in payloads])
    assert statuses(answers) == [202, 409]


def test_a_one_time_token_used_twice_at_once_enrols_one_key(ada: Caller) -> None:
    for name in DEPLOYMENTS:
        token = senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor=DAN)
        enrolments = [enrolling(Caller(), token, name) for _ in range(AT_ONCE)]
        assert statuses(at_once(*enrolments)) == [201] + [403] * (AT_ONCE - 1)
        assert Sender.objects.filter(name=name).count() == 1


def test_one_key_enrolled_with_two_tokens_at_once_is_enrolled_once(ada: Caller) -> None:
    caller = Caller()
    tokens = [senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor=DAN) for _ in range(2)]
    answers = at_once(*[enrolling(caller, token, "host") for token in tokens])
    assert statuses(answers) == [201, 409]
    assert OneTimeToken.objects.filter(used_at=None).count() == 1


def test_a_version_registered_at_once_with_two_digests_has_one(ada: Caller) -> None:
    ada.post("/models", {"name": MODEL})

    def registering(digest: str) -> Callable[[], Any]:
        own = Caller(bearer=ada.bearer)
        body = {"version": "1", "digest": digest * 64}
        return lambda: own.post(f"/models/{MODEL}/versions", body)

    assert statuses(at_once(registering("1"), registering("2"))) == [201, 409]
    assert Version.objects.count() == 1


def test_the_plan_key_made_by_many_at_once_is_one_key(ada: Caller) -> None:
    keys = at_once(*[plans.plan_key] * 8)
    assert len({key.private_bytes_raw() for key in keys}) == 1
