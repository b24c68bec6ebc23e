"""The rules of the organisation that a statement and a window are judged by.

Privacy is set by level: the organisation, then a business unit, then a tier. A level may only be
stricter than what is in force above it, and what it says counts only as long as it is: if the level
above tightens later, the stricter of the two holds. Rules are never changed; a newer row replaces.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from django.db import connection, transaction

from countersign.statement import Refused
from governance.audit import entries
from governance.models import Model, PrivacyRule

TIERS = (1, 2, 3)
MECHANISMS = ("none", "discrete_laplace", "discrete_gaussian")
UNITS = ("row", "person")

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9_. *?-]{1,64}")


@dataclass(frozen=True)
class Policy:
    """What administrators decide.

    `false_alarms_per_year`: how many false alarms a version may raise in a year (the budget).
    `tolerance`: a share that moves by less than this (0.01 is one percentage point) is nobody's
    concern, however sure it is.
    `grace_seconds`: how long after its end a window, or a shard of it, may still be on time.
    `plan_grace_seconds`: how long a superseded plan is still accepted.

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

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON: what an incident says it was judged by."""
        return hashlib.sha256(msgspec.json.encode(asdict(self), order="sorted")).hexdigest()

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


@dataclass(frozen=True)
class Level:
    """The organisation (neither unit nor tier), a business unit, a tier, or a unit's tier."""

    business_unit: str = ""
    tier: int | None = None

    @classmethod
    def of(cls, row: Model | PrivacyRule) -> "Level":
        """The level of a model, or the one that a row speaks for."""
        return cls(row.business_unit, row.tier)

    def covers(self, other: "Level") -> bool:
        """Whether what this level says holds for the other one too."""
        return self.business_unit in ("", other.business_unit) and self.tier in (None, other.tier)


@dataclass(frozen=True)
class Composed:
    """A policy, and for each field that some level set, the row that set it."""

    policy: Policy
    sources: dict[str, PrivacyRule]


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


def composed(level: Level, rules: Iterable[PrivacyRule] | None = None) -> Composed:
    """What holds for the models of a level, and which levels say so.

    `rules` are `newest_rules()`, for who asks of many levels.
    """
    rules = newest_rules() if rules is None else rules
    return _compose(rule for rule in rules if Level.of(rule).covers(level))


def newest_rules() -> list[PrivacyRule]:
    """The row that speaks for each level: organisation, units, tiers, tiers of units."""
    rows = PrivacyRule.objects.order_by("business_unit", "tier", "-pk")
    newest = rows.distinct("business_unit", "tier")
    return sorted(newest, key=lambda r: (r.tier or 0, r.business_unit))


def set_rules(level: Level, rules: Rules, *, actor: str, reason: str) -> PrivacyRule:
    """Let a level say something new. Raises `Refused` (`policy.looser` and others).

    Plans follow a moment later: `detectors.reissue.follow_policy`.
    """
    _check_level(level)
    _check_values(rules)
    if not reason.strip():
        raise Refused("policy.no_reason", "Say why the policy is changed.")
    with transaction.atomic():
        _lock_policies()
        _refuse_looser(level, rules)
        rule = PrivacyRule.objects.create(
            **asdict(level), **asdict(rules), reason=reason.strip(), actor=actor
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


def _compose(rules: Iterable[PrivacyRule]) -> Composed:
    """The organisation's own rules, then whatever is stricter below."""
    policy = Policy()
    sources: dict[str, PrivacyRule] = {}
    for row in rules:
        changes, _ = _changes(Level.of(row), policy, rules_of(row))
        policy = replace(policy, **changes)
        sources |= dict.fromkeys(changes, row)
    return Composed(policy, sources)


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
    covering = [r for r in newest_rules() if Level.of(r).covers(level) and Level.of(r) != level]
    above = _compose(covering).policy
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


def _check_level(level: Level) -> None:
    unit, tier = level.business_unit, level.tier
    if (unit and not _SLUG.fullmatch(unit)) or tier not in (None, *TIERS):
        raise Refused("policy.level", "A unit is one short name, a tier 1, 2 or 3.", "$.level")


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


def _lock_policies() -> None:
    """Until the transaction ends, nobody else changes a policy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('policies', 1))")
