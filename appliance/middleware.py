"""What every request meets: how long a session lasts, and what its answer carries."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

NOTED_EVERY = 60  # seconds between two notes of a session's use
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Only this site's own scripts, styles and pictures; nothing inline, nothing evaluated."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return answer


def sessions_that_end(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """A session ends some hours after it began, and earlier if nobody uses it."""

    def answer(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            now, session = time.time(), request.session
            began, seen = session.get("began", now), session.get("seen", now)
            idle, age = now - seen, now - began
            if age > settings.SESSION_HOURS * 3600 or idle > settings.SESSION_IDLE_MINUTES * 60:
                logout(request)
                messages.info(request, "Your session has ended. Log in again to go on.")
            elif "began" not in session or idle > NOTED_EVERY:
                session["began"], session["seen"] = began, now
        return get_response(request)

    return answer
