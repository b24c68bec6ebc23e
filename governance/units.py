"""Which business unit is part of which other one: what holds for that one holds for it too."""

from django.contrib.auth.models import User
from django.db import transaction

from countersign.statement import Refused
from governance import access
from governance.audit import entries
from governance.levels import everything_said
from governance.models import BusinessUnit
from governance.policies import SLUG, lock_policies


def place_unit(name: str, parent: str, *, by: User) -> None:
    """Make a unit part of another one, or (empty) of none. Raises `Refused` (`unit.circular`)."""
    access.demand(by, "model.place", unit=access.EVERYWHERE)
    if not SLUG.fullmatch(name) or (parent and not SLUG.fullmatch(parent)):
        raise Refused("policy.level", "A unit is one short name.", "$.parent")
    with transaction.atomic():
        lock_policies()
        if parent and name in everything_said().units(parent):
            raise Refused(
                "unit.circular", "That unit is this one, or is part of it already.", "$.parent"
            )
        if parent:
            BusinessUnit.objects.update_or_create(name=name, defaults={"parent": parent})
        else:
            BusinessUnit.objects.filter(name=name).delete()
        entries.record("unit.placed", actor=f"user:{by.pk}", unit=name, parent=parent)
