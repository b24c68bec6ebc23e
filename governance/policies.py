"""The rules of the organisation that a statement and a window are judged by.

They are set by level: the organisation, then a business unit and those that are part of it, then a
tier, a unit's tier, and (alerts only) a model. A level may only be stricter than what is in force
above it, and what it says counts only as long as it is: if the level above tightens later, the
stricter of the two holds. Settings without an order are what the nearest level says. Rules are
never changed; a newer row replaces.

Privacy is set here, at once (`set_rules`). Alert policies go through `governance.proposals`.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import time
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from django.db import connection, transaction

from countersign.statement import Refused
from governance.audit import entries
from governance.levels import Level, Said, everything_said, newest_rules
from governance.models import Exemption, Model, PolicyVersion, PrivacyRule
from governance.policy_settings import ORDERS, Settings, graver, plain, read_settings

__all__ = ["Level", "Said", "everything_said", "newest_rules"]  # which are used from here too

TIERS = (1, 2, 3)
MECHANISMS = ("none", "discrete_laplace", "discrete_gaussian")
UNITS = ("row", "person")

SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9_. *?-]{1,64}")


@dataclass(frozen=True)
class Policy:
    """What administrators decide.

    `false_alarms_per_year`: how many false alarms a version may raise in a year (the budget).
    `tolerance`: a share that moves by less than this (0.01 is one percentage point) is nobody's
    concern, however sure it is.
    `grace_seconds`: how long after its end a window, or a shard of it, may still be on time.
    `plan_grace_seconds`: how long a superseded plan is still accepted.
    `severities`: the least severity of an incident, by its cause.
    `review_days`: the longest time from one review of a model to the next.
    `signatures`: how many people must approve a version; 0 leaves it to the tier.
    `retention_days`: how long evidence is kept at least.
    `silence_days`: how long a silence may last at most.
    `routes`: the notification routes, by name; none: as notifications are set up.
    `quiet_hours`: as 22:00-07:00, or none; `digest_at`: as 08:00; both in `timezone`.
    `versions`, `exemptions`: the ids of the policy versions and exemptions that made it.

    Privacy, which `PrivacyRule` sets:
    `min_count`: the smallest count that may cross the trust line.
    `mechanism`, `scale`: the noise that collectors add to every count.
    `unit`, `contribution`: whom the noise protects, and how many rows of a person a statement has
    at most.
    `window_seconds`: the shortest window; 0 leaves it to the baseline.
    `columns`: patterns, level by level; a column's name matches one of each level's.
    `epsilon_per_year`, `delta`: what a model's statements may give away in 365 days.
    """

    false_alarms_per_year: float = 1.0
    tolerance: float = 0.01
    min_count: int = 11
    mechanism: str = "none"
    grace_seconds: int = 6 * 3600
    plan_grace_seconds: int = 7 * 86_400
    scale: float = 0.0
    unit: str = "row"
    contribution: int = 1
    window_seconds: int = 0
    columns: tuple[tuple[str, ...], ...] = ()
    epsilon_per_year: float = 8.0
    delta: float = 1e-6
    severities: dict[str, str] = field(default_factory=dict)
    review_days: int = 365
    signatures: int = 0
    retention_days: int = 183
    silence_days: int = 30
    routes: tuple[str, ...] = ()
    quiet_hours: str = "none"
    digest_at: tuple[str, ...] = ("08:00",)
    timezone: str = "UTC"
    versions: tuple[int, ...] = ()
    exemptions: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON: what an incident says it was judged by.

        Over what holds, not over who said so: `versions` and `exemptions` are left out.
        """
        holds = {n: v for n, v in asdict(self).items() if n not in ("versions", "exemptions")}
        return hashlib.sha256(msgspec.json.encode(holds, order="sorted")).hexdigest()

    @property
    def quiet(self) -> tuple[time, time] | None:
        """When quiet hours begin and end, in `timezone`; they may go past midnight.

        >>> Policy(quiet_hours="22:00-07:00").quiet, Policy().quiet
        ((datetime.time(22, 0), datetime.time(7, 0)), None)
        """
        if self.quiet_hours == "none":
            return None
        begin, end = map(time.fromisoformat, self.quiet_hours.split("-"))
        return begin, end

    def severity_of(self, cause: str, found: str) -> str:
        """What was found, or worse if the policy says so for this cause."""
        return graver(found, self.severities.get(cause, "low"))

    def allows_column(self, name: str) -> bool:
        """Whether every level that names columns names this one."""
        return all(any(fnmatchcase(name, p) for p in patterns) for patterns in self.columns)


