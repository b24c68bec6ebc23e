"""The menu: what everybody uses in a row, the rest in groups behind one word.

A page that the person may not open is not offered, and none before a second factor is set up that
their roles ask for.
"""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from governance import access


@dataclass(frozen=True)
class Item:
    """What it says, the page's name, what one must be allowed to do, and the pages below."""

    words: str
    page: str
    action: str
    below: frozenset[str] = frozenset()


def _item(words: str, page: str, action: str, *below: str) -> Item:
    return Item(words, page, action, frozenset(below))


MAIN = (
    _item("Overview", "overview", "model.see"),
    _item("Incidents", "incidents", "model.see", "incident", "silences", "why"),
    _item(
        "Models",
        "models",
        "model.see",
        *("model", "version", "windows", "record", "register-model"),
    ),
    _item(
        "Sign-offs", "sign-offs", "model.see", "sign-off", "sign", "signing-keys", "ask-sign-off"
    ),
    _item("Policies", "policies", "model.see", "policy", "model-policy", "propose-policy"),
)
MORE = (
    (
        "Evidence",
        (
            _item("Log", "audit", "log.see", "outside", "entry", "texts"),
            _item("Refusals", "refusals", "refusal.see"),
            _item("Privacy", "privacy", "model.see", "model-privacy"),
        ),
    ),
    (
        "This appliance",
        (
            _item("Senders", "senders", "sender.manage"),
            _item("Routes", "routes", "route.manage", "deliveries"),
            _item("People", "people", "account.manage", "person"),
        ),
    ),
)

Line = tuple[Item, str]  # with the value of aria-current; empty elsewhere


def menu(request: HttpRequest) -> dict[str, object]:
    """For templates: `menu`, asked for if used."""
    return {"menu": SimpleLazyObject(lambda: _menu(request))}


def _menu(request: HttpRequest) -> dict[str, object]:
    may = access.actions_of(request.user)
    if access.lacks_second_factor(request.user):
        may = frozenset()
    here = request.resolver_match.url_name if request.resolver_match else ""
    groups = [(words, _lines(items, may, here)) for words, items in MORE]
    open_ones = [(words, lines) for words, lines in groups if lines]
    beyond = any(current for _, lines in open_ones for _, current in lines)
    return {"main": _lines(MAIN, may, here), "more": open_ones, "beyond": beyond}


def _lines(items: tuple[Item, ...], may: frozenset[str], here: str | None) -> list[Line]:
    return [(item, _current(item, here)) for item in items if item.action in may]


def _current(item: Item, here: str | None) -> str:
    if here == item.page:
        return "page"
    return "true" if here in item.below else ""
