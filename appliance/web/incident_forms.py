"""What people fill in about incidents and silences."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from countersign.statement import Refused
from governance.models import Incident, Model, Route, Silence

DAYS = [(1, "1 day"), (3, "3 days"), (7, "7 days"), (14, "14 days"), (30, "30 days")]
TEXT = forms.Textarea(attrs={"rows": 3})


class Refusable(forms.Form):
    """A form at whose fields a verb's refusal can be shown."""

    def refuse(self, refusal: Refused) -> None:
        """Show what the verb said at the field that it is about, with the rule's name."""
        field = refusal.path.removeprefix("$.")
        self.add_error(
            field if field in self.fields else None, f"{refusal.detail} ({refusal.rule})"
        )


class Resolution(Refusable):
    """Why it is over."""

    verdict = forms.ChoiceField(
        choices=[("", "Choose …"), *Incident.Verdict.choices],
        label="What was it?",
        help_text="Counts in how often such incidents are right.",
        error_messages={"required": "Say what it was."},
    )
    reason = forms.CharField(
        max_length=2_000,
        label="Why is it resolved?",
        help_text="The next reader will want to know what was done.",
        widget=TEXT,
        error_messages={"required": "Say why it is resolved."},
    )


class Assignment(Refusable):
    """Who deals with it, and by when."""

    owner = forms.ModelChoiceField(queryset=User.objects.none(), label="Who", empty_label=None)
    due = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, people: QuerySet[User], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["owner"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = people

    def due_at(self) -> datetime:
        """The end of that day in UTC."""
        return datetime.combine(self.cleaned_data["due"], time(23, 59), UTC)


class Snooze(Refusable):
    """Not now."""

    days = forms.TypedChoiceField(choices=DAYS, coerce=int, label="For")
    reason = forms.CharField(max_length=500, label="Why not now?")

    def until(self) -> datetime:
        return timezone.now() + timedelta(days=self.cleaned_data["days"])


class Comment(Refusable):
    """Something for the next reader."""

    text = forms.CharField(max_length=4_000, label="Comment", widget=TEXT)


class SilenceForm(Refusable):
    """What nobody is to be told of, for how long, and why."""

    model = forms.ModelChoiceField(
        queryset=Model.objects.none(),
        required=False,
        to_field_name="name",
        label="Model",
        empty_label="Any model",
    )
    column = forms.CharField(
        max_length=100,
        required=False,
        label="Column or figure",
        help_text="Its name; * stands for any characters. Empty: any.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    cause = forms.ChoiceField(
        choices=[("", "Any cause"), *Incident.Cause.choices], required=False, label="Cause"
    )
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, label="For")
    owner = forms.ModelChoiceField(
        queryset=User.objects.none(), label="Who answers for it", empty_label=None
    )
    reason = forms.CharField(
        max_length=500, label="Why", help_text="For those who ask why they were not told."
    )

    def __init__(
        self, *args: Any, models: QuerySet[Model], people: QuerySet[User], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        for name, rows in (("model", models.order_by("name")), ("owner", people)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows

    def silence(self) -> Silence:
        """What was filled in, not made yet."""
        said = {k: self.cleaned_data[k] for k in ("model", "column", "cause", "owner", "reason")}
        ends_at = timezone.now() + timedelta(days=self.cleaned_data["days"])
        return Silence(**said, ends_at=ends_at)


class RouteForm(Refusable):
    """A channel, and what it takes."""

    name = forms.SlugField(
        max_length=64, label="Name", help_text="By which a policy names it.", widget=forms.TextInput
    )
    kind = forms.ChoiceField(choices=Route.Kind.choices, label="Channel")
    address = forms.CharField(
        max_length=2_000,
        required=False,
        label="Address",
        help_text="Mail addresses with commas, or an https:// address. Kept encrypted.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        max_length=200,
        required=False,
        label="Integration key",
        help_text="PagerDuty only. Kept encrypted, never shown.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    business_unit = forms.SlugField(
        max_length=64,
        required=False,
        label="Business unit",
        help_text="Empty: every unit.",
        widget=forms.TextInput,
    )
    least = forms.ChoiceField(
        choices=[("low", "Everything"), ("medium", "Medium and high"), ("high", "High only")],
        label="Takes",
    )
    digest = forms.BooleanField(
        required=False, label="Only as a digest", help_text="At the hour that the policy names."
    )

    def route(self) -> Route:
        """What was filled in, not made yet."""
        said = ("name", "kind", "business_unit", "least", "digest")
        return Route(**{name: self.cleaned_data[name] for name in said})
