"""How the log stands, for people who look at its page. Reads only."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from governance.models.audit import Checkpoint, Entry, Pending

from .log import LogRefused, published_checkpoint, refuse_a_second_history


@dataclass(frozen=True)
class State:
    """`published` is the newest checkpoint that may be shown; `waiting` entries follow it.

    `refusal` says why nothing more may be signed; empty while all is well.
    """

    published: Checkpoint | None
    waiting: int
    refusal: str


@dataclass(frozen=True)
class Recorded:
    """An entry as it was recorded. `index` is its place in the log; None while it waits for one.

    `contents` are the names and texts behind it that are not erased. `body` is what was hashed.
    """

    entry: int
    index: int | None
    kind: str
    at: datetime
    facts: dict[str, Any]
    contents: dict[str, str]
    body: str


def newest(count: int) -> list[Recorded]:
    """The newest entries, the newest first, in a constant number of queries."""
    rows = Entry.objects.order_by("-pk").select_related("leaf").prefetch_related("contents")
    return [_recorded(row) for row in rows[:count]]


def at(index: int) -> Recorded | None:
    """The entry at a place in the published log; None if that is not there."""
    published = published_checkpoint()
    if published is None or not 0 <= index < published.size:
        return None
    return _recorded(Entry.objects.select_related("leaf").get(leaf__index=index))


def state() -> State:
    """The log's state now, with the newest signature and the high-water mark checked."""
    refusal = ""
    try:
        refuse_a_second_history(
            Checkpoint.objects.order_by("size").last(), settings.COUNTERSIGN_ORIGIN
        )
    except LogRefused as reason:
        refusal = str(reason)
    return State(published_checkpoint(), Pending.objects.count(), refusal)


def _recorded(row: Entry) -> Recorded:
    body = bytes(row.body).decode()
    facts: dict[str, Any] = json.loads(body)
    leaf = getattr(row, "leaf", None)
    contents = {content.field: content.text for content in row.contents.all()}
    index = None if leaf is None else leaf.index
    return Recorded(row.pk, index, row.kind, row.created_at, facts, contents, body)
