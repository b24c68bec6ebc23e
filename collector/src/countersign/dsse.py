"""DSSE v1 envelopes: a statement's exact bytes, and who signed them, in one JSON object.

    {"payload": base64(body),
     "payloadType": "application/vnd.in-toto+json",
     "signatures": [{"keyid": "<64 hexadecimal digits>", "sig": base64(signature)}]}

What is signed (Ed25519) is not the JSON but the pre-authentication encoding of type and body; the
lengths are ASCII decimal byte counts:

    PAE = "DSSEv1" SP length(type) SP type SP length(body) SP body

>>> pae("http://example.com/HelloWorld", b"hello world")
b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'

The key id is the SHA-256 of the raw public key. It says which key to try and proves nothing: a
signature counts only when it verifies. Verify first, then parse the very bytes that were verified.

>>> private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
>>> envelope = sign(b"{}", private)
>>> parse(envelope).keyids == {keyid(private.public_key())}
True
>>> verify(parse(envelope), [private.public_key()])
b'{}'
>>> verify(parse(envelope), [])
Traceback (most recent call last):
countersign.statement.Refused: envelope.unsigned: No enrolled key signed this statement.

Envelopes are kept as evidence, so there is no room in them for anything else: unknown fields, other
key ids and loose base64 are refused.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .statement import MAX_BYTES, PAYLOAD_TYPE, Refused, _refuse_duplicate_keys

MAX_SIGNATURES = 16
MAX_ENVELOPE = MAX_BYTES * 4 // 3 + 8_192

KeyId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Base64 = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9+/_-]*={0,2}\Z")]


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature, and the key that is said to have made it."""

    keyid: KeyId
    sig: Base64


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An envelope as it travels. Nothing in it is verified."""

    payload: Base64
    payload_type: str
    signatures: Annotated[list[Signature], msgspec.Meta(min_length=1, max_length=MAX_SIGNATURES)]

    @property
    def keyids(self) -> set[str]:
        """The keys that are said to have signed: which ones to look up."""
        return {signature.keyid for signature in self.signatures}


_DECODER = msgspec.json.Decoder(Envelope)


def pae(payload_type: str, body: bytes) -> bytes:
    """The bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def keyid(public: Ed25519PublicKey) -> str:
    """The name of a key: SHA-256 of its 32 bytes, in hexadecimal digits."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()


def sign(body: bytes, private: Ed25519PrivateKey) -> bytes:
    """An envelope of a statement's bytes with one signature, as JSON."""
    signature = private.sign(pae(PAYLOAD_TYPE, body))
    envelope = Envelope(
        payload=_base64(body),
        payload_type=PAYLOAD_TYPE,
        signatures=[Signature(keyid=keyid(private.public_key()), sig=_base64(signature))],
    )
    return msgspec.json.encode(envelope)


def parse(data: bytes) -> Envelope:
    """Read an envelope strictly; raises `Refused` and nothing else, whatever the bytes."""
    if len(data) > MAX_ENVELOPE:
        raise Refused("envelope.too_large", f"An envelope has at most {MAX_ENVELOPE} bytes.")
    try:
        envelope = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(
            "envelope.malformed",
            "A DSSE envelope has payload, payloadType and signatures with keyid and sig, "
            "and nothing else.",
        ) from None
    _refuse_duplicate_keys(data)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Refused(
            "envelope.payload_type", f"The payload type is {PAYLOAD_TYPE}.", "$.payloadType"
        )
    return envelope


def verify(envelope: Envelope, keys: Iterable[Ed25519PublicKey]) -> bytes:
    """The statement's bytes, if one of the keys signed them; else raises `Refused`.

    Signatures of other keys are ignored. One of a given key that does not verify is a refusal.
    """
    body, signers = verified(envelope, keys)
    if not signers:
        raise Refused("envelope.unsigned", "No enrolled key signed this statement.", "$.signatures")
    return body


def verified(envelope: Envelope, keys: Iterable[Ed25519PublicKey]) -> tuple[bytes, set[str]]:
    """The statement's bytes, and the ids of the given keys that signed them: perhaps none."""
    known = {keyid(key): key for key in keys}
    body = _decoded(envelope.payload, "$.payload")
    message = pae(envelope.payload_type, body)
    signers = set()
    for i, signature in enumerate(envelope.signatures):
        if signature.keyid in known:
            path = f"$.signatures[{i}].sig"
            try:
                known[signature.keyid].verify(_decoded(signature.sig, path), message)
            except InvalidSignature:
                raise Refused(
                    "envelope.bad_signature",
                    "The signature does not belong to this key and these bytes.",
                    path,
                ) from None
            signers.add(signature.keyid)
    return body, signers


def payload_of(envelope: Envelope) -> bytes:
    """The statement's bytes, not verified: for envelopes that were verified before."""
    return _decoded(envelope.payload, "$.payload")


def joined(envelopes: Sequence[Envelope]) -> Envelope:
    """One envelope with all signatures of envelopes of the same statement."""
    first = envelopes[0]
    if any((e.payload, e.payload_type) != (first.payload, first.payload_type) for e in envelopes):
        raise ValueError("the envelopes hold different statements")
    signatures = [signature for envelope in envelopes for signature in envelope.signatures]
    return Envelope(payload=first.payload, payload_type=first.payload_type, signatures=signatures)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str, path: str) -> bytes:
    """Standard or URL-safe base64, as DSSE allows; padded, and nothing after the padding."""
    standard = text.replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(standard, validate=True)
    except binascii.Error:
        data = None
    if data is None or _base64(data) != standard:
        raise Refused("envelope.base64", "This is not padded base64.", path)
    return data
