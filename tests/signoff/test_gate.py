"""The gate, offline: what passes, and that every altered byte is noticed."""

import base64
import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from countersign import dsse, gate, summary
from countersign.gate import Trust, read_trust
from countersign.statement import Refused
from governance.audit import log
from governance.signoff import bundles, keys

from .cast import Cast

pytestmark = pytest.mark.django_db

DIGEST = "d" * 64


@pytest.fixture
def bundle(cast: Cast) -> bytes:
    """Vera and Paul have approved; the log is sealed."""
    cast.approved()
    log.seal()
    return bundles.bundle_of(DIGEST)


@pytest.fixture
def trust(bundle: bytes) -> Trust:
    return read_trust(bundles.trust())


def rules(bundle: bytes, trust: Trust, digest: str = DIGEST, **now: datetime) -> list[str]:
    return [refusal.rule for refusal in gate.check(bundle, trust, digest, **now)]


def test_what_was_approved_passes(bundle: bytes, trust: Trust) -> None:
    assert rules(bundle, trust) == []


def test_every_altered_byte_of_a_bundle_is_noticed(bundle: bytes, trust: Trust) -> None:
    for at in range(len(bundle)):
        altered = bytearray(bundle)
        altered[at] ^= 1
        assert rules(bytes(altered), trust) != [], at


def test_what_is_added_or_cut_off_is_noticed(bundle: bytes, trust: Trust) -> None:
    document = json.loads(bundle)
    for altered in (
        *(bundle + b"\n", b" " + bundle, bundle[:-1], b"", b"{}", b"[" * 9_999, b"\xff"),
        json.dumps(document).encode(),
        bundle.replace(b'{"agreement"', b'{"note":"x","agreement"', 1),
    ):
        assert rules(altered, trust) == ["gate.summary"]


def replaced(trust: Trust, **changes: Any) -> Trust:
    return msgspec.structs.replace(trust, **changes)


def test_each_demand_has_its_rule(bundle: bytes, trust: Trust) -> None:
    stranger = base64.b64encode(
        Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    ).decode()
    one = {"vera": trust.approvers["vera"], "paul": [stranger]}
    policy = "0" * 64
    assert rules(bundle, trust, "e" * 64) == ["gate.artefact", "gate.log"]
    assert rules(bundle, replaced(trust, level="MRM_TIER2_APPROVED")) == ["gate.level"]
    assert rules(bundle, replaced(trust, policies=[policy])) == ["gate.policy"]
    assert rules(bundle, replaced(trust, threshold=3)) == ["gate.quorum"]
    assert rules(bundle, replaced(trust, approvers=one)) == ["gate.quorum"]
    assert rules(bundle, replaced(trust, appliance=stranger)) == ["gate.summary"]
    other = trust.log.replace(trust.log.split("+")[0], "other.example/audit")
    assert rules(bundle, replaced(trust, log=other)) == ["gate.log"]
    later = datetime.now(UTC) + timedelta(days=181)
    assert rules(bundle, trust, now=later) == ["gate.age"]
    assert rules(bundle, replaced(trust, max_age_days=9_999), now=later + timedelta(days=365)) == [
        "gate.age"
    ]
    assert rules(bundle, trust, now=datetime.now(UTC) - timedelta(hours=1)) == ["gate.age"]


def test_a_revoked_version_does_not_pass(cast: Cast, bundle: bytes, trust: Trust) -> None:
    cast.vera.decide(cast.version.sign_offs.get(), "revoke")
    with pytest.raises(Refused, match=r"signoff\.not_sealed"):
        bundles.bundle_of(DIGEST)
    log.seal()
    reasons = gate.check(bundles.bundle_of(DIGEST), trust, DIGEST)
    assert reasons[0].rule == "gate.result"
    assert "signoff.revoked" in reasons[0].detail


