"""Bearer tokens: who asks, and whether they may."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja.security.apikey import APIKeyCookie
from ninja.security.http import HttpAuthBase
from ninja.utils import check_csrf

from countersign.statement import Refused
from governance import senders
from governance.access import lacks_second_factor
from governance.models import Model
from governance.senders import Caller


class Bearer(HttpAuthBase):
    """Lets a token with any one of the scopes in, if it is for the model that the address names.

    The view finds out whose it is with `caller_of`.
    """

    openapi_scheme = "bearer"

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> Caller:
        caller = bearer(request)
        caller.demand(*self.scopes)
        named = request.resolver_match.kwargs.get("model") if request.resolver_match else None
        if named is not None:
            caller.demand_model(named)
        return caller


class LoggedIn(APIKeyCookie):
    """Lets a person in who is logged in with a browser; changes carry the form's secret, as pages
    do (header X-CSRFToken). For what a person does and no token may do for them."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self) -> None:
        super().__init__(csrf=False)  # it is checked here, to refuse by name

    def authenticate(self, request: HttpRequest, key: str | None) -> User:
        """The person of the session. Raises `Refused`."""
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            raise Refused("credential.missing", "Somebody logs in, with a browser.")
        if check_csrf(request) is not None:
            raise Refused("credential.form_secret", "The request carries the form's secret.")
        if lacks_second_factor(user):
            raise Refused("access.second_factor", "The roles ask for a second factor.")
        return user


def person_of(request: HttpRequest) -> User:
    """Who got past `LoggedIn`."""
    person: User = request.auth  # type: ignore[attr-defined]
    return person


def caller_of(request: HttpRequest) -> Caller:
    """Who got past `Bearer`."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def models_of(request: HttpRequest) -> QuerySet[Model]:
    """The models that the key or token which got past `Bearer` is for."""
    names = caller_of(request).models
    return Model.objects.filter(name__in=names) if names else Model.objects.all()


def bearer(request: HttpRequest) -> Caller:
    """Whose token the request carries. Raises `Refused`."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refused("credential.missing", "The request carries neither signature nor token.")
    return senders.authenticate_bearer(secret.strip())
