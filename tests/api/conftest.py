"""The cast at the API's door: Dan's appliance, Ada's collector, and Eve outside."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client

from countersign import dsse
from governance import senders
from governance.models import OneTimeToken
from tests.builders import MODEL, VERSION, VERSION_DIGEST, a_baseline, a_statement

BASELINE_ADDRESS = f"/versions/{MODEL}/{VERSION}/baseline"
ENVELOPE = "application/vnd.dsse+json"
DAN = "user:1"


@dataclass
class Caller:
    """Somebody with a key and perhaps a bearer token, who speaks HTTP."""

    bearer: str = ""
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    client: Client = field(default_factory=Client)

    def get(self, address: str) -> Any:
        return self.client.get(f"/api/v1{address}", headers=self._authorization())

    def post(self, address: str, body: Any, **headers: str) -> Any:
        """A JSON body, or bytes as they are, with the bearer token."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self._authorization(), **headers}
        return self.client.post(
            f"/api/v1{address}",
            data=content,
            content_type=headers.pop("Content-Type"),
            headers=headers,
        )

    def send(self, address: str, payload: bytes) -> Any:
        """A statement in an envelope signed with the caller's key; no bearer token."""
        return self.client.post(
            f"/api/v1{address}", data=dsse.sign(payload, self.key), content_type=ENVELOPE
        )

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}


@pytest.fixture(autouse=True)
def data_directory(settings: LazySettings, tmp_path: Path) -> Path:
    """Keys that the appliance makes for itself end with the test."""
    settings.COUNTERSIGN_DATA = tmp_path
    return tmp_path


@pytest.fixture
def ada(db: None) -> Caller:
    """Ada's collector: its key is enrolled."""
    return enrolled("Ada's host")


@pytest.fixture
def eve(db: None) -> Caller:
    """Eve has a key of her own, which nobody enrolled."""
    return Caller()


@pytest.fixture
def loans(ada: Caller) -> str:
    """Ada's model, registered, with a baseline; the digest of its plan."""
    return with_baseline(ada)


def enrolled(name: str) -> Caller:
    """A caller whose key is enrolled."""
    caller = Caller()
    secret = senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor=DAN)
    public = caller.key.public_key().public_bytes_raw()
    _, caller.bearer = senders.enrol_key(secret, name=name, public_key=public)
    return caller


def with_token(*scopes: str) -> Caller:
    """A caller with a bearer token of these scopes and no enrolled key."""
    return Caller(bearer=senders.issue_token("pipeline", scopes, actor=DAN))


def registered(caller: Caller) -> None:
    """Register the builders' model and version."""
    caller.post("/models", {"name": MODEL})
    caller.post(f"/models/{MODEL}/versions", {"version": VERSION, "digest": VERSION_DIGEST})


def with_baseline(caller: Caller) -> str:
    """Register, and upload the builders' baseline; the digest of the plan."""
    registered(caller)
    answer = caller.send(BASELINE_ADDRESS, a_statement(a_baseline()))
    assert answer.status_code == 202, answer.content
    digest: str = answer.json()["plan"]
    return digest


def payload_of(envelope: HttpResponse) -> bytes:
    """The payload of an envelope that the appliance answered with."""
    return base64.b64decode(json.loads(envelope.content)["payload"])


def refused(answer: Any, status: int, rule: str) -> dict[str, Any]:
    """Check that an answer is a problem document of that rule; the document."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["type"]) == (status, status, rule)
    assert document["title"] and document["detail"] and document["fix"]
    return document
