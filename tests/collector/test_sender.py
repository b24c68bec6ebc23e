"""What was counted reaches the appliance: once, unchanged, whatever happens on the way."""

import datetime as dt
import email.utils
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign import Collector, Home, Refused, dsse, sender
from countersign.rest import Answer, Unreachable
from countersign.sender import Sender
from countersign.statement import Event, Window, digest_of, encode

from .appliance import JSON, PROBLEM, TOKEN, SmallAppliance, running_appliance
from .cast import DIGEST, RECIPE, some_rows


@pytest.fixture
def appliance() -> Iterator[SmallAppliance]:
    with running_appliance() as running:
        yield running


@pytest.fixture
def home(appliance: SmallAppliance, tmp_path: Path) -> Iterator[Home]:
    enrolled = Home.enroll(appliance.url, TOKEN, name="ada-host", directory=tmp_path / "home")
    yield enrolled
    enrolled.sender.stop()


def an_event(number: int = 0) -> bytes:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    event = Event(model="loans", version="1", kind="deployment", at=at, label=f"release {number}")
    return encode(event, DIGEST)


def test_a_retry_sends_equal_bytes(home: Home, appliance: SmallAppliance):
    appliance.first += [(503, {}, b""), (429, {"Retry-After": "7"}, b""), (500, {}, b"")]
    home.sender.put(an_event())
    pauses = [home.sender.flush().pause for _ in range(3)]
    assert pauses == [None, 7.0, None]
    assert appliance.received == {}
    [receipt] = home.sender.flush().accepted
    assert receipt["digest"] == digest_of(an_event())
    assert len(appliance.bodies) == 4
    assert len(set(appliance.bodies)) == 1
    assert home.sender.waiting() == []


def test_an_answer_that_was_lost_is_asked_for_again(home: Home, appliance: SmallAppliance):
    home.sender.put(an_event())
    [path] = home.sender.waiting()
    body = path.read_bytes()
    home.sender.flush()
    path.write_bytes(body)
    [receipt] = home.sender.flush().accepted
    assert receipt["entry"] == 0
    assert len(appliance.received) == 1


def test_what_is_refused_is_kept_with_its_problem_and_holds_nothing_up(
    home: Home, appliance: SmallAppliance
):
    appliance.first.append((422, PROBLEM, b'{"type": "window.future", "detail": "It is over."}'))
    home.sender.put(an_event(1))
    home.sender.put(an_event(2))
    flushed = home.sender.flush()
    assert [p["type"] for p in flushed.refused] == ["window.future"]
    assert len(flushed.accepted) == 1
    assert flushed.waiting == 0
    [problem] = home.sender.refused()
    assert problem["status"] == 422
    [kept] = (home.directory / "refused").glob("*.statement")
    envelope = dsse.parse(kept.read_bytes().partition(b"\n")[2])
    assert dsse.verify(envelope, [home.signing_key.public_key()]) == an_event(1)


def test_an_unreadable_problem_is_named_by_its_status(home: Home, appliance: SmallAppliance):
    appliance.first.append((413, PROBLEM, b"<html>"))
    home.sender.put(an_event())
    assert home.sender.flush().refused[0]["type"] == "http.413"


HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    "answer",
    [
        (200, HTML, b"<html>Log in, please</html>"),
        (200, JSON, b"<html>Log in, please</html>"),
        (200, HTML, b'{"digest": "%b", "entry": 1}' % digest_of(an_event()).encode()),
        (202, JSON, b'{"digest": "%064d", "entry": 1}' % 0),
        (204, {}, b""),
        (403, HTML, b"<html>Not from here</html>"),
        (404, {}, b""),
        (407, JSON, b"{}"),
    ],
)
def test_only_the_appliances_own_word_ends_the_waiting(
    home: Home, appliance: SmallAppliance, answer: tuple[int, dict[str, str], bytes]
):
    """A proxy's log-in page, another statement's receipt, a proxy's 4xx: none of them counts."""
    appliance.first.append(answer)
    home.sender.put(an_event())
    flushed = home.sender.flush()
    assert (flushed.accepted, flushed.refused, flushed.waiting) == ([], [], 1)
    assert len(home.sender.flush().accepted) == 1


