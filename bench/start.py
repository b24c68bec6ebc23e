"""How long `manage.py up` takes until the site answers: first on an empty directory, then warm.

    .venv/bin/python bench/start.py

Wall-clock seconds of the real process tree: PostgreSQL, migrations, gunicorn. `stop` is Ctrl-C
until no process is left; `after_kill` is a start that has to recover from kill -9 of everything.
Writes bench/results/start.json; run it on a machine that is otherwise idle.
"""

import json
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.platform.running import CHECKOUT, Appliance

WARM_STARTS = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(Appliance(Path(directory) / "data"))
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
    }
    result = json.dumps({"bench": "start", "machine": machine, "unit": "s"} | figures, indent=1)
    (CHECKOUT / "bench" / "results" / "start.json").write_text(result + "\n")
    print(result)


def measure(appliance: Appliance) -> dict[str, object]:
    first, warm, stop = appliance.start(), [], []
    for _ in range(WARM_STARTS):
        stop.append(seconds_to_stop(appliance))
        warm.append(appliance.start())
    appliance.stop(signal.SIGKILL)
    after_kill = appliance.start()
    appliance.stop()
    return {
        "first": round(first, 1),
        "warm": {"median": round(statistics.median(warm), 1), "worst": round(max(warm), 1)},
        "after_kill": round(after_kill, 1),
        "stop": round(statistics.median(stop), 1),
    }


def seconds_to_stop(appliance: Appliance) -> float:
    time.sleep(5)  # the worker and the clock are up by then
    begun = time.monotonic()
    appliance.stop()
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
