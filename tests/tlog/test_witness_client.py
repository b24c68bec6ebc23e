"""Asking a witness over HTTP: an honest one signs, and no answer does harm."""

import http.client
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countersign.tlog import note, tree, witness_client
from countersign.tlog.witness import MAX_BODY
from countersign.tlog.witness_client import WitnessFailed, ask

from . import witnesses
from .test_witness import EVE, LEAVES, LOG_KEY, SECONDS, checkpoint, growth
from .witnesses import KEY, answer, answering, witnessing

TEXT = note.parse_note(checkpoint(LEAVES[:3]).encode())[0]
LINE = note.witness_line(TEXT, KEY.name, witnesses.PRIVATE, SECONDS)


def asking(url: str, size: int = 3, old: int = 0, leaves=LEAVES, now: float = SECONDS):
    def prove(before: int, after: int) -> list[bytes]:
        return tree.consistency_proof(before, after, tree.over(leaves))

    return ask(url, KEY, checkpoint(leaves[:size]), old=old, prove=prove, now=now)


def failed(url: str, **options) -> str:
    with pytest.raises(WitnessFailed) as failure:
        asking(url, **options)
    return failure.value.rule


def test_an_honest_witness_signs_from_wherever_it_had_come(tmp_path: Path):
    with witnessing(tmp_path, LOG_KEY, clock=lambda: SECONDS) as url:
        assert asking(url) == (LINE, SECONDS)
        for size, old in ((5, 3), (9, 0), (20, 7), (20, 20), (30, 0)):
            line, _ = asking(url, size=size, old=old)
            signed = checkpoint(LEAVES[:size]) + line
            assert note.open_note(signed.encode(), [KEY, LOG_KEY])[1] == [LOG_KEY, KEY]


def test_a_log_that_forgot_or_forked_is_told_so(tmp_path: Path):
    forked = LEAVES[::-1]
    with witnessing(tmp_path, LOG_KEY, clock=lambda: SECONDS) as url:
        asking(url, size=9)
        assert failed(url, size=5) == "witness.ahead"
        assert failed(url, size=9, leaves=forked) == "witness.fork"
        assert failed(url, size=12, leaves=forked) == "witness.fork"
        assert failed(url, size=12, old=9, leaves=forked) == "witness.fork"


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ("witness.answer", [answer(200, b"\xff\xfe")]),
        ("witness.answer", [answer(200, b"<html>hello</html>")]),
        ("witness.answer", [answer(200, LINE.encode()[:-1])]),
        ("witness.answer", [answer(200, b"x" * 20_000)]),
        ("witness.answer", [answer(409, b"how should I know\n")]),
        ("witness.answer", [answer(409, b"1" * 400 + b"\n")]),
        ("witness.ahead", [answer(409, b"4\n")]),
        ("witness.fork", [answer(409, b"2\n"), answer(409, b"1\n")]),
        ("witness.fork", [answer(422, b"")]),
        ("witness.unsigned", [answer(200, b"")]),
        (
            "witness.unsigned",
            [answer(200, note.witness_line(TEXT, KEY.name, EVE, SECONDS).encode())],
        ),
        (
            "witness.signature",
            [answer(200, note.witness_line("x\n", KEY.name, witnesses.PRIVATE, SECONDS).encode())],
        ),
        (
            "witness.clock",
            [
                answer(
                    200,
                    note.witness_line(TEXT, KEY.name, witnesses.PRIVATE, SECONDS - 301).encode(),
                )
            ],
        ),
        (
            "witness.clock",
            [answer(200, note.witness_line(TEXT, KEY.name, witnesses.PRIVATE, 2**64 - 1).encode())],
        ),
        ("witness.refused", [answer(302, b"", "Location: http://127.0.0.1:1/")]),
        ("witness.refused", [answer(500, b"")]),
        ("witness.refused", [answer(204, b"")]),
        ("witness.unreachable", [b"garbage\r\n\r\n"]),
        ("witness.unreachable", [b""]),
        ("witness.answer", [b"HTTP/1.1 200 Said\r\nContent-Length: 100\r\n\r\nx"]),
        ("witness.unreachable", [b"HTTP/1.1 200 Said\r\n" + b"X: y\r\n" * 1_000]),
    ],
)
def test_a_bad_answer_has_a_name_and_does_nothing(rule: str, answers: list[bytes]):
    with answering(*answers) as url:
        assert failed(url) == rule


