"""Who is told of what, when: routes, deliveries, and attempts until one succeeds.

`tell` is called in the transaction in which an incident changes; it only writes down what is due.
A job brings it later, at least once: a delivery is claimed by a conditional update that puts its
next attempt off, so a worker that dies is no loss. What belongs together has one `key` in all
attempts. A route that failed SWITCHED_OFF_AFTER times in a row is switched off, visibly.
"""

import base64
import secrets as random
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from countersign.statement import Refused
from governance import messages, policies
from governance.audit import entries
from governance.models import Attempt, Delivery, Incident, Route
from governance.outbound import Target, Unsent
from governance.policies import Policy
from governance.policy_settings import SEVERITIES

FIRST_PAUSE = timedelta(minutes=1)  # doubles with every attempt
LONGEST_PAUSE = timedelta(hours=6)
MOST_TRIES = 12
SWITCHED_OFF_AFTER = 20
AT_ONCE = 200
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"

_PEOPLE = {"opened", "reopened", "worsened"}
EVENTS = {
    Route.Kind.MAIL: _PEOPLE,
    Route.Kind.SLACK: _PEOPLE | {"resolved"},
    Route.Kind.WEBHOOK: _PEOPLE | {"acknowledged", "resolved"},
    Route.Kind.PAGERDUTY: _PEOPLE | {"acknowledged", "resolved"},
}
State, Reason = Delivery.State, Delivery.Reason


def make_route(route: Route, address: str, secret: str = "", *, actor: str) -> str:
    """A new route, not saved yet, to an address. Returns the secret of a webhook: shown once.

    Raises `Refused` (`route.address`, `route.taken`, `route.digest`).
    """
    if route.digest and route.kind not in {Route.Kind.MAIL, Route.Kind.SLACK}:
        raise Refused("route.digest", "Only mail and Slack take digests.", "$.digest")
    if route.kind == Route.Kind.WEBHOOK:
        secret = "whsec_" + base64.b64encode(random.token_bytes(32)).decode()
    route.sealed, route.shown = _address_of(route.kind, address, secret)
    try:
        with transaction.atomic():
            route.save(force_insert=True)
            entries.record(
                "route.made",
                actor=actor,
                content={"address": route.shown},
                route=route.name,
                channel=route.kind,
            )
    except IntegrityError:
        raise Refused("route.taken", "There is a route of this name.", "$.name") from None
    return secret if route.kind == Route.Kind.WEBHOOK else ""


def switch_route(route: Route, *, on: bool, actor: str) -> None:
    """Switch it on or off. What was due on it meanwhile is not sent later."""
    with transaction.atomic():
        others = Route.objects.filter(pk=route.pk, active=not on)
        changes = {"active": on, "failures": 0, "switched_off_at": None if on else timezone.now()}
        if others.update(**changes):
            _record_switch(route, on=on, actor=actor)


def test_route(route: Route, *, actor: str) -> Delivery:
    """Send a message that says it is a test, as soon as a worker is free."""
    with transaction.atomic():
        entries.record("route.tested", actor=actor, route=route.name)
        return Delivery.objects.create(route=route, event="test", due_at=timezone.now())


def tell(incident: Incident, event: str) -> None:
    """Write down for each route what becomes of this event. In the caller's transaction."""
    model = incident.version.model
    policy = policies.in_force(model)
    routes = Route.objects.filter(business_unit__in=["", model.business_unit])
    if policy.routes:
        routes = routes.filter(name__in=policy.routes)
    Delivery.objects.bulk_create(
        _delivery(route, incident, event, policy)
        for route in routes.order_by("pk")
        if event in EVENTS[Route.Kind(route.kind)]
    )


def due(now: datetime | None = None) -> list[int]:
    """Deliveries whose time has come."""
    rows = Delivery.objects.filter(state=State.WAITING, due_at__lte=now or timezone.now())
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE])


def deliver(delivery_id: int) -> bool:
    """One attempt, with all that goes into the same digest. False: somebody else is at it."""
    now = timezone.now()
    first = Delivery.objects.select_related("route").get(pk=delivery_id)
    if not first.route.active and first.incident_id:
        return _give_up(Delivery.objects.filter(pk=first.pk, state=State.WAITING))
    together = Delivery.objects.filter(pk=first.pk)
    if first.reason == Reason.DIGEST:
        together = Delivery.objects.filter(route=first.route, reason=Reason.DIGEST)
    waiting = together.filter(state=State.WAITING, due_at__lte=now)
    mine = [d for d in _with_incidents(waiting) if _claim(d, now)]
    if not mine:
        return False
    try:
        status = messages.send(mine)
    except Unsent as failure:
        _write_failure_down(mine, failure)
    except Exception as error:  # a fault of ours; its words could hold the address
        _write_failure_down(mine, Unsent(type(error).__name__[:24]))
    else:
        _write_down(mine, status)
    return True


