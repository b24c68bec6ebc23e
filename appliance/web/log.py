"""Can the log be trusted? What is signed, what waits, and how to check it without trusting us."""

import re
import time
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import Truncator
from django.views.decorators.http import require_POST, require_safe

from governance.audit import entries, keys, recent, selfcheck

from .doors import open_to
from .outside import watching
from .people import names_of
from .words import sentence

SHOWN = 30
FACTS = 4  # of an entry's facts, in its line
LONGEST = 100  # characters of a text
DIGEST = re.compile("[0-9a-f]{64}")
ABOUT_ITSELF = {"kind", "actor", "time", "content"}


@dataclass(frozen=True)
class Line:
    """An entry in words."""

    entry: recent.Recorded
    title: str
    who: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Verified:
    """What checking everything again found, and how long it took."""

    report: selfcheck.Report
    seconds: str


@require_safe
@open_to("log.see")
def show(request: HttpRequest) -> HttpResponse:
    """The log's state and its newest entries."""
    return _page(request)


@require_POST
@open_to("log.see")
def verify(request: HttpRequest) -> HttpResponse:
    """Hash everything again, now."""
    started = time.monotonic()
    report = selfcheck.check()
    return _page(request, Verified(report, f"{time.monotonic() - started:.1f}"))


def _page(request: HttpRequest, verified: Verified | None = None) -> HttpResponse:
    newest = recent.newest(SHOWN)
    names = names_of(entry.facts["actor"] for entry in newest)
    context = {
        "state": recent.state(),
        "vkey": keys.verifier_key().vkey,
        "lines": [_line(entry, names) for entry in newest],
        "kinds": [(sentence(kind), meaning) for kind, meaning in entries.KINDS.items()],
        "verified": verified,
        "watching": watching(),
        "address": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "audit.html", context)


def _line(entry: recent.Recorded, names: dict[str, str]) -> Line:
    facts = [
        (sentence(name).lower(), _short(value))
        for name, value in entry.facts.items()
        if name not in ABOUT_ITSELF and value not in (None, [], "")
    ]
    return Line(
        entry,
        title=sentence(entry.kind),
        who=names[entry.facts["actor"]],
        facts=[*((name, _short(text)) for name, text in entry.contents.items()), *facts][:FACTS],
    )


def _short(value: object) -> str:
    """A digest by its beginning, a text by its first words, a long list by its length.

    >>> _short("ab" * 32), _short(7), _short([1, 2]), _short([1, 2, 3, 4])
    ('abababababab…', '7', '1, 2', '4')
    """
    if isinstance(value, list):
        return ", ".join(_short(each) for each in value) if len(value) < 4 else str(len(value))
    text = str(value)
    if DIGEST.fullmatch(text):
        return f"{text[:12]}…"
    return Truncator(text).chars(LONGEST)
