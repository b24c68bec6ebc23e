"""How long the noise of 10,000 counts takes, and what a library takes for the same.

    .venv/bin/python bench/noise.py

Seconds for 10,000 draws in one process, the median of three. A window is noised once, when it is
closed. diffprivlib 0.6.6 is given its secure source of random numbers; its discrete Gaussian takes
no sigma, so the one that it works out is replaced, which only a bench may do. It is asked for fewer
draws, since it is slow, and the time is scaled; for none where they would take minutes.
Writes bench/results/noise.json.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from fresh_site import keep

from countersign.noise import Noise

DRAWS, TURNS = 10_000, 3
SCALES = (1.0, 20.0, 1_000.0, 100_000.0)
LAWS = ("discrete_laplace", "discrete_gaussian")
SLOWEST_OF_THE_LIBRARY = 1_000.0


def main() -> None:
    ours = {
        law: {f"{scale:g}": measure(Noise(law, scale).draw) for scale in SCALES} for law in LAWS
    }
    begin = time.perf_counter()
    from diffprivlib.mechanisms import GaussianDiscrete, Geometric

    loading = time.perf_counter() - begin
    theirs: dict[str, dict[str, float | None]] = {law: {} for law in LAWS}
    for scale in SCALES:
        laplace = Geometric(epsilon=1 / scale)
        gaussian: Any = GaussianDiscrete(epsilon=1, delta=1e-6)
        gaussian._scale = scale
        theirs[LAWS[0]][f"{scale:g}"] = measure(lambda one=laplace: one.randomise(0), 1_000)
        slow = scale > SLOWEST_OF_THE_LIBRARY
        theirs[LAWS[1]][f"{scale:g}"] = (
            None if slow else measure(lambda one=gaussian: one.randomise(0), 200)
        )
    slowest = max(second for law in ours.values() for second in law.values())
    keep(
        "noise",
        {
            "unit": f"seconds for {DRAWS} draws, by scale",
            "load_average_of_the_machine": round(os.getloadavg()[0], 1),
            "countersign": ours,
            "slowest": slowest,
            "target": "below 1",
            "within_target": slowest < 1,
            "diffprivlib": theirs,
            "diffprivlib_loads_in_seconds": round(loading, 1),
        },
    )


def measure(draw: Callable[[], int], draws: int = DRAWS) -> float:
    """Median seconds for as many draws as the target names."""
    taken = []
    for _ in range(TURNS):
        begin = time.perf_counter()
        for _ in range(draws):
            draw()
        taken.append((time.perf_counter() - begin) * DRAWS / draws)
    return round(statistics.median(taken), 3)


if __name__ == "__main__":
    main()
