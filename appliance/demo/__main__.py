"""python -m appliance.demo --url http://127.0.0.1:8700 --data DIR: play a customer of four years.

One year is the reference; the three that follow are replayed as weekly windows; the labels of all
of them come at the end. May be repeated: what was sent before is not sent again.
"""

import argparse
import os
import sys
from pathlib import Path

from appliance.demo import data
from appliance.demo.customer import Customer, Stopped, columns_sent, enrol
from appliance.demo.telling import Teller, describe
from countersign import Refused
from countersign.rest import Unreachable


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when it is there, 1 when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m appliance.demo", description=__doc__)
    parser.add_argument("--url", required=True, help="the appliance on this machine")
    where = os.environ.get("COUNTERSIGN_DATA", "data")
    parser.add_argument("--data", type=Path, default=where, help="the appliance's data directory")
    asked = parser.parse_args(arguments)
    tell = Teller()
    try:
        play(asked.url.rstrip("/"), asked.data.resolve(), tell)
    except (Stopped, Refused, Unreachable) as error:
        tell(f"stopped: {error}")
        return 1
    return 0


def play(url: str, directory: Path, tell: Teller) -> None:
    """All steps, in a customer's order. What an interrupted run had sent is recognised."""
    finished = directory / "demo" / "finished"
    if finished.exists():
        tell(f"The demo's data are there already ({finished.read_text().strip()}).")
        tell(f"Look at {url}")
        return
    survey = data.load(directory / "cache")
    tell.mark(survey.generated)
    tell(f"Data: {survey.source}.")
    customer = Customer(enrol(url, directory / "demo" / "collector", directory), survey)
    tell(f"Enrolled; this host signs with key {customer.home.appliance.keyid[:16]}...")
    send_everything(customer, tell)
    finished.write_text(f"{survey.generated or survey.source}\n")
    for line in describe(customer, url):
        tell(line)


def send_everything(customer: Customer, tell: Teller) -> None:
    """Register, baseline, windows year by year, and the labels when all windows are examined."""
    survey = customer.survey
    customer.register()
    tell(f"Registered {customer.model}/{customer.version}; the digest is that of")
    tell(f"  {survey.digest_of}.")
    rows = customer.send_baseline()
    tell(f"Baseline: {rows:,} people of {data.FIRST_YEAR} counted in {columns_sent()} columns.")
    collector = customer.collector()
    for year, weeks in years(survey):
        customer.send_event(weeks[0])
        for week in weeks:
            customer.send_window(collector, week)
        rows = sum(len(week.rows) for week in weeks)
        tell(f"{year}: {len(weeks)} windows sent, {rows:,} people counted.")
    tell("Waiting until the public log says that every window was examined ...")
    customer.await_examination()
    for year, weeks in years(survey):
        for week in weeks:
            customer.send_labels(collector, week)
        tell(f"{year}: {len(weeks)} statements of labels sent.")
    customer.await_examination()


def years(survey: data.Survey) -> list[tuple[int, list[data.Week]]]:
    """The later weeks, year by year."""
    later, size = survey.later, data.WEEKS_A_YEAR
    return [
        (data.FIRST_YEAR + 1 + i // size, later[i : i + size]) for i in range(0, len(later), size)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
