"""How long it takes to replay a proposed policy, and whether a replay tells what really happened.

    .venv/bin/python bench/replay.py [MODELS]

Models of ten columns with 90 daily windows each are sent and examined as every day; in every fifth
model half of the columns move for good on day 60. Then two proposals are replayed over 90 days, as
a worker does it, on one core, against the embedded PostgreSQL: one that leaves the alarms as they
are, so that only the policy in force is replayed, and one with a larger tolerance, so that both
are. `again` counts incidents that the replay opens at the same window, version, deployment and
cause as they were really opened. `cpu` is what the machine's other users can't change.
"""

import sys
import time
from datetime import timedelta

import examination
import numpy as np
from fresh_site import fresh_site, keep

MODELS, DAYS, COLUMNS, ROWS, MOVED_ON = 50, 90, 10, 20_000, 60


def main(models: int) -> None:
    with fresh_site():
        sent = time.perf_counter()
        for number in range(models):
            send_model(drifts=number % 5 == 0)
        sent = time.perf_counter() - sent
        proposer = policy_administrator()
        quiet = replayed(proposer, review_days=30)
        larger = replayed(proposer, tolerance=0.2)
    keep(
        "replay",
        {
            "models": models,
            "columns": COLUMNS,
            "windows_per_model": DAYS,
            "rows_per_window": ROWS,
            "seconds_to_send_and_examine": round(sent, 1),
            "policy_in_force_alone": quiet,
            "proposal_with_a_larger_tolerance": larger,
        },
    )


def send_model(*, drifts: bool) -> None:
    from detectors.recording import examine_and_record, overdue

    examination.WEEK = timedelta(days=1)
    sender = examination.Sender(COLUMNS, ROWS)
    for day in range(DAYS):
        if drifts and day == MOVED_ON:
            tilt = np.linspace(0.7, 1.3, examination.BINS) / examination.BINS
            sender.shares = np.concatenate([[0, 0, 0], tilt, [0]])
        sender.send()
        for pk in overdue():
            examine_and_record(pk)


def policy_administrator():
    from django.contrib.auth.models import User

    from governance.models import Membership

    person = User.objects.create(username="dan")
    Membership.objects.create(user=person, role=Membership.Role.POLICY_ADMINISTRATOR)
    return person


def replayed(proposer, **settings) -> dict:
    from detectors import replay
    from governance import proposals
    from governance.levels import Level
    from governance.policy_settings import Settings

    version = proposals.propose(Level(), Settings(**settings), by=proposer, reason="bench")
    asked = replay.start(version, DAYS, by=proposer)
    times = []
    more = True
    while more:
        begun, worked = time.perf_counter(), time.process_time()
        more = replay.go_on(asked.pk)
        times.append((time.perf_counter() - begun, time.process_time() - worked))
    found = [result.found for result in asked.results.all()]
    sums = {name: sum(f[name] for f in found) for name in ("real", "again", "now", "then")}
    numbers = {n: sum(f["numbers"][n] for f in found) for n in ("gained", "lost", "changed")}
    return {
        "seconds": round(sum(elapsed for elapsed, _ in times), 1),
        "seconds_per_model_median": round(float(np.median([e for e, _ in times])), 2),
        "cpu_seconds_per_model_median": round(float(np.median([c for _, c in times])), 2),
        "incidents": sums | numbers,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MODELS)
