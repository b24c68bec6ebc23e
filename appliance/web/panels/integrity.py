"""Do the data arrive whole? Rates that are over their limits, and how many rows came at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import plots
from ..charts import Chart
from ..history import Key
from ..terms import RATES, Term
from ..words import share
from .evidence import Evidence

DETECTORS = tuple(RATES)
CHARTED = 3
VOLUME = ("volume", "rows")


@dataclass(frozen=True)
class Rate:
    """An integrity rate of a column in the newest window; `over` when its interval is."""

    detector: str
    column: str
    value: float
    low: float
    limit: float

    @property
    def over(self) -> bool:
        return self.low > self.limit

    @property
    def term(self) -> Term:
        return RATES[self.detector]

    @property
    def words(self) -> str:
        return share(self.value)

    @property
    def limit_words(self) -> str:
        return share(self.limit)


@dataclass(frozen=True)
class Integrity:
    """All rates, the farthest over its limit first; `charted` are those over time."""

    evidence: Evidence
    rates: Sequence[Rate]
    charted: Sequence[Key]

    @property
    def over(self) -> list[Rate]:
        return [rate for rate in self.rates if rate.over]

    @cached_property
    def charts(self) -> list[Chart]:
        """Rows per window, then the rates that were over their limits or came nearest."""
        volume = plots.volume(self.evidence.get(*VOLUME), self.evidence.behind("feed"))
        on = self.evidence.behind("data_quality")
        return [volume, *(plots.rate(*key, self.evidence.get(*key), on) for key in self.charted)]


def wanted(found: Evidence) -> list[Key]:
    return [VOLUME, *_charted(found)]


def read(evidence: Evidence) -> Integrity:
    return Integrity(evidence, _rates(evidence), _charted(evidence))


def _rates(found: Evidence) -> list[Rate]:
    rates = [
        Rate(slug, f.name, f.value, f.low, f.limit)
        for slug in RATES
        for f in found.figures(slug, now=True).values()
        if f.value is not None and f.low is not None and f.limit is not None
    ]
    return sorted(rates, key=lambda rate: (rate.limit - rate.low, rate.column))


def _charted(found: Evidence) -> list[Key]:
    """What is over its limit now, then what was of late, then the largest."""
    rates = _rates(found)
    keys = [(rate.detector, rate.column) for rate in rates if rate.over]
    there = found.scene.columns
    keys += [key for key in found.scene.recently if key[0] in RATES and key[1] in there]
    largest = sorted((r for r in rates if r.value > 0), key=lambda r: -r.value)
    keys += [(rate.detector, rate.column) for rate in largest]
    return list(dict.fromkeys(keys))[:CHARTED]
