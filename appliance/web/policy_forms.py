"""Forms about policies: what a level shall say, an exemption, where a unit belongs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from countersign.statement import Refused
from governance.policies import TIERS, Level
from governance.policy_settings import ORDERS, SEVERITIES, Settings, read_settings

from .policy_words import CAUSES

# Fields are shown in another unit than the settings are kept in: how many of one are in the other.
PER_UNIT = {"tolerance": 0.01, "grace_seconds": 3600, "plan_grace_seconds": 86_400}
LISTS = ("routes", "digest_at")
TIER_CHOICES = [("", "Every tier"), *((str(t), f"Tier {t}") for t in TIERS)]


def _text(label: str, help_text: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off"})
    return forms.CharField(
        required=False, max_length=2_000, label=label, help_text=help_text, widget=widget
    )


class SettingsForm(forms.Form):
    """Settings as people write them. What is left empty is as the level above has it."""

    false_alarms_per_year = _text("False alarms in a year", "Per version, at the most.")
    tolerance = _text(
        "Change that is nobody’s concern, in %", "A share of the rows that moves by less is fine."
    )
    grace_seconds = _text("Time of grace for a window, in hours")
    plan_grace_seconds = _text("An old plan still holds, in days")
    review_days = _text("Reviewed again within, in days")
    signatures = _text("Approvals of a version", "How many people must approve.")
    retention_days = _text("Evidence is kept at least, in days", "183 or more.")
    silence_days = _text("A silence lasts at most, in days")
    routes = _text("Notification routes", "Names, with commas between them.")
    quiet_hours = _text("Quiet hours", "As 22:00-07:00, or none.")
    digest_at = _text("Digest", "Times as 08:00, with commas between them.")
    timezone = _text("Time zone of both", "As Europe/Amsterdam.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "As the level above"), *((s, s.capitalize()) for s in SEVERITIES)]
        for cause, label in CAUSES.items():
            self.fields[f"severity_{cause}"] = forms.ChoiceField(
                required=False, choices=choices, label=f"Least severity: {label.lower()}"
            )

    def settings(self) -> Settings:
        """What is said. Raises `Refused`."""
        said = self.cleaned_data
        raw: dict[str, Any] = {n: said[n].strip() for n in ORDERS if said.get(n, "").strip()}
        for name, per_unit in PER_UNIT.items():
            if name in raw:
                raw[name] = _in_kept_unit(raw[name], per_unit)
        for name in LISTS:
            if name in raw:
                raw[name] = [part.strip() for part in raw[name].split(",")]
        severities = {c: said[f"severity_{c}"] for c in CAUSES if said.get(f"severity_{c}")}
        return read_settings(raw | ({"severities": severities} if severities else {}), text=True)

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at the field that it is about, with its rule."""
        field = refusal.path.removeprefix("$.").removeprefix("settings.")
        at = {"severities": "severity_drift"}.get(field, field)
        self.add_error(at if at in self.fields else None, f"{refusal.detail} ({refusal.rule})")


class ProposalForm(SettingsForm):
    """What one level shall say, and why."""

    business_unit = _text("Business unit", "Its short name; empty for every unit.")
    tier = forms.TypedChoiceField(
        required=False, choices=TIER_CHOICES, coerce=int, empty_value=None, label="Tier"
    )
    model = _text("Or one model", "Its name; then leave unit and tier empty.")
    reason = forms.CharField(max_length=500, label="Why", help_text="For those who decide on it.")
    field_order = ["business_unit", "tier", "model"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([*self.field_order, *(n for n in self.fields if n != "reason"), "reason"])

    def level(self) -> Level:
        """Which level it is about."""
        said = self.cleaned_data
        return Level(said["business_unit"].strip(), said["tier"], said["model"].strip())


class FileForm(forms.Form):
    """The same as a file."""

    file = forms.FileField(label="A policy file (YAML)", help_text="As docs/policies.md shows it.")


class DecisionForm(forms.Form):
    """Why it is approved or rejected."""

    reason = forms.CharField(
        required=False, max_length=500, label="Why", help_text="Needed to reject."
    )


class ReplayForm(forms.Form):
    """How far back."""

    days = forms.IntegerField(min_value=1, max_value=366, initial=90, label="Days")


class UnitForm(forms.Form):
    """Which unit is part of which."""

    unit = forms.CharField(max_length=64, label="Business unit")
    parent = forms.CharField(
        required=False, max_length=64, label="Is part of", help_text="Empty: of none."
    )


class ExemptionForm(SettingsForm):
    """What a model need not follow, until when, and who answers for it."""

    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"), label="Who answers for it"
    )
    days = forms.IntegerField(min_value=1, max_value=366, label="For how many days")
    reason = forms.CharField(max_length=500, label="Why")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [name for name, order in ORDERS.items() if order is None]:
            del self.fields[name]
        last = ("owner", "days", "reason")
        self.order_fields([*(name for name in self.fields if name not in last), *last])

    def ends(self) -> datetime:
        """When it is over."""
        return timezone.now() + timedelta(days=self.cleaned_data["days"])


def initial(level: Level, said: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """A form's first values: what a level says now.

    >>> shown = initial(Level("lending"), {"tolerance": 0.015, "severities": {"drift": "high"}})
    >>> shown["business_unit"], shown["tolerance"], shown["severity_drift"]
    ('lending', '1.5', 'high')
    """
    shown: dict[str, Any] = {
        "business_unit": level.business_unit,
        "tier": level.tier,
        "model": level.model,
        "reason": reason,
    }
    for name, value in said.items():
        if name == "severities":
            shown |= {f"severity_{cause}": least for cause, least in value.items()}
        elif name in LISTS:
            shown[name] = ", ".join(value)
        elif name in PER_UNIT:
            shown[name] = f"{value / PER_UNIT[name]:.10g}"
        else:
            shown[name] = f"{value:g}" if isinstance(value, float) else value
    return shown


def _in_kept_unit(text: str, per_unit: float) -> str:
    """A number in the unit that is kept; what is none is left for the check to refuse."""
    try:
        value = float(text) * per_unit
    except ValueError:
        return text
    return str(round(value, 9)) if per_unit < 1 else f"{value:.0f}"
