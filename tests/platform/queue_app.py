"""A Celery application of its own on the queue in PostgreSQL, for test_queue.py."""

import os
import signal
from pathlib import Path

from celery import Celery
from celery.signals import worker_process_init

from appliance.embedded import queue
from appliance.embedded.process import die_with_parent

VISIBLE_AGAIN = 4  # seconds

app = Celery("queue_app")
app.conf.update(
    broker_url="pgmq://localhost",
    broker_transport_options=queue.transport_options(os.environ["DATABASE_URL"], VISIBLE_AGAIN),
    task_queues=[queue.existing_queue()],
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
)
worker_process_init.connect(lambda **_: die_with_parent(os.getppid()), weak=False)


@app.task
def note(directory: str, number: int) -> None:
    """Leave a file that says the task was done."""
    (Path(directory) / str(number)).touch()


@app.task
def kill_the_worker_once(directory: str) -> None:
    """kill -9 of the whole worker in the middle of a task, but only the first time."""
    struck = Path(directory) / "struck"
    if not struck.exists():
        struck.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    (Path(directory) / "survived").touch()
