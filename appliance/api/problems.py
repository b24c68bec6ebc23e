"""Every error of the API as a problem document (RFC 9457), named by a stable rule.

    {"type": "window.future", "title": ..., "status": 422, "detail": ..., "path": ..., "fix": ...}

`detail` says what was expected, `path` where, `fix` what to do about it. Nothing repeats what was
sent. `RULES` is the complete list; docs/formats/rules.md is written from it.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from countersign.statement import Refused
from governance.pace import TooFast

from .rules import RULES

logger = logging.getLogger(__name__)


# What others raise, and the rule it amounts to; the first that fits.
TRANSLATIONS: list[tuple[type[Exception] | tuple[type[Exception], ...], str, str]] = [
    (Http404, "request.address", "There is nothing at this address."),
    (
        (HttpError, ValidationError),
        "request.malformed",
        "A parameter is not one of the documented values.",
    ),
    (RequestDataTooBig, "upload.too_large", "The body is larger than any upload may be."),
    (UnreadablePostError, "request.cut_off", "The connection ended before the body did."),
    (
        (OperationalError, InterfaceError),
        "server.unavailable",
        "The database can't be reached.",
    ),
    (Exception, "server.error", "The appliance failed; nothing of the request was kept."),
]


class Problem(NamedTuple):
    """What a rule's problem document says, whatever the occasion."""

    status: int
    title: str
    fix: str

    @classmethod
    def of(cls, rule: str) -> "Problem":
        """What is said of a rule; also of one that an older release counted and this one forgot."""
        return cls(*RULES.get(rule, (422, rule, "")))


def problem(rule: str, detail: str, path: str | None = None) -> HttpResponse:
    """The answer for a rule of `RULES`."""
    known = Problem(*RULES[rule])
    document = {
        "type": rule,
        "title": known.title,
        "status": known.status,
        "detail": detail,
        **({"path": path} if path and path != "$" else {}),
        "fix": known.fix,
    }
    response = HttpResponse(
        json.dumps(document), status=known.status, content_type="application/problem+json"
    )
    if known.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if known.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def add_handlers(api: NinjaAPI) -> None:
    """Turn everything that a view may raise into a problem document."""
    for error in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(error, refusal_of)


def refusal_of(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """The problem document for whatever a view raised."""
    if isinstance(error, Refused):
        answer = problem(error.rule, error.detail, error.path)
        if isinstance(error, TooFast):
            answer.headers["Retry-After"] = str(error.seconds)
        return answer
    rule, detail = next(
        (rule, detail) for kinds, rule, detail in TRANSLATIONS if isinstance(error, kinds)
    )
    if rule.startswith("server."):
        _log(error)
    return problem(rule, detail)


def only_problems(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Also what is refused before a view is reached: an unknown address or method."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            if "\x00" in request.path:  # no name holds one, and PostgreSQL can't be asked
                raise Http404
            response = view(request, *args, **kwargs)
        except Http404 as error:
            return refusal_of(request, error)
        if response.status_code != 405:
            return response
        refusal = problem("request.method", "This address doesn't take this method.")
        refusal.headers["Allow"] = response.headers["Allow"]
        return refusal

    return answer


def _log(error: object) -> None:
    """Where it happened, not what it said: a database's message may quote what was sent."""
    _, _, where = sys.exc_info()
    logger.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(where)))
