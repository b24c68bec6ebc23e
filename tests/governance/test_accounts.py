"""Accounts: invited, given roles, deactivated; the last administrator stays; each act is logged."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from countersign.statement import Refused
from governance import accounts
from governance.access import may
from governance.audit import recent
from governance.models import Membership
from tests import cast

Role = Membership.Role
NEW = "a password that is long enough"


@pytest.fixture
def rita(db: None) -> User:
    return administrator("rita")


def administrator(name: str) -> User:
    """Somebody who administers and has logged in before."""
    person = User.objects.create_user(name, is_superuser=True, last_login=timezone.now())
    person.set_password(cast.PASSWORD)
    person.save()
    return person


def refused(action: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as refusal:
        action()
    return refusal.value.rule


def test_an_invited_person_sets_a_password_once(rita: User) -> None:
    secret = accounts.invite("ada", [(Role.OWNER, "lending")], by=rita, email="ada@bank.example")
    assert not User.objects.get(username="ada").has_usable_password()
    ada = accounts.join(secret, NEW)
    assert ada.check_password(NEW)
    assert may(ada, "model.edit", "lending")
    assert refused(lambda: accounts.join(secret, NEW)) == "one_time_token.invalid"
    kinds = [entry.kind for entry in recent.newest(4)]
    assert kinds == ["person.joined", "one_time_token.issued", "role.granted", "person.invited"]
    assert recent.newest(4)[3].contents == {"name": "ada", "email": "ada@bank.example"}


def test_a_new_link_ends_the_old_one(rita: User) -> None:
    old = accounts.invite("ada", [], by=rita)
    ada = User.objects.get(username="ada")
    new = accounts.issue_link(ada, by=rita)
    assert refused(lambda: accounts.join(old, NEW)) == "one_time_token.invalid"
    accounts.join(new, NEW)


def test_names_and_addresses_are_given_once_whatever_their_capitals(rita: User) -> None:
    accounts.invite("ada", [], by=rita, email="ada@bank.example")
    for name, email in (("Ada", ""), ("eve", "ADA@bank.example"), ("erased-7", "")):
        again = partial(accounts.invite, name, [], by=rita, email=email)
        assert refused(again) == "account.name_taken"
    assert User.objects.count() == 2


def test_only_administrators_manage_accounts(rita: User) -> None:
    ben = cast.person("ben")
    dan = cast.person("dan")
    for act in (
        partial(accounts.invite, "eve", []),
        partial(accounts.grant, dan, Role.APPROVER, ""),
        partial(accounts.withdraw, ben, Role.OWNER, ""),
        partial(accounts.make_administrator, dan),
        partial(accounts.deactivate, ben),
        partial(accounts.reset_second_factor, ben),
        partial(accounts.issue_link, rita),
    ):
        assert refused(partial(act, by=dan)) == "access.denied"


def test_roles_are_granted_and_withdrawn_with_a_record(rita: User) -> None:
    ada = cast.person("ada")
    accounts.grant(ada, Role.VALIDATOR, "lending", by=rita)
    accounts.grant(ada, Role.VALIDATOR, "lending", by=rita)
    assert may(ada, "signoff.review", "lending")
    accounts.withdraw(ada, Role.VALIDATOR, "lending", by=rita)
    assert not may(ada, "signoff.review", "lending")
    withdrawn, granted = recent.newest(2)
    assert (granted.kind, withdrawn.kind) == ("role.granted", "role.withdrawn")
    assert granted.facts["person"] == f"user:{ada.pk}"
    assert (granted.facts["role"], granted.facts["business_unit"]) == ("validator", "lending")


def test_a_deactivated_person_is_logged_out_and_keeps_nothing_but_roles(rita: User) -> None:
    client = cast.enter("ada")
    ada = User.objects.get(username="ada")
    accounts.deactivate(ada, by=rita)
    assert client.get("/").status_code == 302
    assert not may(ada, "model.see")
    accounts.reactivate(ada, by=rita)
    assert may(ada, "model.see")


def test_the_last_administrator_stays(rita: User) -> None:
    never_came = User.objects.create_user("new", is_superuser=True)
    for act in (accounts.deactivate, accounts.unmake_administrator):
        assert refused(partial(act, rita, by=rita)) == "account.last_administrator"
    accounts.deactivate(never_came, by=rita)
    other = administrator("otto")
    accounts.unmake_administrator(rita, by=other)
    assert refused(lambda: accounts.deactivate(other, by=other)) == "account.last_administrator"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [accounts.deactivate, accounts.unmake_administrator])
def test_two_who_remove_each_other_at_once_leave_one(act: Callable[..., None]) -> None:
    for attempt in range(4):
        User.objects.update(is_superuser=False)
        pair = [administrator(f"{name}{attempt}") for name in ("rita", "otto")]
        start, outcomes = threading.Barrier(2), ["", ""]

        def remove(i: int, pair=pair, start=start, outcomes=outcomes) -> None:
            try:
                start.wait()
                act(pair[i], by=pair[1 - i])
                outcomes[i] = "done"
            except Refused as refusal:
                outcomes[i] = refusal.rule
            finally:
                connection.close()

        threads = [threading.Thread(target=remove, args=[i]) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The second one is the last administrator by then, or, read a moment later, none any more.
        refusals = {outcome for outcome in outcomes if outcome != "done"}
        assert len(outcomes) - outcomes.count("done") == 1
        assert refusals <= {"account.last_administrator", "access.denied"}
        assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_a_second_factor_is_reset(rita: User) -> None:
    client = cast.enter("vera")
    vera = User.objects.get(username="vera")
    accounts.reset_second_factor(vera, by=rita)
    assert not vera.authenticator_set.exists()  # type: ignore[attr-defined]
    assert recent.newest(1)[0].kind == "second_factor.reset"
    answer = client.get("/")
    assert answer.headers["Location"] == "/account/", "a new one before anything else"
