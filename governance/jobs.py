"""What Celery runs for governance."""

from celery import shared_task

from governance import notify
from governance.audit import log, witnesses


@shared_task(name="governance.jobs.seal_log")
def seal_log() -> None:
    """Give the waiting entries their places in the log, and sign a checkpoint over them."""
    log.seal()


@shared_task(name="governance.jobs.ask_witnesses")
def ask_witnesses() -> None:
    """Wake a job for each witness whose signature the newest checkpoint lacks."""
    for number in witnesses.due():
        ask_witness.delay(number)


@shared_task(name="governance.jobs.ask_witness")
def ask_witness(number: int) -> None:
    """Ask one witness to sign the newest checkpoint."""
    witnesses.ask_witness(number)


@shared_task(name="governance.jobs.deliver_due")
def deliver_due() -> None:
    """Find what people are to be told by now. Each has a task of its own: one may hang."""
    for delivery_id in notify.due():
        deliver.delay(delivery_id)


@shared_task(name="governance.jobs.deliver")
def deliver(delivery_id: int) -> None:
    """One attempt to tell people, unless somebody else is at it."""
    notify.deliver(delivery_id)
