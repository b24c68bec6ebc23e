"""Whether the time of an answer tells if a token, a key or a signature is a real one.

Every kind of request is sent many times, in turns, to a site with its own PostgreSQL. A refusal may
take no more than LIMIT milliseconds longer than an acceptance, and refusals of tokens that are
unknown, nearly right, revoked, used or expired take the same time to within that.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fresh_site import fresh_site

LIMIT = 5.0
ROUNDS = 80
ENVELOPE = "application/vnd.dsse+json"

Ask = Callable[[], int]


def measure() -> dict[str, Any]:
    """Medians in milliseconds, and how much longer than an acceptance each refusal takes."""
    with fresh_site():
        requests, accepted = _requests()
        taken: dict[str, list[float]] = {name: [] for name in requests}
        for turn in range(ROUNDS + 5):
            for name, (status, ask) in requests.items():
                begin = time.perf_counter()
                answered = ask()
                spent = 1000 * (time.perf_counter() - begin)
                assert answered == status, (name, answered)
                if turn >= 5:  # the first ones load code and fill caches
                    taken[name].append(spent)
    medians = {name: float(np.median(times)) for name, times in taken.items()}
    base = {name: medians[accepted[name]] for name in medians if name in accepted}
    beyond = {name: medians[name] - base[name] for name in base}
    tokens = [medians[name] for name in medians if name.startswith(("bearer", "signature"))]
    return {
        "rounds": ROUNDS,
        "limit_ms": LIMIT,
        "median_ms": {name: round(ms, 2) for name, ms in medians.items()},
        "longer_than_acceptance_ms": {name: round(ms, 2) for name, ms in beyond.items()},
        "most_longer_ms": round(max(beyond.values()), 2),
        "spread_of_refused_tokens_ms": round(max(tokens) - min(tokens), 2),
        "within_limit": max(beyond.values()) <= LIMIT,
    }


def _requests() -> tuple[dict[str, tuple[int, Ask]], dict[str, str]]:
    """Each request with the status it gets, and for each refusal the acceptance it is held to."""
    from django.utils import timezone

    from countersign import dsse
    from governance import registry, senders
    from governance.models import OneTimeToken, Sender, Token
    from governance.senders import ONE_TIME_LIFETIME
    from tests.api.conftest import Caller, enrolled
    from tests.builders import VERSION_DIGEST, a_statement, an_event

    ada, revoked, eve = enrolled("Ada's host"), enrolled("an old host"), Caller()
    senders.revoke_sender(Sender.objects.get(name="an old host"), actor="user:1")
    revoked_token = senders.issue_token("pipeline", ["upload"], actor="user:1")
    senders.revoke_token(Token.objects.get(name="pipeline"), actor="user:1")
    reader = senders.issue_token("reader", ["read"], actor="user:1")
    registry.register_model("loans", actor="user:1")
    registry.register_version("loans", "1", VERSION_DIGEST, actor="user:1")
    number = count()

    def event() -> bytes:
        return a_statement(an_event(label=f"event {next(number)}"))

    def bearer(token: str, body: Callable[[], bytes] = event) -> Ask:
        return lambda: int(
            Caller(bearer=token, client=ada.client).post("/events", body()).status_code
        )

    def signed(key: Ed25519PrivateKey, spoil: bool = False) -> Ask:
        def ask() -> int:
            envelope = json.loads(dsse.sign(event(), key))
            if spoil:
                envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
            return int(
                ada.client.post("/api/v1/events", json.dumps(envelope), ENVELOPE).status_code
            )

        return ask

    def one_time() -> Iterator[str]:
        while True:
            yield senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="user:1")

    fresh, used, expired = one_time(), next(one_time()), next(one_time())
    senders.spend_one_time_token(used, OneTimeToken.Purpose.ENROL)
    late = OneTimeToken.objects.latest("pk")
    OneTimeToken.objects.filter(pk=late.pk).update(expires_at=timezone.now() - ONE_TIME_LIFETIME)
    waiting = [next(fresh) for _ in range(ROUNDS + 5)]

    def enrol(token: Callable[[], str]) -> Ask:
        def ask() -> int:
            public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
            body = {"token": token(), "name": "a host",
                    "public_key": base64.b64encode(public).decode()}  # fmt: skip
            return int(eve.post("/keys", body).status_code)

        return ask

    near = ada.bearer[:-1] + ("A" if ada.bearer[-1] != "A" else "B")
    requests: dict[str, tuple[int, Ask]] = {
        "accepted by bearer": (202, bearer(ada.bearer)),
        "accepted by signature": (202, signed(ada.key)),
        "bearer unknown": (401, bearer("countersign-bearer-guess")),
        "bearer wrong in its last letter": (401, bearer(near)),
        "bearer right in its first half": (401, bearer(ada.bearer[:30] + "x" * 33)),
        "bearer revoked": (403, bearer(revoked_token)),
        "bearer without the scope": (403, bearer(reader)),
        "no bearer": (401, bearer("")),
        "signature of an unknown key": (401, signed(eve.key)),
        "signature that is wrong": (401, signed(ada.key, spoil=True)),
        "signature of a revoked key": (403, signed(revoked.key)),
        "refused by the firewall": (422, bearer(ada.bearer, lambda: b'{"a": "a@example.org"}')),
        "refused by its form": (422, bearer(ada.bearer, lambda: b"{}")),
        "refused as a profile": (422, bearer(ada.bearer, lambda: b"WHY1")),
        "enrolled": (201, enrol(lambda: waiting.pop())),
        "one-time token unknown": (403, enrol(lambda: "guess")),
        "one-time token used": (403, enrol(lambda: used)),
        "one-time token expired": (403, enrol(lambda: expired)),
    }
    held = {
        name: "accepted by signature" if name.startswith("signature") else "accepted by bearer"
        for name in requests
        if not name.startswith(("accepted", "enrolled", "one-time"))
    }
    return requests, held | {n: "enrolled" for n in requests if n.startswith("one-time")}
