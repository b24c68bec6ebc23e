"""A collector's directory: its keys, its appliance, its plans, and what waits to be sent.

    signing.key      Ed25519 private key, 32 bytes, mode 600: signs every statement
    hashing.key      32 random bytes, mode 600: turns categories into tokens; never leaves the host
    appliance.json   address, bearer token, and the appliance's public key, mode 600
    plans/           the plans last fetched, as signed by the appliance
    labels/          the label tables that were sent, see `countersign.revisions`
    spool/ ...       see `countersign.sender`

Hosts that count the same model share one hashing key: copy the file, or their tokens differ.
"""

import base64
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from . import dsse
from .collector import Collector
from .disk import write_durably
from .rest import Answer, Unreachable, request
from .sender import Sender
from .statement import Refused
from .statements import OpenPlan

DEFAULT = Path("~/.countersign")


class Appliance(msgspec.Struct, frozen=True):
    """What the collector learnt when it was enrolled."""

    url: str
    name: str
    keyid: str
    bearer: str
    appliance_public_key: str


class Home:
    """An enrolled collector. Raises `Refused` with the rule `home.not_enrolled` if it is none."""

    def __init__(self, directory: Path | str | None = None) -> None:
        self.directory = _directory(directory)
        try:
            known = (self.directory / "appliance.json").read_bytes()
        except FileNotFoundError:
            raise Refused("home.not_enrolled", "Run `countersign enroll` first.") from None
        self.appliance = msgspec.json.decode(known, type=Appliance)

    @classmethod
    def enroll(
        cls, url: str, token: str, *, name: str | None = None, directory: Path | str | None = None
    ) -> "Home":
        """Make keys and introduce them to the appliance with a one-time token."""
        url, directory = url.rstrip("/"), _directory(directory)
        if (directory / "appliance.json").exists():
            raise Refused("home.enrolled", "This directory belongs to an enrolled collector.")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (directory / "hashing.key").exists():  # it may have been copied from another host
            write_durably(directory / "hashing.key", secrets.token_bytes(32))
        private = Ed25519PrivateKey.generate()
        write_durably(directory / "signing.key", private.private_bytes_raw())
        public = private.public_key()
        asked = {
            "token": token,
            "name": name or f"collector-{dsse.keyid(public)[:8]}",
            "public_key": base64.b64encode(public.public_bytes_raw()).decode(),
        }
        answer = _call("POST", f"{url}/api/v1/keys", asked)
        appliance = msgspec.convert({"url": url, **answer.json()}, Appliance)
        write_durably(directory / "appliance.json", msgspec.json.encode(appliance))
        return cls(directory)

    @cached_property
    def signing_key(self) -> Ed25519PrivateKey:
        """Signs statements."""
        return Ed25519PrivateKey.from_private_bytes((self.directory / "signing.key").read_bytes())

    @cached_property
    def hashing_key(self) -> bytes:
        """Turns categories into tokens."""
        return (self.directory / "hashing.key").read_bytes()

    @cached_property
    def sender(self) -> Sender:
        """Signs and sends statements of this collector."""
        return Sender(self.directory, self.appliance.url, self.appliance.bearer, self.signing_key)

    def collector(self, model: str, version: str, **options: Any) -> Collector:
        """A collector under the newest plan; `options` as of `Collector`."""
        if self.sender.waiting():  # an earlier process ended before it could send
            self.sender.start()
        given: dict[str, Any] = {
            "key": self.hashing_key,
            "memory": self.sender.memory,
            "newest": lambda: self.plan(model, version),
        }
        return Collector(self.plan(model, version), **given | options)

    def send(self, payload: bytes) -> None:
        """Sign a statement, keep it on disk, and send it from a thread. Doesn't wait."""
        self.sender.put(payload)
        self.sender.start()

    def register(self, model: str, version: str, digest: str) -> None:
        """Tell the appliance of a model and a version, unless it knows them already."""
        self.post("/api/v1/models", {"name": model})
        self.post(f"/api/v1/models/{model}/versions", {"version": version, "digest": digest})

    def plan(self, model: str, version: str) -> OpenPlan:
        """The version's plan: fetched, or the last one fetched if no answer comes."""
        kept = self.directory / "plans" / model / f"{version}.json"
        try:
            answer = self._get(f"/api/v1/versions/{model}/{version}/plan")
        except Unreachable:
            if not kept.exists():
                raise
            return self._open(kept.read_bytes())
        plan = self._open(answer.body)
        if (plan.plan.model, plan.plan.version) != (model, version):
            raise Refused("plan.other_version", "The appliance sent another version's plan.")
        if kept.exists() and self._open(kept.read_bytes()).plan.issued > plan.plan.issued:
            raise Refused("plan.older", "The appliance sent an older plan than it did before.")
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(kept, answer.body)
        return plan

    def status(self) -> dict[str, Any]:
        """What the appliance knows about this collector."""
        return self._get("/api/v1/status").json()

    def receipt(self, digest: str) -> Answer:
        """What the appliance keeps and can prove of a statement: `tlog.receipt` checks it."""
        return self._get(f"/api/v1/receipts/{digest}")

    def _open(self, envelope: bytes) -> OpenPlan:
        raw = base64.b64decode(self.appliance.appliance_public_key)
        key = Ed25519PublicKey.from_public_bytes(raw)
        return OpenPlan.read(dsse.verify(dsse.parse(envelope), [key]))

    def _get(self, address: str) -> Answer:
        return _call("GET", self.appliance.url + address, None, self.appliance.bearer)

    def post(self, address: str, value: dict[str, Any]) -> Answer:
        """The appliance's answer to a small JSON body; a refusal is raised under its rule."""
        return _call("POST", self.appliance.url + address, value, self.appliance.bearer)


def _directory(given: Path | str | None) -> Path:
    return Path(given or os.environ.get("COUNTERSIGN_HOME") or DEFAULT).expanduser()


def _call(method: str, url: str, value: dict[str, Any] | None, bearer: str | None = None) -> Answer:
    """The appliance's answer; a refusal is raised under the rule that the appliance names."""
    headers = {"Content-Type": "application/json"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    body = None if value is None else msgspec.json.encode(value)
    answer = request(method, url, body, headers)
    if answer.ok and answer.is_json:
        return answer
    if not answer.refused:
        raise Unreachable(f"The appliance answered with status {answer.status}; try again.")
    problem = answer.json()
    raise Refused(
        str(problem.get("type", f"http.{answer.status}")),
        str(problem.get("detail", "The appliance refused.")),
        str(problem.get("path", "$")),
    )
