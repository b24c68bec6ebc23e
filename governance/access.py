"""Who may do what. This module alone decides; pages, endpoints and verbs ask it.

`ROLES_OF` names each action and the roles that may do it, within their business unit. A role held
in no particular unit (empty) counts in every one. An administrator (Django's superuser) manages
accounts, keys and the appliance itself, and may do nothing else by that: who runs the machine does
not sign models off.

What a person may not see is not there for them: ask `models_of` for what is, and answer as if the
rest didn't exist. What they see and may not do is refused as `access.denied`.
"""

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet

from countersign.statement import Refused
from governance.models import Membership, Model

Role = Membership.Role
EVERYBODY = frozenset(Role)
ADMINISTRATOR = frozenset[Role]()  # no role gives it
EVERYWHERE = ""  # among a person's units: all of them, also models that belong to none

ROLES_OF: dict[str, frozenset[Role]] = {
    "model.see": EVERYBODY,
    "model.register": frozenset({Role.DEVELOPER, Role.OWNER}),
    "model.edit": frozenset({Role.OWNER}),
    "model.place": frozenset({Role.POLICY_ADMINISTRATOR}),
    "version.register": frozenset({Role.DEVELOPER, Role.OWNER}),
    "deployment.record": frozenset({Role.DEVELOPER, Role.OWNER, Role.OPERATOR}),
    "objective.write": frozenset({Role.OWNER, Role.VALIDATOR}),
    "finding.write": frozenset({Role.VALIDATOR, Role.AUDITOR}),
    "finding.close": frozenset({Role.VALIDATOR}),
    "exception.request": frozenset({Role.OWNER}),
    "exception.approve": frozenset({Role.APPROVER}),
    "signoff.request": frozenset({Role.DEVELOPER, Role.OWNER}),
    "signoff.review": frozenset({Role.VALIDATOR}),
    "signoff.decide": frozenset({Role.VALIDATOR, Role.APPROVER}),
    "signoff.revoke": frozenset({Role.VALIDATOR, Role.APPROVER}),
    "policy.propose": frozenset({Role.POLICY_ADMINISTRATOR}),
    "policy.approve": frozenset({Role.POLICY_ADMINISTRATOR}),
    "privacy.set": frozenset({Role.POLICY_ADMINISTRATOR}),
    "incident.handle": frozenset({Role.OPERATOR, Role.OWNER, Role.DEVELOPER, Role.VALIDATOR}),
    "route.manage": frozenset({Role.OPERATOR, Role.POLICY_ADMINISTRATOR}),
    "silence.make": frozenset({Role.OPERATOR, Role.OWNER}),
    "refusal.see": frozenset({Role.OPERATOR, Role.DEVELOPER, Role.OWNER, Role.AUDITOR}),
    "log.see": frozenset({Role.AUDITOR, Role.VALIDATOR, Role.APPROVER, Role.POLICY_ADMINISTRATOR}),
    "log.export": frozenset({Role.AUDITOR}),
    "sender.manage": frozenset({Role.OPERATOR}),
    "log.erase": frozenset({Role.POLICY_ADMINISTRATOR}),
    "witness.manage": ADMINISTRATOR,
    "account.manage": ADMINISTRATOR,
}
BY_ADMINISTRATORS = frozenset(
    {"account.manage", "sender.manage", "model.see", "log.see", "refusal.see", "witness.manage"}
)
# Who signs or sets policy logs in with a second factor, and so does an administrator.
WITH_SECOND_FACTOR = frozenset({Role.VALIDATOR, Role.APPROVER, Role.POLICY_ADMINISTRATOR})
# About all units at once: whoever holds the role in some units only may not.
ORGANISATION_WIDE = frozenset(
    {
        *("refusal.see", "log.see", "log.export", "log.erase"),
        *("sender.manage", "witness.manage", "route.manage"),
    }
)

Person = AbstractBaseUser | AnonymousUser


def may(person: Person, action: str, unit: str | None = None) -> bool:
    """Whether the person may do `action` in a business unit; None asks whether in any at all."""
    if action in ORGANISATION_WIDE:
        unit = EVERYWHERE
    held = units(person, action)
    return EVERYWHERE in held or (bool(held) if unit is None else unit in held)


def demand(
    person: Person, action: str, model: Model | None = None, *, unit: str | None = None
) -> None:
    """Raise `Refused` (`access.denied`) unless the person may do `action` with the model, or in
    the unit, or without either somewhere."""
    if not may(person, action, model.business_unit if model else unit):
        raise Refused("access.denied", f"Your roles here don't include: {action}.")


def units(person: Person, action: str) -> frozenset[str]:
    """The business units in which the person may do `action`; `EVERYWHERE` among them is all."""
    if not isinstance(person, User) or not person.is_active:
        return frozenset()
    if person.is_superuser and action in BY_ADMINISTRATORS:
        return frozenset({EVERYWHERE})
    held = Membership.objects.filter(user=person, role__in=ROLES_OF[action])
    return frozenset(held.values_list("business_unit", flat=True))


def needs_second_factor(person: Person) -> bool:
    """Whether the person may do something that a password alone is too little for."""
    if not isinstance(person, User):
        return False
    signing = Membership.objects.filter(user=person, role__in=WITH_SECOND_FACTOR)
    return person.is_superuser or signing.exists()


def lacks_second_factor(person: Person) -> bool:
    """Whether the person's roles ask for a second factor and none is set up.

    Whoever has one can't log in without it, so that it is set up is all there is to ask.
    """
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    has_one = Authenticator.objects.filter(user_id=person.pk, type__in=kinds)
    return needs_second_factor(person) and not has_one.exists()


def models_of(person: Person, action: str = "model.see") -> QuerySet[Model]:
    """The models with which the person may do `action`: for lists, and to find one by its name."""
    held = units(person, action)
    models = Model.objects.all()
    return models if EVERYWHERE in held else models.filter(business_unit__in=held)


def actions_of(person: Person) -> frozenset[str]:
    """What the person may do in some unit, or in all where that is asked: for menus. One query."""
    if not isinstance(person, User) or not person.is_active:
        return frozenset()
    held = Membership.objects.filter(user=person).values_list("role", "business_unit")
    somewhere = {role for role, _ in held}
    everywhere = {role for role, unit in held if unit == EVERYWHERE}
    by_role = {
        action
        for action, roles in ROLES_OF.items()
        if roles & (everywhere if action in ORGANISATION_WIDE else somewhere)
    }
    return frozenset(by_role | (BY_ADMINISTRATORS if person.is_superuser else set()))


def actions_with(person: Person, model: Model) -> frozenset[str]:
    """What the person may do with one model: for its page. One query."""
    if not isinstance(person, User) or not person.is_active:
        return frozenset()
    here = Membership.objects.filter(
        user=person, business_unit__in=[EVERYWHERE, model.business_unit]
    )
    held = set(here.values_list("role", flat=True))
    by_role = {action for action, roles in ROLES_OF.items() if roles & held}
    return frozenset(by_role | (BY_ADMINISTRATORS if person.is_superuser else set()))


def people_who_may(action: str, model: Model | None = None) -> QuerySet[User]:
    """The people who may do `action` by a role, with the model or (None) anywhere; by name."""
    held = Membership.objects.filter(role__in=ROLES_OF[action])
    if model is not None:
        held = held.filter(business_unit__in=[EVERYWHERE, model.business_unit])
    rows = User.objects.filter(is_active=True, pk__in=held.values("user"))
    return rows.order_by("username")
