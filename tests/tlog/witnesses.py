"""Witnesses that run: an honest one, as anybody starts it, and hosts that answer as they like."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.tlog import note
from countersign.tlog.witness import Witness
from countersign.tlog.witness_server import Server

NAME = "witness.example/w1"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
KEY = note.Key.of(NAME, PRIVATE.public_key(), note.WITNESSED)


@contextmanager
def witnessing(directory: Path, log: note.Key, **options) -> Iterator[str]:
    """An honest witness of one log; its address."""
    server = Server(("127.0.0.1", 0), Witness(directory, NAME, PRIVATE, [log], **options))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(*answers: bytes, forever: bytes = b"", every: float = 0) -> Iterator[str]:
    """A host that gives each client the next of these answers; then `forever`, again and again.

    With `every` (seconds) it keeps the line open and waits so long between two of those.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        for answer in answers:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                try:
                    _read_request(client)
                    client.sendall(answer)
                    while (forever or every) and not over.wait(every):
                        client.sendall(forever)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/prefix"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _read_request(client: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(4096)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(4096)
