"""Every page's door: log in first, with a second factor where your roles ask for one.

What you may not see isn't there; what you may not do is said.

`governance.access` decides. Here its answers become redirects, 404 and 403: a model of another
unit is not found, by its name as little as by the number of one of its incidents.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import SimpleLazyObject

from countersign.statement import Refused
from governance import access
from governance.models import Model

Page = Callable[..., HttpResponse]


def open_to(action: str) -> Callable[[Page], Page]:
    """For people who may do `action` somewhere; the page asks further about what it shows."""

    def door(page: Page) -> Page:
        @login_required
        @wraps(page)
        def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
            if "\x00" in request.path:  # no name holds one, and PostgreSQL can't be asked
                raise Http404
            if access.lacks_second_factor(request.user):
                return redirect("mfa_index")
            try:
                access.demand(request.user, action)
                return page(request, **arguments)
            except Refused as refusal:
                if refusal.rule != "access.denied":
                    raise
                raise PermissionDenied(refusal.detail) from None

        return guarded

    return door


def find_model(request: HttpRequest, name: str) -> Model:
    """The model of that name among those that the person sees. Raises `Http404`."""
    return get_object_or_404(access.models_of(request.user), name=name)


def what_may_be_done(request: HttpRequest) -> dict[str, object]:
    """For templates: `may`, the actions that the person may do somewhere; asked for if used."""
    return {
        "may": SimpleLazyObject(lambda: access.actions_of(request.user)),
        "needs_second_factor": SimpleLazyObject(lambda: access.needs_second_factor(request.user)),
    }
