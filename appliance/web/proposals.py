"""One policy version: what it changes, what it would have done, and who decides on it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from countersign.statement import Refused
from detectors import jobs
from detectors import replay as replays
from governance import access, policies, proposals
from governance.levels import Level, everything_said
from governance.models import Model, PolicyVersion, Replay
from governance.policy_files import LARGEST, read_file, write_file

from .doors import open_to
from .people import person_of
from .policies import seen
from .policy_forms import DecisionForm, FileForm, ProposalForm, ReplayForm, initial
from .policy_words import CAUSES, Change, changes, said_in_words
from .words import day, many


@dataclass(frozen=True)
class Incident:
    """An incident that a replay gained, lost or changed."""

    model: str
    version: str
    deployment: str
    cause: str
    title: str
    severity: str
    since: str
    then: str
    number: int | None


@dataclass(frozen=True)
class Row:
    """One model in the replay's table."""

    model: str
    now: int
    then: int
    gained: int
    lost: int
    changed: int
    note: str


@dataclass(frozen=True)
class Replayed:
    """A replay's answer, its table, its lists."""

    replay: Replay
    answer: str
    check: str
    rows: list[Row]
    gained: list[Incident]
    lost: list[Incident]
    changed: list[Incident]
    done: int


@require_safe
@open_to("model.see")
def show(request: HttpRequest, number: int) -> HttpResponse:
    """The version, for as long as the appliance lives."""
    return _page(request, _version(request, number))


