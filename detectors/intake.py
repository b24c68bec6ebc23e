"""Accept statements: the only writer of Statement, Baseline, Window, Part and Event.

Everything is parsed and checked before the one transaction that keeps a statement and its log
entry together. Inside, the row that the statement is about is locked first; only then is it asked
whether the same bytes came already. So of the same bytes sent twice at once, one is accepted and
the other gets its receipt.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, QuerySet
from kombu.exceptions import OperationalError

from countersign import statement as wire
from countersign.checks import check_outcomes, check_window
from countersign.statement import Refused, digest_of
from detectors import charges, firewall, plans
from detectors.admission import (
    CLOCK_SKEW,
    FIRST_REPLAY,
    baseline_under,
    check_period,
    check_reference,
    is_late,
)
from detectors.jobs import examine_window
from detectors.models import Baseline, Event, Monitor, Part, Statement, Window
from detectors.monitors import monitors_for
from governance import ledger, policies, registry
from governance.audit import entries
from governance.incidents import SYSTEM
from governance.models import Model, Version
from governance.senders import Caller

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upload:
    """A statement's bytes as they came, and who vouches for them.

    `signatures` are the envelope's, each with `keyid` and `sig`; none if a bearer token vouched.
    """

    payload: bytes
    signatures: list[dict[str, str]]
    caller: Caller
    received: datetime

    @cached_property
    def digest(self) -> str:
        return digest_of(self.payload)


@dataclass(frozen=True)
class Receipt:
    """What the sender may later show: the statement's digest and its entry in the log."""

    digest: str
    kind: str
    entry: int
    received: datetime
    new: bool


def accept_baseline(upload: Upload, version: Version) -> Receipt:
    """Keep a version's reference; issue the plan and make the monitors that follow from it."""
    if receipt := _receipt(upload, "baseline"):
        return receipt
    subject, baseline = _read(upload, wire.Baseline)
    if subject.name != str(version):
        raise Refused("baseline.other_version", "The address names another version.", "$.subject")
    _refuse_other_digest(subject, version)
    policy = policies.in_force(version.model)
    check_reference(baseline, policy, upload.received)
    for tally in (baseline.total, *(span.tally for span in baseline.windows)):
        charges.check_noised(tally, baseline.privacy, "$.predicate")
    _refuse_other_spelling(upload, baseline, version)

    with transaction.atomic(durable=True):
        _lock(version)
        if receipt := _receipt(upload, "baseline"):
            return receipt
        last = version.baselines.aggregate(last=Max("revision"))["last"]
        _refuse_not_above(last, baseline.revision, "baseline.conflict")
        loss = _reserve(upload, "baseline", version, charges.of_baseline(baseline), policy)
        statement = _keep(upload, "baseline", version, loss)
        row = Baseline.objects.create(
            version=version,
            revision=baseline.revision,
            statement=statement,
            window_seconds=baseline.window_seconds,
            accepted_at=upload.received,
        )
        Monitor.objects.bulk_create(
            Monitor(baseline=row, detector=detector, columns=columns)
            for detector, columns in monitors_for(baseline).items()
        )
        plans.issue_plan(row, baseline, policy, issued=upload.received, actor=upload.caller.actor)
        return _receipt_of(statement, new=True)


def accept_window(upload: Upload) -> Receipt:
    """Keep the counts of one shard of a window; a complete window is examined at once."""
    if receipt := _receipt(upload, "window"):
        return receipt
    subject, window = _read(upload, wire.Window)
    version = _version_of(upload, subject, window)
    policy = policies.in_force(version.model)
    baseline = baseline_under(window.plan, version, policy, upload.received)
    plan = plans.read_plan(window.plan)
    check_window(window, plan)
    charges.check_noised(window.tally, plan.privacy, "$.predicate.tally")
    check_period(window, plan, policy, upload.received)
    _refuse_other_spelling(upload, window, version)

    with transaction.atomic(durable=True):
        row = _locked_window(baseline, window, policy, upload.received)
        if receipt := _receipt(upload, "window"):
            return receipt
        if (row.shards, row.replay) != (window.shards, window.replay):
            raise Refused(
                "window.shards_differ",
                "Every shard of a window tells the same number of shards and the same replay mark.",
                "$.predicate.shards",
            )
        last = _last_revision(row, Part.Kind.COUNTS, window.shard)
        _refuse_not_above(last, window.revision, "window.conflict")
        loss = _reserve(upload, "window", version, charges.of_window(plan), policy)
        statement = _keep(upload, "window", version, loss)
        row.parts.create(
            kind=Part.Kind.COUNTS,
            shard=window.shard,
            revision=window.revision,
            statement=statement,
        )
        if last is None and is_late(window, policy, upload.received):
            row.late = True
            entries.record("window.late", actor=SYSTEM, window=row.pk, statement=upload.digest)
        _advance(row, upload.received)
        return _receipt_of(statement, new=True)


