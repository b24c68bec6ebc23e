"""What protects the people in the data: the policy, each model's ledger and its privacy card."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from appliance.privacy_card import MECHANISMS, Card, card_of, short
from countersign.statement import Refused
from detectors import reissue
from governance import access, ledger, policies, registry, zcdp
from governance.models import Loss, Model, PrivacyRule
from governance.policies import Composed, Level, Policy

from .doors import find_model, open_to
from .people import actor_of, names_of
from .privacy_forms import PlaceForm, RulesForm, initial
from .words import count, day, duration, share

PER_PAGE = 50
SHOWN = 20  # of the history, of a ledger

FIELDS = {
    "min_count": "Smallest count",
    "mechanism": "Noise",
    "scale": "Scale of the noise",
    "unit": "The noise protects",
    "contribution": "Rows of a person",
    "window_seconds": "Shortest window",
    "columns": "Columns",
    "epsilon_per_year": "Epsilon in 365 days",
    "delta": "Delta",
}


@dataclass(frozen=True)
class Held:
    """One field of a policy: what holds, and who said so."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class Change:
    """One row of the history."""

    rule: PrivacyRule
    who: str
    said: str


@dataclass(frozen=True)
class Line:
    """One model in the table."""

    model: Model
    protection: str
    spent: str
    left: str


@dataclass(frozen=True)
class Spent:
    """One statement in a model's ledger."""

    loss: Loss
    epsilon: str


