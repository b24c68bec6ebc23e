"""dp-accounting's epsilons of a zCDP rho, as JSON: {"<rho> <delta>": epsilon}.

Run by `bench/statistics/zcdp_conversion.py` in an environment that has dp-accounting; imports
nothing of this repository. `sys.argv[1]` holds [[rho, delta], ...]. The library's own orders end
at 1,000 or so; these reach as far as small rhos need.
"""

import json
import sys
import time
from importlib.metadata import version

started = time.perf_counter()
from dp_accounting import dp_event  # noqa: E402  (its loading is timed)
from dp_accounting.rdp import RdpAccountant  # noqa: E402

loading = time.perf_counter() - started
orders = [1.011 + i / 500 for i in range(1000)] + [3.0 * 1.02**i for i in range(600)]


def epsilon(rho: float, delta: float) -> float:
    accountant = RdpAccountant(orders).compose(dp_event.ZCDpEvent(rho))
    return float(accountant.get_epsilon(delta))


asked = json.loads(sys.argv[1])
print(
    json.dumps(
        {
            "version": version("dp-accounting"),
            "seconds_to_import": round(loading, 1),
            "epsilons": {f"{rho} {delta}": epsilon(rho, delta) for rho, delta in asked},
        }
    )
)
