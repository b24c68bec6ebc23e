"""A model's record: what is known of it, what ran when, what is asked, wrong and allowed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from appliance import inventory
from countersign.statement import Refused
from governance import access, changes, deployments
from governance.models import Change, Deployment, Model, ModelException, ReviewFinding

from .doors import find_model, open_to
from .objectives import Aim, Asked, aims
from .people import names_of
from .record_acts import ACTS, Act
from .record_forms import Description, Form, When
from .timeline import timeline
from .words import NONE, listed, many

SHOWN = 50  # rows of a table
BY_NAME = {act.name: act for act in ACTS}


@dataclass(frozen=True)
class Offer:
    """An act that the reader may do here, with its form and where it is sent."""

    act: Act
    form: Form
    address: str


@dataclass(frozen=True)
class Desk:
    """What the reader may do with the model; `bad` is the form of theirs that was refused."""

    model: Model
    allowed: frozenset[str]
    bad: tuple[str, int, Form] | None = None

    def offer(self, name: str, number: int = 0) -> Offer | None:
        """The act's form, if the reader may do it: empty, or as it was refused."""
        act = BY_NAME[name]
        if act.action not in self.allowed:
            return None
        form = act.form(self.model, auto_id=_ids(act, number))
        if self.bad and self.bad[:2] == (name, number):
            form = self.bad[2]
        given = {"number": number} if number else {}
        return Offer(act, form, reverse(name, kwargs={"model": self.model.name, **given}))

    def offers(self, names: Iterable[str], number: int) -> list[Offer]:
        """Those of these acts that the reader may do."""
        return [offer for name in names if (offer := self.offer(name, number))]


@dataclass(frozen=True)
class Changed:
    """One change: each field's name, what stood there before, and after."""

    change: Change
    fields: list[tuple[str, str, str]]
    who: str


@require_safe
@open_to("model.see")
def show(request: HttpRequest, model: str) -> HttpResponse:
    """The record of a model."""
    return _page(request, find_model(request, model))


