"""Where is it worse, and why did it change? Declared parts of the rows, and what they add up to.

Read from the measurements that `detectors.looks.slices` describes: shares of wrong decisions where
outcomes are yes or no, mean absolute errors where they are numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import plots
from ..charts import Chart
from ..history import Key
from ..terms import SLICES, Unit
from ..words import between, chance, listed, number, points, share
from .evidence import Evidence, Figure, Shown, shown

DETECTORS = (
    *("slice_worse", "slice_worsened", "slice_error", "slice_decision"),
    *("mix_error", "mix_decision"),
)
CHARTED = 3
LISTED = 20
NAMED = 3  # slices in a sentence
FALSE_FINDS = 0.05  # of the slices that are named, so many may be chance


@dataclass(frozen=True)
class Slice:
    """One part of the rows: its own figure, against all others, and against its own past."""

    name: str
    error: Shown
    rest: Shown
    rest_chance: str
    past: Shown
    past_chance: str
    stands_out: bool


@dataclass(frozen=True)
class Change:
    """How a slicing explains a change: in words, and the three figures."""

    by: str
    what: str
    sentence: str
    figures: Sequence[Shown]


@dataclass(frozen=True)
class Decisions:
    """Who gets a yes, by slice."""

    period: str
    rows: Sequence[tuple[str, Shown]]


@dataclass(frozen=True)
class Slices:
    """What the newest labels and the newest decisions say of each slice."""

    evidence: Evidence
    numeric: bool

    @property
    def answer(self) -> str:
        """The slices that stand out, against the others and against their own past."""
        if not self._worse:
            return "Where the model is worse is not known yet: no outcomes have come for any slice."
        answers = [
            self._standing(self._worse, "Worse than in the other rows"),
            self._standing(self._worsened, "Worse than in the reference"),
        ]
        told = " ".join(words for words in answers if words)
        told = told or "In no part of the rows is it worse than chance explains."
        return f"{told} ({self.period})"

    @property
    def period(self) -> str:
        return self.evidence.period("slice_worse")

    @property
    def what(self) -> str:
        return "mean absolute error" if self.numeric else "share of wrong decisions"

    @cached_property
    def listed(self) -> list[Slice]:
        """The worst first, by what is certain of their difference from the other rows."""
        return [self._slice(name) for name in list(self._worse)[:LISTED]]

    @cached_property
    def charts(self) -> list[Chart]:
        """Over time, the slices that are worst."""
        on = self.evidence.behind("performance")
        found = [
            plots.slice_error(name, self.evidence.get("slice_error", name), self._unit, on)
            for name in _charted(self.evidence)
        ]
        return [chart for chart in found if chart.newest]

    @cached_property
    def decided(self) -> Decisions | None:
        """The share of yes in each slice of the newest decisions, highest first."""
        found = self.evidence.figures("slice_decision")
        told = sorted(found.values(), key=lambda figure: -(figure.value or 0.0))[:LISTED]
        if not told:
            return None
        rows = [(f.name, shown(SLICES["decision"], f, share)) for f in told]
        return Decisions(self.evidence.period("slice_decision"), rows)

    @cached_property
    def changes(self) -> list[Change]:
        """Why the errors, and the decisions, are others than in the reference."""
        more = "mean absolute error" if self.numeric else "wrong decisions"
        errors = self._explained("mix_error", more, self._apart)
        return errors + self._explained("mix_decision", "decisions for yes", points)

    @property
    def why(self) -> str:
        """The periods that the explanations are about."""
        slugs = ("mix_error", "mix_decision")
        told = [self.evidence.period(slug) for slug in slugs if self.evidence.figures(slug)]
        return listed(list(dict.fromkeys(told)))

    @property
    def _worse(self) -> Mapping[str, Figure]:
        return self.evidence.figures("slice_worse")

    @property
    def _worsened(self) -> Mapping[str, Figure]:
        return self.evidence.figures("slice_worsened")

    @property
    def _unit(self) -> Unit:
        return number if self.numeric else share

    @property
    def _apart(self) -> Unit:
        return number if self.numeric else points

    def _standing(self, found: Mapping[str, Figure], than: str) -> str:
        names = [name for name, figure in found.items() if _stands_out(figure)]
        if not names:
            return ""
        words = [f"{name} (by {self._apart(found[name].value)})" for name in names]
        return f"{than}, more than chance explains: {listed(words, NAMED)}."

    def _slice(self, name: str) -> Slice:
        rest, past = self._worse[name], self._worsened.get(name)
        error = self.evidence.figures("slice_error").get(name)
        return Slice(
            name=name,
            error=shown(SLICES["loss" if self.numeric else "error"], error, self._unit),
            rest=shown(SLICES["rest"], rest, self._apart),
            rest_chance=chance(rest.p_value),
            past=shown(SLICES["past"], past, self._apart),
            past_chance=chance(past.p_value if past else None),
            stands_out=_stands_out(rest) or (past is not None and _stands_out(past)),
        )

    def _explained(self, slug: str, what: str, unit: Unit) -> list[Change]:
        found = self.evidence.figures(slug)
        slicings = [name.removesuffix(":total") for name in found if name.endswith(":total")]
        changes = []
        for by in slicings:
            parts = [found.get(f"{by}:{part}") for part in ("total", "mix", "within")]
            if all(part is not None and part.value is not None for part in parts):
                told = [part for part in parts if part is not None]
                cells = [shown(SLICES[n], f, unit) for n, f in zip(PARTS, told, strict=True)]
                changes.append(Change(by, what, _because(by, what, told, unit), cells))
        return changes


PARTS = ("total", "mix", "within")


def wanted(found: Evidence) -> list[Key]:
    return [("slice_error", name) for name in _charted(found)]


def read(evidence: Evidence) -> Slices | None:
    if not any(slug in evidence.newest for slug in DETECTORS):
        return None
    outcomes = [evidence.scene.columns[n].kind for n in evidence.scene.names_of("outcome")]
    return Slices(evidence, "numeric" in outcomes)


def _charted(found: Evidence) -> list[str]:
    """What stands out comes first; the others by how bad they surely are."""
    worse = found.figures("slice_worse")
    return sorted(worse, key=lambda name: not _stands_out(worse[name]))[:CHARTED]


def _stands_out(figure: Figure) -> bool:
    return (
        figure.p_value is not None
        and figure.p_value <= FALSE_FINDS
        and figure.value is not None
        and figure.value > 0
    )


def _because(by: str, what: str, parts: Sequence[Figure], unit: Unit) -> str:
    """Total = mix + within, in words."""
    total, mix, within = (part.value or 0.0 for part in parts)
    low, high = parts[0].low, parts[0].high
    way = "more" if total > 0 else "fewer"
    if low is not None and high is not None and low <= 0 <= high:
        size = f"{unit(total)}; {between(low, high, unit)}"
        return f"By {by}: {what} changed by no more than chance explains ({size})."
    sign = 1 if total > 0 else -1
    parts_words = (
        f"{unit(sign * mix)} come from different rows, {unit(sign * within)} from "
        "rows treated otherwise."
    )
    if unit is number:
        way = "larger" if total > 0 else "smaller"
        return f"By {by}: the {what} is {number(abs(total))} {way}; of that, {parts_words}"
    return f"By {by}: of {unit(abs(total))} {way} {what}, {parts_words}"