@dataclass(frozen=True)
class Rules:
    """What a level may say about privacy; None: as the level above."""

    min_count: int | None = None
    mechanism: str | None = None
    scale: float | None = None
    unit: str | None = None
    contribution: int | None = None
    window_seconds: int | None = None
    columns: tuple[str, ...] | None = None
    epsilon_per_year: float | None = None
    delta: float | None = None


Source = PrivacyRule | PolicyVersion | Exemption


@dataclass(frozen=True)
class Composed:
    """A policy, and for each field that somebody set, the row that set it."""

    policy: Policy
    sources: dict[str, Source]


def _noise_as_strict(above: Policy, below: Policy) -> bool:
    """Any noise is stricter than none; of one mechanism, more is. Two mechanisms don't compare."""
    if above.mechanism == "none":
        return True
    return below.mechanism == above.mechanism and below.scale >= above.scale


def _unit_as_strict(above: Policy, below: Policy) -> bool:
    """A person is more than a row; fewer rows of a person give less of them away."""
    if (above.unit, below.unit) == ("row", "person"):
        return True
    return below.unit == above.unit and below.contribution <= above.contribution


PARTS: tuple[tuple[tuple[str, ...], Callable[[Policy, Policy], bool]], ...] = (
    (("min_count",), lambda above, below: below.min_count >= above.min_count),
    (("mechanism", "scale"), _noise_as_strict),
    (("unit", "contribution"), _unit_as_strict),
    (("window_seconds",), lambda above, below: below.window_seconds >= above.window_seconds),
    (("epsilon_per_year",), lambda above, below: below.epsilon_per_year <= above.epsilon_per_year),
    (("delta",), lambda above, below: below.delta <= above.delta),
)
NAMES = tuple(field.name for field in fields(Rules))
BOUNDS: dict[str, tuple[float, float]] = {
    "min_count": (5, 1_000_000),
    "scale": (0.1, 1e6),
    "contribution": (1, 1_000_000),
    "window_seconds": (60, 400 * 86_400),
    "epsilon_per_year": (0.001, 100),
    "delta": (1e-15, 1e-3),
}


def in_force(model: Model | None = None) -> Policy:
    """The policy that judges a model now; without one, the organisation's."""
    return composed(Level() if model is None else Level.of(model)).policy


def composed(level: Level, said: Said | None = None) -> Composed:
    """What holds for a level, and which levels say so.

    `said` is `everything_said()`, for who asks of many levels or of what is only proposed.
    """
    return _compose((everything_said() if said is None else said).covering(level))


def set_rules(level: Level, rules: Rules, *, actor: str, reason: str) -> PrivacyRule:
    """Let a level say something new. Raises `Refused` (`policy.looser` and others).

    Plans follow a moment later: `detectors.reissue.follow_policy`.
    """
    _check_level(level)
    _check_values(rules)
    if not reason.strip():
        raise Refused("policy.no_reason", "Say why the policy is changed.")
    with transaction.atomic():
        lock_policies()
        _refuse_looser(level, rules)
        rule = PrivacyRule.objects.create(
            business_unit=level.business_unit,
            tier=level.tier,
            **asdict(rules),
            reason=reason.strip(),
            actor=actor,
        )
        entries.record(
            "policy.changed",
            actor=actor,
            content={"reason": rule.reason},
            rule=rule.pk,
            business_unit=level.business_unit,
            tier=level.tier,
            digest=_digest(level, rules),
            **{n: str(v) for n, v in asdict(rules).items() if v is not None and n != "columns"},
        )
    return rule


def rules_of(rule: PrivacyRule) -> Rules:
    """What a row says."""
    said = {name: getattr(rule, name) for name in NAMES}
    return Rules(**said | {"columns": None if rule.columns is None else tuple(rule.columns)})


def _compose(said: Said) -> Composed:
    """The organisation's own rules, then whatever is stricter below, then what is exempted."""
    policy = Policy()
    sources: dict[str, Source] = {}
    for rule in said.rules:
        changes, _ = _changes(Level.of(rule), policy, rules_of(rule))
        policy = replace(policy, **changes)
        sources |= dict.fromkeys(changes, rule)
    for version in said.versions:
        changes, _ = setting_changes(Level.of(version), policy, read_settings(version.said))
        policy = replace(policy, **changes)
        sources |= dict.fromkeys(changes, version)
    for exemption in said.exemptions:
        changes, _ = setting_changes(Level(), policy, read_settings(exemption.said))
        policy = replace(policy, **changes)
        sources |= dict.fromkeys(changes, exemption)
    policy = replace(
        policy,
        versions=tuple(version.pk for version in said.versions),
        exemptions=tuple(exemption.pk for exemption in said.exemptions),
    )
    return Composed(policy, sources)


