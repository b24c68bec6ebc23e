"""What the firewall and the ledger add to the acceptance of an upload.

    .venv/bin/python bench/ledger.py

Signed windows of 200 columns with 20 cells each are sent through the whole view, in this process,
in three ways that take turns, upload by upload, so that the machine's moods even out:

    bare      envelope, parsing and the transaction, without the policy and every check by it
    firewall  all checks of a window, by an exact plan
    both      the same, by a plan with noise: its loss is reserved in a ledger with 10,000 rows

`added_by_both` is what counts: `both` over `bare`, less 1; by the median, and by the lower
quartile, which neighbours on the machine disturb less.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from fresh_site import fresh_site, keep

COLUMNS, BINS = 200, 17  # 20 cells each, with missing, invalid, below and above
TURNS, WARM_UP = 150, 15
LEDGER_ROWS = 10_000
HOUR = timedelta(hours=1)
ENVELOPE = "application/vnd.dsse+json"
# What intake calls to judge a window's content: none of it is in the bare way.
CHECKS = (
    "detectors.intake.check_window",
    "detectors.intake.check_period",
    "detectors.charges.check_noised",
    "detectors.firewall.refuse_profiles",
    "detectors.firewall.refuse_content",
    "detectors.intake._refuse_other_spelling",
)

Post = Callable[[bytes], float]


def main() -> None:
    """Measure the three ways in turns."""
    with fresh_site():
        exact, noised = uploads("exact", noise=False), uploads("noised", noise=True)
        post = poster()
        post(next(exact))
        post(next(noised))
        fill_ledger("noised")
        times: dict[str, list[float]] = {"bare": [], "firewall": [], "both": []}
        for turn in range(TURNS + WARM_UP):
            with unchecked():
                bare = post(next(exact))
            took = {"bare": bare, "firewall": post(next(exact)), "both": post(next(noised))}
            if turn >= WARM_UP:
                for way, milliseconds in took.items():
                    times[way].append(milliseconds)
    median = {way: statistics.median(each) for way, each in times.items()}
    quartile = {way: statistics.quantiles(each, n=4)[0] for way, each in times.items()}
    keep(
        "ledger",
        {
            "unit": f"ms per upload in one process, median and lower quartile of {TURNS}",
            "columns": COLUMNS,
            "rows_in_the_ledger": LEDGER_ROWS,
            "load_average_of_the_machine": round(os.getloadavg()[0], 1),
            "median": shares(median),
            "lower_quartile": shares(quartile),
            "target": "added_by_both below 0.30",
        },
    )


def shares(took: dict[str, float]) -> dict[str, float]:
    """The milliseconds of each way, and what the others add to the bare one."""
    return {
        **{way: round(each, 2) for way, each in took.items()},
        "added_by_firewall": round(took["firewall"] / took["bare"] - 1, 3),
        "added_by_both": round(took["both"] / took["bare"] - 1, 3),
    }


@contextmanager
def unchecked() -> Iterator[None]:
    """Without the checks and without asking for the policy; nothing else of the way changes."""
    from governance.policies import Policy

    with ExitStack() as stack:
        stack.enter_context(patch("governance.policies.in_force", lambda *_: Policy()))
        for name in CHECKS:
            stack.enter_context(patch(name, lambda *_, **__: None))
        yield


def uploads(model: str, *, noise: bool) -> Iterator[bytes]:
    """Envelopes of windows of a model of its own, each of another hour."""
    import msgspec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from django.utils import timezone

    from countersign import dsse
    from countersign.tables import Column, Privacy
    from detectors import intake, plans
    from governance import policies, registry, senders
    from tests.builders import VERSION_DIGEST, a_baseline, a_statement, a_tally, a_window

    key = Ed25519PrivateKey.generate()
    token = senders.issue_one_time_token("enrol", actor="countersign")
    public = key.public_key().public_bytes_raw()
    sender, _ = senders.enrol_key(token, name=model, public_key=public)
    registry.register_model(model, actor="countersign", business_unit=model)
    version, _ = registry.register_version(model, "1", VERSION_DIGEST, actor="countersign")
    privacy = Privacy()
    if noise:
        privacy = Privacy(mechanism="discrete_gaussian", scale=1e5)
        rules = policies.Rules(mechanism=privacy.mechanism, scale=privacy.scale)
        policies.set_rules(policies.Level(model), rules, actor="countersign", reason="bench")
    edges = [float(i) for i in range(BINS + 1)]
    columns = [
        Column(name=f"x{i}", role="feature", kind="numeric", edges=edges, layout="declared")
        for i in range(COLUMNS)
    ]
    tally = a_tally(100_000, columns)
    facts: dict[str, Any] = {"model": model, "privacy": privacy}
    baseline = a_baseline(
        **facts, columns=columns, total=tally, threshold=None, labels=None, windows=[]
    )
    upload = intake.Upload(a_statement(baseline), [], senders.signer(sender), timezone.now())
    plan = plans.plan_digest_of(intake.accept_baseline(upload, version).digest)
    first = a_window(plan, **facts, tally=tally, replay=True)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    while True:
        window = msgspec.structs.replace(first, start=start, end=start + HOUR)
        yield dsse.sign(a_statement(window), key)
        start += HOUR


def fill_ledger(model: str) -> None:
    """As many earlier losses as a busy year has."""
    from django.utils import timezone

    from governance.models import Account, Loss, Model

    owner = Model.objects.get(name=model)
    now = timezone.now()
    Loss.objects.all().delete()
    Account.objects.update(total=LEDGER_ROWS)
    Loss.objects.bulk_create(
        Loss(
            model=owner,
            statement=f"{i:064x}",
            kind="window",
            rho=1,
            total=i + 1,
            reserved_at=now - timedelta(minutes=50 * (LEDGER_ROWS - i)),
        )
        for i in range(LEDGER_ROWS)
    )


def poster() -> Post:
    """Post an envelope to the view; the milliseconds that it took."""
    from django.test import Client

    client = Client()

    def post(body: bytes) -> float:
        begin = time.perf_counter()
        answer: Any = client.post("/api/v1/windows", data=body, content_type=ENVELOPE)
        took = 1000 * (time.perf_counter() - begin)
        assert answer.status_code == 202, answer.content
        return took

    return post


if __name__ == "__main__":
    main()
