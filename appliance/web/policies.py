"""Which policy holds for which model and why; what waits for approval; exemptions and units."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from countersign.statement import Refused
from governance import access, exemptions, policies, units
from governance.levels import Said, everything_said
from governance.models import BusinessUnit, Exemption, Model, PolicyVersion
from governance.policies import Level

from . import privacy
from .doors import find_model, open_to
from .people import person_of
from .policy_forms import ExemptionForm, UnitForm
from .policy_words import Held, held, said_in_words
from .words import many

PER_PAGE = 50
SHOWN = 30


@dataclass(frozen=True)
class Line:
    """A policy version, or an exemption, with what it says."""

    row: PolicyVersion | Exemption
    said: str


@dataclass(frozen=True)
class Followed:
    """A model, how many of its settings some level sets, and whether it is exempted."""

    model: Model
    levels: str
    exempted: int


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """All of it on one page."""
    return _page(request, UnitForm())


@require_safe
@open_to("model.see")
def show_model(request: HttpRequest, model: str) -> HttpResponse:
    """What holds for a model, setting by setting, and who said so."""
    return _model_page(request, find_model(request, model), ExemptionForm())


@require_POST
@open_to("exception.request")
def exempt(request: HttpRequest, model: str) -> HttpResponse:
    """Ask that a model need not follow some settings."""
    found, form = find_model(request, model), ExemptionForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            exemptions.request_exemption(
                found,
                form.settings(),
                owner=said["owner"],
                expires_at=form.ends(),
                reason=said["reason"],
                by=person_of(request),
            )
        except Refused as refusal:
            _let_denials_out(refusal)
            form.refuse(refusal)
        else:
            messages.success(request, "The exemption waits for a second person’s approval.")
            return redirect("model-policy", model)
    return _model_page(request, found, form, status=422)


@require_POST
@open_to("model.see")
def decide_exemption(request: HttpRequest, number: int) -> HttpResponse:
    """Approve an exemption, or end it."""
    rows = Exemption.objects.filter(model__in=access.models_of(request.user))
    exemption = get_object_or_404(rows.select_related("model"), pk=number)
    verb = {"approve": exemptions.approve_exemption, "end": exemptions.end_exemption}.get(
        request.POST.get("verb", "")
    )
    try:
        if verb:
            verb(exemption, by=person_of(request))
    except Refused as refusal:
        _let_denials_out(refusal)
        messages.error(request, f"{refusal.detail} ({refusal.rule})")
    return redirect("model-policy", exemption.model.name)


@require_POST
@open_to("model.place")
def place_unit(request: HttpRequest) -> HttpResponse:
    """Make a unit part of another one."""
    form = UnitForm(request.POST)
    if form.is_valid():
        unit, parent = form.cleaned_data["unit"], form.cleaned_data["parent"]
        try:
            units.place_unit(unit, parent, by=person_of(request))
        except Refused as refusal:
            _let_denials_out(refusal)
            form.add_error("parent", f"{refusal.detail} ({refusal.rule})")
        else:
            return redirect("policies")
    return _page(request, form, status=422)


def seen(request: HttpRequest) -> list[PolicyVersion]:
    """The versions that the person may see, the newest first: the organisation's, their units'."""
    held_in = access.units(request.user, "model.see")
    everything = access.EVERYWHERE in held_in
    rows = PolicyVersion.objects.select_related("model", "proposed_by", "decided_by")
    return [v for v in rows.order_by("-pk") if everything or _unit(v) in held_in | {""}]


def _unit(version: PolicyVersion) -> str | None:
    if version.model is None:
        return version.business_unit
    return version.model.business_unit or None  # a model of no unit is seen by those of all


def _page(request: HttpRequest, form: UnitForm, status: int = 200) -> HttpResponse:
    said = everything_said()
    versions = seen(request)
    waiting = [v for v in versions if v.status == PolicyVersion.Status.PROPOSED]
    in_force = [v for v in versions if v.status == PolicyVersion.Status.IN_FORCE]
    models = access.models_of(request.user).order_by("name")
    page = Paginator(models, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "answer": f"{many(len(waiting), 'proposal')} to decide on"
        if waiting
        else f"{many(len(in_force), 'policy', 'policies')} in force, nothing to decide on"
        if in_force
        else "The defaults hold: no policy says otherwise",
        "waiting": [Line(v, said_in_words(v.said)) for v in waiting],
        "in_force": [Line(v, said_in_words(v.said)) for v in sorted(in_force, key=str)],
        "defaults": held(policies.composed(Level(), said)),
        "page": page,
        "models": [_followed(model, said) for model in page.object_list],
        "history": [v for v in versions if v not in waiting and v not in in_force][:SHOWN],
        "units": BusinessUnit.objects.order_by("parent", "name"),
        "form": form,
        "proposes": access.may(request.user, "policy.propose"),
        "places": access.may(request.user, "model.place", access.EVERYWHERE),
    }
    return render(request, "policies.html", context, status=status)


def _followed(model: Model, said: Said) -> Followed:
    policy = policies.composed(Level.of(model), said).policy
    names = [str(v) for v in said.versions if v.pk in policy.versions]
    return Followed(model, "; ".join(names) or "the defaults", len(policy.exemptions))


def _model_page(
    request: HttpRequest, model: Model, form: ExemptionForm, status: int = 200
) -> HttpResponse:
    found = policies.composed(Level.of(model))
    rows = list(model.exemptions.select_related("owner", "requested_by", "approved_by"))
    unit = model.business_unit
    context = {
        "model": model,
        "digest": found.policy.digest,
        "held": held(found),
        "privacy": [Held(h.name, h.value, h.source) for h in privacy.held(found)],
        "exemptions": [Line(e, said_in_words(e.said)) for e in reversed(rows)],
        "acting": found.policy.exemptions,
        "form": form if access.may(request.user, "exception.request", unit) else None,
        "approves": access.may(request.user, "exception.approve", unit),
        "requests": access.may(request.user, "exception.request", unit),
        "proposes": access.may(request.user, "policy.propose", unit),
    }
    return render(request, "model_policy.html", context, status=status)


def _let_denials_out(refusal: Refused) -> None:
    """The page's door says those."""
    if refusal.rule == "access.denied":
        raise refusal
