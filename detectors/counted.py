"""One window's shards, added up and laid out like the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from countersign.statement import Window
from countersign.tables import Tally
from detectors.learning.known import Known
from detectors.reading import Array, noise_of, season_of, sum_of
from detectors.statistics.counts import Noise


@dataclass(frozen=True)
class Counted:
    """What a window counts. `cells` holds one array (columns, cells) per known block.

    `withheld`: some shard held too few rows to tell how many. `floor`: of fewer rows no rate is
    told. `seed`: simulations about this window always draw the same.
    """

    rows: int
    withheld: bool
    cells: list[Array]
    noise: Noise
    season: int
    tallies: list[Tally]
    floor: int
    seed: int

    @property
    def told(self) -> list[Tally]:
        """The shards that tell their counts."""
        return [tally for tally in self.tallies if tally.rows is not None]


def count(
    known: Known, windows: Sequence[Window], start: datetime, floor: int, seed: int
) -> Counted:
    """Add the shards up."""
    tallies = [w.tally for w in windows]
    return Counted(
        rows=sum(t.rows or 0 for t in tallies),
        withheld=any(t.rows is None for t in tallies),
        cells=[sum_of(tallies, k.block, k.cells) for k in known.blocks],
        noise=noise_of([w.privacy for w in windows]),
        season=season_of(start, known.season),
        tallies=tallies,
        floor=max(floor, known.statement.privacy.min_count),
        seed=seed,
    )
