"""Asks a witness for its signature over a checkpoint, whatever it answers: see `witness`.

Raises `WitnessFailed`, whose rule says what to do about it:

    witness.unreachable   no connection, no answer in time, or a broken one: try later
    witness.refused       it answered with another status; redirects are not followed
    witness.answer        the answer is not signature lines, or too long
    witness.unsigned      none of the lines is by the witness's known key
    witness.signature     a line by its known key does not verify
    witness.clock         it signed at a time that is not now
    witness.ahead         it has signed a larger log than this one: this log forgot, or has a fork
    witness.fork          it does not see the checkpoint as a continuation of what it signed
"""

import http.client
import re
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from . import note
from .witness import encode_submission

DEADLINE = 10.0  # seconds for one answer, from the first byte sent to the last one read
LONGEST_ANSWER = 16 * 1024
CLOCK_SKEW = 300  # seconds

Prove = Callable[[int, int], Sequence[bytes]]

_CONNECTIONS: dict[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


class WitnessFailed(Exception):
    """No signature came. `rule` is stable; nothing of the witness's answer is repeated."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def ask(
    url: str, key: note.Key, checkpoint: str, *, old: int, prove: Prove, now: float
) -> tuple[str, int]:
    """The witness's line over the checkpoint (a note signed by the log) and when it signed.

    `old` is how far the witness had come as far as we know; when it knows better, it is asked once
    more from there. `prove` gives consistency proofs between two sizes.
    """
    text, _ = note.parse_note(checkpoint.encode())
    size = note.parse_checkpoint(text).size
    status, body = _submit(url, checkpoint, old, size, prove)
    if status == 409:
        known = _size_in(body)
        if known > size:
            raise WitnessFailed("witness.ahead", f"it has signed {known} entries, this log {size}")
        status, body = _submit(url, checkpoint, known, size, prove)
    if status in (409, 422):
        raise WitnessFailed("witness.fork", "it does not see what it signed continued here")
    if status != 200:
        raise WitnessFailed("witness.refused", f"it answered with status {status}")
    line, seconds = _line_by(key, text, body)
    if abs(seconds - now) > CLOCK_SKEW:
        raise WitnessFailed("witness.clock", f"it signed {round(seconds - now)} s from now")
    return line, seconds


def _submit(url: str, checkpoint: str, old: int, size: int, prove: Prove) -> tuple[int, bytes]:
    proof = prove(old, size) if old else []
    return _post(f"{url.rstrip('/')}/add-checkpoint", encode_submission(old, proof, checkpoint))


def _size_in(body: bytes) -> int:
    found = _SIZE.fullmatch(body)
    if found is None:
        raise WitnessFailed("witness.answer", "it refuses without saying how far it had come")
    return int(found[1])


def _line_by(key: note.Key, text: str, body: bytes) -> tuple[str, int]:
    """The first line by the witness's key, verified; lines of others are passed over."""
    try:
        lines = body.decode().splitlines(keepends=True)
        for line in lines[: note.MAX_LINES]:
            seconds = note.witnessed_at(text, line, key)
            if seconds is not None:
                return line, seconds
    except UnicodeDecodeError:
        raise WitnessFailed("witness.answer", "the answer is not text") from None
    except note.NoteError as error:
        known = error.rule == "note.signature"
        raise WitnessFailed(
            "witness.signature" if known else "witness.answer", str(error)
        ) from None
    raise WitnessFailed("witness.unsigned", "none of the lines is by the known key")


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer, all of it within the deadline."""
    parts = urlsplit(url)
    connection = _CONNECTIONS[parts.scheme](parts.netloc, timeout=DEADLINE)
    # A socket's own time-out begins anew with every byte that comes. And an answer that ends with
    # the connection takes the socket away from it.
    sockets: list[socket.socket] = []
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        for held in (connection.sock, *sockets):
            with suppress(OSError, AttributeError):  # not connected yet, or over already
                held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(DEADLINE, hang_up)
    timer.start()
    try:
        connection.connect()
        sockets.append(connection.sock)
        connection.request("POST", parts.path, body, {"Content-Type": "text/plain"})
        with connection.getresponse() as answer:
            status, content = answer.status, answer.read(LONGEST_ANSWER + 1)
        if late.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException) as error:
        raise WitnessFailed("witness.unreachable", type(error).__name__) from None
    finally:
        timer.cancel()
        connection.close()
    if len(content) > LONGEST_ANSWER:
        raise WitnessFailed("witness.answer", f"the answer is longer than {LONGEST_ANSWER} bytes")
    return status, content
