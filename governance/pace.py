"""How fast one sender may upload: a loop gone wild shall not keep others from being heard.

One row for each sender holds its minute and how many uploads it began in it. Losing a count in a
crash harms nobody, so nothing waits for the disk here.
"""

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from countersign.statement import Refused

COUNT = """
INSERT INTO governance_pace AS now (actor, minute, count) VALUES (%s, date_trunc('minute', %s), 1)
ON CONFLICT (actor) DO UPDATE SET
    count = CASE WHEN now.minute = EXCLUDED.minute THEN now.count + 1 ELSE 1 END,
    minute = EXCLUDED.minute
RETURNING count
"""


class TooFast(Refused):
    """`first` says whether this is the first refusal of the minute; `seconds`, how long to wait."""

    def __init__(self, rule: str, detail: str, *, first: bool, seconds: int) -> None:
        super().__init__(rule, detail)
        self.first, self.seconds = first, seconds


def keep_pace(actor: str, at: datetime) -> None:
    """Count one more upload of this sender. Raises `TooFast` (`sender.rate`)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(COUNT, [actor, at])
        [count] = cursor.fetchone()
    limit: int = settings.UPLOADS_PER_MINUTE
    if count > limit:
        raise TooFast(
            "sender.rate",
            f"A sender begins at most {limit} uploads in a minute.",
            first=count == limit + 1,
            seconds=60 - at.second,
        )
