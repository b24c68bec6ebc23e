"""Envelopes: ours verify elsewhere, others' verify here, and nothing else does."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import SSlibKey

from countersign import dsse
from countersign.statement import PAYLOAD_TYPE, Refused

ADA = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
EVE = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
BODY = '{"_type":"https://in-toto.io/Statement/v1","ü":1}'.encode()


def test_the_pre_authentication_encoding_is_the_known_answer():
    encoded = dsse.pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.pae("é", b"") == "DSSEv1 2 é 0 ".encode()  # lengths count bytes


def test_an_envelope_verifies_with_an_independent_implementation():
    public = SSlibKey.from_crypto(ADA.public_key(), dsse.keyid(ADA.public_key()))
    envelope = Envelope.from_dict(json.loads(dsse.sign(BODY, ADA)))
    assert envelope.payload == BODY
    assert set(envelope.verify([public], 1)) == {dsse.keyid(ADA.public_key())}
    envelope.payload += b" "
    with pytest.raises(VerificationError):
        envelope.verify([public], 1)


def test_an_envelope_of_an_independent_implementation_verifies():
    public = SSlibKey.from_crypto(ADA.public_key(), dsse.keyid(ADA.public_key()))
    envelope = Envelope(BODY, PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(ADA, public))
    parsed = dsse.parse(json.dumps(envelope.to_dict()).encode())
    assert dsse.verify(parsed, [ADA.public_key()]) == BODY


def test_a_key_id_alone_proves_nothing():
    envelope = json.loads(dsse.sign(BODY, EVE))
    envelope["signatures"][0]["keyid"] = dsse.keyid(ADA.public_key())
    forged = dsse.parse(json.dumps(envelope).encode())
    with pytest.raises(Refused, match=r"envelope\.bad_signature"):
        dsse.verify(forged, [ADA.public_key()])


def test_a_stranger_signs_in_vain():
    with pytest.raises(Refused, match=r"envelope\.unsigned"):
        dsse.verify(dsse.parse(dsse.sign(BODY, EVE)), [ADA.public_key()])


def test_a_known_key_that_fails_is_refused_even_beside_one_that_verifies():
    good, bad = json.loads(dsse.sign(BODY, ADA)), json.loads(dsse.sign(b"other", EVE))
    good["signatures"] += bad["signatures"]
    both = dsse.parse(json.dumps(good).encode())
    assert dsse.verify(both, [ADA.public_key()]) == BODY
    with pytest.raises(Refused, match=r"envelope\.bad_signature"):
        dsse.verify(both, [ADA.public_key(), EVE.public_key()])


def test_every_altered_byte_of_the_payload_or_signature_is_refused():
    whole = json.loads(dsse.sign(BODY, ADA))
    signature = whole["signatures"][0]
    for holder, key in ((whole, "payload"), (signature, "sig")):
        original = holder[key]
        raw = base64.b64decode(original)
        for at in range(len(raw)):
            wrong = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            holder[key] = base64.b64encode(wrong).decode()
            with pytest.raises(Refused, match=r"envelope\.bad_signature"):
                dsse.verify(dsse.parse(json.dumps(whole).encode()), [ADA.public_key()])
        holder[key] = original


def test_url_safe_base64_is_read_too():
    body = bytes(range(256))
    whole = json.loads(dsse.sign(body, ADA))
    whole["payload"] = base64.urlsafe_b64encode(body).decode()
    assert dsse.verify(dsse.parse(json.dumps(whole).encode()), [ADA.public_key()]) == body


@pytest.mark.parametrize("payload", ["AAA", "AA=", "AB==", "AAAA=", "=AAA"])
def test_loose_base64_is_refused(payload: str):
    whole = json.loads(dsse.sign(b"", ADA)) | {"payload": payload}
    with pytest.raises(Refused):
        dsse.verify(dsse.parse(json.dumps(whole).encode()), [ADA.public_key()])


def test_there_is_no_room_for_anything_else_in_an_envelope():
    text = dsse.sign(BODY, ADA).decode()
    whole = json.loads(text)
    for wrong in (
        whole | {"note": "ada@example.com"},
        whole | {"signatures": []},
        whole | {"signatures": whole["signatures"] * 17},
        whole | {"signatures": [whole["signatures"][0] | {"cert": "x"}]},
        whole | {"signatures": [whole["signatures"][0] | {"keyid": "ada@example.com"}]},
        whole | {"signatures": [whole["signatures"][0] | {"keyid": "a" * 64 + "\n"}]},
        whole | {"payloadType": "text/plain"},
        whole | {"payload": "free text"},
        whole | {"payload": None},
    ):
        with pytest.raises(Refused) as refusal:
            dsse.parse(json.dumps(wrong).encode())
        assert "ada@example.com" not in str(refusal.value)
    twice = text.replace('{"payload":', '{"payload":"AAAA","payload":', 1).encode()
    with pytest.raises(Refused, match="duplicate_key"):
        dsse.parse(twice)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(data: bytes):
    with pytest.raises(Refused):
        dsse.parse(data)


def test_deep_and_huge_bytes_are_refused():
    for data in (b"[" * 100_000, b" " * (dsse.MAX_ENVELOPE + 1)):
        with pytest.raises(Refused):
            dsse.parse(data)
