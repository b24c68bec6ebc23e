"""Sign-offs by REST: a pipeline asks, whoever holds a key decides, everybody with a token reads."""

import json

import pytest

from governance import senders
from governance.audit import log
from governance.models import Developer, SignOff, Version
from tests.builders import MODEL, VERSION, VERSION_DIGEST
from tests.cast import Role
from tests.signoff.cast import Signer, signer

from .conftest import DAN, Caller, refused, with_token

pytestmark = pytest.mark.django_db

ADDRESS = f"/versions/{MODEL}/{VERSION}/sign-offs"
REASON = {"reason": "Nightly training."}


@pytest.fixture
def vera(db: None) -> Signer:
    return signer("vera", Role.VALIDATOR)


@pytest.fixture
def paul(db: None) -> Signer:
    return signer("paul", Role.APPROVER)


@pytest.fixture
def asked(ada: Caller, loans: str, vera: Signer, paul: Signer) -> SignOff:
    """Ada's pipeline has asked; Dora developed the version."""
    Developer.objects.create(version=Version.objects.get(), name="dora")
    assert ada.post(ADDRESS, REASON).status_code == 201
    return SignOff.objects.get()


def handed_in(envelopes: tuple[bytes, bytes]) -> dict[str, object]:
    decision, agreement = envelopes
    return {"decision": json.loads(decision), "agreement": agreement and json.loads(agreement)}


def test_the_evidence_is_what_the_appliance_holds(asked: SignOff) -> None:
    evidence = json.loads(bytes(asked.evidence))
    assert evidence["version"]["sha256"] == asked.version.digest
    assert len(evidence["baseline"]["sha256"]) == len(evidence["plan"]) == 64
    assert (evidence["windows"], evidence["incidents"]) == ([], [])


def test_from_a_pipelines_request_to_an_approval(
    ada: Caller, eve: Caller, asked: SignOff, vera: Signer, paul: Signer
) -> None:
    told = ada.get(f"/sign-offs/{asked.identity}").json()
    assert (told["status"], told["quorum"], told["approvals"]) == ("waiting", 2, 0)
    assert told["evidence"].encode() == bytes(asked.evidence)
    for each, status in ((vera, "waiting"), (paul, "approved")):
        answer = eve.post("/decisions", handed_in(each.signed(asked)))
        assert (answer.status_code, answer.json()["status"]) == (201, status)
    assert [line["status"] for line in ada.get("/sign-offs?status=approved").json()] == ["approved"]
    assert ada.get("/sign-offs?status=waiting").json() == []


def test_refusals_name_their_rule(ada: Caller, eve: Caller, asked: SignOff, vera: Signer) -> None:
    refused(ada.post(ADDRESS, REASON), 409, "signoff.waiting")
    for reason in ("", "a\x00b", "a" * 2_001):
        refused(ada.post(ADDRESS, {"reason": reason}), 422, "request.malformed")
    refused(ada.post("/versions/loans/9/sign-offs", REASON), 404, "version.unknown")
    refused(ada.get("/sign-offs/" + "0" * 32), 404, "signoff.unknown")
    refused(ada.get("/sign-offs?status=lost"), 422, "request.malformed")
    refused(eve.get("/sign-offs"), 401, "credential.missing")
    refused(with_token("upload").post(ADDRESS, REASON), 403, "credential.scope")
    refused(with_token("upload").get("/sign-offs"), 403, "credential.scope")
    refused(eve.post("/decisions", {"decision": 1}), 422, "request.malformed")
    signed = handed_in(vera.signed(asked))
    refused(eve.post("/decisions", signed | {"agreement": None}), 422, "signoff.agreement")
    assert eve.post("/decisions", signed).status_code == 201
    refused(eve.post("/decisions", signed), 409, "signoff.replayed")
    named = {"version": VERSION, "digest": VERSION_DIGEST, "developers": ["vera"]}
    refused(ada.post(f"/models/{MODEL}/versions", named), 403, "signoff.four_eyes")


def test_no_model_passes_the_gate_by_anothers_approval(
    ada: Caller, asked: SignOff, vera: Signer, paul: Signer
) -> None:
    """`claims` has the same artefact as `loans`, and only that of `loans` is approved."""
    for each in (vera, paul):
        assert ada.post("/decisions", handed_in(each.signed(asked))).status_code == 201
    log.seal()
    gate = f"/gate?digest={VERSION_DIGEST}"
    assert ada.get(gate).status_code == 200
    assert ada.post("/models", {"name": "claims"}).status_code == 201
    named = {"version": "7", "digest": VERSION_DIGEST}
    assert ada.post("/models/claims/versions", named).status_code == 201
    refused(ada.get(gate), 409, "gate.ambiguous")
    assert ada.get(f"{gate}&model={MODEL}").status_code == 200
    assert ada.get(f"{gate}&model={MODEL}&version={VERSION}").status_code == 200
    assert ada.get(f"{gate}&version={VERSION}").status_code == 200
    for other in ("model=claims", f"model={MODEL}&version=7", "model=nobodys"):
        refused(ada.get(f"{gate}&{other}"), 404, "signoff.none")
    for wrong in ("model=%00", "version=%00", "model=", "version=a%0A"):
        refused(ada.get(f"{gate}&{wrong}"), 422, "request.malformed")
    limited = Caller(bearer=senders.issue_token("x", ["read"], actor=DAN, models=[MODEL]))
    assert limited.get(gate).status_code == 200
    refused(limited.get(f"{gate}&model=claims"), 403, "credential.model")


def test_a_pipeline_cannot_ask_without_developers(ada: Caller, loans: str) -> None:
    refused(ada.post(ADDRESS, REASON), 422, "signoff.no_developer")
