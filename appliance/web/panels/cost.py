"""What does it cost? A change's price per window, or the wrong decisions that it adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from .. import plots
from ..about import about
from ..charts import Chart
from ..history import Key, Series
from ..terms import Unit
from ..words import between, money, number
from .evidence import Evidence, Figure

ESTIMATED, REALISED = "impact_estimated", "impact_realised"
DETECTORS = (ESTIMATED, REALISED)
HOW = {ESTIMATED: "Estimated for", REALISED: "By the outcomes known for"}
NAMES = ("cost", "wrong_per_10000")


@dataclass(frozen=True)
class Cost:
    """What the newest windows cost more than the reference, estimated and realised."""

    evidence: Evidence
    names: Sequence[str]

    @property
    def answer(self) -> str:
        """Money first, if decisions have a worth; else wrong decisions."""
        told = [
            f"{how} {self.evidence.period(slug)}: {words}"
            for slug, how in HOW.items()
            if (words := sentence(self.evidence.figures(slug), self._currency_of(slug)))
        ]
        return " ".join(told) or "Nothing can be said yet."

    @property
    def currency(self) -> str:
        return self.evidence.scene.about.currency

    def _currency_of(self, slug: str) -> str:
        """Outcomes may be known of windows that were priced by an earlier baseline."""
        found = self.evidence.newest.get(slug)
        return about(found.examination.window.baseline_id).currency if found else ""

    def _priced_alike(self, slug: str, name: str) -> Series:
        """The figure over the windows whose baseline prices in the same currency."""
        windows = self.evidence.scene.windows
        alike = {w.start for w in windows if about(w.baseline_id).currency == self.currency}
        series = self.evidence.get(slug, name)
        return Series(
            *([p for p in points if p.at in alike] for points in (series.points, series.limits))
        )

    @cached_property
    def charts(self) -> list[Chart]:
        on = self.evidence.behind("performance", "drift")
        charts = [
            plots.cost(
                name,
                (self._priced_alike(ESTIMATED, name), self._priced_alike(REALISED, name)),
                unit_of(name, self.currency),
                on,
            )
            for name in self.names
        ]
        return [chart for chart in charts if chart.newest]


def wanted(found: Evidence) -> list[Key]:
    return [(slug, name) for slug in DETECTORS for name in _names(found)]


def read(evidence: Evidence) -> Cost | None:
    names = _names(evidence)
    return Cost(evidence, names) if names else None


def sentence(figures: Mapping[str, Figure], currency: str) -> str:
    """What a window costs more than one in the reference; empty where that is not told."""
    for name in NAMES:
        found = figures.get(name)
        if found is None or found.value is None:
            continue
        if name == "cost" and not currency:
            continue
        return _in_words(found, name, unit_of(name, currency))
    return ""


def unit_of(name: str, currency: str) -> Unit:
    return partial(money, currency=currency) if name == "cost" and currency else number


def _in_words(found: Figure, name: str, unit: Unit) -> str:
    value, low, high = found.value or 0.0, found.low, found.high
    interval = between(low, high, unit)
    if low is not None and high is not None and low <= 0 <= high:
        what = "a window costs" if name == "cost" else "as many decisions are wrong"
        as_before = " what it did in the reference" if name == "cost" else " as in the reference"
        of_all = "" if name == "cost" else " of 10,000"
        return f"{what}{as_before}, as far as chance lets one see ({interval} more{of_all})."
    size, spread = unit(abs(value)), f"({_turned(low, high, unit, value)})"
    way = "more" if value > 0 else "less" if name == "cost" else "fewer"
    if name == "cost":
        return f"a window costs {size} {way} than one in the reference {spread}."
    return f"of 10,000 decisions, {size} {way} are wrong than in the reference {spread}."


def _turned(low: float | None, high: float | None, unit: Unit, value: float) -> str:
    """An interval of a gain, told as sizes."""
    if value > 0 or low is None or high is None:
        return between(low, high, unit)
    return between(-high, -low, unit)


def _names(found: Evidence) -> list[str]:
    told = {*found.figures(ESTIMATED), *found.figures(REALISED)}
    return [name for name in NAMES if name in told]
