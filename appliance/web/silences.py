"""Silences: what nobody is told of now, on whose word; and how one is made, after a preview."""

from collections import Counter
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from countersign.statement import Refused
from governance import access, silences
from governance.access import EVERYWHERE, models_of
from governance.models import Sighting, Silence

from .doors import open_to
from .incident_forms import SilenceForm
from .people import actor_of, names_of
from .sightings import Held, held, in_words
from .words import many

SHOWN = 50
PREVIEWED = 8


@dataclass(frozen=True)
class Line:
    """One silence with who made it, how much it has held back, and the newest of that."""

    silence: Silence
    who: str
    number: int
    held: list[Held]
    may_lift: bool


@dataclass(frozen=True)
class Preview:
    """What a silence would have held back in the last 30 days."""

    answer: str
    held: list[Held]
    more: int


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """Those in force, then those that are over."""
    return _page(request, _form(request) if _makes(request) else None)


@require_POST
@open_to("silence.make")
def make(request: HttpRequest) -> HttpResponse:
    """First a preview; then, if it was wanted, the silence."""
    form = _form(request, filled=True)
    if not form.is_valid():
        return _page(request, form, status=422)
    silence = form.silence()
    _demand(request, silence)
    try:
        silences.check(silence)
        if "make" not in request.POST:
            return _page(request, form, preview=_preview(request, silence))
        silences.make_silence(silence, actor=actor_of(request))
    except Refused as refusal:
        form.refuse(refusal)
        return _page(request, form, status=422)
    messages.success(request, "The silence holds from now on. It ends by itself.")
    return redirect("silences")


@require_POST
@open_to("silence.make")
def lift(request: HttpRequest, number: int) -> HttpResponse:
    """End it now."""
    seen = Q(model=None) | Q(model__in=models_of(request.user))
    silence = get_object_or_404(Silence.objects.select_related("model").filter(seen), pk=number)
    _demand(request, silence)
    silences.lift_silence(silence, actor=actor_of(request))
    return redirect("silences")


def _page(
    request: HttpRequest,
    form: SilenceForm | None,
    preview: Preview | None = None,
    status: int = 200,
) -> HttpResponse:
    models = models_of(request.user)
    rows = Silence.objects.filter(model=None) | Silence.objects.filter(model__in=models)
    shown = list(rows.select_related("model", "owner").order_by("-starts_at", "-pk")[:SHOWN])
    names = names_of(silence.actor for silence in shown)
    held_back = Counter(
        Sighting.objects.filter(silence__in=shown, version__model__in=models).values_list(
            "silence", flat=True
        )
    )
    lines = [
        Line(
            silence=s,
            who=names[s.actor],
            number=held_back[s.pk],
            held=held(s.sightings.filter(version__model__in=models)) if s.lasts else [],
            may_lift=_may(request, s),
        )
        for s in shown
    ]
    in_force = [x for x in lines if x.silence.lasts]
    context = {
        "form": form,
        "preview": preview,
        "in_force": in_force,
        "over": [x for x in lines if x not in in_force],
        "answer": many(len(in_force), "silence holds.", "silences hold.")
        if in_force
        else "Nothing is silenced.",
    }
    return render(request, "silences.html", context, status=status)


def _preview(request: HttpRequest, silence: Silence) -> Preview:
    seen = set(models_of(request.user).values_list("pk", flat=True))
    hidden = [s for s in silences.would_hide(silence) if s.version.model_id in seen]
    told = {s.incident_id for s in hidden if s.fate == Sighting.Fate.TOLD}
    answer = (
        f"In the last 30 days it would have held back {many(len(hidden), 'finding')}, "
        f"{many(len(told), 'incident')} among them."
        if hidden
        else "In the last 30 days it would have held back nothing."
    )
    return Preview(answer, in_words(hidden[:PREVIEWED]), max(0, len(hidden) - PREVIEWED))


def _form(request: HttpRequest, *, filled: bool = False) -> SilenceForm:
    named = ("model", "column", "cause")
    asked = {name: request.GET[name] for name in named if name in request.GET}
    return SilenceForm(
        request.POST if filled else None,
        models=models_of(request.user, "silence.make"),
        people=access.people_who_may("silence.make"),
        initial={"owner": request.user.pk, "days": 7} | asked,
    )


def _makes(request: HttpRequest) -> bool:
    return access.may(request.user, "silence.make")


def _may(request: HttpRequest, silence: Silence) -> bool:
    """A silence about no model in particular takes a role that counts everywhere."""
    unit = silence.model.business_unit if silence.model else EVERYWHERE
    return access.may(request.user, "silence.make", unit)


def _demand(request: HttpRequest, silence: Silence) -> None:
    if not _may(request, silence):
        raise Refused("access.denied", "A silence about every model takes a role in every unit.")
