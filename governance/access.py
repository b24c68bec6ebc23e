"""Who may do what. This module alone decides; pages, endpoints and verbs ask it.

`ROLES_OF` names each action and the roles that may do it, within their business unit. An
administrator (Django's superuser) manages accounts, keys and the appliance itself, and may do
nothing else by that: who runs the machine does not sign models off.
"""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from countersign.statement import Refused
from governance.models import Membership, Model

Role = Membership.Role
EVERYBODY = frozenset(Role)
ADMINISTRATOR = frozenset[Role]()  # no role gives it

ROLES_OF: dict[str, frozenset[Role]] = {
    "model.see": EVERYBODY,
    "model.register": frozenset({Role.DEVELOPER, Role.OWNER}),
    "model.edit": frozenset({Role.OWNER}),
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
    "silence.make": frozenset({Role.OPERATOR, Role.OWNER}),
    "log.see": frozenset({Role.AUDITOR, Role.VALIDATOR, Role.APPROVER, Role.POLICY_ADMINISTRATOR}),
    "log.export": frozenset({Role.AUDITOR}),
    "sender.manage": frozenset({Role.OPERATOR}),
    "account.manage": ADMINISTRATOR,
}
BY_ADMINISTRATORS = frozenset({"account.manage", "sender.manage", "model.see", "log.see"})

Person = AbstractBaseUser | AnonymousUser


def may(person: Person, action: str, unit: str | None = None) -> bool:
    """Whether the person may do `action` in a business unit; None asks whether in any at all."""
    roles = ROLES_OF[action]
    if not isinstance(person, User) or not person.is_active:
        return False
    if person.is_superuser and action in BY_ADMINISTRATORS:
        return True
    held = Membership.objects.filter(user=person, role__in=roles)
    if unit is not None:
        held = held.filter(business_unit__in=["", unit])
    return held.exists()


def demand(person: Person, action: str, model: Model | None = None) -> None:
    """Raise `Refused` (`access.denied`) unless the person may do `action` with the model."""
    if not may(person, action, model.business_unit if model else None):
        raise Refused("access.denied", f"Your roles here don't include: {action}.")
