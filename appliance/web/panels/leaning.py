"""What does it lean on? Mean absolute attributions, and whether their ranking still holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from detectors.looks.attributions import RANKING

from .. import plots
from ..charts import Chart
from ..history import Key
from ..words import number, times
from .evidence import Evidence, Figure

DETECTORS = ("attributions",)
LISTED = 20


@dataclass(frozen=True)
class Leaning:
    """One column: how much it moves the score now and in the reference, and its places."""

    column: str
    place: int
    place_then: int
    now: str
    then: str


@dataclass(frozen=True)
class Lean:
    """What the newest window that tells attributions says."""

    evidence: Evidence
    ranking: Figure
    columns: Sequence[Leaning]

    @property
    def answer(self) -> str:
        """Whether the ranking is still the reference's."""
        if self.ranking.value is None or self.ranking.limit is None:
            return "The rankings can’t be compared: the reference leans on nothing."
        same = self.ranking.value >= self.ranking.limit
        first = self.columns[0]
        return (
            f"The model leans on its columns in {'much the same' if same else 'another'} order "
            f"{'as' if same else 'than'} in the reference: the agreement is "
            f"{times(self.ranking.value)}, where 1 is the same order and below "
            f"{times(self.ranking.limit)} is called changed. Most of all it leans on "
            f"{first.column} ({self.evidence.period('attributions')})."
        )

    @property
    def listed(self) -> Sequence[Leaning]:
        return self.columns[:LISTED]

    @property
    def unlisted(self) -> int:
        return len(self.columns) - len(self.listed)

    @cached_property
    def charts(self) -> list[Chart]:
        series = self.evidence.get("attributions", RANKING)
        chart = plots.ranking(series, self.evidence.behind("drift"))
        return [chart] if chart.newest else []


def wanted(found: Evidence) -> list[Key]:
    return [("attributions", RANKING)] if "attributions" in found.newest else []


def read(evidence: Evidence) -> Lean | None:
    figures = evidence.figures("attributions")
    if not figures:
        return None
    ranking = figures.pop(RANKING)
    now = sorted(figures.values(), key=lambda f: -(f.value or 0.0))
    then = sorted(now, key=lambda f: -(f.limit or 0.0))
    places = {figure.name: place for place, figure in enumerate(then, 1)}
    columns = [
        Leaning(f.name, place, places[f.name], number(f.value), number(f.limit))
        for place, f in enumerate(now, 1)
    ]
    return Lean(evidence, ranking, columns)