@require_http_methods(["GET", "HEAD", "POST"])
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """What is in force, at which level and since when; policy administrators change it here."""
    if request.method != "POST":
        return _page(request, RulesForm(initial=_said_now(request)))
    access.demand(request.user, "privacy.set")
    form = RulesForm(request.POST)
    if form.is_valid():
        access.demand(request.user, "privacy.set", unit=form.level().business_unit)
        try:
            policies.set_rules(
                form.level(),
                form.rules(),
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            reissue.follow_policy()
            return redirect("privacy")
    return _page(request, form, status=422)


@require_safe
@open_to("model.see")
def show_model(request: HttpRequest, model: str) -> HttpResponse:
    """A model's privacy card and ledger."""
    return _model_page(request, find_model(request, model))


@require_POST
@open_to("model.place")
def place_model(request: HttpRequest, model: str) -> HttpResponse:
    """Put a model into a unit and a tier; its plans follow."""
    found = find_model(request, model)
    access.demand(request.user, "model.place", found)
    form = PlaceForm(request.POST)
    if not form.is_valid():
        return _model_page(request, found, form, status=422)
    access.demand(request.user, "model.place", unit=form.cleaned_data["business_unit"])
    registry.place_model(found, **form.cleaned_data, actor=actor_of(request))
    reissue.follow_policy()
    return redirect("model-privacy", model)


def _said_now(request: HttpRequest) -> dict[str, Any]:
    """What the level that was asked for says now: a change starts from there."""
    unit, tier = request.GET.get("business_unit", ""), request.GET.get("tier", "")
    asked = Level(unit, int(tier) if tier in map(str, policies.TIERS) else None)
    of_level = [r for r in _seen(request, policies.newest_rules()) if Level.of(r) == asked]
    return initial(asked, policies.rules_of(of_level[0]) if of_level else policies.Rules())


def _seen(request: HttpRequest, rules: Iterable[PrivacyRule]) -> list[PrivacyRule]:
    """The rules that hold for the person's units, those of the organisation among them."""
    held = access.units(request.user, "model.see")
    everything = access.EVERYWHERE in held
    return [r for r in rules if everything or not r.business_unit or r.business_unit in held]


def _page(request: HttpRequest, form: RulesForm, status: int = 200) -> HttpResponse:
    everything = policies.everything_said()
    rules = everything.rules
    pages = Paginator(access.models_of(request.user).order_by("name"), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    organisation = policies.composed(Level(), everything)
    history = _seen(request, PrivacyRule.objects.order_by("-pk"))[:SHOWN]
    names = names_of(rule.actor for rule in history)
    context = {
        "form": form,
        "held": held(organisation),
        "grace": duration(organisation.policy.plan_grace_seconds),
        "below": [Change(r, "", said(r)) for r in _seen(request, rules) if Level.of(r) != Level()],
        "page": page,
        "lines": _lines(page.object_list, everything),
        "history": [Change(rule, names[rule.actor], said(rule)) for rule in history],
    }
    return render(request, "privacy.html", context, status=status)


def _model_page(
    request: HttpRequest, model: Model, form: PlaceForm | None = None, status: int = 200
) -> HttpResponse:
    card = card_of(model, timezone.now())
    losses = Loss.objects.filter(model=model).order_by("-reserved_at", "-pk")[:SHOWN]
    delta = card.in_force.policy.delta
    context = {
        "model": model,
        "places": access.may(request.user, "model.place", model.business_unit),
        "card": card,
        "held": held(card.in_force),
        "figures": _figures(card),
        "losses": [Spent(x, f"{zcdp.epsilon_of(x.rho / ledger.UNIT, delta):.3g}") for x in losses],
        "form": form or PlaceForm({"business_unit": model.business_unit, "tier": model.tier}),
    }
    return render(request, "model_privacy.html", context, status=status)


def _figures(card: Card) -> list[tuple[str, str, str]]:
    """The ledger in a few figures; none without noise."""
    if card.claim is None:
        return []
    standing, policy = card.standing, card.in_force.policy
    rate = standing.per_day * 365 / standing.limit if standing.limit else 0
    runs_out = "never" if standing.runs_out is None else day(standing.runs_out)
    return [
        ("Spent", share(standing.share), f"{count(standing.statements)} statements in 365 days"),
        ("Left", share(max(0.0, 1 - standing.share)), f"of epsilon {policy.epsilon_per_year:g}"),
        ("Runs out", runs_out, f"at this rate: {share(rate, 0)} of the limit in a year"),
        (
            "Epsilon so far",
            f"{standing.epsilon:.3g}",
            f"at delta {short(policy.delta)}; a window alone {card.claim.epsilon_per_window:.3g}",
        ),
    ]


def _lines(models: Iterable[Model], said: policies.Said) -> list[Line]:
    models = list(models)
    spent = ledger.spent_by_model(models, timezone.now())
    return [_line(m, policies.composed(Level.of(m), said).policy, spent) for m in models]


def _line(model: Model, policy: Policy, spent: dict[int, int]) -> Line:
    if policy.mechanism == "none":
        merged = f"cells below {policy.min_count} are merged; no noise"
        return Line(model, merged, "–", "–")
    gone = spent.get(model.pk, 0) / ledger.limit_of(policy)
    noise = f"{MECHANISMS[policy.mechanism]}, scale {policy.scale:g}, per {policy.unit}"
    return Line(model, noise, share(gone), share(max(0.0, 1 - gone)))


def held(found: Composed) -> list[Held]:
    """Each field in words: its value, and the level that set it."""
    policy = found.policy
    unsaid: tuple[str, ...] = ("contribution",) if policy.unit == "row" else ()
    if policy.mechanism == "none":
        unsaid = ("scale", "unit", "contribution")
    return [
        Held(
            label,
            in_words(name, getattr(policy, name)),
            str(found.sources[name]) if name in found.sources else "the default",
        )
        for name, label in FIELDS.items()
        if name not in unsaid
    ]


def said(rule: PrivacyRule) -> str:
    """What a row says, in one line.

    >>> said(PrivacyRule(min_count=20, delta=1e-7)), said(PrivacyRule())
    ('Smallest count 20; delta 1e-7', 'As the level above')
    """
    rules = asdict(policies.rules_of(rule))
    parts = [
        f"{label.lower()} {in_words(name, rules[name])}"
        for name, label in FIELDS.items()
        if rules[name] is not None
    ]
    words = "; ".join(parts)
    return words[:1].upper() + words[1:] or "As the level above"


def in_words(name: str, value: Any) -> str:
    """
    >>> in_words("window_seconds", 604800), in_words("window_seconds", 0), in_words("delta", 1e-6)
    ('7 days', 'as the baseline says', '1e-6')
    >>> in_words("columns", ()), in_words("columns", ("age*", "risk"))
    ('any', 'age*, risk')
    """
    match name, value:
        case "mechanism", str():
            return MECHANISMS.get(value, value)
        case "unit", str():
            return f"a {value}"
        case "window_seconds", int():
            return duration(value) if value else "as the baseline says"
        case "columns", tuple():
            return _patterns(value)
    return short(value) if isinstance(value, float) else str(value)


def _patterns(value: tuple[Any, ...]) -> str:
    """A level's own patterns, or those of several levels."""
    if not value:
        return "any"
    levels = value if isinstance(value[0], tuple) else (value,)
    return ", and among them ".join(", ".join(patterns) for patterns in levels)
