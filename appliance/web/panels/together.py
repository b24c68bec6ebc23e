"""Do columns still go together? What shows only in whole rows: pairs, embeddings, strange rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from countersign.tables import Column

from .. import plots
from ..charts import Chart
from ..history import Key
from ..terms import METER, meter_unit
from ..words import listed, number, often
from .evidence import Evidence, Figure, Shown, shown

DETECTORS = ("rowwide", "pairs", "meter")
NAMED = 3  # pairs in a sentence
RARE = 0.05  # chance alone does that in one window of twenty
UNUSUAL = 3.0  # standard deviations
LEAST_WINDOWS = 2  # reference windows that tell how far columns go together by chance
HEADS = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Pair:
    """Two columns that go together otherwise, and by how much."""

    columns: str
    size: str
    unusual: bool


@dataclass(frozen=True)
class Strange:
    """A score of how strange a row is."""

    column: str
    figures: Sequence[Shown]


@dataclass(frozen=True)
class Together:
    """What the newest window says of whole rows."""

    evidence: Evidence
    maps: Sequence[Figure]
    pairs: Sequence[Pair]
    strange: Sequence[Strange]

    @property
    def answer(self) -> str:
        """Each map in a sentence."""
        return " ".join(self._sentence(one) for one in self.maps) or (
            "No map of whole rows was told; below is how strange single rows are."
        )

    @cached_property
    def charts(self) -> list[Chart]:
        on = self.evidence.behind("drift")
        charts = [
            plots.rowwide(self._called(m), self.evidence.get("rowwide", m.name), on)
            for m in self.maps
        ]
        charts += [
            plots.metered(
                self.evidence.scene.columns[each.column],
                "meter",
                [self.evidence.get("meter", f"{each.column}:{head}") for head in ("p95", "p50")],
                on,
            )
            for each in self.strange
        ]
        return [chart for chart in charts if chart.newest]

    def _sentence(self, one: Figure) -> str:
        when = self.evidence.period("rowwide")
        if one.value is None or one.p_value is None:
            return f"{self._called(one)}: {self._why_not(one)} ({when})."
        how = f"chance alone does as much {often(one.p_value)}, {when}"
        alike = one.p_value > RARE
        if self._embeds(one):
            where = "lies where it lay" if alike else "lies elsewhere than"
            return f"What {one.name} stands for {where} in the reference ({how})."
        if alike:
            return f"Columns go together as in the reference ({how})."
        pairs = [pair.columns for pair in self.pairs if pair.unusual]
        named = f", most of all {listed(pairs, NAMED)}" if pairs else ""
        return f"Columns go together otherwise than in the reference{named} ({how})."

    def _why_not(self, one: Figure) -> str:
        """What is lacking: windows to learn chance from, or rows."""
        reference = self.evidence.scene.about
        if self._embeds(one) or reference.told_in.get(one.name, 0) >= LEAST_WINDOWS:
            return "too few rows to tell"
        if not reference.windows:
            return "this can’t be told, because the reference was sent without windows of time"
        return (
            "this can’t be told, because fewer than two of the reference’s windows of time tell of "
            "whole rows"
        )

    def _embeds(self, one: Figure) -> bool:
        return one.name in self.evidence.scene.about.embeddings

    def _called(self, one: Figure) -> str:
        return one.name if self._embeds(one) else "Columns together"


def wanted(found: Evidence) -> list[Key]:
    keys = [("rowwide", name) for name in found.figures("rowwide")]
    outliers = found.scene.names_of("outlier")
    return keys + [("meter", f"{n}:{head}") for n in outliers for head in ("p95", "p50")]


def read(evidence: Evidence) -> Together | None:
    maps = list(evidence.figures("rowwide").values())
    meters = evidence.figures("meter")
    outliers = [name for name in evidence.scene.names_of("outlier") if name in meters]
    if not maps and not outliers:
        return None
    pairs = [
        Pair(_called(name), number(figure.value), abs(figure.value or 0.0) > UNUSUAL)
        for name, figure in evidence.figures("pairs").items()
    ]
    return Together(
        evidence, maps, pairs, [_strange(evidence.scene.columns[n], meters) for n in outliers]
    )


def _called(pair: str) -> str:
    """
    >>> _called("age:income"), _called("age:age")
    ('age with income', 'age by itself (its spread)')
    """
    one, _, other = pair.partition(":")
    return f"{one} by itself (its spread)" if one == other else f"{one} with {other}"


def _strange(column: Column, meters: dict[str, Figure]) -> Strange:
    unit = meter_unit(column.name)
    told = {head: meters.get(f"{column.name}:{head}") for head in HEADS}
    return Strange(column.name, [shown(METER[h], f, unit, column) for h, f in told.items()])
