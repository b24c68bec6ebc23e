"""Refusals, for whoever runs the collectors: which rule, whose uploads, when, and what to do."""

from datetime import datetime, timedelta
from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema

from detectors.refusals import refusals_since

from .credentials import Bearer, caller_of
from .problems import Problem

router = Router(tags=["Refusals"], auth=Bearer("read"))

MOST = 1_000


class HourOfRefusals(Schema):
    """How often a rule refused a sender's uploads in the hour that began at `hour`.

    `sender` is as the log names it: `key:` or `token:`; empty where nobody known vouched.
    """

    rule: str
    title: str
    fix: str
    sender: str
    hour: datetime
    count: int
    last: datetime


@router.get("/refusals", response=list[HourOfRefusals])
def get_refusals(
    request: HttpRequest,
    days: Annotated[int, Query(ge=1, le=400)] = 30,
    rule: Annotated[str | None, Query(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64)] = None,
    sender: Annotated[str | None, Query(pattern=r"^[a-z]*:?[0-9a-f]*$", max_length=150)] = None,
) -> list[HourOfRefusals]:
    """The newest 1,000 hours in which something was refused; of one rule or sender, or of all.

    A key or token that is limited to models is told of its own only.
    """
    since = timezone.now() - timedelta(days=days)
    found = refusals_since(since, rule=rule, actor=sender)
    caller = caller_of(request)
    if caller.models:
        found = found.filter(actor=caller.actor)
    return [
        HourOfRefusals(
            rule=each.rule,
            title=known.title,
            fix=known.fix,
            sender=each.actor,
            hour=each.hour,
            count=each.count,
            last=each.last_at,
        )
        for each in found[:MOST]
        for known in [Problem.of(each.rule)]
    ]