def test_what_is_too_large_for_a_proxy_holds_nothing_up(home: Home, appliance: SmallAppliance):
    appliance.first.append((413, HTML, b"<html>"))
    home.sender.put(an_event(1))
    home.sender.put(an_event(2))
    flushed = home.sender.flush()
    assert (len(flushed.accepted), flushed.waiting) == (1, 1)


def test_a_shards_window_waits_until_it_is_over(home: Home, appliance: SmallAppliance):
    home.sender.put(a_baseline(home))
    home.sender.flush()
    collector = home.collector("loans", "1", shard=1, shards=2)
    now = dt.datetime.now(dt.UTC)
    begin, end = now - dt.timedelta(days=6), now + dt.timedelta(seconds=1)
    home.sender.put(collector.close_window(begin, end))
    home.sender.put(an_event())
    flushed = home.sender.flush()
    assert (len(flushed.accepted), flushed.waiting, flushed.held) == (1, 0, 1)
    assert appliance.payloads(Window) == []
    time.sleep((end - dt.datetime.now(dt.UTC)).total_seconds())
    flushed = home.sender.flush()
    assert (len(flushed.accepted), flushed.held) == (1, 0)
    assert appliance.payloads(Window)[0].end == end


def test_a_redirect_is_not_followed(home: Home, appliance: SmallAppliance):
    with running_appliance() as elsewhere:
        appliance.first.append((307, {"Location": f"{elsewhere.url}/api/v1/events"}, b""))
        home.sender.put(an_event())
        assert home.sender.flush().waiting == 1
        assert elsewhere.bodies == []


def test_without_an_appliance_everything_waits(tmp_path: Path):
    with running_appliance() as appliance:
        home = Home.enroll(appliance.url, TOKEN, directory=tmp_path)
    home.sender.put(an_event(1))
    home.sender.put(an_event(2))
    assert home.sender.flush().waiting == 2


def test_the_thread_tries_again_until_it_arrives(
    home: Home, appliance: SmallAppliance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.01)
    appliance.first += [(503, {}, b"")] * 3
    home.send(an_event())
    _until(lambda: len(appliance.received) == 1)
    assert len(set(appliance.bodies)) == 1
    home.send(an_event(2))
    _until(lambda: len(appliance.received) == 2)


