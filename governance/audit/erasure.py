"""Erasing names and texts behind entries. The entries, and with them every proof, stay as they are.

What is old goes by whole sealed segments: 256 entries, which are one full tile of the log. So one
number says up to where the log's texts are gone.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from countersign.tlog.tiles import WIDTH
from governance.models.audit import Content, Leaf

from .entries import record
from .log import published_checkpoint


@dataclass(frozen=True)
class Segments:
    """The segments before leaf `stop`, and how many texts are still behind their entries."""

    stop: int
    texts: int

    @property
    def count(self) -> int:
        """How many segments."""
        return self.stop // WIDTH


def segments_before(moment: datetime) -> Segments:
    """The sealed segments, from the first on, all of whose entries are older than the moment."""
    published = published_checkpoint()
    younger = Leaf.objects.filter(entry__created_at__gte=moment).order_by("index").first()
    sealed = published.size if published else 0
    stop = min(sealed, younger.index if younger else sealed) // WIDTH * WIDTH
    return Segments(stop, _behind(stop).count())


def erase_before(moment: datetime, *, actor: str, days: int) -> Segments:
    """Erase every text behind those segments, and record up to where and why."""
    with transaction.atomic():
        segments = segments_before(moment)
        erased, _ = _behind(segments.stop).delete()
        if erased:
            record("content.expired", actor=actor, below=segments.stop, texts=erased, days=days)
    return replace(segments, texts=erased)


def erase_texts(texts: Collection[str], *, actor: str, person: str) -> int:
    """Erase these very texts, such as a person's names, wherever they stand behind an entry.

    `person` is how the log goes on naming whom they were about: `user:7`. Returns how many there
    were.
    """
    with transaction.atomic():
        erased, _ = Content.objects.filter(text__in=texts).delete()
        if erased:
            record("content.erased", actor=actor, person=person, texts=erased)
    return erased


def _behind(stop: int) -> QuerySet[Content]:
    return Content.objects.filter(entry__leaf__index__lt=stop)
