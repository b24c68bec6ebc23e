"""python -m appliance.demo --url http://127.0.0.1:8700 --data DIR: play a customer of four years.

One year is the reference; the three that follow are replayed as weekly windows; the labels of all
of them come at the end. May be repeated: what was sent before is not sent again.
"""

import argparse
import os
import sys
from itertools import groupby
from pathlib import Path

from appliance.demo import data
from appliance.demo.customer import (
    Customer,
    Stopped,
    ask_administrator,
    ask_people,
    columns_sent,
    enrol,
)
from appliance.demo.telling import Teller, say_found, say_where_to_look, say_who_can_log_in
from countersign import Collector, Refused
from countersign.rest import Unreachable


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when it is there, 1 when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m appliance.demo", description=__doc__)
    parser.add_argument("--url", required=True, help="the appliance on this machine")
    where = os.environ.get("COUNTERSIGN_DATA", "data")
    parser.add_argument("--data", type=Path, default=where, help="the appliance's data directory")
    asked = parser.parse_args(arguments)
    url, directory, tell = asked.url.rstrip("/"), asked.data.resolve(), Teller()
    finished = directory / "demo" / "finished"
    if finished.exists():
        tell(f"The demo's data are there already: {finished.read_text().strip()}.")
        return 0
    try:
        survey = data.load(directory / "cache")
        play(survey, url, directory, tell)
    except (Stopped, Refused, Unreachable) as error:
        tell(f"stopped: {error}")
        return 1
    finished.write_text(f"{survey.generated or survey.source}\n")
    return 0


def play(survey: data.Survey, url: str, directory: Path, tell: Teller) -> None:
    """All steps, in a customer's order. What an interrupted run had sent is recognised."""
    tell.mark(survey.generated)
    tell(f"People: {survey.source}.")
    handed_out = ask_administrator(url, directory)
    try:
        monitor(survey, url, directory, str(handed_out["token"]), tell)
    finally:  # a password that isn't told now is never told
        say_who_can_log_in(tell, handed_out["link"], handed_out["password"])


def monitor(survey: data.Survey, url: str, directory: Path, token: str, tell: Teller) -> None:
    """What the model's host does, and then the people."""
    home = enrol(url, directory / "demo" / "collector", token)
    tell(f"Enrolled; this host signs with the key {home.appliance.keyid[:16]}...")
    customer = Customer(home, survey)
    describe_version(customer, tell)
    collector = customer.collector()
    replay(customer, collector, tell)
    label(customer, collector, tell)
    tell(f"Sent {customer.sent} signed statements, {customer.sent_bytes / 1e6:.1f} MB; no row.")
    ask_people(customer, directory)
    tell("Its owner described and deployed it, a validator wants something mended, and its")
    tell("developer asked for a sign-off, which waits for two signatures.")
    say_where_to_look(customer, tell)


def describe_version(customer: Customer, tell: Teller) -> None:
    """Register the model and its version, and send what the reference year looked like."""
    customer.register()
    tell(f"Registered {customer.model}/{customer.version} by the SHA-256 of")
    tell(f"  {customer.survey.digest_of}.")
    rows = customer.send_baseline()
    tell(f"Baseline: {rows:,} people of {data.FIRST_YEAR} in {columns_sent()} columns.")


def replay(customer: Customer, collector: Collector, tell: Teller) -> None:
    """Send each later year's windows, without labels; say what the appliance makes of them."""
    for year, weeks in years(customer.survey):
        customer.send_event(weeks[0])
        for week in weeks:
            customer.send_window(collector, week)
        customer.await_examination()
        rows = sum(len(week.rows) for week in weeks)
        tell(f"{year}: {len(weeks)} windows sent and examined, {rows:,} people.")
        say_found(customer, tell, most=1)


def label(customer: Customer, collector: Collector, tell: Teller) -> None:
    """Send the labels of all windows, years late, and say what is open then."""
    for year, weeks in years(customer.survey):
        for week in weeks:
            customer.send_labels(collector, week)
        tell(f"Labels of {year}: {len(weeks)} statements sent.")
    customer.await_examination()
    tell("All examined. What is open now:")
    say_found(customer, tell, most=5)


def years(survey: data.Survey) -> list[tuple[int, list[data.Week]]]:
    """The later weeks, year by year."""
    return [(year, list(weeks)) for year, weeks in groupby(survey.later, key=lambda w: w.year)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
