"""One window's shards, added up and laid out like the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from countersign.statement import Tally, Window
from detectors.baselines import Known
from detectors.reading import Array, noise_of, season_of, sum_of
from detectors.statistics.counts import Noise


@dataclass(frozen=True)
class Counted:
    """What a window counts. `cells` holds one array (columns, cells) per known block.

    `withheld`: some shard held too few rows to tell how many.
    """

    rows: int
    withheld: bool
    cells: list[Array]
    noise: Noise
    season: int
    tallies: list[Tally]


def count(known: Known, windows: Sequence[Window], start: datetime) -> Counted:
    """Add the shards up."""
    tallies = [w.tally for w in windows]
    return Counted(
        rows=sum(t.rows or 0 for t in tallies),
        withheld=any(t.rows is None for t in tallies),
        cells=[sum_of(tallies, k.block, k.cells) for k in known.blocks],
        noise=noise_of([w.privacy for w in windows]),
        season=season_of(start, known.season),
        tallies=tallies,
    )
