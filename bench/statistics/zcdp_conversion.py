"""The ledger's conversion of zCDP's rho to (epsilon, delta) beside dp-accounting's.

    .venv/bin/python bench/statistics/zcdp_conversion.py [--python INTERPRETER]

The library is installed into an environment of its own, unless an interpreter that has it is named.
`relative` is (ours - theirs) / theirs: both take the smallest of many bounds that hold, over grids
of orders that differ, so a difference of either sign only says whose grid was finer there.
"""

import argparse
import json
import sys

from figures import report
from peers.environment import ask

from governance import zcdp

RHOS = (1e-4, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 10.0)
DELTAS = (1e-5, 1e-6, 1e-9)


def main() -> None:
    """Ask the library, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python")
    asked = [[rho, delta] for rho in RHOS for delta in DELTAS]
    theirs, failure = ask(
        "zcdp_values.py", ["dp-accounting"], parser.parse_args().python, json.dumps(asked)
    )
    if theirs is None:
        sys.exit(failure)
    rows = []
    for rho, delta in asked:
        peer, ours = theirs["epsilons"][f"{rho} {delta}"], zcdp.epsilon_of(rho, delta)
        rows.append(
            {
                "rho": rho,
                "delta": delta,
                "dp_accounting": round(peer, 6),
                "ours": round(ours, 6),
                "relative": round((ours - peer) / peer, 8),
            }
        )
    worst = max(abs(row["relative"]) for row in rows)
    print(f"dp-accounting {theirs['version']}; worst relative difference {worst:.1e}")
    report(
        "zcdp_conversion",
        rows,
        peer=f"dp-accounting {theirs['version']}",
        worst_relative=worst,
        seconds_to_import_the_peer=theirs["seconds_to_import"],
    )


if __name__ == "__main__":
    main()
