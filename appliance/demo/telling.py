"""What the demo says: a line per step, and in the end what was found and where to look."""

import re
import textwrap
import time
from collections.abc import Iterator

from appliance.demo.customer import Customer
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


def describe(customer: Customer, url: str) -> Iterator[str]:
    """The open incidents in their own words, and the addresses of the pages."""
    incidents = customer.open_incidents()
    sent = len(customer.digests)
    yield f"Sent {sent} signed statements, {customer.sent_bytes / 1e6:.1f} MB of counts, no row."
    yield f"Countersign found {len(incidents)} things to look at:"
    names = Names(customer)
    for incident in incidents:
        first, last = incident["first_window"][:10], incident["last_window"][:10]
        yield ""
        yield (
            f"{incident['severity'].upper()}  {incident['cause']}, in {incident['windows']} "
            f"windows from {first} to {last}"
        )
        for finding in incident["findings"][:2]:
            lines = textwrap.wrap(names.said(finding["sentence"]), WIDTH)
            yield from (f"    {line}" for line in lines)
    yield ""
    yield f"Look at  {url}/"


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
