"""The administrators' forms: what a level says about privacy, and where a model belongs."""

from dataclasses import asdict
from typing import Any

from django import forms

from appliance.privacy_card import short
from countersign.statement import Refused
from governance.policies import TIERS, Level, Rules

AS_ABOVE = ("", "As the level above")
MECHANISM_CHOICES = [
    AS_ABOVE,
    ("none", "None"),
    ("discrete_laplace", "Discrete Laplace"),
    ("discrete_gaussian", "Discrete Gaussian"),
]
UNIT_CHOICES = [AS_ABOVE, ("row", "A row"), ("person", "A person")]
TIER_CHOICES = [("", "Every tier"), *((str(t), f"Tier {t}") for t in TIERS)]
HOUR = 3600


def _number(kind: type[forms.Field], **options: Any) -> Any:
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return kind(required=False, widget=widget, **options)


class RulesForm(forms.Form):
    """What one level says. What is left empty is as the level above has it."""

    business_unit = forms.CharField(
        required=False,
        max_length=64,
        label="Business unit",
        help_text="Its short name. Leave it empty for the whole organisation.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    tier = forms.TypedChoiceField(
        required=False, choices=TIER_CHOICES, coerce=int, empty_value=None, label="Tier"
    )
    min_count = _number(
        forms.IntegerField, label="Smallest count", help_text="Fewer rows than this are not told."
    )
    mechanism = forms.ChoiceField(required=False, choices=MECHANISM_CHOICES, label="Noise")
    scale = _number(
        forms.FloatField,
        label="Scale of the noise",
        help_text="Laplace scale or Gaussian sigma, in rows. 0 for no noise.",
    )
    unit = forms.ChoiceField(required=False, choices=UNIT_CHOICES, label="The noise protects")
    contribution = _number(
        forms.IntegerField,
        label="Rows of a person",
        help_text="At most so many in a statement; the collector drops what goes beyond.",
    )
    window_hours = _number(
        forms.FloatField, label="Shortest window, in hours", help_text="168 is a week."
    )
    columns = forms.CharField(
        required=False,
        max_length=20_000,
        label="Columns that may be counted",
        help_text="A name on each line; * stands for any characters. Empty: as the level above.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    epsilon_per_year = _number(
        forms.FloatField,
        label="Epsilon in 365 days",
        help_text="What a model’s noised statements may give away. Then they are refused.",
    )
    delta = _number(forms.FloatField, label="Delta", help_text="Such as 1e-6.")
    reason = forms.CharField(max_length=500, label="Why", help_text="For those who read the log.")

    def level(self) -> Level:
        """Which level it is about."""
        return Level(self.cleaned_data["business_unit"], self.cleaned_data["tier"])

    def rules(self) -> Rules:
        """What it says."""
        said = self.cleaned_data
        hours = said["window_hours"]
        patterns = tuple(line.strip() for line in said["columns"].splitlines() if line.strip())
        return Rules(
            min_count=said["min_count"],
            mechanism=said["mechanism"] or None,
            scale=said["scale"],
            unit=said["unit"] or None,
            contribution=said["contribution"],
            window_seconds=None if hours is None else round(hours * HOUR),
            columns=patterns or None,
            epsilon_per_year=said["epsilon_per_year"],
            delta=said["delta"],
        )

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at the field that it is about, with its rule."""
        name = {"window_seconds": "window_hours", "level": "business_unit"}.get(
            field := refusal.path.removeprefix("$."), field
        )
        self.add_error(name if name in self.fields else None, f"{refusal.detail} ({refusal.rule})")


def initial(level: Level, rules: Rules) -> dict[str, Any]:
    """A form's first values: what a level says now.

    >>> shown = initial(Level("lending"), Rules(window_seconds=5400, delta=1e-6))
    >>> shown["business_unit"], shown["window_hours"], shown["delta"], shown["scale"]
    ('lending', '1.5', '1e-6', '')
    """
    shown = asdict(level) | asdict(rules)
    seconds = shown.pop("window_seconds")
    shown["window_hours"] = None if seconds is None else seconds / HOUR
    shown["columns"] = "\n".join(rules.columns or ())
    return {
        name: "" if value is None else short(value, 15) if isinstance(value, float) else value
        for name, value in shown.items()
    }


class PlaceForm(forms.Form):
    """Which unit a model belongs to, and how much it matters."""

    business_unit = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
        required=False,
        max_length=64,
        label="Business unit",
        help_text="Its short name, or nothing.",
        error_messages={"invalid": "One short name, without spaces."},
    )
    tier = forms.TypedChoiceField(
        required=False,
        choices=[("", "Not given"), *TIER_CHOICES[1:]],
        coerce=int,
        empty_value=None,
        label="Tier",
        help_text="1 matters most.",
    )