def forged(bundle: bytes, change: Callable[[dict[str, Any]], None], **said: Any) -> bytes:
    """What somebody who runs the appliance could make: a summary of their own over a change."""
    document = json.loads(bundle)
    change(document)
    envelopes = [document["agreement"], *document["decisions"]]
    subject, told = summary.decode(base64.b64decode(document["summary"]["payload"]))
    rests = list(told.input_attestations)
    for i, envelope in enumerate(envelopes):
        parsed = dsse.parse(json.dumps(envelope).encode())
        digest = {"sha256": sha256(msgspec.json.encode(parsed)).hexdigest()}
        rests[i] = summary.Resource(rests[i].uri, digest)  # type: ignore[arg-type]
    told = msgspec.structs.replace(told, input_attestations=rests, **said)
    payload = summary.encode(told, subject.name, DIGEST)
    document["summary"] = json.loads(dsse.sign(payload, keys.summary_key()))
    return msgspec.json.encode(document)


def test_the_appliance_alone_cannot_make_a_bundle_that_passes(bundle: bytes, trust: Trust) -> None:
    mine = Ed25519PrivateKey.generate()

    def sign_for_paul(document: dict[str, Any]) -> None:
        payload = base64.b64decode(document["agreement"]["payload"])
        document["agreement"]["signatures"][1] = json.loads(dsse.sign(payload, mine))["signatures"][
            0
        ]

    def copy_veras(document: dict[str, Any]) -> None:
        signatures = document["agreement"]["signatures"]
        signatures[1] = signatures[0]

    def drop_pauls_decision(document: dict[str, Any]) -> None:
        document["decisions"][1] = document["decisions"][0]

    for change, rule in (
        (sign_for_paul, "gate.quorum"),
        (copy_veras, "gate.quorum"),
        (drop_pauls_decision, "gate.decision"),
    ):
        assert rule in rules(forged(bundle, change), trust)


def test_the_appliance_cannot_say_more_than_the_approvers_signed(cast: Cast) -> None:
    """A higher level than they agreed on, or a later review than one of them asked for."""
    cast.version.model.tier = 2
    cast.version.model.save()
    now = datetime.now(UTC)
    sign_off = cast.request()
    cast.vera.decide(sign_off, review_by=now + timedelta(days=30))
    cast.paul.decide(sign_off)
    log.seal()
    trust = replaced(read_trust(bundles.trust()), level="MRM_TIER2_APPROVED")
    bundle = bundles.bundle_of(DIGEST)
    assert rules(bundle, trust) == []
    said = {"verified_levels": ["MRM_TIER1_APPROVED"], "review_by": now + timedelta(days=170)}
    lying = forged(bundle, lambda _: None, **said)
    assert "gate.level" in rules(lying, replaced(trust, level="MRM_TIER1_APPROVED"))
    assert "gate.age" in rules(lying, trust, now=now + timedelta(days=31))


def test_one_person_with_two_keys_is_one_person(bundle: bytes, trust: Trust) -> None:
    both = [key for name in ("vera", "paul") for key in trust.approvers[name]]
    assert rules(bundle, replaced(trust, approvers={"vera": both})) == ["gate.quorum"]


def test_a_trust_file_is_read_strictly(bundle: bytes) -> None:
    good = bundles.trust()
    assert len(tomllib.loads(good)["approvers"]) == 3
    for wrong in (
        "?",
        "appliance = 1",
        "more = 1\n" + good,
        good.replace("threshold = 2", "threshold = 0"),
        good.replace('appliance = "', 'appliance = "AAAA'),
        good.replace("+", "-"),
    ):
        with pytest.raises(Refused, match=r"gate\.trust"):
            read_trust(wrong)


def test_an_artefact_that_nobody_signed_off_is_unknown(cast: Cast) -> None:
    with pytest.raises(Refused, match=r"signoff\.none"):
        bundles.bundle_of("0" * 64)
    with transaction.atomic():
        cast.request()
    with pytest.raises(Refused, match=r"signoff\.none"):
        bundles.bundle_of(DIGEST)
