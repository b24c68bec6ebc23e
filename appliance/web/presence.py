"""Whether somebody has just shown again who they are. A signature asks for it anew.

This one place decides; so far it asks for the log-in once more.
"""

import time
from datetime import UTC, datetime

from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

FRESH = 300.0  # seconds
SPENT = "presence_spent_at"


def fresh(request: HttpRequest) -> bool:
    """Whether they logged in within the last five minutes and have not signed since."""
    since = max(time.time() - FRESH, request.session.get(SPENT, 0.0))
    user = request.user
    return isinstance(user, User) and (user.last_login or datetime.min.replace(tzinfo=UTC)) > (
        datetime.fromtimestamp(since, UTC)
    )


def ask_again(request: HttpRequest, *, next: str) -> HttpResponse:
    """To the log-in, and from there on to `next`, an address here."""
    logout(request)
    return redirect_to_login(next)


def spend(request: HttpRequest) -> None:
    """What was shown has been used for one signature."""
    request.session[SPENT] = time.time()