def accept_outcomes(upload: Upload) -> Receipt:
    """Keep what is known of a window's labels. They may come years later, under its baseline."""
    if receipt := _receipt(upload, "outcomes"):
        return receipt
    subject, outcomes = _read(upload, wire.Outcomes)
    version = _version_of(upload, subject, outcomes)
    policy = policies.in_force(version.model)
    baseline = baseline_under(outcomes.plan, version, policy, upload.received, by_baselines=False)
    plan = plans.read_plan(outcomes.plan)
    check_outcomes(outcomes, plan)
    _refuse_other_spelling(upload, outcomes, version)

    with transaction.atomic(durable=True):
        row = _lock_window(baseline, outcomes)
        if row is None:
            raise Refused("outcomes.unknown_window", "There are no counts of this window.")
        if receipt := _receipt(upload, "outcomes"):
            return receipt
        last = _last_revision(row, Part.Kind.LABELS, 0)
        _refuse_not_above(last, outcomes.revision, "outcomes.conflict")
        loss = _reserve(upload, "outcomes", version, charges.of_outcomes(plan), policy)
        statement = _keep(upload, "outcomes", version, loss)
        row.parts.create(kind=Part.Kind.LABELS, revision=outcomes.revision, statement=statement)
        _advance(row, upload.received)
        return _receipt_of(statement, new=True)


def accept_event(upload: Upload) -> Receipt:
    """Keep something that happened around a version."""
    if receipt := _receipt(upload, "event"):
        return receipt
    subject, event = _read(upload, wire.Event)
    version = _version_of(upload, subject, event)
    if not FIRST_REPLAY <= event.at <= upload.received + CLOCK_SKEW:
        raise Refused("event.time", "An event lies between 1990 and now.", "$.predicate.at")
    _refuse_other_spelling(upload, event, version)

    with transaction.atomic(durable=True):
        _lock(version)
        if receipt := _receipt(upload, "event"):
            return receipt
        statement = _keep(upload, "event", version)
        Event.objects.create(
            version=version, statement=statement, kind=event.kind, at=event.at, label=event.label
        )
        return _receipt_of(statement, new=True)


def find_receipt(digest: str, among: QuerySet[Model]) -> Receipt:
    """The receipt of an accepted statement about one of these models.

    Raises `Refused` (`receipt.unknown`).
    """
    mine = Statement.objects.filter(version__model__in=among)
    statement = mine.defer("payload").filter(digest=digest).first()
    if statement is None:
        raise Refused("receipt.unknown", "No statement with this digest was accepted.")
    return _receipt_of(statement, new=False)


def _read(upload: Upload, kind: type[wire.P]) -> tuple[wire.Subject, wire.P]:
    """The statement, once the firewall has nothing against its text."""
    firewall.refuse_content(upload.payload)
    return wire.decode(upload.payload, kind)


def _refuse_other_spelling(upload: Upload, predicate: wire.Predicate, version: Version) -> None:
    """The bytes are kept as they came: blanks, the order of keys and endless digits could hide any
    text. So of all ways to write a statement one is taken, the library's.
    """
    if wire.encode(predicate, version.digest) != upload.payload:
        raise Refused(
            "statement.not_canonical",
            "A statement is written in one way: without blanks, fields in the schema's order, "
            "other keys sorted, defaults left out, numbers and times in their shortest form.",
        )


def _receipt(upload: Upload, kind: str) -> Receipt | None:
    same = Statement.objects.defer("payload").filter(digest=upload.digest, kind=kind).first()
    return _receipt_of(same, new=False) if same else None


def _receipt_of(statement: Statement, *, new: bool) -> Receipt:
    return Receipt(statement.digest, statement.kind, statement.entry, statement.received_at, new)


def _reserve(
    upload: Upload, kind: str, version: Version, charge: charges.Charge, policy: policies.Policy
) -> int:
    """Set a statement's privacy loss aside, before it is kept. The last lock of a transaction."""
    if charge.rho == 0:
        return 0
    return ledger.reserve(
        version.model, upload.digest, kind, rho=charge.rho, policy=policy, at=upload.received
    )


