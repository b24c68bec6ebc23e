"""What Celery runs for governance."""

from celery import shared_task

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
