"""What a level may say in an alert policy: each setting, its bounds, and which value is stricter.

A setting with an order may only become stricter below the organisation. One without an order, such
as where notifications go, is what the nearest level says. `ORDERS` is the one table of which is
which; docs/policies.md shows it. (What a level may say about privacy is in `policies.Rules`.)
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from countersign.statement import Refused
from governance.models import Incident

SEVERITIES = ("high", "medium", "low")  # worst first
DAY = 86_400

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
Clock = Annotated[str, Meta(pattern=rf"^{_CLOCK}\Z")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one level says; null, or left out: as the level above."""

    false_alarms_per_year: (
        Annotated[float, Meta(ge=0.1, le=52, description="a version's budget, at the most")] | None
    ) = None
    tolerance: (
        Annotated[float, Meta(ge=0.001, le=0.2, description="a smaller change of a share is fine")]
        | None
    ) = None
    severities: (
        Annotated[
            dict[Incident.Cause, Incident.Severity],
            Meta(description="the least severity of an incident, by its cause"),
        ]
        | None
    ) = None
    grace_seconds: (
        Annotated[int, Meta(ge=60, le=30 * DAY, description="a window may come so much later")]
        | None
    ) = None
    plan_grace_seconds: (
        Annotated[int, Meta(ge=0, le=90 * DAY, description="so much longer an old plan holds")]
        | None
    ) = None
    review_days: (
        Annotated[int, Meta(ge=1, le=1826, description="from one review of a model to the next")]
        | None
    ) = None
    signatures: (
        Annotated[int, Meta(ge=1, le=9, description="people who must approve a version")] | None
    ) = None
    retention_days: (
        Annotated[int, Meta(ge=183, le=36_525, description="evidence is kept at least so long")]
        | None
    ) = None
    silence_days: (
        Annotated[int, Meta(ge=1, le=90, description="a silence lasts at most so long")] | None
    ) = None
    routes: (
        Annotated[
            tuple[Name, ...],
            Meta(min_length=1, max_length=20, description="notification routes, by name"),
        ]
        | None
    ) = None
    quiet_hours: (
        Annotated[
            str,
            Meta(
                pattern=rf"^(none|{_CLOCK}-{_CLOCK})\Z",
                description="what is not urgent waits until they end: 22:00-07:00, or none",
            ),
        ]
        | None
    ) = None
    digest_at: (
        Annotated[
            tuple[Clock, ...],
            Meta(min_length=1, max_length=6, description="when the digest is sent, as 08:00"),
        ]
        | None
    ) = None
    timezone: (
        Annotated[str, Meta(min_length=1, max_length=64, description="of quiet hours and digests")]
        | None
    ) = None


def _severities_as_strict(above: Mapping[str, str], below: Mapping[str, str]) -> bool:
    return all(
        SEVERITIES.index(severity) <= SEVERITIES.index(above.get(cause, "low"))
        for cause, severity in below.items()
    )


def _no_more(above: float, below: float) -> bool:
    return below <= above


def _no_less(above: float, below: float) -> bool:
    return below >= above


# None: without an order; the nearest level that says something holds.
ORDERS: dict[str, Callable[[Any, Any], bool] | None] = {
    "false_alarms_per_year": _no_more,
    "tolerance": _no_more,
    "severities": _severities_as_strict,
    "grace_seconds": _no_more,
    "plan_grace_seconds": _no_more,
    "review_days": _no_more,
    "signatures": _no_less,
    "retention_days": _no_less,
    "silence_days": _no_more,
    "routes": None,
    "quiet_hours": None,
    "digest_at": None,
    "timezone": None,
}


def graver(one: str, other: str) -> str:
    """The worse of two severities.

    >>> graver("low", "high"), graver("medium", "low")
    ('high', 'medium')
    """
    return min(one, other, key=SEVERITIES.index)


def read_settings(raw: object, *, text: bool = False) -> Settings:
    """Settings from plain values, or from `text` that stands for them.

    Raises `Refused` (`policy.unknown_field`, `policy.value`, `policy.time`) with the path; never
    with what was sent.
    """
    if not isinstance(raw, Mapping) or not set(raw) <= set(ORDERS):
        raise Refused(
            "policy.unknown_field",
            f"Settings have these fields: {', '.join(ORDERS)}.",
            "$.settings",
        )
    try:
        settings = msgspec.convert(dict(raw), Settings, strict=not text)
    except (msgspec.ValidationError, OverflowError) as error:
        raise _out_of_bounds(_field_of(str(error))) from None
    for name in ("false_alarms_per_year", "tolerance"):
        value = getattr(settings, name)
        if value is not None and not math.isfinite(value):
            raise _out_of_bounds(name)
    _check_times(settings)
    return settings


def plain(settings: Settings) -> dict[str, Any]:
    """What is said, as plain values: what is kept, hashed and written to a file.

    >>> plain(Settings(tolerance=0.02, digest_at=("08:00",)))
    {'tolerance': 0.02, 'digest_at': ['08:00']}
    """
    said = msgspec.to_builtins(settings)
    return {n: list(v) if isinstance(v, tuple) else v for n, v in said.items()}


def _check_times(settings: Settings) -> None:
    quiet = settings.quiet_hours
    if quiet and quiet != "none" and len(set(quiet.split("-"))) == 1:
        raise Refused("policy.time", "Quiet hours begin and end at two times.", _at("quiet_hours"))
    if settings.digest_at and len(set(settings.digest_at)) < len(settings.digest_at):
        raise Refused("policy.time", "Each time of a digest is named once.", _at("digest_at"))
    if settings.timezone is not None:
        try:
            ZoneInfo(settings.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused(
                "policy.time", "A time zone is named as Europe/Amsterdam.", _at("timezone")
            ) from None


def _field_of(message: str) -> str:
    """The field that msgspec's message is about; its other words may hold what was sent.

    >>> _field_of("Invalid enum value 'x' - at `$.severities[...]`"), _field_of("Expected `object`")
    ('severities', '')
    """
    found = re.findall(r"`\$\.([a-z_]+)[^`]*`$", message)
    return found[0] if found and found[0] in ORDERS else ""


def _out_of_bounds(name: str) -> Refused:
    rule = "policy.time" if name in {"quiet_hours", "digest_at", "timezone"} else "policy.value"
    return Refused(rule, f"{BOUNDS.get(name, 'A value is not a possible one.')}", _at(name))


def _at(name: str) -> str:
    return f"$.settings.{name}" if name else "$.settings"


BOUNDS = {
    "false_alarms_per_year": "From 0.1 to 52 false alarms in a year.",
    "tolerance": "A share from 0.001 to 0.2.",
    "severities": f"For each of {', '.join(Incident.Cause.values)}: {', '.join(SEVERITIES)}.",
    "grace_seconds": "From 60 to 2592000 whole seconds.",
    "plan_grace_seconds": "From 0 to 7776000 whole seconds.",
    "review_days": "From 1 to 1826 whole days.",
    "signatures": "From 1 to 9 people.",
    "retention_days": "From 183 to 36525 whole days.",
    "silence_days": "From 1 to 90 whole days.",
    "routes": "1 to 20 short names of routes.",
    "quiet_hours": "Two times as 22:00-07:00, or none.",
    "digest_at": "1 to 6 times as 08:00.",
    "timezone": "A time zone is named as Europe/Amsterdam.",
}