@require_safe
@open_to("model.see")
def download(request: HttpRequest, number: int) -> HttpResponse:
    """The version as the file that proposes it."""
    text = write_file(_version(request, number))
    name = f'attachment; filename="policy-{number}.yaml"'
    return HttpResponse(
        text, content_type="application/yaml; charset=utf-8", headers={"Content-Disposition": name}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@open_to("policy.propose")
def write(request: HttpRequest) -> HttpResponse:
    """Write a proposal; the form starts from what the level says now, or from another proposal."""
    earlier = _instead_of(request)
    if request.method != "POST":
        return _form_page(request, ProposalForm(initial=_first_values(request, earlier)), earlier)
    form = ProposalForm(request.POST)
    if form.is_valid():
        try:
            version = proposals.propose(
                form.level(),
                form.settings(),
                by=person_of(request),
                reason=form.cleaned_data["reason"],
                instead_of=earlier,
            )
        except Refused as refusal:
            if refusal.rule == "access.denied":
                raise
            form.refuse(refusal)
        else:
            return redirect("policy", version.pk)
    return _form_page(request, form, earlier, status=422)


@require_POST
@open_to("policy.propose")
def upload(request: HttpRequest) -> HttpResponse:
    """Propose what a file says."""
    form = FileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            level, settings, reason = read_file(form.cleaned_data["file"].read(LARGEST + 1))
            version = proposals.propose(level, settings, by=person_of(request), reason=reason)
        except Refused as refusal:
            if refusal.rule == "access.denied":
                raise
            where = f" {refusal.path}:" if refusal.path != "$" else ""
            form.add_error("file", f"{refusal.rule}:{where} {refusal.detail}")
        else:
            return redirect("policy", version.pk)
    return _form_page(request, ProposalForm(), None, form, status=422)


@require_POST
@open_to("policy.propose")
def start_replay(request: HttpRequest, number: int) -> HttpResponse:
    """Let a worker find out what the proposal would have done."""
    version, form = _version(request, number), ReplayForm(request.POST)

    def start() -> None:
        asked = replays.start(version, form.cleaned_data["days"], by=person_of(request))
        with suppress(OperationalError):  # without a broker, the sweep finds it
            jobs.replay_policy.delay(asked.pk)

    if form.is_valid():
        _said_if_refused(request, start)
    else:
        messages.error(request, "A replay goes back from 1 to 366 days.")
    return redirect("policy", number)


@require_POST
@open_to("policy.propose")
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Approve, reject or withdraw."""
    version, form, by = _version(request, number), DecisionForm(request.POST), person_of(request)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    verbs: dict[str, Callable[[], None]] = {
        "approve": lambda: proposals.approve(version, by=by, reason=reason),
        "reject": lambda: proposals.reject(version, by=by, reason=reason),
        "withdraw": lambda: proposals.withdraw(version, by=by),
    }
    if verb := verbs.get(request.POST.get("verb", "")):
        _said_if_refused(request, verb)
    return redirect("policy", number)


def _said_if_refused(request: HttpRequest, verb: Callable[[], None]) -> None:
    try:
        verb()
    except Refused as refusal:
        if refusal.rule == "access.denied":
            raise
        messages.error(request, f"{refusal.detail} ({refusal.rule})")


def _version(request: HttpRequest, number: int) -> PolicyVersion:
    """One that the person may see. Raises `Http404`."""
    visible = PolicyVersion.objects.filter(pk__in=[v.pk for v in seen(request)])
    rows = visible.select_related("model", "proposed_by", "decided_by", "replaces")
    return get_object_or_404(rows, pk=number)


def _instead_of(request: HttpRequest) -> PolicyVersion | None:
    asked = request.POST.get("instead_of", "") or request.GET.get("instead_of", "")
    return _version(request, int(asked[:9])) if asked.isdecimal() else None


def _first_values(request: HttpRequest, earlier: PolicyVersion | None) -> dict[str, Any]:
    if earlier:
        return initial(Level.of(earlier), earlier.said, earlier.reason)
    tier = request.GET.get("tier", "")
    level = Level(
        request.GET.get("business_unit", ""),
        int(tier) if tier in map(str, policies.TIERS) else None,
        request.GET.get("model", ""),
    )
    now = next((v for v in seen(request) if v.status == "in_force" and Level.of(v) == level), None)
    return initial(level, now.said if now else {})


def _form_page(
    request: HttpRequest,
    form: ProposalForm,
    earlier: PolicyVersion | None,
    file: FileForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "file": file or FileForm(), "earlier": earlier}
    return render(request, "policy_form.html", context, status=status)


def _page(request: HttpRequest, version: PolicyVersion) -> HttpResponse:
    unit = version.model.business_unit if version.model else version.business_unit
    asked = version.replays.order_by("-pk").first()
    context = {
        "version": version,
        "said": said_in_words(version.said),
        "changes": _changes(version),
        "waits": version.status == PolicyVersion.Status.PROPOSED,
        "replayed": _replayed(asked, request) if asked else None,
        "replay_form": ReplayForm(),
        "decision_form": DecisionForm(),
        "mine": version.proposed_by_id == request.user.pk,
        "proposes": access.may(request.user, "policy.propose", unit),
        "approves": access.may(request.user, "policy.approve", unit),
    }
    return render(request, "policy.html", context)


def _changes(version: PolicyVersion) -> list[Change]:
    """What the level's policy was with what this replaced, and what it is with this."""
    said, level = everything_said(), Level.of(version)
    about = Level.of(version.model) if version.model else level
    others = [v for v in said.versions if Level.of(v) != level]
    earlier = [version.replaces] if version.replaces else []
    before, after = (
        policies.composed(about, replace(said, versions=others + own, exemptions=[])).policy
        for own in (earlier, [version])
    )
    return changes(before, after)


def _replayed(asked: Replay, request: HttpRequest) -> Replayed:
    visible = access.models_of(request.user)
    results = asked.results.filter(model__in=visible).select_related("model")
    found = [(r.model, r.found) for r in results.order_by("model__name")]
    sums = {n: sum(f["numbers"][n] for _, f in found) for n in ("gained", "lost", "changed")}
    real, again = (sum(f[name] for _, f in found) for name in ("real", "again"))
    days = (asked.until - asked.since).days
    return Replayed(
        replay=asked,
        answer=f"In the last {many(days, 'day')} it would have told of "
        f"{many(sums['gained'], 'incident')} more and {sums['lost']} fewer.",
        check=f"{many(real, 'incident was', 'incidents were')} really opened in that time; the "
        f"replay of the policy in force tells {again} of them again.",
        rows=[_row(model, f) for model, f in found],
        gained=[_incident(m, i) for m, f in found for i in f["gained"]],
        lost=[_incident(m, i) for m, f in found for i in f["lost"]],
        changed=[_incident(m, i) for m, f in found for i in f["changed"]],
        done=asked.results.count(),
    )


def _row(model: Model, found: dict[str, Any]) -> Row:
    note = "the proposal changes nothing here" if found["same"] else ""
    if found["cut"]:
        note = "only the newest part of a long past"
    return Row(model.name, found["now"], found["then"], **found["numbers"], note=note)


def _incident(model: Model, row: dict[str, Any]) -> Incident:
    return Incident(
        model=model.name,
        version=row["version"],
        deployment=row["deployment"],
        cause=CAUSES[row["cause"]],
        title=row["title"],
        severity=row["severity"],
        since=day(datetime.fromisoformat(row["start"])),
        then=_then(row) if "severity_then" in row else "",
        number=row["incident"],
    )


def _then(row: dict[str, Any]) -> str:
    """What a changed incident would have been."""
    severity, start = row["severity_then"], row["start_then"]
    told = [f"{severity} instead of {row['severity']}"] if severity != row["severity"] else []
    if start != row["start"]:
        told.append(f"from the window of {day(datetime.fromisoformat(start))} on")
    return ", ".join(told)
