"""Celery: only ids travel. PostgreSQL is the truth; a lost message costs a sweep's delay."""

import os
from urllib.parse import urlsplit

from celery import Celery
from celery.signals import worker_process_init
from django.conf import settings

from appliance.embedded import queue
from appliance.embedded.process import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
# Read when numpy is first loaded: threads of its own only get in the pool's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

HARD_LIMIT = 300  # seconds a task may run
TAKEN_BACK = HARD_LIMIT + 60  # seconds until a message that nobody acknowledged shows up again


def broker_settings(url: str, database_url: str) -> dict[str, object]:
    """What each broker needs so that a message taken by a worker that dies is not lost.

    `pgmq://` is a queue in the site's own database; `redis://` and `amqp://` name servers.
    """
    match urlsplit(url).scheme:
        case "pgmq":
            return {
                "broker_url": "pgmq://localhost",
                "broker_transport_options": queue.transport_options(database_url, TAKEN_BACK),
                "task_queues": [queue.existing_queue()],
            }
        case "amqp" | "amqps":
            return {
                "broker_url": url,
                "broker_transport_options": {"confirm_publish": True},
                "task_default_queue_type": "quorum",
            }
        case _:
            return {
                "broker_url": url,
                "broker_transport_options": {"visibility_timeout": TAKEN_BACK},
            }


app = Celery("countersign")
app.conf.update(
    broker_settings(os.environ.get("BROKER_URL", "pgmq://"), settings.DATABASE_URL),
    broker_connection_retry_on_startup=True,
    # An upload must not wait for a broker that is away: the sweep finds its window.
    broker_connection_timeout=2,
    task_publish_retry=False,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=HARD_LIMIT,
    task_serializer="json",
    accept_content=["json"],
    # No limit: a message that could not be acknowledged because PostgreSQL went away would keep its
    # place for ever, and a worker with two places stands still after two of them. Messages are ids
    # of work that the tables know; taking one twice does nothing.
    worker_prefetch_multiplier=0,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule_filename=str(settings.COUNTERSIGN_DATA / "beat"),
    # While no worker runs, beat goes on; what expires is not done over and over afterwards.
    beat_schedule={
        "seal the log": {
            "task": "governance.jobs.seal_log",
            "schedule": 1.0,
            "options": {"expires": 5},
        },
        "ask the witnesses": {
            "task": "governance.jobs.ask_witnesses",
            "schedule": 10.0,
            "options": {"expires": 20},
        },
        "tell people what is due": {
            "task": "governance.jobs.deliver_due",
            "schedule": 5.0,
            "options": {"expires": 10},
        },
        "find what a crash left": {
            "task": "detectors.jobs.sweep",
            "schedule": 15.0,
            "options": {"expires": 30},
        },
        "review sign-offs": {
            "task": "detectors.jobs.review_sign_offs",
            "schedule": 60.0,
            "options": {"expires": 120},
        },
        "notice missing windows": {
            "task": "detectors.jobs.notice_gaps",
            "schedule": 60.0,
            "options": {"expires": 120},
        },
        "let plans follow the policy": {
            "task": "detectors.jobs.follow_policy",
            "schedule": 60.0,
            "options": {"expires": 120},
        },
    },
)
app.autodiscover_tasks(["detectors", "governance"], related_name="jobs")


def _die_with_worker(**_: object) -> None:
    """A worker's pool process must not go on alone: its task is about to be given to another."""
    die_with_parent(os.getppid())


worker_process_init.connect(_die_with_worker)
