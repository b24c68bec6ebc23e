"""Keys and tokens that are for some models only."""

import pytest

from countersign.statement import Refused
from governance import senders
from governance.audit import recent
from governance.models import Model, OneTimeToken, Sender, Token, Version
from governance.signoff.requests import request_sign_off
from tests.builders import (
    MODEL,
    VERSION,
    VERSION_DIGEST,
    a_baseline,
    a_statement,
    a_window,
    an_event,
    outcomes_of,
)
from tests.cast import Role, somebody
from tests.governance.test_alert_policies import in_force
from tests.governance.test_incidents import SHIFT, see

from .conftest import BASELINE_ADDRESS, DAN, Caller, refused, with_baseline

pytestmark = pytest.mark.django_db


def limited(*models: str) -> Caller:
    """A caller whose key was enrolled for some models."""
    caller = Caller()
    enrol = OneTimeToken.Purpose.ENROL
    secret = senders.issue_one_time_token(enrol, actor=DAN, models=models)
    public = caller.key.public_key().public_bytes_raw()
    _, caller.bearer = senders.enrol_key(secret, name="Eve's host", public_key=public)
    return caller


def test_a_key_sends_nothing_for_other_models(loans: str) -> None:
    other, window = limited("claims"), a_window(loans)
    uploads = {
        "/windows": a_statement(window),
        "/outcomes": a_statement(outcomes_of(window)),
        "/events": a_statement(an_event()),
        BASELINE_ADDRESS: a_statement(a_baseline(revision=2)),
    }
    for address, payload in uploads.items():
        refused(other.send(address, payload), 403, "credential.model")
        refused(other.post(address, payload), 403, "credential.model")
    for address, body in {
        "/models": {"name": MODEL},
        f"/models/{MODEL}/versions": {"version": "9", "digest": VERSION_DIGEST},
    }.items():
        refused(other.post(address, body), 403, "credential.model")
    for address in (f"/versions/{MODEL}/{VERSION}/plan", f"/models/{MODEL}/privacy"):
        refused(other.get(address), 403, "credential.model")
    unknown = a_statement(a_window(loans, model="never-registered"))
    refused(other.send("/windows", unknown), 403, "credential.model")  # no oracle of names


def test_a_key_sends_for_the_models_that_it_is_for() -> None:
    own = limited(MODEL, "claims")
    plan = with_baseline(own)
    assert own.send("/windows", a_statement(a_window(plan))).status_code == 202
    assert own.get(f"/versions/{MODEL}/{VERSION}/plan").status_code == 200


def test_limits_can_be_changed_and_the_log_says_so(loans: str) -> None:
    caller = limited("claims")
    event = a_statement(an_event())
    refused(caller.send("/events", event), 403, "credential.model")
    sender = Sender.objects.get(name="Eve's host")
    senders.limit_sender(sender, [MODEL], actor=DAN)
    assert caller.send("/events", event).status_code == 202
    changed = next(e for e in recent.newest(9) if e.kind == "key.limited")
    assert changed.facts["models"] == [MODEL] and changed.facts["actor"] == DAN


def test_a_pipelines_token_can_be_limited_too(loans: str) -> None:
    bearer = senders.issue_token("pipeline", ["upload"], actor=DAN, models=["claims"])
    event = a_statement(an_event())
    refused(Caller(bearer=bearer).post("/events", event), 403, "credential.model")
    assert Token.objects.get(sender=None).for_models == ["claims"]


def test_a_limited_token_reads_nothing_of_other_models(loans: str) -> None:
    version = Version.objects.get()
    see(version, 0, SHIFT)
    for name in ("vera", "paul"):
        somebody(name, Role.APPROVER)
    person = somebody("mia", Role.OWNER)
    sign_off = request_sign_off(version, {}, person=person, reason="Try it.")
    lists = ("/models", "/incidents", "/sign-offs")

    def reads(*models: str) -> tuple[list[int], int, int]:
        scopes = ["read", "inventory"]
        caller = Caller(bearer=senders.issue_token("x", scopes, actor=DAN, models=models))
        one = caller.get(f"/sign-offs/{sign_off.identity}").status_code
        table = caller.get("/models.csv").content.decode()
        return [len(caller.get(each).json()) for each in lists], table.count(MODEL), one

    assert reads() == reads(MODEL) == ([1, 1, 1], 1, 200)
    assert reads("claims") == ([0, 0, 0], 0, 403)


def test_a_limited_token_has_no_receipts_or_policies_of_other_models(loans: str) -> None:
    sent = limited(MODEL).send("/windows", a_statement(a_window(loans))).json()["digest"]
    wide = in_force({"review_days": 60})
    own = in_force({"review_days": 30}, model=Model.objects.get())
    for caller, seen in ((limited(MODEL), [wide.pk, own.pk]), (limited("claims"), [wide.pk])):
        assert [each["number"] for each in caller.get("/policies").json()] == seen
        assert caller.get(f"/policies/{wide.pk}").status_code == 200
    assert limited(MODEL).get(f"/policies/{own.pk}").status_code == 200
    assert limited(MODEL).get(f"/receipts/{sent}").status_code == 200
    refused(limited("claims").get(f"/policies/{own.pk}"), 404, "policy.unknown")
    refused(limited("claims").get(f"/receipts/{sent}"), 404, "receipt.unknown")


def test_a_limited_key_is_told_of_its_own_refusals(ada: Caller, loans: str) -> None:
    other = limited("claims")
    for caller in (ada, other):
        caller.send("/windows", b"{}")
    assert len(ada.get("/refusals").json()) == 2
    [told] = other.get("/refusals").json()
    others = next(each for each in ada.get("/refusals").json() if each != told)
    assert other.get(f"/refusals?sender={others['sender']}").json() == []


def test_only_names_that_models_can_have_are_limits() -> None:
    for models in (["two words"], ["ok", ""], [f"m{i}" for i in range(101)]):
        with pytest.raises(Refused, match=r"sender\.models"):
            limited(*models)
    assert not OneTimeToken.objects.exists()