def _with_incidents(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return rows.select_related("route", "incident__version__model").order_by("pk")[:AT_ONCE]


def _claim(delivery: Delivery, now: datetime) -> bool:
    """Put the next attempt off: it is ours until then. Long enough for any answer."""
    pause = min(FIRST_PAUSE * 2 ** min(delivery.tries, 12), LONGEST_PAUSE)
    waiting = Delivery.objects.filter(
        pk=delivery.pk, state=State.WAITING, due_at__lte=now, tries=delivery.tries
    )
    delivery.tries += 1
    return bool(waiting.update(tries=delivery.tries, due_at=now + pause))


def _write_down(mine: list[Delivery], status: int | None) -> None:
    with transaction.atomic():
        Attempt.objects.bulk_create(Attempt(delivery=d, status=status) for d in mine)
        Delivery.objects.filter(pk__in=[d.pk for d in mine]).update(
            state=State.DELIVERED, delivered_at=timezone.now()
        )
        Route.objects.filter(pk=mine[0].route_id).update(failures=0)


def _write_failure_down(mine: list[Delivery], failure: Unsent) -> None:
    over = [d.pk for d in mine if failure.final or d.tries >= MOST_TRIES]
    with transaction.atomic():
        Attempt.objects.bulk_create(
            Attempt(delivery=d, status=failure.status, error=failure.error) for d in mine
        )
        Delivery.objects.filter(pk__in=over, state=State.WAITING).update(state=State.FAILED)
        route = Route.objects.select_for_update().get(pk=mine[0].route_id)
        route.failures += 1
        route.save(update_fields=["failures"])
        if route.active and route.failures >= SWITCHED_OFF_AFTER:
            route.active, route.switched_off_at = False, timezone.now()
            route.save(update_fields=["active", "switched_off_at"])
            _record_switch(route, on=False, actor="countersign")


def _give_up(rows: QuerySet[Delivery]) -> bool:
    return bool(rows.update(state=State.NOT_SENT, reason=Reason.ROUTE_OFF))


def _delivery(route: Route, incident: Incident, event: str, policy: Policy) -> Delivery:
    """What becomes of an event on a route; the first line that holds says so."""
    now = timezone.now()
    quiet_until = end_of_quiet_hours(policy, now)
    state, reason, due_at = State.WAITING, "", now
    if not route.active:
        state, reason = State.NOT_SENT, Reason.ROUTE_OFF
    elif SEVERITIES.index(incident.severity) > SEVERITIES.index(route.least):
        state, reason = State.NOT_SENT, Reason.BELOW
    elif route.digest:
        reason, due_at = Reason.DIGEST, next_digest(policy, now)
    elif quiet_until and incident.severity != Incident.Severity.HIGH:
        reason, due_at = Reason.QUIET_HOURS, quiet_until
    return Delivery(
        route=route, incident=incident, event=event, state=state, reason=reason, due_at=due_at
    )


def end_of_quiet_hours(policy: Policy, now: datetime) -> datetime | None:
    """When the quiet hours end in which `now` lies; None outside of them.

    >>> from datetime import UTC
    >>> nights = Policy(quiet_hours="22:00-07:00", timezone="Europe/Amsterdam")
    >>> end_of_quiet_hours(nights, datetime(2026, 1, 5, 23, 0, tzinfo=UTC)).isoformat()
    '2026-01-06T07:00:00+01:00'
    >>> end_of_quiet_hours(nights, datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    """
    if policy.quiet is None:
        return None
    begin, end = policy.quiet
    here = now.astimezone(ZoneInfo(policy.timezone))
    clock = here.time()
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    return _next(here, [end]) if inside else None


def next_digest(policy: Policy, now: datetime) -> datetime:
    """The next of the policy's times.

    >>> from datetime import UTC
    >>> next_digest(Policy(digest_at=("08:00", "16:00")), datetime(2026, 1, 5, 9, tzinfo=UTC))
    datetime.datetime(2026, 1, 5, 16, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC'))
    """
    here = now.astimezone(ZoneInfo(policy.timezone))
    return _next(here, [time.fromisoformat(clock) for clock in policy.digest_at])


def _next(here: datetime, clocks: Iterable[time]) -> datetime:
    days = [here.date(), here.date() + timedelta(days=1)]
    moments = [datetime.combine(d, clock, here.tzinfo) for d in days for clock in clocks]
    return min(moment for moment in moments if moment > here)


def _address_of(kind: str, address: str, secret: str) -> tuple[bytes, str]:
    """What is sealed, and what of it may be shown. Raises `Refused` (`route.address`)."""
    if kind == Route.Kind.MAIL:
        recipients = [each.strip() for each in address.split(",") if each.strip()]
        try:
            for recipient in recipients:
                validate_email(recipient)
        except ValidationError:
            recipients = []
        if not 1 <= len(recipients) <= 20:
            raise Refused("route.address", "1 to 20 mail addresses, with commas.", "$.address")
        return messages.seal({"recipients": recipients}), ", ".join(recipients)[:300]
    url = address.strip() or (PAGERDUTY if kind == Route.Kind.PAGERDUTY else "")
    try:
        Target.of(url)
    except Unsent:
        raise Refused(
            "route.address",
            "An https:// address; http:// only to a host of COUNTERSIGN_INTERNAL_HOSTS.",
            "$.address",
        ) from None
    if kind == Route.Kind.PAGERDUTY and not secret.strip():
        raise Refused("route.address", "PagerDuty takes an integration key.", "$.secret")
    return messages.seal({"url": url, "secret": secret.strip()}), urlsplit(url).hostname or ""


def _record_switch(route: Route, *, on: bool, actor: str) -> None:
    kind = "route.switched_on" if on else "route.switched_off"
    entries.record(kind, actor=actor, route=route.name)


def troubled() -> QuerySet[Route]:
    """Routes that were switched off because they failed."""
    return Route.objects.filter(active=False, failures__gte=SWITCHED_OFF_AFTER)
