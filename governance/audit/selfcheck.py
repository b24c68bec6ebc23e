"""The database against itself: every entry has its place or waits for one, every hash follows.

Rows are only added, so everything is read up to the newest checkpoint of the moment; the site may
go on recording and sealing meanwhile.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max, Subquery
from django.db.models.functions import Coalesce

from countersign.tlog import note, tiles, tree
from governance.models.audit import (
    Checkpoint,
    Content,
    Cosignature,
    Entry,
    Leaf,
    Pending,
    TileHash,
)

from . import keys
from .entries import salted_digest
from .log import LogRefused, origin_of, refuse_a_second_history

GROWING = (Entry, Leaf, TileHash, Checkpoint, Cosignature)
CHUNK = 2_000


@dataclass
class Report:
    """What was checked, what is wrong (`problems`), and what a reader should know (`remarks`)."""

    size: int = 0
    root: bytes = tree.EMPTY_ROOT
    waiting: int = 0
    checkpoints: int = 0
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def check() -> Report:
    """Recompute the whole log. Memory grows only with the number of tiles."""
    newest = Checkpoint.objects.order_by("size").last()
    report = Report(waiting=Pending.objects.count())
    if newest is not None:
        report.size, report.root = newest.size, bytes(newest.root)
    report.checkpoints = Checkpoint.objects.filter(size__lte=report.size).count()
    report.problems += _queue_problems()
    report.problems += _tree_problems(report.size)
    report.problems += _witness_problems()
    report.problems += _content_problems()
    report.problems += _mark_problems(newest)
    report.problems += _trigger_problems()
    report.remarks += _rights_remarks()
    return report


def _queue_problems() -> Iterator[str]:
    """No entry may be in neither place, or in both."""
    for entry_id in Entry.objects.filter(leaf=None, pending=None).values_list("pk", flat=True):
        yield f"entry {entry_id} is neither in the log nor waiting for its place"
    for entry_id in Pending.objects.exclude(entry__leaf=None).values_list("pk", flat=True):
        yield f"entry {entry_id} is in the log and still waiting"
    signed = Checkpoint.objects.order_by("-size").values("size")[:1]
    beyond = Leaf.objects.filter(index__gte=Coalesce(Subquery(signed), 0))
    for index in beyond.values_list("index", flat=True):
        yield f"leaf {index} is beyond everything that was signed"


def _tree_problems(size: int) -> Iterator[str]:
    """Follow the log from its first entry: leaves, tiles, and the root at every checkpoint."""
    edge = tiles.RightEdge()
    stored = {
        (level, index): bytes(hash)
        for level, index, hash in TileHash.objects.values_list("level", "index", "hash")
    }
    signed = Checkpoint.objects.filter(size__lte=size).order_by("size").iterator(CHUNK)
    due = next(signed, None)
    leaves = Leaf.objects.filter(index__lt=size).order_by("index").select_related("entry")
    for leaf in leaves.iterator(CHUNK):
        if leaf.index != edge.size:
            yield f"leaf {edge.size} is missing"
            return
        yield from _leaf_problems(leaf)
        for full in edge.append(bytes(leaf.hash)):
            if stored.get((full.level + 1, full.number)) != full.root:
                yield f"hash {full.number} of level {full.level + 1} is missing or wrong"
        if due is not None and due.size == edge.size:
            yield from _checkpoint_problems(due, edge.root())
            due = next(signed, None)
    if edge.size != size:
        yield f"leaf {edge.size} is missing"
    signed_by_now = Checkpoint.objects.aggregate(size=Max("size"))["size"] or 0
    for level, index in stored:
        if index >= tiles.nodes_at(level, signed_by_now):
            yield f"hash {index} of level {level} is beyond everything that was signed"


def _leaf_problems(leaf: Leaf) -> Iterator[str]:
    body = bytes(leaf.entry.body)
    if tree.leaf_hash(body) != bytes(leaf.hash):
        yield f"leaf {leaf.index} is not the hash of entry {leaf.entry_id}"
        return
    facts = _facts(leaf.entry)
    moment = leaf.entry.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if (facts.get("kind"), facts.get("time")) != (leaf.entry.kind, moment):
        yield f"entry {leaf.entry_id} has another kind or time than the bytes that were logged"


def _facts(entry: Entry) -> dict[str, Any]:
    """An entry's body, or nothing when somebody put in what is no JSON object."""
    try:
        facts = json.loads(bytes(entry.body))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _checkpoint_problems(checkpoint: Checkpoint, root: bytes) -> Iterator[str]:
    """Its root is the entries' root; its note says the same and, under today's name, is signed."""
    name = f"checkpoint {checkpoint.size}"
    if bytes(checkpoint.root) != root:
        yield f"{name} has another root than the entries"
        return
    try:
        text, _ = note.parse_note(checkpoint.note.encode())
        if text != note.Checkpoint(origin_of(checkpoint), checkpoint.size, root).text:
            yield f"{name} says something else in its note"
        elif origin_of(checkpoint) == settings.COUNTERSIGN_ORIGIN:
            note.open_checkpoint(checkpoint.note.encode(), [keys.verifier_key()])
    except note.NoteError as error:
        yield f"{name}: {error}"


def _witness_problems() -> Iterator[str]:
    """Witnesses' lines are theirs, over the very checkpoint."""
    for signed in Cosignature.objects.select_related("checkpoint", "witness").iterator(CHUNK):
        try:
            text, _ = note.parse_note(signed.checkpoint.note.encode())
            seconds = note.witnessed_at(text, signed.line, note.parse_vkey(signed.witness.vkey))
        except note.NoteError:
            seconds = None
        if seconds is None or seconds != signed.at.timestamp():
            yield f"the line of {signed.witness.name} under {signed.checkpoint} is not its own"


def _content_problems() -> Iterator[str]:
    """Names and texts that are not erased are still those that were logged."""
    for content in Content.objects.select_related("entry").iterator(CHUNK):
        digest = salted_digest(bytes(content.salt), content.text)
        logged = _facts(content.entry).get("content")
        if not isinstance(logged, dict) or logged.get(content.field) != digest:
            yield f"the {content.field} of entry {content.entry_id} is not what was logged"


def _mark_problems(newest: Checkpoint | None) -> Iterator[str]:
    try:
        refuse_a_second_history(newest, settings.COUNTERSIGN_ORIGIN)
    except LogRefused as refusal:
        yield str(refusal)


def _trigger_problems() -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(
                "SELECT FROM pg_trigger WHERE tgrelid = %s::regclass "
                "AND tgname = 'log_only_grows' AND tgenabled IN ('O', 'A')",
                [table],
            )
            if cursor.fetchone() is None:
                yield f"the trigger that refuses changes of {table} is missing or switched off"


def _rights_remarks() -> Iterator[str]:
    """Rights are the second guard; on somebody else's PostgreSQL there may be only the first."""
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(
                "SELECT current_user, has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE')", [table]
            )
            role, may = cursor.fetchone()
            if may:
                yield f"role {role} has the right to change {table}: only the trigger guards it"


def _tables() -> list[str]:
    return [model._meta.db_table for model in GROWING]
