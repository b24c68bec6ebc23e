"""A small real HTTP server that answers as the appliance does: enrolment, registry, plans, uploads.

It verifies every envelope and checks every statement by the shared rules, keeps the bytes it got,
and can be told what to answer first.
"""

import base64
import gzip
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countersign import dsse
from countersign.checks import check_baseline, check_outcomes, check_window
from countersign.statement import (
    Baseline,
    Event,
    Outcomes,
    Plan,
    Refused,
    Window,
    decode,
    digest_of,
    encode,
)

TOKEN = "one-time-token"
JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}


class SmallAppliance:
    """What the server knows. Uploads get the answers (status, headers, body) in `first` first."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.sender: Ed25519PublicKey | None = None
        self.versions: dict[str, str] = {}
        self.plans: dict[str, bytes] = {}
        self.received: dict[str, bytes] = {}  # payloads by digest
        self.bodies: list[bytes] = []  # every upload as it came, also those answered by `first`
        self.first: deque[tuple[int, dict[str, str], bytes]] = deque()
        self.url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any] | bytes]:
        """The status, and a JSON object or raw bytes."""
        parts = path.removeprefix("/api/v1/").split("/")
        match method, parts:
            case "POST", ["keys"]:
                return self._enrol(json.loads(body))
            case "POST", ["models"]:
                return 200, json.loads(body)
            case "POST", ["models", model, "versions"]:
                asked = json.loads(body)
                self.versions[f"{model}/{asked['version']}"] = asked["digest"]
                return 201, asked
            case "GET", ["versions", model, version, "plan"]:
                if f"{model}/{version}" not in self.plans:
                    raise Refused("plan.none", "This version has no plan yet.")
                return 200, self.plans[f"{model}/{version}"]
            case "GET", ["status"]:
                return 200, {"name": "ada-host"}
            case "POST", [*_, "baseline" | "windows" | "outcomes" | "events" as kind]:
                return self._accept(kind, body)
        raise Refused("request.address", "There is nothing at this address.")

    def payloads(self, kind: type[Any]) -> list[Any]:
        """The accepted predicates of one kind."""
        found = []
        for payload in self.received.values():
            if f":{kind.__name__.lower()}:".encode() in payload:
                found.append(decode(payload, kind)[1])
        return found

    def _enrol(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if asked["token"] != TOKEN:
            raise Refused("one_time_token.invalid", "The one-time token is unknown.")
        self.sender = Ed25519PublicKey.from_public_bytes(base64.b64decode(asked["public_key"]))
        own = self.key.public_key().public_bytes_raw()
        return 201, {
            "keyid": dsse.keyid(self.sender),
            "name": asked["name"],
            "bearer": "bearer-token",
            "appliance_public_key": base64.b64encode(own).decode(),
        }

    def _accept(self, kind: str, body: bytes) -> tuple[int, dict[str, Any]]:
        assert self.sender is not None
        payload = dsse.verify(dsse.parse(body), [self.sender])
        digest = digest_of(payload)
        known = digest in self.received
        getattr(self, f"_check_{kind}")(payload)
        self.received[digest] = payload
        entry = list(self.received).index(digest)
        return 200 if known else 202, {"digest": digest, "entry": entry}

    def _check_baseline(self, payload: bytes) -> None:
        subject, baseline = decode(payload, Baseline)
        check_baseline(baseline)
        self.plans[subject.name] = dsse.sign(plan_payload(payload), self.key)

    def _check_windows(self, payload: bytes) -> None:
        subject, window = decode(payload, Window)
        check_window(window, self._plan(subject.name))

    def _check_outcomes(self, payload: bytes) -> None:
        subject, outcomes = decode(payload, Outcomes)
        check_outcomes(outcomes, self._plan(subject.name))

    def _check_events(self, payload: bytes) -> None:
        decode(payload, Event)

    def _plan(self, name: str) -> Plan:
        envelope = dsse.parse(self.plans[name])
        return decode(dsse.verify(envelope, [self.key.public_key()]), Plan)[1]


def plan_payload(baseline: bytes) -> bytes:
    """The plan statement that follows from a baseline statement."""
    subject, told = decode(baseline, Baseline)
    plan = Plan(
        model=told.model,
        version=told.version,
        baseline=digest_of(baseline),
        revision=told.revision,
        issued=datetime(2026, 1, 1, tzinfo=UTC),
        window_seconds=told.window_seconds,
        season=told.season,
        threshold=told.threshold,
        privacy=told.privacy,
        columns=told.columns,
        slices=told.slices,
        maps=told.maps,
    )
    return encode(plan, subject.digest["sha256"])


@contextmanager
def running_appliance() -> Iterator[SmallAppliance]:
    """The server, listening on a free port of the loopback interface."""
    appliance = SmallAppliance()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._handle(b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self._handle(body)

        def _handle(self, body: bytes) -> None:
            if self.headers.get("Content-Type") == "application/vnd.dsse+json":
                appliance.bodies.append(body)
                if appliance.first:
                    status, headers, answer = appliance.first.popleft()
                    self._write(status, answer, headers)
                    return
            try:
                status, value = appliance.answer(self.command, self.path, body)
            except Refused as refusal:
                problem = {"type": refusal.rule, "detail": refusal.detail, "path": refusal.path}
                status, value = 422, problem
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self._write(status, content, JSON if status < 400 else PROBLEM)

        def _write(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    appliance.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield appliance
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
