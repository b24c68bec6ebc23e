"""What the benches of the appliance share: an empty site with its own PostgreSQL, and results."""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# One core, so that figures compare; must be set before numpy loads its linear algebra.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from appliance.embedded.postgres import APP, OWNER, Cluster  # noqa: E402

RESULTS = ROOT / "bench" / "results"


@contextmanager
def fresh_site() -> Iterator[Cluster]:
    """An empty database with every table; Django connects to it as the running site does."""
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory))
        cluster.prepare()
        server = cluster.start()
        try:
            cluster.wait_until_ready(server)
            cluster.ensure_roles()
            os.environ |= {
                "COUNTERSIGN_DATA": directory,
                "DATABASE_URL": cluster.url(OWNER),
                "BROKER_URL": "memory://",
                "DJANGO_SETTINGS_MODULE": "appliance.settings",
                "COUNTERSIGN_UPLOADS_PER_MINUTE": "1000000",  # what is measured is not this limit
            }
            import django
            from django.core.management import call_command
            from django.db import connection

            from appliance.settings import database_settings

            django.setup()
            call_command("migrate", verbosity=0)
            connection.close()
            connection.settings_dict.update(database_settings(cluster.url(APP)))
            yield cluster
            connection.close()
        finally:
            cluster.stop(server)


def milliseconds(work: Callable[[], Any], repeats: int = 7) -> dict[str, float]:
    """Median and extremes of several runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return {
        "median": round(times[len(times) // 2], 2),
        "min": round(times[0], 2),
        "max": round(times[-1], 2),
    }


def keep(name: str, figures: dict[str, Any]) -> None:
    """Write a result file, with the machine it was measured on, and show it."""
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.machine(),
    }
    text = json.dumps({"machine": machine, **figures}, indent=2)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)