@require_safe
@open_to("model.see")
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The inventory of the models that the person sees, as a file; the log says who took it."""
    write, kind = {
        "csv": (inventory.as_csv, "text/csv"),
        "json": (inventory.as_json, "application/json"),
    }[form]
    text = write(inventory.rows(access.models_of(request.user)))
    inventory.note_export(text, form, actor=f"user:{request.user.pk}")
    disposition = {"Content-Disposition": f'attachment; filename="inventory.{form}"'}
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers=disposition)


def _act(act: Act) -> Callable[..., HttpResponse]:
    """The view that does one act."""

    @require_POST
    @open_to(act.action)
    def do(request: HttpRequest, model: str, number: int = 0) -> HttpResponse:
        found = find_model(request, model)
        access.demand(request.user, act.action, found)
        form = act.form(found, request.POST, auto_id=_ids(act, number))
        if form.is_valid():
            told = form.changed() if isinstance(form, Description) else form.cleaned_data
            try:
                act.verb(request.user, found, number, told)  # type: ignore[arg-type]
            except Refused as refusal:
                form.refuse(refusal)
            else:
                return redirect(f"{reverse('record', args=[found.name])}#{act.section}")
        return _page(request, found, (act.name, number, form), status=422)

    return do


URLS: list[URLPattern] = [
    path("inventory.csv", export, {"form": "csv"}, name="inventory-csv"),
    path("inventory.json", export, {"form": "json"}, name="inventory-json"),
    path("inventory/<str:model>/", show, name="record"),
    *(path(f"inventory/<str:model>/{act.place}", _act(act), name=act.name) for act in ACTS),
]


def _page(
    request: HttpRequest,
    model: Model,
    bad: tuple[str, int, Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    [row] = inventory.rows(Model.objects.filter(pk=model.pk))
    desk = Desk(model, access.actions_with(request.user, model), bad)
    approved = changes.last_approval(model)
    happened = changes.since(model, approved or model.registered_at)
    versions = model.versions.prefetch_related("developers").order_by("-registered_at", "-pk")
    context = {
        "model": model,
        "row": row,
        "answer": _answer(row),
        "dependants": [d.model for d in model.dependants.select_related("model")],
        "approved": approved,
        "happened": happened,
        "small": sum(happened.values()),
        "offers": {
            act.name.replace("-", "_"): desk.offer(act.name)
            for act in ACTS
            if "number" not in act.place
        },
        "versions": versions[:SHOWN],
        "deployments": _deployments(desk),
        **_looked_back(request, model),
        "findings": _findings(desk),
        "exceptions": _exceptions(desk),
        "aims": _aims(desk),
        "changes": _changes(model),
        "timeline": timeline(model),
    }
    return render(request, "record.html", context, status=status)


def _answer(row: inventory.Row) -> str:
    """Whether anything is to be done, in a sentence.

    >>> at = datetime(2026, 1, 1)
    >>> row = inventory.Row("loans", "in_use", "", 1, "", "", "", "", "", "", "", [], [], at, None,
    ...     [inventory.InForce("production", "default", "2", at)], 2, 1, 0, 0)
    >>> _answer(row)
    'Version 2 runs in production. 2 findings are open, 1 of them overdue.'
    """
    runs = listed([f"version {f.version} runs in {f.environment}" for f in row.in_force])
    sentences = [runs[:1].upper() + runs[1:] if runs else "No deployment is recorded"]
    if row.open_findings:
        overdue = f", {row.overdue_findings} of them overdue" if row.overdue_findings else ""
        sentences.append(many(row.open_findings, "finding is", "findings are") + f" open{overdue}")
    if row.exceptions_in_force:
        held = many(row.exceptions_in_force, "exception holds", "exceptions hold")
        sentences.append(held)
    return ". ".join(sentences) + "."


def _looked_back(request: HttpRequest, model: Model) -> dict[str, Any]:
    """What was in force when the reader asks for."""
    form = When(request.GET if "on" in request.GET else None, auto_id="when-%s")
    if not form.is_valid():
        return {"when": form}
    on: datetime = form.cleaned_data["on"]
    return {"when": form, "on": on, "then": deployments.in_force_on(model, on)}


def _deployments(desk: Desk) -> list[tuple[Deployment, Offer | None]]:
    rows = desk.model.deployments.select_related("version").order_by("-since", "-pk")[:SHOWN]
    return [(row, None if row.until else desk.offer("end-deployment", row.pk)) for row in rows]


def _findings(desk: Desk) -> list[tuple[ReviewFinding, Offer | None]]:
    rows = desk.model.findings.select_related("version", "closed_by")
    ordered = rows.order_by(F("closed_at").desc(nulls_first=True), "due", "pk")[:SHOWN]
    return [(f, None if f.closed_at else desk.offer("close-finding", f.pk)) for f in ordered]


def _exceptions(desk: Desk) -> list[tuple[ModelException, str, list[Offer]]]:
    rows = desk.model.exceptions.select_related("requested_by", "decided_by").order_by("-pk")
    return [(e, *_standing(desk, e)) for e in rows[:SHOWN]]


def _standing(desk: Desk, exception: ModelException) -> tuple[str, list[Offer]]:
    """How an exception stands, in words, and what the reader may do about it."""
    if exception.approved is False:
        return "refused", []
    if exception.ended_at:
        return "ended", []
    if exception.expires_at <= timezone.now():
        return "expired", []
    if exception.approved:
        return "in force", desk.offers(["end-exception"], exception.pk)
    return "waits for a second person", desk.offers(
        ["decide-exception", "end-exception"], exception.pk
    )


def _aims(desk: Desk) -> list[tuple[Aim, list[tuple[Asked, Offer | None]], list[Offer]]]:
    return [
        (
            aim,
            [(a, desk.offer("retire-requirement", a.requirement.pk)) for a in aim.asked],
            desk.offers(["set-requirement", "retire-objective"], aim.objective.pk),
        )
        for aim in aims(desk.model)
    ]


def _changes(model: Model) -> list[Changed]:
    rows = list(model.changes.order_by("-at", "-pk")[:SHOWN])
    names = names_of(row.actor for row in rows)
    return [Changed(row, _fields(row), names[row.actor]) for row in rows]


def _fields(change: Change) -> list[tuple[str, str, str]]:
    return [
        (name.replace("_", " "), _told(change.before.get(name)), _told(after))
        for name, after in sorted(change.after.items())
    ]


def _told(value: Any) -> str:
    """
    >>> _told(["a", "b"]), _told(None), _told(1)
    ('a, b', '–', '1')
    """
    if isinstance(value, list):
        value = ", ".join(value)
    return NONE if value in (None, "") else str(value)


def _ids(act: Act, number: int) -> str:
    """The ids of a form's fields, of which a page may have several of a kind."""
    return f"{act.name}-{number}-%s"
