"""Who signs: Ada submits, Vera and Paul decide, Dora developed the version, Dan sets policies."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User

from countersign import dsse
from countersign.approval import APPROVALS, MEANINGS, Act, Agreement, Condition, Decision
from countersign.statement import decode, digest_of, encode
from governance.models import Developer, Model, PolicyVersion, SignOff, SignOffDecision, Version
from governance.signoff.decisions import decide
from governance.signoff.keys import enrol_approver_key, name_of
from governance.signoff.requests import request_sign_off
from governance.signoff.terms import CHECKLIST
from tests.cast import Role, somebody

EVIDENCE = {"performance": {"auroc": [0.81, 0.79, 0.83]}, "incidents": []}
AUROC = Condition(kind="performance", figure="auroc", at_least=0.75)


@dataclass
class Signer:
    """A person and the key that only they hold."""

    user: User
    key: Ed25519PrivateKey

    def decision(self, sign_off: SignOff, act: Act = "approve", **changes: Any) -> Decision:
        """What this person would sign now."""
        _, agreement = decode(bytes(sign_off.agreement), Agreement)
        facts: dict[str, Any] = {
            "model": agreement.model,
            "version": agreement.version,
            "request": sign_off.identity,
            "act": act,
            "name": name_of(self.user),
            "meaning": MEANINGS[act],
            "at": datetime.now(UTC),
            "evidence": agreement.evidence,
            "policy": agreement.policy,
            "agreement": digest_of(bytes(sign_off.agreement)),
        }
        if act in APPROVALS:
            facts["checklist"] = list(CHECKLIST)
        else:
            facts["reason"] = "The evidence is thin."
        if act == "approve_with_conditions":
            facts["conditions"] = [AUROC]
        return Decision(**facts | changes)

    def signed(
        self, sign_off: SignOff, act: Act = "approve", **changes: Any
    ) -> tuple[bytes, bytes]:
        """The two envelopes: of the decision, and of the agreement where it approves."""
        payload = encode(self.decision(sign_off, act, **changes), sign_off.version.digest)
        agreement = dsse.sign(bytes(sign_off.agreement), self.key) if act in APPROVALS else b""
        return dsse.sign(payload, self.key), agreement

    def decide(self, sign_off: SignOff, act: Act = "approve", **changes: Any) -> SignOffDecision:
        return decide(*self.signed(sign_off, act, **changes))


def signer(name: str, *roles: Role) -> Signer:
    """A person with roles and an enrolled key."""
    user, key = somebody(name, *roles), Ed25519PrivateKey.generate()
    enrol_approver_key(user, label="laptop", public_key=key.public_key().public_bytes_raw())
    return Signer(user, key)


@dataclass
class Cast:
    """Everybody, and the version in question."""

    ada: User
    vera: Signer
    paul: Signer
    dora: Signer
    dan: User
    version: Version

    def request(self, **changes: Any) -> SignOff:
        """Ada asks for a sign-off."""
        facts: dict[str, Any] = {"person": self.ada, "reason": "It is better than version 0."}
        return request_sign_off(self.version, EVIDENCE, **facts | changes)

    def demand(self, signatures: int) -> None:
        """From now on a policy demands so many signatures; as Dan proposed."""
        PolicyVersion.objects.filter(status="in_force").update(status="replaced")
        PolicyVersion.objects.create(
            said={"signatures": signatures},
            digest="0" * 64,
            reason="So it was decided.",
            status="in_force",
            proposed_by=self.dan,
            decided_by=self.ada,
            decided_at=datetime.now(UTC),
        )

    def approved(self) -> SignOff:
        """Vera and Paul have approved."""
        sign_off = self.request()
        for each in (self.vera, self.paul):
            each.decide(sign_off)
        sign_off.refresh_from_db()
        return sign_off


def make_cast(tier: int | None = 1) -> Cast:
    model = Model.objects.create(name="loans", business_unit="lending", tier=tier)
    version = Version.objects.create(model=model, name="1", digest="d" * 64)
    cast = Cast(
        ada=somebody("ada", Role.OWNER),
        vera=signer("vera", Role.VALIDATOR),
        paul=signer("paul", Role.APPROVER),
        dora=signer("dora", Role.DEVELOPER, Role.VALIDATOR),
        dan=somebody("dan", Role.POLICY_ADMINISTRATOR),
        version=version,
    )
    Developer.objects.create(version=version, name="Dora")
    return cast
