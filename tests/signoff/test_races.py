"""Two at once, with two real connections: whatever the order, the outcome is one that people meant.

Each test runs several rounds, so that both orders come up.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from countersign.statement import Refused
from governance.models import Developer, SignOff, SignOffDecision, SignOffSummary
from governance.signoff import requests
from governance.signoff.decisions import decide
from governance.signoff.guard import kept_by_the_database
from tests.cast import Role

from .cast import Cast, make_cast, signer

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4
DONE = "done"


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed, so that other connections see it."""
    return make_cast()


def at_once(*actions: Callable[[], Any]) -> list[str]:
    """What became of each: "done", or the rule that refused it."""
    start = threading.Barrier(len(actions))
    outcomes = [""] * len(actions)

    def run(i: int) -> None:
        try:
            start.wait()
            actions[i]()
            outcomes[i] = DONE
        except Refused as refusal:
            outcomes[i] = refusal.rule
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[i]) for i in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def status(sign_off: SignOff) -> str:
    return SignOff.objects.get(pk=sign_off.pk).status


def test_of_two_approvals_at_once_one_reaches_the_quorum_and_one_summary_is_made(
    cast: Cast,
) -> None:
    for done in range(1, ROUNDS + 1):
        sign_off = cast.request()
        signed = [each.signed(sign_off) for each in (cast.vera, cast.paul)]
        assert at_once(*(partial(decide, *s) for s in signed)) == [DONE, DONE]
        assert status(sign_off) == "approved"
        assert SignOffSummary.objects.count() == done
        assert SignOff.objects.filter(status="approved").count() == 1


def test_of_three_where_two_suffice_the_third_comes_too_late(cast: Cast) -> None:
    third = signer("zoe", Role.VALIDATOR)
    for _ in range(ROUNDS):
        sign_off = cast.request()
        signed = [each.signed(sign_off) for each in (cast.vera, cast.paul, third)]
        outcomes = at_once(*(partial(decide, *s) for s in signed))
        assert sorted(outcomes) == [DONE, DONE, "signoff.closed"]
        assert sign_off.decisions.count() == 2


def test_the_same_signature_twice_at_once_counts_once(cast: Cast) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.request()
        signed = cast.vera.signed(sign_off)
        outcomes = at_once(partial(decide, *signed), partial(decide, *signed))
        assert sorted(outcomes) == [DONE, "signoff.replayed"]
        assert SignOff.objects.get(pk=sign_off.pk).approvals == 1
        cast.paul.decide(sign_off, "reject")


def test_one_person_with_two_different_signatures_at_once_decides_once(cast: Cast) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.request()
        yes, no = cast.vera.signed(sign_off), cast.vera.signed(sign_off, "reject")
        outcomes = at_once(partial(decide, *yes), partial(decide, *no))
        assert outcomes.count(DONE) == 1
        assert set(outcomes) <= {DONE, "signoff.signed_already", "signoff.closed"}
        assert sign_off.decisions.count() == 1
        if status(sign_off) == "waiting":
            cast.paul.decide(sign_off, "reject")


def test_the_last_approval_and_a_rejection_at_once_leave_one_verdict(cast: Cast) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.request()
        cast.vera.decide(sign_off)
        yes, no = cast.paul.signed(sign_off), cast.paul.signed(sign_off, "reject")
        at_once(partial(decide, *yes), partial(decide, *no))
        summaries = SignOffSummary.objects.filter(sign_off=sign_off).count()
        assert (status(sign_off), summaries) in {("approved", 1), ("rejected", 0)}


def test_the_last_approval_and_a_revocation_at_once_never_leave_a_pass_that_was_revoked(
    cast: Cast,
) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.request()
        cast.vera.decide(sign_off)
        approve, revoke = cast.paul.signed(sign_off), cast.vera.signed(sign_off, "revoke")
        outcomes = at_once(partial(decide, *approve), partial(decide, *revoke))
        newest = SignOffSummary.objects.filter(sign_off=sign_off).latest("pk")
        expected = {
            DONE: ("revoked", "FAILED"),
            "signoff.not_in_force": ("approved", "PASSED"),
        }
        assert outcomes[0] == DONE
        assert (status(sign_off), newest.result) == expected[outcomes[1]]


def test_two_revocations_at_once_fail_it_once(cast: Cast) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.approved()
        signed = [each.signed(sign_off, "revoke") for each in (cast.vera, cast.paul)]
        outcomes = at_once(*(partial(decide, *s) for s in signed))
        assert sorted(outcomes) == [DONE, "signoff.not_in_force"]
        assert SignOffSummary.objects.filter(sign_off=sign_off, result="FAILED").count() == 1


def test_whoever_is_named_a_developer_while_signing_is_one_or_the_other(cast: Cast) -> None:
    def named() -> None:
        with kept_by_the_database():
            Developer.objects.create(version=cast.version, name="vera")

    sign_off = cast.request()
    signed = cast.vera.signed(sign_off)
    outcomes = at_once(partial(decide, *signed), named)
    assert sorted(outcomes) == [DONE, "signoff.four_eyes"]
    assert SignOffDecision.objects.count() == (outcomes[0] == DONE)


def test_an_account_closed_while_signing_has_signed_before_or_not_at_all(cast: Cast) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.request()
        signed = cast.vera.signed(sign_off)
        accounts = User.objects.filter(pk=cast.vera.user.pk)
        outcome, closed = at_once(
            partial(decide, *signed), partial(accounts.update, is_active=False)
        )
        assert closed == DONE
        assert outcome in {DONE, "signoff.approver_inactive"}
        assert sign_off.decisions.count() == (outcome == DONE)
        accounts.update(is_active=True)
        cast.paul.decide(sign_off, "reject")


def test_a_quorum_edited_meanwhile_holds_for_the_next_request(cast: Cast) -> None:
    for _ in range(ROUNDS):
        sign_off = cast.request()
        signed = cast.vera.signed(sign_off)
        outcomes = at_once(
            partial(decide, *signed),
            partial(cast.demand, signatures=1),
        )
        assert outcomes == [DONE, DONE]
        assert status(sign_off) == "waiting"
        cast.paul.decide(sign_off, "reject")
        cast.demand(signatures=2)


def test_of_two_requests_at_once_one_waits(cast: Cast) -> None:
    outcomes = at_once(cast.request, cast.request)
    assert sorted(outcomes) == [DONE, "signoff.waiting"]
    sign_off = SignOff.objects.get()
    signed = cast.vera.signed(sign_off, "reject")
    outcomes = at_once(
        partial(decide, *signed), lambda: requests.withdraw(sign_off, person=cast.ada)
    )
    assert sorted(outcomes) == [DONE, "signoff.closed"]
