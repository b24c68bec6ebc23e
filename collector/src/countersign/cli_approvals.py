"""Commands of those who approve, and of the pipeline that asks: `approver-key`, `approve`, `gate`.

None of them needs an enrolled collector. `approve` and `gate` need no network.
"""

import argparse
import base64
import getpass
import hashlib
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import dsse, gate
from .approval import APPROVALS, MEANINGS, Act, Agreement, Condition, Decision
from .artefact import digests_of
from .disk import write_durably
from .statement import Refused, decode, digest_of, encode

CONDITION = re.compile(r"(performance|fairness|drift|incidents):([^<>=]+)(>=|<=)([-+.0-9eE]+)")


class _Request(msgspec.Struct, frozen=True):
    """The file that the appliance gives out for a request; other fields are ignored."""

    agreement: str
    evidence: str
    policy: str


def approver_key(asked: argparse.Namespace) -> int:
    """Make a key file for approving, locked with a passphrase, and print its public half."""
    if asked.key.exists():
        raise Refused("key.exists", "There is such a file already.")
    private = Ed25519PrivateKey.generate()
    passphrase = getpass.getpass("A passphrase for the key: ").encode()
    if len(passphrase) < 12:
        raise Refused("key.passphrase", "A passphrase has at least 12 characters.")
    locked = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )
    write_durably(asked.key, locked)
    print(base64.b64encode(private.public_key().public_bytes_raw()).decode())
    return 0


def approve(asked: argparse.Namespace) -> int:
    """Read a request's file, and sign a decision on it with a key file. Works offline."""
    try:
        told = msgspec.json.decode(asked.request.read_bytes(), type=_Request)
        payload = base64.b64decode(told.agreement, validate=True)
        checklist: dict[str, str] = msgspec.json.decode(told.policy)["checklist"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused("approve.request", "This is not the file of a request.") from None
    subject, agreement = decode(payload, Agreement)
    _refuse_other_digests(told, agreement)
    decision = _decision(asked, agreement, digest_of(payload))
    if decision.act in APPROVALS and not set(checklist) <= set(decision.checklist):
        points = "; ".join(f"--confirm {slug}: {text}" for slug, text in checklist.items())
        raise Refused("signoff.checklist", f"Who approves confirms every point: {points}")
    print(f"{subject.name}, SHA-256 {subject.digest['sha256']}")
    print(f"evidence {agreement.evidence}, policy {agreement.policy}")
    print(f"{decision.name}: {decision.meaning}")
    key = _key(asked.key)
    signed: dict[str, Any] = {
        "decision": dsse.parse(dsse.sign(encode(decision, subject.digest["sha256"]), key))
    }
    if decision.act in APPROVALS:
        signed["agreement"] = dsse.parse(dsse.sign(payload, key))
    asked.out.write_bytes(msgspec.json.encode(signed))
    print(f"signed: {asked.out}")
    return 0


def ask_gate(asked: argparse.Namespace) -> int:
    """Check offline whether an artefact was signed off: 0 it may be deployed, 1 it may not."""
    try:
        bundle, trust = asked.bundle.read_bytes(), asked.trust.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Refused("file.missing", "A file can't be read.") from None
    digest = asked.digest or digests_of(asked.model_file).digest
    reasons = gate.check(bundle, gate.read_trust(trust), digest)
    for reason in reasons:
        print(f"not passed: {reason}", file=sys.stderr)
    if not reasons:
        print(f"passed: {digest}")
    return 1 if reasons else 0


def add_commands(commands: Any) -> None:
    """Add the three commands to the parser's."""
    making = _command(commands, approver_key, "approver-key")
    making.add_argument("key", type=Path, help="the key file to write")
    approving = _command(commands, approve, "approve")
    approving.add_argument("request", type=Path, help="the request's file, from the appliance")
    approving.add_argument("--key", type=Path, required=True, help="your key file")
    approving.add_argument("--name", required=True, help="your name, as the appliance knows it")
    approving.add_argument("--act", choices=["approve", "reject", "revoke"], default="approve")
    approving.add_argument("--confirm", action="append", default=[], metavar="POINT")
    approving.add_argument(
        "--condition",
        type=_condition,
        action="append",
        default=[],
        metavar="KIND:FIGURE>=VALUE",
        help="such as performance:auc>=0.7 or incidents:high<=0",
    )
    approving.add_argument("--review-by", type=_day, metavar="DATE", help="earlier than the policy")
    approving.add_argument("--reason", default="")
    approving.add_argument("--out", type=Path, default=Path("decision.json"))
    asking = _command(commands, ask_gate, "gate")
    asking.add_argument("bundle", type=Path, help="what GET /api/v1/gate answered")
    asking.add_argument("--trust", type=Path, required=True, help="a TOML file of pinned keys")
    artefact = asking.add_mutually_exclusive_group(required=True)
    artefact.add_argument("--model-file", type=Path, help="the artefact")
    artefact.add_argument("--digest", type=_digest, help="the artefact's SHA-256")


def _command(commands: Any, run: Any, name: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(
        name, help=run.__doc__, description=run.__doc__
    )
    added.set_defaults(command=run)
    return added


def _refuse_other_digests(told: _Request, agreement: Agreement) -> None:
    """What is shown in the file must be what the signature names."""
    for text, digest in ((told.evidence, agreement.evidence), (told.policy, agreement.policy)):
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise Refused("approve.request", "The file's evidence or policy was altered.")


def _decision(asked: argparse.Namespace, agreement: Agreement, identity: str) -> Decision:
    act: Act = "approve_with_conditions" if asked.condition else asked.act
    return Decision(
        model=agreement.model,
        version=agreement.version,
        request=agreement.request,
        act=act,
        name=asked.name,
        meaning=MEANINGS[act],
        at=datetime.now(UTC),
        evidence=agreement.evidence,
        policy=agreement.policy,
        agreement=identity,
        checklist=asked.confirm,
        conditions=asked.condition,
        review_by=asked.review_by,
        reason=asked.reason,
    )


def _key(path: Path) -> Ed25519PrivateKey:
    passphrase = getpass.getpass("The key's passphrase: ").encode()
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused("key.locked", "The key file can't be opened with this passphrase.")
    return key


def _condition(text: str) -> Condition:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("a condition is written performance:auc>=0.7")
    kind, figure, sign, value = found.groups()
    bound = {"at_least" if sign == ">=" else "at_most": float(value)}
    return msgspec.convert({"kind": kind, "figure": figure, **bound}, Condition)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written 2027-01-31") from None


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("a digest is 64 hexadecimal digits")
    return text
