"""The witness as a program: `python -m countersign.tlog.witness_server`, or `countersign witness`.

    DIR/key          the witness's Ed25519 seed, 32 bytes, made at the first start, mode 600
    DIR/logs/        how far each log had come
    DIR/logs/evidence/   checkpoints that show a log with two histories

It speaks HTTP on 127.0.0.1; for other machines to reach it, put a reverse proxy with TLS before it.
"""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import note
from .witness import MAX_BODY, STATUS_OF, Witness, WitnessRefused

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
SECONDS = 10  # that a client may be silent
MOST_CLIENTS = 32


class Server(ThreadingHTTPServer):
    """Answers several clients at once; further ones are hung up on."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        super().__init__(address, Handler)
        self.witness = witness
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for the client, if there is room for one."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In the client's thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class Handler(BaseHTTPRequestHandler):
    """One client."""

    server: Server
    timeout = SECONDS
    server_version, sys_version = "countersign-witness", ""

    def do_POST(self) -> None:
        """Sign what may be signed."""
        if self.path.rpartition("/")[2] != "add-checkpoint":
            self._answer(404, "request.address: post to /add-checkpoint\n")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._answer(411, "request.length: send a Content-Length\n")
            return
        if len(length) > 9 or int(length) > MAX_BODY:
            self._answer(413, f"request.too_large: at most {MAX_BODY} bytes\n")
            return
        try:
            self._answer(200, self.server.witness.add_checkpoint(self.rfile.read(int(length))))
        except WitnessRefused as refusal:
            self.log_message("%s", refusal)
            said = (f"{refusal}\n", TEXT) if refusal.size is None else (f"{refusal.size}\n", SIZE)
            self._answer(STATUS_OF[refusal.rule], *said)

    def _answer(self, status: int, text: str, content_type: str = TEXT) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def key_in(directory: Path) -> Ed25519PrivateKey:
    """The witness's key; made, readable by its owner only, if there is none."""
    path = directory / "key"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("directory", type=Path, help="where key and state are kept")
    parser.add_argument("--name", required=True, help="the witness's name: witness.example/w1")
    parser.add_argument(
        "--log", action="append", required=True, metavar="VKEY", help="a log to witness; repeatable"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8790, help="port to listen on (8790)")


def run(options: argparse.Namespace) -> int:
    """Witness until interrupted. 2 when an option is wrong."""
    try:
        logs = [note.parse_vkey(vkey.strip()) for vkey in options.log]
        state = options.directory / "logs"
        witness = Witness(state, options.name, key_in(options.directory), logs)
        server = Server((options.host, options.port), witness)
    except (note.NoteError, OSError, ValueError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 2
    print(f"key  {witness.key.vkey}")
    print(f"on   http://{options.host}:{server.server_port}", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Witness logs: sign that they only grow.")
    add_options(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
