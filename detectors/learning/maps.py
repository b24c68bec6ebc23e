"""What a reference's windows tell of whole rows: the means of each map, window by window."""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Tally
from detectors.reading import Array


def learn_maps(tallies: Sequence[Tally]) -> dict[str, tuple[Array, Array]]:
    """Each map's means (windows, entries) and rows (windows,) in the reference windows."""
    names = {name for tally in tallies for name in tally.maps}
    told = {name: [t.maps[name] for t in tallies if name in t.maps] for name in names}
    return {
        name: (np.array([m.mean for m in means]), np.array([m.rows for m in means], float))
        for name, means in told.items()
    }