def _keep(upload: Upload, kind: str, version: Version, loss: int = 0) -> Statement:
    """The log entry, with the privacy loss if there is any, and the statement itself, verbatim."""
    facts: dict[str, Any] = {"loss": loss} if loss else {}
    entry = entries.record(
        f"{kind}.accepted",
        actor=upload.caller.actor,
        version=str(version),
        statement=upload.digest,
        **facts,
    )
    return Statement.objects.create(
        digest=upload.digest,
        kind=kind,
        version=version,
        sender=upload.caller.sender,
        payload=upload.payload,
        signatures=upload.signatures,
        received_at=upload.received,
        entry=entry.pk,
    )


def _version_of(upload: Upload, subject: wire.Subject, predicate: wire.Predicate) -> Version:
    upload.caller.demand_model(predicate.model)
    version = registry.find_version(predicate.model, predicate.version)
    _refuse_other_digest(subject, version)
    return version


def _refuse_other_digest(subject: wire.Subject, version: Version) -> None:
    if subject.digest.get("sha256") != version.digest:
        raise Refused(
            "version.digest_mismatch",
            "The subject's digest is the one under which the version is registered.",
            "$.subject[0].digest.sha256",
        )


def _lock(version: Version) -> None:
    Version.objects.select_for_update(no_key=True).get(pk=version.pk)


def _lock_window(baseline: Baseline, about: wire.Window | wire.Outcomes) -> Window | None:
    return (
        Window.objects.select_for_update(no_key=True)
        .filter(baseline=baseline, deployment=about.deployment, start=about.start, end=about.end)
        .first()
    )


def _locked_window(
    baseline: Baseline, window: wire.Window, policy: policies.Policy, received: datetime
) -> Window:
    """The window's row, locked; made if it is the first shard. Others wait for it here."""
    made = Window(
        baseline=baseline,
        deployment=window.deployment,
        start=window.start,
        end=window.end,
        shards=window.shards,
        replay=window.replay,
        late=False,
        received_at=received,
        generation=0,
        ready_at=received + timedelta(seconds=policy.grace_seconds),
    )
    _lock_deployment(baseline, window.deployment)
    _refuse_overlap(made)
    Window.objects.bulk_create([made], ignore_conflicts=True)
    row = _lock_window(baseline, window)
    assert row is not None
    return row


def _lock_deployment(baseline: Baseline, deployment: str) -> None:
    """Until the transaction ends, nobody else brings a window of this deployment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"{baseline.pk}/{deployment}"]
        )


def _refuse_overlap(made: Window) -> None:
    """Rows counted in two windows could be told apart by subtracting one from the other."""
    others = Window.objects.filter(
        baseline=made.baseline, deployment=made.deployment, start__lt=made.end, end__gt=made.start
    )
    if others.exclude(start=made.start, end=made.end).exists():
        raise Refused(
            "window.overlap",
            "This deployment has sent a window that shares some of this one's time.",
            "$.predicate.start",
        )


def _last_revision(row: Window, kind: Part.Kind, shard: int) -> int | None:
    last: int | None = row.parts.filter(kind=kind, shard=shard).aggregate(last=Max("revision"))[
        "last"
    ]
    return last


def _refuse_not_above(last: int | None, revision: int, rule: str) -> None:
    if last is not None and revision <= last:
        raise Refused(
            rule, f"Another statement has revision {last} already.", "$.predicate.revision"
        )


def _advance(row: Window, received: datetime) -> None:
    """There is something new to examine; now, if every shard has come."""
    row.generation += 1
    if row.attempts > 1:  # it failed before; what is new may be what was missing
        row.attempts, row.claimed_until = 0, None
    if row.shards == 1 or row.shards == _shards_here(row):
        row.ready_at = min(row.ready_at, received)
    row.save(update_fields=["generation", "attempts", "claimed_until", "late", "ready_at"])
    if row.ready_at <= received:
        transaction.on_commit(lambda: _wake_worker(row.pk))


def _shards_here(row: Window) -> int:
    return row.parts.filter(kind=Part.Kind.COUNTS).values("shard").distinct().count()


def _wake_worker(window_id: int) -> None:
    """Tell a worker. If no broker listens, the sweep finds the window."""
    try:
        examine_window.delay(window_id)
    except OperationalError:
        logger.warning("The broker can't be reached; window %s waits for the sweep.", window_id)
