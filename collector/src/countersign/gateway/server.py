"""The gateway's HTTP: who asks, how much they send, and what becomes of it.

Bodies, clients and the time they may be silent are bounded. Nothing of a body is logged.
"""

import base64
import binascii
import hmac
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from ..statement import Refused
from .events import STRUCTURED, read_event
from .exchange import COUNTS, decode
from .rules import STATUS_OF
from .service import Served

EVENTS = ("application/json", STRUCTURED)
MOST_BYTES = 8 * 1024 * 1024
MOST_CLIENTS = 128
SECONDS = 10  # that a client may be silent

log = logging.getLogger("countersign")


class Server(ThreadingHTTPServer):
    """Serves several deployments, by their addresses. Closing it waits for those being answered."""

    daemon_threads = False
    request_queue_size = MOST_CLIENTS

    def __init__(self, address: tuple[str, int], token: str, served: dict[str, Served]) -> None:
        super().__init__(address, Handler)
        self.token, self.served = token.encode(), served
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there is room for one."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away."""
        log.warning("A client of the gateway went away before it was answered.")


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = SECONDS
    server_version, sys_version = "countersign-gateway", ""

    def do_GET(self) -> None:
        """Health, and plans."""
        self._answer_with(self._get)

    def do_POST(self) -> None:
        """Counts and events."""
        self._answer_with(self._post)

    def _get(self) -> tuple[int, bytes]:
        if self._path == "/health":
            return 200, b'{"ok":true}'
        served, what = self._asked()
        if what == "status":
            return 200, json.dumps(served.status()).encode()
        if what != "plan":
            raise Refused("gateway.method", "Counts and events are posted.")
        return 200, served.deployment.plan_now().payload

    def _post(self) -> tuple[int, bytes]:
        served, what = self._asked()
        if what == "counts":
            self._expect(COUNTS)
            served.deployment.add(decode(self._body()))
            return 200, b'{"counted":true}'
        if what != "events":
            raise Refused("gateway.method", "A plan is only fetched.")
        self._expect(*EVENTS)
        counted = served.add_event(read_event(dict(self.headers), self._body()))
        return (200, b'{"counted":true}') if counted else (202, b'{"counted":false}')

    def _asked(self) -> tuple[Served, str]:
        """Which deployment, and what of it; for whoever has the token."""
        if not hmac.compare_digest(self._token(), self.server.token):
            raise Refused("gateway.token", "Send the gateway's token.")
        name, _, what = self._path.removeprefix("/v1/").rpartition("/")
        if name not in self.server.served or what not in ("plan", "status", "counts", "events"):
            raise Refused("gateway.address", "The gateway's file names no such deployment.")
        return self.server.served[name], what

    def _token(self) -> bytes:
        scheme, _, secret = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                _, _, secret = base64.b64decode(secret, validate=True).decode().partition(":")
            except (binascii.Error, ValueError):
                secret = ""
        return secret.strip().encode("utf-8", "replace")

    def _expect(self, *kinds: str) -> None:
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in kinds:
            raise Refused("gateway.content_type", f"This address takes {' or '.join(kinds)}.")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused("gateway.length", "The length of the body is told before the body.")
        if len(length) > 9 or int(length) > MOST_BYTES:
            raise Refused("gateway.too_large", f"A body has at most {MOST_BYTES} bytes.")
        return self.rfile.read(int(length))

    @property
    def _path(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _answer_with(self, make: Any) -> None:
        try:
            status, content = make()
            self._write(status, content, "application/json")
        except Refused as refusal:
            status = STATUS_OF.get(refusal.rule, 422)
            log.warning("Refused: %s", refusal.rule)
            self._write_problem(status, refusal.rule, refusal.detail)
        except OSError as error:
            log.error("The gateway can't keep counts: %s", type(error).__name__)
            self._write_problem(503, "gateway.disk", "The gateway can't write; send it again.")

    def _write_problem(self, status: int, rule: str, detail: str) -> None:
        document = {"type": rule, "status": status, "detail": detail}
        self._write(status, json.dumps(document).encode(), "application/problem+json")

    def _write(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if status == 503:
            self.send_header("Retry-After", "5")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet: an address may hold what a client should not have sent."""
