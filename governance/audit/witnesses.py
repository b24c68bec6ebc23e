"""Witnesses: other parties' machines that sign the log's checkpoints, so that it can't be forked.

A witness signs only growth, and remembers by itself how far it saw the log come. Whoever rewrote
everything here, keys included, could not show the new history to anyone who asks for its signature.

Each is asked by a job of its own, when it is due. Nothing waits for it: one that is down, slow or
hostile costs its own signature, and is asked less and less often.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from countersign.statement import Refused
from countersign.tlog import note
from countersign.tlog.witness_client import WitnessFailed, ask
from governance.models.audit import Checkpoint, Cosignature, Witness

from . import log
from .entries import record

PAUSE = timedelta(seconds=10)  # between two checkpoints that a witness is asked to sign
LONGEST_PAUSE = timedelta(minutes=10)
SCHEMES = ("http", "https")
CLAIM = timedelta(minutes=2)  # longer than one asking can take

_URL = re.compile(r"[a-z]+://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._~/-]*)?")


def add(url: str, vkey: str, *, actor: str) -> Witness:
    """Ask this witness from now on. Raises `Refused` (`witness.url`, `.vkey`, `.known`)."""
    _check_url(url)
    try:
        key = note.parse_vkey(vkey)
    except note.NoteError:
        raise Refused("witness.vkey", "A witness's key is one line: name+id+key.") from None
    if key.type != note.WITNESSED:
        raise Refused("witness.vkey", "This key signs notes, not as a witness (type 4).")
    if len(url) > 500 or len(vkey) > 400:
        raise Refused("witness.url", "An address has at most 500 characters, a key 400.")
    with transaction.atomic():
        witness, new = Witness.objects.get_or_create(
            vkey=vkey, removed_at=None, defaults={"name": key.name, "url": url}
        )
        if not new:
            raise Refused("witness.known", "This witness is asked already.")
        said = {"url": url, "vkey": vkey}
        record("witness.added", actor=actor, witness=witness.pk, key=key.id.hex(), content=said)
    return witness


def remove(witness: Witness, *, actor: str) -> None:
    """Ask this witness no more."""
    with transaction.atomic():
        if Witness.objects.filter(pk=witness.pk, removed_at=None).update(removed_at=timezone.now()):
            record("witness.removed", actor=actor, witness=witness.pk)


def asked() -> QuerySet[Witness]:
    """The witnesses of today, by name."""
    return Witness.objects.filter(removed_at=None).order_by("name", "pk")


def due() -> list[int]:
    """Who is to be asked now: the published checkpoint lacks their signature."""
    published = log.published_checkpoint()
    if published is None:
        return []
    waiting = asked().filter(due_at__lte=timezone.now())
    return list(waiting.exclude(cosignatures__checkpoint=published).values_list("pk", flat=True))


def ask_witness(number: int) -> None:
    """Ask one witness for its signature over the published checkpoint, and keep it."""
    now = timezone.now()
    claimed = asked().filter(pk=number, due_at__lte=now).update(due_at=now + CLAIM)
    published = log.published_checkpoint()
    if not claimed or published is None:
        return
    witness = Witness.objects.get(pk=number)
    try:
        line, seconds = ask(
            witness.url,
            note.parse_vkey(witness.vkey),
            published.note,
            old=_seen_by(witness, published),
            prove=log.consistency_proof,
            now=time.time(),
        )
    except WitnessFailed as failure:
        _put_off(witness, failure.rule)
        return
    _keep(witness, published, line, datetime.fromtimestamp(seconds, UTC))


def _seen_by(witness: Witness, published: Checkpoint) -> int:
    """How far the witness has come, as far as we know."""
    signed = witness.cosignatures.filter(
        checkpoint__size__lt=published.size,
        checkpoint__note__startswith=f"{log.origin_of(published)}\n",
    )
    return signed.order_by("checkpoint_id").values_list("checkpoint_id", flat=True).last() or 0


def _keep(witness: Witness, checkpoint: Checkpoint, line: str, at: datetime) -> None:
    with transaction.atomic():
        Cosignature.objects.get_or_create(
            checkpoint=checkpoint, witness=witness, defaults={"line": line, "at": at}
        )
        Witness.objects.filter(pk=witness.pk).update(
            due_at=timezone.now() + PAUSE, failures=0, problem=""
        )


def _put_off(witness: Witness, rule: str) -> None:
    """Twice as long after each failure in a row."""
    failures = min(witness.failures + 1, 16)
    pause = min(PAUSE * 2**failures, LONGEST_PAUSE)
    Witness.objects.filter(pk=witness.pk).update(
        due_at=timezone.now() + pause, failures=failures, problem=rule
    )


def _check_url(url: str) -> None:
    """An address to post to: no password, no query, one way to read it."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    if not plain or not _URL.fullmatch(url):
        raise Refused("witness.url", "An address is http:// or https://, a host, and a path.")
