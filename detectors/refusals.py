"""Refused uploads: who and which rule, in the log; how often, in a counter by the hour.

Nothing of what was refused is kept. Strangers, whose uploads nobody known vouches for, are counted
and not logged: they may not write into the log. Counters grow with rules, senders and hours, not
with attempts.
"""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from detectors.models import Refusal
from governance.audit import entries
from governance.senders import Caller

COUNT = """
INSERT INTO detectors_refusal (rule, actor, hour, count, last_at)
VALUES (%s, %s, date_trunc('hour', %s, 'UTC'), 1, %s)
ON CONFLICT (hour, rule, actor)
DO UPDATE SET count = detectors_refusal.count + 1, last_at = EXCLUDED.last_at
"""


def record_refusal(caller: Caller | None, rule: str) -> None:
    """Leave a trace of an upload that was not accepted; `caller` is None for a stranger."""
    now = timezone.now()
    with transaction.atomic():
        if caller is not None:
            entries.record("upload.refused", actor=caller.actor, rule=rule)
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [rule, caller.actor if caller else "", now, now])


def refusals_since(
    moment: datetime, *, rule: str | None = None, actor: str | None = None
) -> QuerySet[Refusal]:
    """The counters from an hour on, the newest hour first; of one rule and sender, or of all."""
    chosen = {"rule": rule, "actor": actor}
    wanted = {field: value for field, value in chosen.items() if value is not None}
    return Refusal.objects.filter(hour__gte=moment, **wanted).order_by("-hour", "rule", "actor")
