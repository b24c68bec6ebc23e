"""The worked example of docs/formats/approval.md, read from the page and verified."""

import base64
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from countersign import dsse
from countersign.approval import MEANINGS, Agreement, Decision
from countersign.statement import PAYLOAD_TYPE, decode, digest_of

PAGE = Path(settings.BASE_DIR) / "docs" / "formats" / "approval.md"


def test_the_example_verifies() -> None:
    text = PAGE.read_text(encoding="utf-8")
    statements = [found.encode() for found in re.findall(r"```json\n(.+)\n```", text)]
    signatures = [base64.b64decode(found) for found in re.findall(r"```text\n(.+)\n```", text)]
    public = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32).public_key()
    assert dsse.keyid(public) in text
    for statement, signature in zip(statements, signatures, strict=True):
        public.verify(signature, dsse.pae(PAYLOAD_TYPE, statement))
    agreement, (_, said) = decode(statements[0], Agreement)[1], decode(statements[1], Decision)
    assert said.agreement == digest_of(statements[0])
    assert (said.evidence, said.policy) == (agreement.evidence, agreement.policy)
    assert said.meaning == MEANINGS[said.act]