def test_lines_of_others_are_passed_over():
    stranger = note.witness_line(TEXT, "stranger.example", EVE, SECONDS)
    with answering(answer(200, (stranger + LINE).encode())) as url:
        assert asking(url) == (LINE, SECONDS)


@pytest.mark.parametrize(
    "forever", [b"HTTP/1.1 200 Said\r\nX: ", b"HTTP/1.1 200 Said\r\n\r\n", b"HTTP/1.1 200 Said\r\n"]
)
def test_an_endless_answer_ends(forever: bytes):
    """Headers without end, a body without end, a header line without end."""
    with answering(forever, forever=b"x" * 100) as url:
        assert failed(url) in ("witness.answer", "witness.unreachable")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"HTTP/1.1 200 Said\r\n",
        b"HTTP/1.1 200 Said\r\n\r\n",
        answer(200, b"")[:-6] + b"9\r\n\r\n",
    ],
)
@pytest.mark.parametrize("drop", [b"", b"x"])
def test_a_silent_or_dripping_host_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, begun: bytes, drop: bytes
):
    """Each drop would start a socket's time-out anew; the deadline is for the whole answer."""
    monkeypatch.setattr(witness_client, "DEADLINE", 0.3)
    with answering(begun, forever=drop, every=0.05) as url:
        assert failed(url) == "witness.unreachable"


def test_nobody_there():
    assert failed("http://127.0.0.1:1") == "witness.unreachable"
    assert failed("http://[::1]:1/w") == "witness.unreachable"


def test_the_server_refuses_what_is_no_submission(tmp_path: Path):
    def status(method: str, path: str, body: bytes | None, **headers: str) -> int:
        connection = http.client.HTTPConnection(url.removeprefix("http://"))
        connection.request(method, path, body, headers)
        got = connection.getresponse().status
        connection.close()
        return got

    with witnessing(tmp_path, LOG_KEY) as url:
        right = growth(0, 3)
        assert status("POST", "/elsewhere", right) == 404
        assert status("GET", "/add-checkpoint", None) == 501
        assert status("POST", "/add-checkpoint", b"x" * (MAX_BODY + 1)) == 413
        assert status("POST", "/add-checkpoint", right, **{"Content-Length": "-1"}) == 411
        assert status("POST", "/add-checkpoint", right, **{"Content-Length": "9" * 30}) == 413
        assert status("POST", "/add-checkpoint", b"hello") == 400
        assert status("POST", "/w1/add-checkpoint", right) == 200
        assert status("POST", "/add-checkpoint", right) == 409


def test_the_program_keeps_its_key_and_needs_neither_django_nor_numpy(tmp_path: Path):
    """As another party starts it: twice, with one key, and state that outlives it."""
    program = (
        "import sys; from countersign.tlog import witness_server;"
        "assert not {'django', 'numpy', 'msgspec'} & set(sys.modules);"
        "sys.exit(witness_server.main(sys.argv[1:]))"
    )
    arguments = [str(tmp_path / "w"), "--name", "w.example", "--log", LOG_KEY.vkey, "--port", "0"]
    keys = []
    for expected in (200, 409):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        keys.append(note.parse_vkey(process.stdout.readline().split()[1]))
        address = process.stdout.readline().split("//")[1].strip()
        connection = http.client.HTTPConnection(address)
        connection.request("POST", "/add-checkpoint", growth(0, 3))
        response = connection.getresponse()
        assert response.status == expected
        answered = response.read().decode()
        connection.close()
        process.terminate()
        process.wait()
        process.stdout.close()
        if expected == 200:
            seconds = note.witnessed_at(TEXT, answered, keys[0])
            assert seconds is not None and abs(seconds - time.time()) < 3600
    assert keys[0] == keys[1]
    assert answered == "3\n"
    assert (tmp_path / "w" / "key").stat().st_mode & 0o777 == 0o600


def test_the_program_says_what_is_wrong_with_its_options(tmp_path: Path):
    for wrong in (["--name", "two words"], ["--log", "no key"]):
        right = {"--name": "w.example", "--log": LOG_KEY.vkey} | {wrong[0]: wrong[1]}
        options = [word for pair in right.items() for word in pair]
        done = subprocess.run(
            [sys.executable, "-m", "countersign.tlog.witness_server", str(tmp_path), *options],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("cannot start: note.")
