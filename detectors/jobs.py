"""What Celery runs. A task takes ids only; the database says what is left to do."""

from celery import shared_task
from django.utils import timezone

from detectors import clock, recording, reissue, replay, sign_offs


@shared_task(name="detectors.jobs.examine_window")
def examine_window(window_id: int) -> None:
    """Examine one window, unless somebody else is at it."""
    recording.examine_and_record(window_id)


@shared_task(name="detectors.jobs.sweep")
def sweep() -> None:
    """Find windows that should have been examined by now: a crash, a lost message, a late shard."""
    for window_id in recording.overdue():
        examine_window.delay(window_id)
    recording.tell_of_failures()
    for replay_id in replay.unfinished():
        replay_policy.delay(replay_id)


@shared_task(name="detectors.jobs.replay_policy")
def replay_policy(replay_id: int) -> None:
    """Replay a proposal for one model more; then the next one."""
    if replay.go_on(replay_id):
        replay_policy.delay(replay_id)


@shared_task(name="detectors.jobs.follow_policy")
def follow_policy() -> None:
    """Issue plans anew where the policy has changed and nobody did it at once."""
    reissue.follow_policy()


@shared_task(name="detectors.jobs.review_sign_offs")
def review_sign_offs() -> None:
    """End approvals whose review is due or whose conditions are broken, close old requests."""
    sign_offs.review(timezone.now())


@shared_task(name="detectors.jobs.notice_gaps")
def notice_gaps() -> None:
    """Find windows that should have come by now."""
    clock.notice_gaps()
