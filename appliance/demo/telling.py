"""What the demo says: a line per step, and in the end what was found and where to look."""

import re
import textwrap
import time

from appliance.demo.customer import Customer
from appliance.demo.people import ERRANDS, PEOPLE
from countersign.hashing import token_of

WIDTH = 92
# What the survey's codes mean, for those that the findings are about.
MEANINGS = {
    ("relationship", "16"): "in an institution, such as a nursing home or a prison",
    ("relationship", "17"): "in a dormitory or other shared quarters",
}


class Teller:
    """Prints a line with the seconds since the start; with a mark in front if there is one."""

    def __init__(self) -> None:
        self._start, self._mark = time.monotonic(), ""

    def mark(self, text: str) -> None:
        """Say so on every line from now on."""
        if text:
            self._mark = "[GENERATED DATA] "
            self(text)

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._start:5.1f} s  {self._mark}{line}", flush=True)  # noqa: T201


def say_found(customer: Customer, tell: Teller, *, most: int) -> None:
    """The open incidents, worst first: what the newest window showed, in the appliance's words."""
    names = Names(customer)
    for incident in customer.open_incidents()[:most]:
        first, last = incident["first_window"][:10], incident["last_window"][:10]
        windows = "1 window" if first == last else f"{incident['windows']} windows"
        tell(f"  {incident['severity']}: {incident['cause']}, {windows}, {first} to {last}")
        sentence = names.said(incident["findings"][0]["sentence"])
        for line in textwrap.wrap(sentence, WIDTH):
            tell(f"    {line}")


def say_where_to_look(customer: Customer, tell: Teller) -> None:
    """The pages that have something to show now."""
    url = customer.home.appliance.url
    tell("Where to look:")
    tell(f"  what needs attention   {url}/")
    tell(f"  this version           {url}/models/{customer.model}/{customer.version}/")
    tell(f"  the model's record     {url}/models/{customer.model}/")
    tell(f"  what is to be signed   {url}/sign-offs/")
    for incident in customer.open_incidents():
        tell(f"  {incident['cause']:<21}  {url}/incidents/{incident['id']}/")
    tell(f"  the log                {url}/audit/")


def say_who_can_log_in(tell: Teller, link: str | None, password: str | None) -> None:
    """The demo's people and their password, made up for this installation and told once."""
    if password is not None:
        tell(f"Who can log in, all with the password {password}, which is told only here:")
        for name, roles in PEOPLE.items():
            held = " and ".join(roles).replace("_", " ")
            tell(f"  {name:<6}{held:<22}{ERRANDS[name]}")
        tell("A second factor is an authenticator app, a security key or a passkey; whoever needs")
        tell("one is led to the page that sets it up at the first log-in.")
    if link is not None:
        tell("Nobody administers yet. This link, once and within a day, makes the administrator:")
        tell(f"  {link}")


class Names:
    """The appliance knows a category by its token; only this host can say which one that is."""

    def __init__(self, customer: Customer) -> None:
        key, model = customer.home.hashing_key, customer.model
        self._names: dict[str, str] = {}
        for column, codes in customer.survey.categories().items():
            for code in codes:
                meaning = MEANINGS.get((column, code))
                name = f'"{code}" ({meaning})' if meaning else f'"{code}"'
                self._names[token_of(key, model, column, code)[:8]] = name

    def said(self, sentence: str) -> str:
        """The sentence, with the categories' own names where it has the start of their tokens."""
        return re.sub(r"category ([0-9a-f]{8})", lambda m: self._names.get(m[1], m[0]), sentence)
