"""Why was I not told? A model, a column and a time; what decided, step by step."""

from datetime import UTC

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from detectors.account import Known, account_of
from governance.access import models_of
from governance.models import Model, Version

from .doors import open_to

ANSWERS = {
    "told": "You were: there is an incident.",
    "silenced": "Somebody had silenced it.",
    "inhibited": "The data themselves were broken, which comes first.",
    "no_finding": "There was nothing beyond chance and tolerance to tell of.",
    "waiting": "The window has not been examined yet.",
    "missing": "The window never arrived; that is an incident of its own.",
    "no_window": "Nothing was sent, or due, for this time.",
}
WHEN = "%Y-%m-%dT%H:%M"


class Question(forms.Form):
    """What somebody wonders about."""

    model = forms.CharField(max_length=64, label="Model")
    version = forms.CharField(max_length=64, label="Version")
    deployment = forms.CharField(max_length=64, label="Deployment")
    column = forms.CharField(max_length=300, label="Column or figure")
    at = forms.DateTimeField(
        label="When, in UTC",
        input_formats=[WHEN, "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        widget=forms.TextInput(attrs={"placeholder": "2026-01-31 14:00", "autocomplete": "off"}),
    )

    def version_of(self, models: QuerySet[Model]) -> Version | None:
        """The version, if it is among these models; else the form says so."""
        said = self.cleaned_data
        rows = Version.objects.filter(model__in=models).select_related("model")
        found = rows.filter(model__name=said["model"], name=said["version"]).first()
        if found is None:
            self.add_error("version", "There is no such version among the models that you see.")
        return found


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """The question, and if it was asked completely, the answer."""
    asked = "at" in request.GET
    form = Question(request.GET) if asked else Question(initial=request.GET.dict())
    context: dict[str, object] = {"form": form}
    if asked and form.is_valid():
        version = form.version_of(models_of(request.user))
        if version is not None:
            said = form.cleaned_data
            at = said["at"].astimezone(UTC)
            known = account_of(version, said["deployment"], said["column"], at)
            context |= {"known": known, "answer": _answer(known)}
    return render(request, "why.html", context, status=422 if form.errors else 200)


def _answer(known: list[Known]) -> str:
    """The last of the lines that decide."""
    return next(ANSWERS[each.rule] for each in reversed(known) if each.rule in ANSWERS)
