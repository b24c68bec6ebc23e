"""What the database refuses, under the name of its rule."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from countersign.statement import Refused

# Constraints and triggers (migration 0003), and what they mean to whoever ran into one.
RULES = {
    "four_eyes": (
        "signoff.four_eyes",
        "Who submitted or developed a version decides nothing about it.",
    ),
    "one_vote_each": ("signoff.signed_already", "This person has decided on this request already."),
    "decision_once": ("signoff.replayed", "This very decision was taken in before."),
    "one_waiting_sign_off": (
        "signoff.waiting",
        "Another request for this version waits for signatures.",
    ),
    "approver_key_once": ("key.already_enrolled", "This public key is enrolled already."),
}


@contextmanager
def kept_by_the_database() -> Iterator[None]:
    """One transaction; what a constraint of the table above refuses is raised as `Refused`."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        rule = RULES.get(diagnosis.constraint_name) if diagnosis is not None else None
        if rule is None:
            raise
        raise Refused(*rule) from None
