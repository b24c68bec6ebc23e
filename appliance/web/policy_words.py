"""Policies in plain words: what each setting is called, what a value says, what changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.models import Exemption, Incident, PolicyVersion, PrivacyRule
from governance.policies import Composed, Policy, Source
from governance.policy_settings import ORDERS

from .words import duration, many

LABELS = {
    "false_alarms_per_year": "False alarms in a year",
    "tolerance": "Change that is nobody’s concern",
    "severities": "Least severity",
    "grace_seconds": "Time of grace for a window",
    "plan_grace_seconds": "An old plan still holds",
    "review_days": "Reviewed again within",
    "signatures": "Approvals of a version",
    "retention_days": "Evidence is kept at least",
    "silence_days": "A silence lasts at most",
    "routes": "Notification routes",
    "quiet_hours": "Quiet hours",
    "digest_at": "Digest",
    "timezone": "Time zone of both",
}
CAUSES = {str(value): str(label) for value, label in Incident.Cause.choices}


@dataclass(frozen=True)
class Held:
    """One setting of a policy: what holds, who said so, and where that is shown."""

    label: str
    value: str
    source: str
    number: int | None = None
    exemption: Exemption | None = None


@dataclass(frozen=True)
class Change:
    """One setting, before and after."""

    label: str
    before: str
    after: str
    stricter: str


def in_words(name: str, value: Any) -> str:
    """
    >>> in_words("tolerance", 0.015), in_words("grace_seconds", 21600), in_words("routes", [])
    ('1.5 % of the rows', '6 hours', 'as notifications are set up')
    >>> in_words("severities", {"drift": "high"}), in_words("quiet_hours", "none")
    ('Drift: high', 'none')
    """
    words = WORDS.get(name)
    if words is not None:
        return words(value)
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def _severities(said: Mapping[str, str]) -> str:
    return "; ".join(f"{CAUSES[cause]}: {least}" for cause, least in said.items()) or "as found"


def _days(number: int) -> str:
    return many(number, "day")


WORDS: dict[str, Callable[[Any], str]] = {
    "tolerance": lambda share: f"{100 * share:g} % of the rows",
    "false_alarms_per_year": lambda number: f"at most {number:g} per version",
    "severities": _severities,
    "grace_seconds": duration,
    "plan_grace_seconds": lambda seconds: duration(seconds) if seconds else "none",
    "review_days": _days,
    "retention_days": _days,
    "silence_days": _days,
    "signatures": lambda number: many(number, "person", "people") if number else "by the tier",
    "routes": lambda names: ", ".join(names) or "as notifications are set up",
}


def said_in_words(said: Mapping[str, Any]) -> str:
    """What a level says, in one line.

    >>> said_in_words({"review_days": 90, "quiet_hours": "none"}), said_in_words({})
    ('Reviewed again within 90 days; quiet hours none', 'As the level above')
    """
    words = "; ".join(f"{LABELS[n].lower()} {in_words(n, said[n])}" for n in LABELS if n in said)
    return words[:1].upper() + words[1:] or "As the level above"


def held(found: Composed) -> list[Held]:
    """Every setting that holds, and why."""
    return [_held(name, found.policy, found.sources.get(name)) for name in LABELS]


def changes(before: Policy, after: Policy) -> list[Change]:
    """The settings in which two policies differ."""
    return [
        Change(
            LABELS[name],
            in_words(name, old),
            in_words(name, new),
            _direction(name, old, new),
        )
        for name in LABELS
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]


def _held(name: str, policy: Policy, source: Source | None) -> Held:
    value = in_words(name, getattr(policy, name))
    match source:
        case PolicyVersion():
            return Held(LABELS[name], value, str(source), source.pk)
        case Exemption():
            return Held(LABELS[name], value, "an exemption", exemption=source)
        case PrivacyRule():
            return Held(LABELS[name], value, str(source))
    return Held(LABELS[name], value, "the default")


def _direction(name: str, old: Any, new: Any) -> str:
    """Whether the change tightens or loosens; nothing where there is no order."""
    as_strict = ORDERS[name]
    if as_strict is None:
        return ""
    both = as_strict(old, new), as_strict(new, old)
    return {(True, False): "stricter", (False, True): "looser"}.get(both, "other")
