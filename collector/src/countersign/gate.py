"""The gate: may this artefact be deployed? Checked offline, from a bundle and pinned keys alone.

A bundle is one JSON object in one spelling (no blanks, these keys in this order):

    {"agreement": envelope,    the agreement, signed by everybody who approved
     "decisions": [envelope],  what each of them signed, with name, time and meaning
     "summary": envelope,      the SLSA verification summary, signed by the appliance
     "entry": text,            the log's entry about the summary, as it was hashed
     "proof": text}            a C2SP tlog-proof file: that the entry is in the signed log

What is trusted comes from elsewhere, as a TOML file: the appliance's key, the log's key, the keys
of the approvers, and what the deployment demands. The appliance holds none of the approvers' keys,
so nobody who runs it can make a bundle that passes.
"""

import base64
import binascii
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import dsse, summary
from .approval import APPROVALS, Agreement, Decision
from .statement import Refused, Subject, decode, digest_of
from .summary import Summary
from .tables import Digest, Wire
from .tlog import note, tree

MAX_BUNDLE = 1024 * 1024
SKEW = timedelta(minutes=5)


class Bundle(Wire, frozen=True):
    """What `GET /api/v1/gate` answers."""

    agreement: dsse.Envelope
    decisions: Annotated[list[dsse.Envelope], msgspec.Meta(max_length=20)]
    summary: dsse.Envelope
    entry: str
    proof: str


class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a pipeline trusts, and what it demands. Keys are raw Ed25519 keys in base64.

    `approvers`: the keys of each person; `threshold` counts persons. `log` is the log's verifier
    key. `policies`: digests of sign-off policies; empty, any will do.
    """

    appliance: str
    log: str
    approvers: dict[str, list[str]]
    threshold: Annotated[int, msgspec.Meta(ge=1)]
    level: str
    max_age_days: Annotated[int, msgspec.Meta(ge=1)]
    policies: list[Digest] = []


class _Entry(msgspec.Struct, frozen=True):
    """What of the log's entry matters here."""

    kind: str
    summary: str
    artefact: str


@dataclass(frozen=True)
class _Opened:
    """A bundle whose summary was signed by the appliance."""

    bundle: Bundle
    subject: Subject
    summary: Summary
    trust: Trust
    digest: str
    now: datetime


def read_trust(text: str) -> Trust:
    """What a pipeline trusts. Raises `Refused` (`gate.trust`)."""
    try:
        trust = msgspec.convert(tomllib.loads(text), Trust)
        note.parse_vkey(trust.log)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, note.NoteError):
        raise Refused("gate.trust", "The file of trusted keys is not as documented.") from None
    _key(trust.appliance)
    _approvers(trust)
    return trust


def check(data: bytes, trust: Trust, digest: str, now: datetime | None = None) -> list[Refused]:
    """Why the artefact of this SHA-256 may not be deployed; an empty list if it may."""
    now = now or datetime.now(UTC)
    try:
        bundle = _read(data)
        payload = dsse.verify(dsse.parse(_bytes(bundle.summary)), [_key(trust.appliance)])
        subject, told = summary.decode(payload)
    except Refused as refusal:
        return [Refused("gate.summary", f"There is no summary to trust ({refusal.rule}).")]
    opened = _Opened(bundle, subject, told, trust, digest, now)
    reasons = []
    for holds in CHECKS:
        try:
            holds(opened)
        except Refused as reason:
            reasons.append(reason)
    return reasons


def _read(data: bytes) -> Bundle:
    """Strictly: whatever is not in the one spelling may have been altered."""
    if len(data) > MAX_BUNDLE:
        raise Refused("gate.malformed", "A bundle has at most 1 MiB.")
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused("gate.malformed", "This is no bundle.") from None
    if msgspec.json.encode(bundle) != data:
        raise Refused("gate.malformed", "The bundle is spelt in another way.")
    return bundle


def _artefact(on: _Opened) -> None:
    if on.subject.digest != {"sha256": on.digest}:
        raise Refused("gate.artefact", "The summary is about another artefact.")
    model, _, version = on.subject.name.partition("/")
    if on.summary.resource_uri != summary.resource_uri(model, version):
        raise Refused("gate.artefact", "The summary names two versions.")


def _result(on: _Opened) -> None:
    if on.summary.verification_result != "PASSED":
        raise Refused("gate.result", f"It did not pass: {on.summary.reason or 'no reason given'}.")


def _level(on: _Opened) -> None:
    if on.trust.level not in on.summary.verified_levels:
        raise Refused("gate.level", f"It was not verified for {on.trust.level}.")
    if on.trust.level not in (_agreement(on)[1].level, summary.CONDITIONAL):
        raise Refused("gate.level", f"The approvers did not agree on {on.trust.level}.")


