"""Which version runs where, from when until when: so which one was in force on any date.

An environment (`production`) holds one version at a time under each deployment name, the name that
the windows from there carry. What is recorded is what happened; nothing is deployed from here.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from countersign.statement import Refused
from governance.audit import entries
from governance.models import Deployment, Model, Version

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
SKEW = timedelta(minutes=5)  # of the clocks of those who tell


def start_deployment(
    version: Version, environment: str, *, actor: str, name: str = "default", since: datetime
) -> tuple[Deployment, bool]:
    """The version runs there from then on, in the place of what ran there; whether that is new.

    Raises `Refused` (`deployment.future`, `.past`, `.overlap`).
    """
    _refuse_wrong_time(since)
    with transaction.atomic():
        Model.objects.select_for_update().get(pk=version.model_id)
        place = Deployment.objects.filter(model=version.model, environment=environment, name=name)
        running = place.filter(until=None).first()
        if running and running.version_id == version.pk and running.since <= since:
            return running, False
        if place.filter(Q(since__gte=since) | Q(until__gt=since)).exists():
            raise Refused("deployment.overlap", "Something later is recorded there already.")
        if running:
            _end(running, since, actor)
        started = Deployment.objects.create(
            model=version.model,
            version=version,
            environment=environment,
            name=name,
            since=since,
            actor=actor,
        )
        entries.record(
            "deployment.started",
            actor=actor,
            version=str(version),
            environment=environment,
            deployment=name,
            since=since,
        )
    return started, True


def end_deployment(
    model: Model, environment: str, *, actor: str, name: str = "default", until: datetime
) -> Deployment:
    """Nothing runs there from then on. Raises `Refused` (`deployment.none`, `.future`, `.past`)."""
    _refuse_wrong_time(until)
    with transaction.atomic():
        Model.objects.select_for_update().get(pk=model.pk)
        running = (
            Deployment.objects.filter(model=model, environment=environment, name=name)
            .filter(until=None, since__lt=until)
            .select_related("version__model")
            .first()
        )
        if running is None:
            raise Refused("deployment.none", "Nothing was running there at that time.")
        _end(running, until, actor)
    return running


def in_force_on(model: Model, when: datetime) -> QuerySet[Deployment]:
    """What ran at that moment, by environment and deployment name."""
    return (
        Deployment.objects.filter(model=model, since__lte=when)
        .filter(Q(until=None) | Q(until__gt=when))
        .select_related("version__model")
        .order_by("environment", "name")
    )


def _end(running: Deployment, until: datetime, actor: str) -> None:
    running.until = until
    running.save(update_fields=["until"])
    entries.record(
        "deployment.ended",
        actor=actor,
        version=str(running.version),
        environment=running.environment,
        deployment=running.name,
        until=until,
    )


def _refuse_wrong_time(when: datetime) -> None:
    if when > timezone.now() + SKEW:
        raise Refused("deployment.future", "A deployment is recorded once it has happened.")
    if when < EARLIEST:
        raise Refused("deployment.past", "A deployment is not older than 1970.")
