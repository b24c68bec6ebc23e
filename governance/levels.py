"""The levels at which rules are set, and everything that they say now."""

import hashlib
from dataclasses import dataclass, replace

import msgspec
from django.utils import timezone

from governance.models import BusinessUnit, Exemption, Model, PolicyVersion, PrivacyRule


@dataclass(frozen=True)
class Level:
    """The organisation (all empty), a business unit, a tier, a unit's tier, or a model.

    The level *of a model* has its unit and tier too; the level that speaks for one, only its name.
    """

    business_unit: str = ""
    tier: int | None = None
    model: str = ""

    @classmethod
    def of(cls, row: Model | PrivacyRule | PolicyVersion) -> "Level":
        """The level of a model, or the one that a row speaks for."""
        if isinstance(row, Model):
            return cls(row.business_unit, row.tier, row.name)
        model = row.model if isinstance(row, PolicyVersion) else None
        return cls(row.business_unit, row.tier, model.name if model else "")


@dataclass(frozen=True)
class Said:
    """Everything that the levels say now; `parents` are the units that are part of others."""

    rules: list[PrivacyRule]
    versions: list[PolicyVersion]
    exemptions: list[Exemption]
    parents: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: while it stays, every policy stays."""
        rows = [sorted(row.pk for row in rows) for rows in (self.rules, self.versions)]
        said = [*rows, sorted(e.pk for e in self.exemptions), sorted(self.parents.items())]
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()

    def units(self, name: str) -> tuple[str, ...]:
        """The unit and those that it is part of, the nearest first."""
        found = [name]
        while (above := self.parents.get(found[-1])) is not None and above not in found:
            found.append(above)
        return tuple(found)

    def covering(self, level: Level) -> "Said":
        """What holds for a level, the widest level first."""
        units = self.units(level.business_unit)

        def holds(row: PrivacyRule | PolicyVersion) -> bool:
            at = Level.of(row)
            here = at.business_unit in ("", *units) and at.tier in (None, level.tier)
            return here and at.model in ("", level.model)

        def width(row: PrivacyRule | PolicyVersion) -> tuple[bool, int, int]:
            at = Level.of(row)
            depth = -units.index(at.business_unit) if at.business_unit else -len(units)
            return bool(at.model), at.tier or 0, depth

        return replace(
            self,
            rules=sorted(filter(holds, self.rules), key=width),
            versions=sorted(filter(holds, self.versions), key=width),
            exemptions=[e for e in self.exemptions if e.model.name == level.model],
        )


def everything_said() -> Said:
    """What is in force now, of all levels. An exemption ends by itself: it is no longer read."""
    now = timezone.now()
    versions = PolicyVersion.objects.filter(status=PolicyVersion.Status.IN_FORCE)
    exemptions = Exemption.objects.filter(
        approved_at__isnull=False, ended_at=None, expires_at__gt=now
    )
    return Said(
        rules=newest_rules(),
        versions=list(versions.select_related("model")),
        exemptions=list(exemptions.select_related("model").order_by("pk")),
        parents=dict(BusinessUnit.objects.values_list("name", "parent")),
    )


def newest_rules() -> list[PrivacyRule]:
    """The row that speaks about privacy for each level: organisation, units, tiers, both."""
    rows = PrivacyRule.objects.order_by("business_unit", "tier", "-pk")
    newest = rows.distinct("business_unit", "tier")
    return sorted(newest, key=lambda r: (r.tier or 0, r.business_unit))
