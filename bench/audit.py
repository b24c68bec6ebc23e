"""How fast the log is: recording, sealing, proving, checking. Starts its own PostgreSQL.

    .venv/bin/python bench/audit.py [--entries 100000] [--export DIRECTORY]

One process, one core's worth of Python; the database writes every commit to disk. Writes
bench/results/audit.json.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fresh_site import fresh_site, keep

BATCH = 1_000


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_ms(work: Callable[[], Any], times: int = 30) -> float:
    return round(1000 * statistics.median(seconds(work) for _ in range(times)), 2)


def measure(entries_wanted: int, export: Path) -> dict[str, float]:
    from django.db import transaction

    from countersign.tlog import verify
    from governance.audit import entries, keys, log, selfcheck
    from governance.audit.export import export_log
    from governance.models import Entry

    def record(count: int) -> None:
        with transaction.atomic():
            for shard in range(count):
                entries.record(
                    "window.accepted", actor=f"key:{'0' * 64}", statement="0" * 64, shard=shard
                )

    figures: dict[str, float] = {}
    figures["record, one per transaction, per s"] = round(
        500 / seconds(lambda: [record(1) for _ in range(500)])
    )
    log.seal()
    figures["seal one entry of a short log, ms"] = median_ms(lambda: (record(1), log.seal()))
    for _ in range(entries_wanted // BATCH):
        record(BATCH)
    figures["sealed per s"] = round(entries_wanted / seconds(log.seal))
    figures["seal one entry of the long log, ms"] = median_ms(lambda: (record(1), log.seal()))
    figures["seal nothing, ms"] = median_ms(log.seal)
    some = Entry.objects.order_by("pk")[entries_wanted // 3]
    figures["inclusion proof, ms"] = median_ms(lambda: log.inclusion_proof(some))
    figures["entries"] = size = Entry.objects.count()
    figures["verify_audit, entries per s"] = round(size / seconds(selfcheck.check))
    figures["export with verification, s"] = round(
        seconds(lambda: export_log(export, actor="countersign")), 2
    )
    check = seconds(lambda: verify.verify_log(verify.read_from(export), [keys.verifier_key()]))
    figures["verify an export, entries per s"] = round(size / check)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--export", type=Path, help="keep the exported log in this new directory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, fresh_site():
        figures = measure(options.entries, options.export or Path(directory) / "export")
    keep("audit", {"figures": figures})


if __name__ == "__main__":
    main()