def setting_changes(
    level: Level, above: Policy, settings: Settings
) -> tuple[dict[str, Any], list[str]]:
    """What settings change of the policy above, and in which of them they are looser than it."""
    changes: dict[str, Any] = {}
    looser: list[str] = []
    for name, value in plain(settings).items():
        as_strict = ORDERS[name]
        if as_strict and level != Level() and not as_strict(getattr(above, name), value):
            looser.append(name)
        else:
            changes[name] = tuple(value) if isinstance(value, list) else value
    if "severities" in changes:
        changes["severities"] = above.severities | changes["severities"]
    return changes, looser


def _changes(level: Level, above: Policy, rules: Rules) -> tuple[dict[str, Any], list[str]]:
    """What the rules change of the policy above, and in which fields they are looser than it.

    The organisation has nothing above it: what it says replaces the defaults.
    """
    changes: dict[str, Any] = {}
    looser: list[str] = []
    for names, as_strict in PARTS:
        said = {name: value for name in names if (value := getattr(rules, name)) is not None}
        if not said:
            continue
        below = replace(above, **said)
        if _fits(below) and (level == Level() or as_strict(above, below)):
            changes |= said
        else:
            looser += said
    if rules.columns is not None:
        changes["columns"] = (*above.columns, rules.columns)
    return changes, looser


def _fits(policy: Policy) -> bool:
    """Noise has a scale, and a bound on rows goes with persons."""
    noisy, personal = policy.mechanism != "none", policy.unit == "person"
    return noisy == (policy.scale > 0) and (personal or policy.contribution == 1)


def _refuse_looser(level: Level, rules: Rules) -> None:
    """Below the organisation, rules may only be stricter."""
    everything = everything_said()
    others = [rule for rule in everything.rules if Level.of(rule) != level]
    above = composed(level, replace(everything, rules=others)).policy
    said = {n: v for n, v in asdict(rules).items() if v is not None and n != "columns"}
    if not _fits(replace(above, **said)):
        raise Refused(
            "policy.value",
            "Noise has a scale above 0, no noise has 0; a bound on rows goes with persons.",
            "$.scale",
        )
    _, looser = _changes(level, above, rules)
    if looser:
        raise Refused(
            "policy.looser", f"The level above is stricter: {', '.join(looser)}.", f"$.{looser[0]}"
        )


def check_level(level: Level) -> None:
    """Raises `Refused` (`policy.level`) for what can't be a unit or a tier."""
    unit, tier = level.business_unit, level.tier
    if (unit and not SLUG.fullmatch(unit)) or tier not in (None, *TIERS):
        raise Refused("policy.level", "A unit is one short name, a tier 1, 2 or 3.", "$.level")


def _check_level(level: Level) -> None:
    check_level(level)
    if level.model:
        raise Refused("policy.level", "Privacy is set for units and tiers.", "$.level")


def _check_values(rules: Rules) -> None:
    for name, (low, high) in BOUNDS.items():
        value = getattr(rules, name)
        zero = name == "scale" and value == 0
        if value is not None and not zero and not low <= value <= high:
            raise Refused("policy.value", f"{name} lies between {low:g} and {high:g}.", f"$.{name}")
    for name, choices in (("mechanism", MECHANISMS), ("unit", UNITS)):
        if getattr(rules, name) not in (None, *choices):
            raise Refused("policy.value", f"{name} is one of {', '.join(choices)}.", f"$.{name}")
    patterns = rules.columns
    if patterns is not None and (
        not 1 <= len(patterns) <= 200 or not all(_PATTERN.fullmatch(p) for p in patterns)
    ):
        raise Refused(
            "policy.value",
            "Columns are 1 to 200 names, in which * stands for any characters and ? for one.",
            "$.columns",
        )


def _digest(level: Level, rules: Rules) -> str:
    said = asdict(level) | asdict(rules)
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def lock_policies() -> None:
    """Until the transaction ends, nobody else changes a policy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('policies', 1))")