def test_putting_does_not_touch_the_network(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.setblocking(False)
        made = Sender(tmp_path, f"http://127.0.0.1:{nobody.getsockname()[1]}", "bearer", _a_key())
        made.put(an_event())
        assert len(made.waiting()) == 1
        with pytest.raises(BlockingIOError):
            nobody.accept()


def test_the_spool_is_bounded(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sender, "MOST_WAITING", 3)
    for i in range(3):
        home.sender.put(an_event(i))
    with pytest.raises(Refused, match=r"spool\.full"):
        home.sender.put(an_event(3))


def test_refused_statements_are_bounded_too(
    home: Home, appliance: SmallAppliance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender, "MOST_REFUSED", 2)
    appliance.first += [(422, PROBLEM, b"{}")] * 4
    for i in range(4):
        home.sender.put(an_event(i))
    home.sender.flush()
    assert len(list(home.sender.refused())) == 2
    assert len(list((home.directory / "refused").iterdir())) == 4


def test_what_was_put_before_a_kill_is_sent_after_it(home: Home, appliance: SmallAppliance):
    """A process is killed while it puts statements: those it confirmed are all there, whole."""
    script = (
        "import sys; from pathlib import Path; from countersign import Home;"
        "from tests.collector.test_sender import an_event\n"
        "home = Home(sys.argv[1])\n"
        "for i in range(10**6):\n"
        "    home.sender.put(an_event(i % 900)); print(i, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(home.directory)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as confirmed:
        for line in confirmed:
            if int(line) == 20:
                process.send_signal(signal.SIGKILL)
                break
        last = max([20, *map(int, confirmed.read().split())])
    process.wait()
    flushed = home.sender.flush()
    assert flushed.refused == []
    assert {digest_of(an_event(i)) for i in range(last + 1)} <= set(appliance.received)


def test_keys_and_plans_are_readable_by_the_owner_alone(home: Home, appliance: SmallAppliance):
    home.sender.put(a_baseline(home))
    home.sender.flush()
    home.plan("loans", "1")
    secrets = ["signing.key", "hashing.key", "appliance.json", "plans/loans/1.json"]
    for name in secrets:
        assert stat.S_IMODE((home.directory / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.directory.stat().st_mode) == 0o700
    assert len(home.hashing_key) == 32


def a_baseline(home: Home) -> bytes:
    rows = some_rows(2_000).drop(columns="when")
    return Collector.baseline(rows, **{**RECIPE, "key": home.hashing_key})


def test_the_plan_is_verified_and_kept_for_bad_times(home: Home, appliance: SmallAppliance):
    home.sender.put(a_baseline(home))
    home.sender.flush()
    plan = home.plan("loans", "1")
    genuine = appliance.plans["loans/1"]
    stranger = _a_key()
    body = dsse.verify(dsse.parse(genuine), [appliance.key.public_key()])
    appliance.plans["loans/1"] = dsse.sign(body, stranger)
    with pytest.raises(Refused, match=r"envelope\.unsigned"):
        home.plan("loans", "1")
    appliance.plans["loans/1"] = genuine
    assert home.plan("loans", "1") == plan
    appliance.plans["loans/2"] = genuine
    with pytest.raises(Refused, match=r"plan\.other_version"):
        home.plan("loans", "2")
    old = msgspec.structs.replace(plan.plan, issued=plan.plan.issued - dt.timedelta(days=1))
    appliance.plans["loans/1"] = dsse.sign(encode(old, DIGEST), appliance.key)
    with pytest.raises(Refused, match=r"plan\.older"):
        home.plan("loans", "1")


def test_a_plan_that_was_fetched_serves_while_the_appliance_is_away(tmp_path: Path):
    with running_appliance() as appliance:
        home = Home.enroll(appliance.url, TOKEN, directory=tmp_path)
        home.sender.put(a_baseline(home))
        home.sender.flush()
        plan = home.plan("loans", "1")
    assert home.plan("loans", "1") == plan
    with pytest.raises(Unreachable):
        home.plan("loans", "2")


def test_a_used_token_and_a_second_enrolment_are_refused(appliance: SmallAppliance, tmp_path: Path):
    with pytest.raises(Refused, match=r"one_time_token\.invalid"):
        Home.enroll(appliance.url, "wrong", directory=tmp_path)
    with pytest.raises(Refused, match=r"home\.not_enrolled"):
        Home(tmp_path)
    Home.enroll(appliance.url, TOKEN, directory=tmp_path)
    with pytest.raises(Refused, match=r"home\.enrolled"):
        Home.enroll(appliance.url, TOKEN, directory=tmp_path)


def test_ten_lines_beside_the_model(home: Home, appliance: SmallAppliance):
    home.register("loans", "1", DIGEST)
    home.sender.put(a_baseline(home))
    home.sender.flush()
    collector = home.collector("loans", "1", deployment="prod")
    collector.start(home.send)
    for row in some_rows(200).to_dict("records"):
        collector.add_row(row)
    collector.stop()
    _until(lambda: len(appliance.received) == 2)


def test_retry_after_may_be_a_date():
    headers = Message()
    headers["Retry-After"] = email.utils.formatdate(time.time() + 60, usegmt=True)
    pause = Answer(503, headers, b"").retry_after()
    assert pause is not None
    assert 50 < pause <= 60


def _a_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def _until(true, seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.01)
