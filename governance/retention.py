"""How long names and texts stay behind the log's entries, and erasing those whose time is over."""

from datetime import timedelta

from django.utils import timezone

from countersign.statement import Refused
from governance import policies
from governance.audit import erasure
from governance.audit.erasure import Segments
from governance.models import Model
from governance.policies import Level

USUAL_DAYS = 6 * 365 + 1


def least_days() -> int:
    """The longest retention that a policy in force asks for, of the organisation or of a model."""
    said = policies.everything_said()
    levels = {Level(), *map(Level.of, Model.objects.all())}
    return max(policies.composed(level, said).policy.retention_days for level in levels)


def days() -> int:
    """For how long texts stay unless somebody says otherwise: six years, or as policies ask."""
    return max(USUAL_DAYS, least_days())


def expired(days: int) -> Segments:
    """What is older than so many days. Raises `Refused` (`retention.too_short`)."""
    least = least_days()
    if days < least:
        raise Refused("retention.too_short", f"The policies keep texts for at least {least} days.")
    return erasure.segments_before(timezone.now() - timedelta(days=days))


def erase_expired(days: int, *, actor: str) -> Segments:
    """Erase what `expired` names, for good."""
    expired(days)
    moment = timezone.now() - timedelta(days=days)
    return erasure.erase_before(moment, actor=actor, days=days)
