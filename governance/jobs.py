"""What Celery runs for governance."""

from celery import shared_task

from governance.audit import log


@shared_task(name="governance.jobs.seal_log")
def seal_log() -> None:
    """Give the waiting entries their places in the log, and sign a checkpoint over them."""
    log.seal()
