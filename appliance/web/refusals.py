"""What was refused at the door: by which rule, from whom, when, and how to mend it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from appliance.api.problems import Problem
from detectors.models import Refusal
from detectors.refusals import refusals_since

from .doors import open_to
from .people import names_of
from .words import day

PERIODS = {"1": "Last day", "7": "Last 7 days", "30": "Last 30 days", "365": "Last year"}
STRANGER = "Nobody known"
MOST = 20_000  # counters that a page adds up


@dataclass(frozen=True)
class Sender:
    """Whose uploads a rule refused, how often, and when last."""

    name: str
    count: int
    last: datetime


@dataclass(frozen=True)
class Ruled:
    """One rule: what it means, what to do, and whose uploads it refused."""

    rule: str
    problem: Problem
    count: int
    last: datetime
    senders: Sequence[Sender]


@dataclass(frozen=True)
class Day:
    """One day: how much was refused, and by which rules most."""

    day: str
    count: int
    rules: str


@require_safe
@open_to("refusal.see")
def show(request: HttpRequest) -> HttpResponse:
    """Refusals of a period, by rule and sender, and by day."""
    asked = request.GET.get("days", "")
    days = asked if asked in PERIODS else "30"
    found = list(refusals_since(timezone.now() - timedelta(days=int(days)))[:MOST])
    names = names_of(each.actor for each in found if each.actor) | {"": STRANGER}
    context = {
        "periods": PERIODS.items(),
        "days": days,
        "total": sum(each.count for each in found),
        "rules": _by_rule(found, names),
        "by_day": _by_day(found),
    }
    return render(request, "refusals.html", context)


def _by_rule(found: Iterable[Refusal], names: dict[str, str]) -> list[Ruled]:
    """The rule that refused most first."""
    rules: dict[str, list[Refusal]] = defaultdict(list)
    for each in found:
        rules[each.rule].append(each)
    ruled = [
        Ruled(
            rule=rule,
            problem=Problem.of(rule),
            count=sum(each.count for each in rows),
            last=max(each.last_at for each in rows),
            senders=_by_sender(rows, names),
        )
        for rule, rows in rules.items()
    ]
    return sorted(ruled, key=lambda each: (-each.count, each.rule))


def _by_sender(found: Iterable[Refusal], names: dict[str, str]) -> list[Sender]:
    actors: dict[str, list[Refusal]] = defaultdict(list)
    for each in found:
        actors[each.actor].append(each)
    senders = [
        Sender(names[actor], sum(e.count for e in rows), max(e.last_at for e in rows))
        for actor, rows in actors.items()
    ]
    return sorted(senders, key=lambda sender: -sender.count)


def _by_day(found: Iterable[Refusal]) -> list[Day]:
    """The newest day first."""
    days: dict[datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in found:
        midnight = each.hour.replace(hour=0, minute=0, second=0, microsecond=0)
        days[midnight][each.rule] += each.count
    return [
        Day(day(at), sum(rules.values()), ", ".join(f"{r} {n:,}" for r, n in _most(rules)))
        for at, rules in sorted(days.items(), reverse=True)
    ]


def _most(rules: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(rules.items(), key=lambda each: -each[1])[:3]
