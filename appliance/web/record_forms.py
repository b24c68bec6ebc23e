"""What people write into a model's record. Each form's fields are what its verb takes."""

from datetime import UTC, datetime, time
from operator import itemgetter
from typing import Any

from django import forms

from countersign.statement import Refused
from governance.models import Model, ReviewFinding, Version
from governance.registry import dependencies_of

from .terms import DETECTORS

SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
LINE = r"^[^\x00-\x1f\x7f]*\Z"
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z"


def _slug(label: str, **options: Any) -> forms.RegexField:
    options.setdefault("error_messages", {"invalid": "One short name, without spaces."})
    return forms.RegexField(SLUG, max_length=64, label=label, **options)


def _line(label: str, most: int = 200, **options: Any) -> forms.RegexField:
    options.setdefault("error_messages", {"invalid": "One line of text."})
    return forms.RegexField(LINE, max_length=most, label=label, **options)


class Lines(forms.RegexField):
    """Several lines of text; browsers end them in their own way."""

    widget = forms.Textarea(attrs={"rows": 3})

    def to_python(self, value: Any) -> str:
        """With plain line ends."""
        return str(super().to_python(value)).replace("\r\n", "\n")


def _text(label: str, most: int = 2_000, **options: Any) -> Lines:
    return Lines(TEXT, max_length=most, label=label, **options)


def _digest(label: str, **options: Any) -> forms.RegexField:
    wrong = {"invalid": "64 hexadecimal digits, in small letters."}
    return forms.RegexField(
        r"^[0-9a-f]{64}\Z", max_length=64, label=label, error_messages=wrong, **options
    )


def _day(label: str, **options: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), **options)


def _moment(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        required=False,
        label=label,
        help_text="Leave it empty for now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class Form(forms.Form):
    """A form about one model; a refusal by a rule is shown on it."""

    def __init__(self, model: Model, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.model = model

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal, with its rule."""
        self.add_error(None, f"{refusal.detail} ({refusal.rule})")


class Sure(Form):
    """Nothing to write, only to confirm."""


class Description(Form):
    """The inventory, as far as an owner decides on it."""

    purpose = _line("Purpose", 500, required=False, help_text="What it decides, and about whom.")
    limits_of_use = _text(
        "Limits of use", required=False, help_text="What it must not be used for."
    )
    owner = _line("Owner", required=False, help_text="A user name here, or any name.")
    manager = _line("Accountable manager", required=False)
    validator = _line("Validator", required=False, help_text="Independent of its developers.")
    vendor = _line("Vendor", required=False, help_text="Empty if it was made in-house.")
    state = forms.ChoiceField(choices=Model.State.choices, label="State")
    models = _text("Depends on models", required=False, help_text="A registered name on each line.")
    sources = _text("Depends on data", required=False, help_text="A source on each line.")

    def __init__(self, model: Model, *args: Any, **options: Any) -> None:
        """What the reader saw travels with the form, so that only what they changed is changed."""
        super().__init__(model, *args, **options)
        depends = dependencies_of(model)
        for name, field in self.fields.items():
            field.show_hidden_initial = True
            said = "\n".join(depends[name]) if name in depends else getattr(model, name)
            self.initial.setdefault(name, said)

    def clean_models(self) -> list[str]:
        """A name on each line."""
        return _lines(self.cleaned_data["models"])

    def clean_sources(self) -> list[str]:
        """A source on each line."""
        sources = _lines(self.cleaned_data["sources"])
        if any(len(source) > 200 for source in sources):
            raise forms.ValidationError("A source has at most 200 characters.")
        return sources

    def changed(self) -> dict[str, Any]:
        """What the reader changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class NewVersion(Form):
    """A version by its digests, and where it comes from."""

    version = _slug("Version")
    digest = _digest("Digest", help_text="What `countersign digest` prints for the artefact.")
    manifest_digest = _digest("Manifest", required=False, help_text="Of a directory, besides.")
    code_commit = forms.RegexField(
        r"^[0-9a-f]{7,64}\Z",
        required=False,
        label="Code commit",
        error_messages={"invalid": "7 to 64 hexadecimal digits."},
    )
    training_data_digest = _digest("Digest of the training data", required=False)
    run = _slug("Training run", required=False)
    developers = _text(
        "Developers", required=False, help_text="A name on each line. They may not approve it."
    )

    def clean_developers(self) -> list[str]:
        """A name on each line."""
        return [name[:200] for name in _lines(self.cleaned_data["developers"])]


class ByName(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A choice among versions of one model, by their names."""

    def label_from_instance(self, obj: Any) -> str:
        """The version's own name."""
        return str(obj.name)


MONITORS = sorted(((slug, term.name) for slug, term in DETECTORS.items()), key=itemgetter(1))


class NewDeployment(Form):
    """A version that runs somewhere."""

    version = ByName(Version.objects.none(), to_field_name="name", label="Version")
    environment = _slug("Environment", help_text="Such as production.")
    name = _slug("Deployment", initial="default", help_text="As the windows from there call it.")
    since = _moment("Since (UTC)")

    def __init__(self, model: Model, *args: Any, **options: Any) -> None:
        super().__init__(model, *args, **options)
        versions = self.fields["version"]
        assert isinstance(versions, ByName)
        versions.queryset = model.versions.order_by("-registered_at", "-pk")


class EndedDeployment(Form):
    """When something stopped."""

    until = _moment("Until (UTC)")


class NewFinding(Form):
    """What must be mended."""

    title = _line("What must be mended?")
    severity = forms.ChoiceField(choices=ReviewFinding.Severity.choices, label="Severity")
    owner = _line("Owner", help_text="Who mends it.")
    due = _day("Due")
    text = _text("In detail", 4_000, required=False)


class Evidence(Form):
    """What shows that a finding is mended."""

    evidence = _text("What shows that it is mended?", 4_000)
    evidence_digest = _digest(
        "Digest of a document", required=False, help_text="The SHA-256 of what shows it, if any."
    )


class NewException(Form):
    """What is allowed for a time."""

    title = _line("What is allowed?")
    reason = _text("Why?")
    owner = _line("Owner", help_text="Who answers for it.")
    expires_at = _day("Until the end of (UTC)", help_text="Within a year from now.")

    def clean_expires_at(self) -> datetime:
        """The end of that day."""
        return datetime.combine(self.cleaned_data["expires_at"], time.max, UTC)


class Decision(Form):
    """A second person's word."""

    approve = forms.TypedChoiceField(
        choices=[("yes", "Agree"), ("no", "Refuse")], coerce=lambda v: v == "yes", label="Decision"
    )


class NewObjective(Form):
    """What the business wants."""

    text = _line("What does the business want of it?", 500)


class NewRequirement(Form):
    """What must hold for an objective, and how that is measured."""

    text = _line("What must hold?", 500)
    monitor = forms.ChoiceField(
        choices=MONITORS,
        initial="realised_performance",
        label="Monitor",
    )
    metric = _line("Metric", 300, help_text="As the monitor calls it, such as auc or recall.")
    at_least = forms.FloatField(required=False, label="At least")
    at_most = forms.FloatField(required=False, label="At most")


class NewModel(forms.Form):
    """A model's name and where it belongs; the rest follows on its record."""

    name = _slug("Name", help_text="What statements will carry.")
    purpose = _line("Purpose", 500, required=False, help_text="What it decides, and about whom.")
    owner = _line("Owner", required=False, help_text="A user name here, or any name.")
    business_unit = _slug("Business unit", required=False)


class When(forms.Form):
    """A date to look back to."""

    on = forms.DateTimeField(
        label="On (UTC)",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}),
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