def _policy(on: _Opened) -> None:
    if on.trust.policies and on.summary.policy.digest["sha256"] not in on.trust.policies:
        raise Refused("gate.policy", "It was judged by a policy that is not among the pinned ones.")


def _age(on: _Opened) -> None:
    age = on.now - on.summary.time_verified
    if age > timedelta(days=on.trust.max_age_days) or age < -SKEW:
        raise Refused("gate.age", f"It was verified {age.days} days ago.")
    if on.summary.review_by is None or on.summary.review_by <= on.now:
        raise Refused("gate.age", "Its review is due.")


def _attested(on: _Opened) -> None:
    """The summary names the very envelopes of the bundle, and the evidence that they name."""
    envelopes = [on.bundle.agreement, *on.bundle.decisions]
    agreement = _agreement(on)[1]
    held = [sha256(_bytes(envelope)).hexdigest() for envelope in envelopes] + [agreement.evidence]
    if [each.digest["sha256"] for each in on.summary.input_attestations] != held:
        raise Refused("gate.attestations", "The summary rests on other envelopes or evidence.")


def _quorum(on: _Opened) -> None:
    subject, agreement, signers = _agreement(on)
    if subject != on.subject or agreement.policy != on.summary.policy.digest["sha256"]:
        raise Refused("gate.agreement", "The approvers agreed on something else.")
    needed = max(on.trust.threshold, agreement.quorum)
    keyids = [{dsse.keyid(_key(key)) for key in keys} for keys in on.trust.approvers.values()]
    people = sum(not signers.isdisjoint(own) for own in keyids)
    if people < needed:
        raise Refused("gate.quorum", f"{people} of the {needed} pinned people needed have signed.")


def _decisions(on: _Opened) -> None:
    """Each pinned signer of the agreement decided so, with name, time and meaning."""
    subject, agreement, signers = _agreement(on)
    decided = set()
    for envelope in on.bundle.decisions:
        payload, by = dsse.verified(dsse.parse(_bytes(envelope)), _approvers(on.trust))
        about, said = decode(payload, Decision)
        rests = (about, said.request, said.evidence, said.policy, said.agreement)
        asked = (subject, agreement.request, agreement.evidence, agreement.policy)
        if rests != (*asked, digest_of(_payload(on))) or said.act not in APPROVALS:
            raise Refused("gate.decision", "A decision is about something else, or no approval.")
        if said.review_by is not None and said.review_by <= on.now:
            raise Refused("gate.age", "The review that an approver asked for is due.")
        decided |= by
    if decided != signers:
        raise Refused("gate.decision", "Not everybody who agreed has signed a decision.")


def _logged(on: _Opened) -> None:
    """The log holds an entry about this summary."""
    entry = on.bundle.entry.encode()
    try:
        proof = note.parse_proof(on.bundle.proof.encode())
        checkpoint = note.open_checkpoint(proof.checkpoint, [note.parse_vkey(on.trust.log)])
        tree.check_inclusion(
            tree.leaf_hash(entry), proof.index, checkpoint.size, checkpoint.root, proof.hashes
        )
    except (note.NoteError, tree.ProofError) as error:
        raise Refused("gate.log", f"The log does not prove the entry ({error.rule}).") from None
    try:
        told = msgspec.json.decode(entry, type=_Entry)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        told = None
    expected = sha256(_bytes(on.bundle.summary)).hexdigest()
    if told != _Entry("signoff.passed", expected, on.digest):
        raise Refused("gate.log", "The log's entry is about another summary.")


CHECKS: tuple[Callable[[_Opened], None], ...] = (
    *(_artefact, _result, _level, _policy, _age, _attested, _quorum, _decisions, _logged),
)


def _agreement(on: _Opened) -> tuple[Subject, Agreement, set[str]]:
    """The agreement, and the pinned approvers who signed it."""
    envelope = dsse.parse(_bytes(on.bundle.agreement))
    payload, signers = dsse.verified(envelope, _approvers(on.trust))
    return *decode(payload, Agreement), signers


def _payload(on: _Opened) -> bytes:
    return dsse.payload_of(on.bundle.agreement)


def _approvers(trust: Trust) -> list[Ed25519PublicKey]:
    return [_key(key) for keys in trust.approvers.values() for key in keys]


def _bytes(envelope: dsse.Envelope) -> bytes:
    return msgspec.json.encode(envelope)


def _key(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise Refused("gate.trust", "A key is 32 bytes in base64.") from None
