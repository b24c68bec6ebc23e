"""A policy's life: proposed, replayed, approved by somebody else, in force; and what refuses it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import exemptions, policies, proposals, units
from governance.audit import recent
from governance.levels import everything_said
from governance.models import BusinessUnit, Exemption, Membership, Model, PolicyVersion, Replay
from governance.policies import Level
from governance.policy_settings import Settings
from tests.api.test_races import at_once
from tests.cast import person, somebody

pytestmark = pytest.mark.django_db

Role = Membership.Role
ORGANISATION, LENDING = Level(), Level("lending")
STRICTER = Settings(tolerance=0.005)


@pytest.fixture
def dan() -> User:
    return person("dan")


@pytest.fixture
def dora() -> User:
    """A second policy administrator."""
    return somebody("dora", Role.POLICY_ADMINISTRATOR)


@pytest.fixture
def loans() -> Model:
    return Model.objects.create(name="loans", business_unit="lending", tier=1)


def refused(rule: str, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        verb(*args, **kwargs)
    assert refusal.value.rule == rule
    return refusal.value


def proposed(by: User, level: Level = ORGANISATION, settings: Settings = STRICTER) -> PolicyVersion:
    return proposals.propose(level, settings, by=by, reason="because")


def replayed(version: PolicyVersion, **changes: Any) -> Replay:
    """A finished replay, as `detectors.replay` leaves it."""
    now = timezone.now()
    facts: dict[str, Any] = {
        "against": everything_said().digest,
        "since": now - timedelta(days=90),
        "until": now,
        "about": [m.pk for m in proposals.covered_models(version)],
        "actor": "user:1",
        "finished_at": now,
    }
    return Replay.objects.create(version=version, **facts | changes)


def approved(by: User, version: PolicyVersion) -> PolicyVersion:
    replayed(version)
    proposals.approve(version, by=by)
    return version


def test_what_one_proposes_and_another_approves_comes_into_force_and_is_told_in_the_log(
    dan: User, dora: User, loans: Model
) -> None:
    version = proposed(dan)
    assert policies.in_force(loans).tolerance == 0.01
    approved(dora, version)
    assert policies.in_force(loans).tolerance == 0.005
    approval, proposal = recent.newest(2)
    assert (proposal.kind, proposal.facts["actor"]) == ("policy.proposed", f"user:{dan.pk}")
    assert (approval.kind, approval.facts["actor"]) == ("policy.approved", f"user:{dora.pk}")
    assert proposal.facts["digest"] == approval.facts["digest"] == version.digest
    assert proposal.contents == {"reason": "because"}


def test_a_new_version_replaces_the_levels_old_one_and_no_other(dan: User, dora: User) -> None:
    first, lending = approved(dora, proposed(dan)), approved(dora, proposed(dan, LENDING))
    second = approved(dora, proposed(dan, settings=Settings(tolerance=0.008)))
    for version, status in ((first, "replaced"), (second, "in_force"), (lending, "in_force")):
        version.refresh_from_db()
        assert version.status == status
    assert second.replaces == first


def test_nobody_approves_or_rejects_their_own_proposal(dan: User) -> None:
    version = proposed(dan)
    replayed(version)
    refused("policy.same_person", proposals.approve, version, by=dan)
    refused("policy.same_person", proposals.reject, version, by=dan, reason="no")


def test_the_database_itself_refuses_that_one_person_proposes_and_approves(dan: User) -> None:
    version = proposed(dan)
    for status in ("in_force", "rejected"):
        with pytest.raises(IntegrityError, match="another_person"), transaction.atomic():
            PolicyVersion.objects.filter(pk=version.pk).update(
                status=status, decided_by=dan, decided_at=timezone.now()
            )
    with pytest.raises(IntegrityError, match="somebody"), transaction.atomic():
        PolicyVersion.objects.filter(pk=version.pk).update(status="in_force")


def test_approval_needs_a_finished_replay(dan: User, dora: User) -> None:
    version = proposed(dan)
    refused("policy.not_replayed", proposals.approve, version, by=dora)
    replayed(version, finished_at=None)
    refused("policy.not_replayed", proposals.approve, version, by=dora)
    assert policies.in_force().tolerance == 0.01


def test_a_replay_of_another_proposal_does_not_count(dan: User, dora: User) -> None:
    replayed(proposed(dan))
    refused("policy.not_replayed", proposals.approve, proposed(dan), by=dora)


@pytest.mark.parametrize("change", ["a day", "a policy", "a rule", "a unit", "a model", "exempted"])
def test_a_replay_is_stale_when_what_it_rests_on_changed(
    dan: User, dora: User, loans: Model, change: str
) -> None:
    version = proposed(dan)
    old = timedelta(days=1, minutes=1) if change == "a day" else timedelta(0)
    replayed(version, until=timezone.now() - old)
    match change:
        case "a policy":
            approved(dora, proposed(dan, LENDING))
        case "a rule":
            rules = policies.Rules(min_count=20)
            policies.set_rules(ORGANISATION, rules, actor="user:1", reason="why")
        case "a unit":
            units.place_unit("lending", "retail", by=dan)
        case "a model":
            Model.objects.create(name="cards")
        case "exempted":
            exempted(dan, dora, loans)
    refused("policy.stale_replay", proposals.approve, version, by=dora)


def test_what_became_looser_meanwhile_is_refused_at_approval(dan: User, dora: User) -> None:
    version = proposed(dan, LENDING, Settings(review_days=300))
    approved(dora, proposed(dan, settings=Settings(review_days=200)))
    replayed(version)
    refused("policy.looser", proposals.approve, version, by=dora)


def test_a_proposal_that_another_one_overtook_is_refused(dan: User, dora: User) -> None:
    slow = proposed(dan)
    approved(dora, proposed(dan, settings=Settings(review_days=200)))
    replayed(slow)
    refused("policy.overtaken", proposals.approve, slow, by=dora)


def test_a_looser_proposal_is_refused_with_the_setting_that_is_looser(
    dan: User, loans: Model
) -> None:
    for level in (LENDING, Level(tier=1), Level("lending", 1), Level(model="loans")):
        refusal = refused(
            "policy.looser", proposed, dan, level, Settings(retention_days=183, tolerance=0.1)
        )
        assert refusal.path == "$.settings.tolerance"
    assert not PolicyVersion.objects.exists()


def test_a_models_policy_is_held_against_its_unit_and_tier(
    dan: User, dora: User, loans: Model
) -> None:
    approved(dora, proposed(dan, Level("lending", 1), Settings(review_days=100)))
    refused("policy.looser", proposed, dan, Level(model="loans"), Settings(review_days=101))
    proposed(dan, Level(model="loans"), Settings(review_days=99))


@pytest.mark.parametrize(
    ("level", "rule"),
    [
        (Level("two words"), "policy.level"),
        (Level(tier=4), "policy.level"),
        (Level("lending", model="loans"), "policy.level"),
        (Level(model="nobody"), "model.unknown"),
    ],
)
def test_a_level_that_does_not_exist_is_refused(dan: User, level: Level, rule: str) -> None:
    refused(rule, proposed, dan, level)


@pytest.mark.parametrize("reason", ["", " \n", "x" * 501, "nul\x00"])
def test_a_reason_is_some_words(dan: User, reason: str) -> None:
    rule = "policy.value" if reason.strip() else "policy.no_reason"
    refused(rule, proposals.propose, ORGANISATION, STRICTER, by=dan, reason=reason)


def test_a_decided_proposal_stays_decided(dan: User, dora: User) -> None:
    rejected, withdrawn = proposed(dan), proposed(dan)
    proposals.reject(rejected, by=dora, reason="Too strict.")
    proposals.withdraw(withdrawn, by=dan)
    for version in (rejected, withdrawn):
        replayed(version)
        refused("policy.decided", proposals.approve, version, by=dora)
        refused("policy.decided", proposals.reject, version, by=dora, reason="no")
        refused("policy.decided", proposals.withdraw, version, by=dan)
    rejected.refresh_from_db()
    assert (rejected.decision, rejected.decided_by) == ("Too strict.", dora)


def test_proposing_anew_withdraws_what_it_stands_for(dan: User) -> None:
    first = proposed(dan)
    proposals.propose(ORGANISATION, STRICTER, by=dan, reason="better", instead_of=first)
    first.refresh_from_db()
    assert first.status == "withdrawn"
    refused(
        "policy.decided",
        proposals.propose, ORGANISATION, STRICTER, by=dan, reason="again", instead_of=first,
    )  # fmt: skip
    assert PolicyVersion.objects.count() == 2


def test_only_policy_administrators_of_the_unit_propose_and_approve(
    dan: User, loans: Model
) -> None:
    cards = somebody("carl", Role.POLICY_ADMINISTRATOR, unit="cards")
    lender = somebody("lea", Role.POLICY_ADMINISTRATOR, unit="lending")
    for level in (ORGANISATION, LENDING, Level(tier=1), Level(model="loans")):
        refused("access.denied", proposed, person("ada"), level)
        refused("access.denied", proposed, cards, level)
    refused("access.denied", proposed, lender, ORGANISATION)
    refused("access.denied", proposals.approve, proposed(dan), by=lender)
    approved(lender, proposed(dan, Level(model="loans")))


# --- exemptions ----------------------------------------------------------------------------------


def asked(by: User, model: Model, **changes: Any) -> Exemption:
    facts: dict[str, Any] = {
        "settings": Settings(tolerance=0.08),
        "owner": person("ben"),
        "expires_at": timezone.now() + timedelta(days=30),
        "reason": "The feed is rebuilt in May.",
        "by": by,
    } | changes
    return exemptions.request_exemption(model, facts.pop("settings"), **facts)


def exempted(dan: User, dora: User, model: Model) -> Exemption:
    Membership.objects.create(user=dan, role=Role.OWNER)
    Membership.objects.create(user=dora, role=Role.APPROVER)
    exemption = asked(dan, model)
    exemptions.approve_exemption(exemption, by=dora)
    return exemption


def test_an_exemption_holds_once_a_second_person_agreed_until_it_is_ended(loans: Model) -> None:
    ben, paul = person("ben"), person("paul")
    exemption = asked(ben, loans)
    assert policies.in_force(loans).tolerance == 0.01
    exemptions.approve_exemption(exemption, by=paul)
    assert policies.in_force(loans).tolerance == 0.08
    exemptions.end_exemption(exemption, by=ben)
    assert policies.in_force(loans).tolerance == 0.01
    kinds = [entry.kind for entry in recent.newest(3)]
    assert kinds == ["exemption.ended", "exemption.approved", "exemption.requested"]


def test_who_asks_or_owns_does_not_approve(loans: Model) -> None:
    both = somebody("bob", Role.OWNER, Role.APPROVER)
    refused("exemption.same_person", exemptions.approve_exemption, asked(both, loans), by=both)
    owned = asked(person("ben"), loans, owner=both)
    refused("exemption.same_person", exemptions.approve_exemption, owned, by=both)
    with pytest.raises(IntegrityError, match="another_person"), transaction.atomic():
        Exemption.objects.update(approved_by=both, approved_at=timezone.now())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"expires_at": timezone.now() - timedelta(days=1)}, "exemption.expiry"),
        ({"expires_at": timezone.now() + timedelta(days=400)}, "exemption.expiry"),
        ({"settings": Settings()}, "exemption.settings"),
        ({"settings": Settings(routes=("desk",))}, "exemption.settings"),
        ({"reason": " "}, "policy.no_reason"),
    ],
)
def test_an_impossible_exemption_is_refused(
    loans: Model, changes: dict[str, Any], rule: str
) -> None:
    refused(rule, asked, person("ben"), loans, **changes)
    assert not Exemption.objects.exists()


def test_an_exemption_is_decided_once(loans: Model) -> None:
    ben, paul = person("ben"), person("paul")
    over, ended = asked(ben, loans), asked(ben, loans)
    Exemption.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    exemptions.end_exemption(ended, by=ben)
    for exemption in (over, ended):
        refused("exemption.decided", exemptions.approve_exemption, exemption, by=paul)
    refused("exemption.decided", exemptions.end_exemption, ended, by=paul)
    refused("access.denied", exemptions.end_exemption, over, by=person("vera"))


# --- units ---------------------------------------------------------------------------------------


def test_units_in_a_circle_are_refused_by_name(dan: User) -> None:
    units.place_unit("lending", "retail", by=dan)
    units.place_unit("retail", "bank", by=dan)
    for parent in ("lending", "retail", "bank"):
        refused("unit.circular", units.place_unit, "bank", parent, by=dan)
    units.place_unit("lending", "", by=dan)
    units.place_unit("retail", "lending", by=dan)
    assert dict(BusinessUnit.objects.values_list("name", "parent")) == {"retail": "lending"}
    refused("policy.level", units.place_unit, "two words", "bank", by=dan)
    refused("access.denied", units.place_unit, "a", "b", by=person("ada"))


# --- two at once ---------------------------------------------------------------------------------


def outcome(verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], str]:
    """What became of it: the rule that refused it, or done."""

    def run() -> str:
        try:
            verb(*args, **kwargs)
        except Refused as refusal:
            return refusal.rule
        return "done"

    return run


@pytest.mark.django_db(transaction=True)
def test_of_two_approvals_at_once_one_counts(dan: User, dora: User) -> None:
    others = [dora, somebody("dirk", Role.POLICY_ADMINISTRATOR)]
    version = proposed(dan)
    replayed(version)
    answers = at_once(*[outcome(proposals.approve, version, by=other) for other in others])
    assert sorted(answers) == ["done", "policy.decided"]
    assert PolicyVersion.objects.get().status == "in_force"


@pytest.mark.django_db(transaction=True)
def test_a_proposal_is_approved_or_written_anew_and_never_both(dan: User, dora: User) -> None:
    version = proposed(dan)
    replayed(version)
    edit = replace(LENDING), Settings(tolerance=0.004)
    answers = at_once(
        outcome(proposals.approve, version, by=dora),
        outcome(proposals.propose, *edit, by=dan, reason="better", instead_of=version),
    )
    assert sorted(answers) == ["done", "policy.decided"]
    version.refresh_from_db()
    approved_it = answers[0] == "done"
    assert version.status == ("in_force" if approved_it else "withdrawn")
    assert PolicyVersion.objects.count() == (1 if approved_it else 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_proposals_at_once_for_a_level_one_can_be_approved(dan: User, dora: User) -> None:
    assert at_once(*[outcome(proposed, dan)] * 2) == ["done", "done"]
    versions = list(PolicyVersion.objects.all())
    for version in versions:
        replayed(version)
    answers = at_once(*[outcome(proposals.approve, v, by=dora) for v in versions])
    assert sorted(answers) == ["done", "policy.overtaken"]
    assert PolicyVersion.objects.filter(status="in_force").count() == 1
