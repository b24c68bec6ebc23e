"""Do the data still look like the reference? How far every column has moved, and how sure that is.

Read from what `detectors.looks.evidence` measures of the newest window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import plots
from ..charts import Chart
from ..history import Key, Series
from ..terms import EFFECTS, Term
from ..words import between, chance, count, listed, number, plain, share, times
from .evidence import Evidence, Figure

MOVES = ("ks", "q")
SIZES = tuple(f"effect_{size}" for size in EFFECTS)
DETECTORS = (*MOVES, *SIZES, "q_value", "moments", "smallest_shift", "alarm")
CHARTED = 6
LISTED = 40  # columns in a table
SHIFT = 0.1  # the one for which it is said how many rows would show it
CHANCE = 0.05  # columns that chance explains less often than this are spoken of
NONE: Figure = Figure("", None)


@dataclass(frozen=True)
class Moved:
    """How far a column lies from the reference in the newest window.

    `effect` is the share of its rows that lie elsewhere, its `limit` what chance alone exceeds in
    one window of twenty; `adjusted` is how likely chance alone does that, given how many columns
    were looked at; `needed` rows show a shift of SHIFT; `evidence` is what all windows say, 1
    being the limit.
    """

    column: str
    role: str
    effect: Figure
    adjusted: float | None
    smallest: float | None
    needed: float | None
    evidence: float | None
    sizes: Sequence[Figure]
    mean: Figure
    spread: Figure

    @property
    def alarming(self) -> bool:
        return self.evidence is not None and self.evidence >= 1

    @property
    def beyond_chance(self) -> bool:
        return self.adjusted is not None and self.adjusted < CHANCE

    @property
    def value(self) -> str:
        return share(self.effect.value)

    @property
    def interval(self) -> str:
        return between(self.effect.low, self.effect.high, share)

    @property
    def by_chance(self) -> str:
        return share(self.effect.limit)

    @property
    def sure(self) -> str:
        return chance(self.adjusted)

    @property
    def visible(self) -> str:
        """The least change that this window would have shown."""
        if self.smallest is None or self.smallest >= 1:
            return "none: too few rows" + self.needed_words
        return share(self.smallest) + (self.needed_words if self.smallest > SHIFT else "")

    @property
    def needed_words(self) -> str:
        """How many rows it takes to show a tenth of the rows elsewhere."""
        return "" if self.needed is None else f"; {count(self.needed)} show one of {share(SHIFT)}"

    @property
    def evidence_words(self) -> str:
        return times(self.evidence)

    @property
    def cells(self) -> list[str]:
        """The other measures: mean and spread with the reference's, then the sizes."""
        pairs = [
            f"{number(f.value)} ({number(f.limit)})" if f.value is not None else ""
            for f in (self.mean, self.spread)
        ]
        return [
            *pairs,
            number(self.sizes[0].value),
            *(plain(size.value) for size in self.sizes[1:]),
        ]


@dataclass(frozen=True)
class Drift:
    """All columns of the newest window, the farthest moved first."""

    evidence: Evidence
    moved: Sequence[Moved]
    rows: int | None

    @property
    def answer(self) -> str:
        """Which columns moved beyond chance, and what could have been seen at all."""
        if not self.moved:
            return "The newest window has no column that could be compared."
        seen = [each for each in self.moved if each.beyond_chance]
        if not any(each.adjusted is not None for each in self.moved):
            return f"Not enough data: {count(self.rows)} rows tell nothing about any column."
        if not seen:
            return (
                f"{self._window} no column has moved farther than chance explains"
                f"{self._could_see()}."
            )
        first = f"{seen[0].column} ({seen[0].value} of its rows lie elsewhere)"
        names = listed([first, *(f"{each.column} ({each.value})" for each in seen[1:])])
        return (
            f"{self._window} {len(seen)} of {len(self.moved)} columns "
            f"{'has' if len(seen) == 1 else 'have'} moved farther than chance explains: {names}."
        )

    @cached_property
    def charts(self) -> list[Chart]:
        """The columns that lie farthest from the reference, on one scale."""
        shown = self.moved[:CHARTED]
        found = [(each, _history(self.evidence, each.column)) for each in shown]
        top = max((p.high or p.value or 0.0 for _, s in found for p in s.points), default=0.0)
        on = self.evidence.behind("drift", "service", "answers")
        return [plots.moved(each.column, each.role, s, on, top) for each, s in found]

    @property
    def listed(self) -> Sequence[Moved]:
        return self.moved[:LISTED]

    @property
    def unlisted(self) -> str:
        rest = self.moved[LISTED:]
        return f"{len(rest)} more columns moved by {rest[0].value} or less." if rest else ""

    @property
    def size_terms(self) -> list[Term]:
        return list(EFFECTS.values())

    @property
    def _window(self) -> str:
        return f"In the newest window, of {count(self.rows)} rows,"

    def _could_see(self) -> str:
        smallest = [m.smallest for m in self.moved if m.smallest is not None and m.smallest < 1]
        if not smallest:
            return ""
        return (
            f"; a column would have shown it once {share(max(smallest))} of its rows lay elsewhere"
        )


def wanted(found: Evidence) -> list[Key]:
    """The charted columns, whichever of the two tests they have."""
    columns = [each.column for each in _moved(found)[:CHARTED]]
    return [(slug, column) for slug in MOVES for column in columns]


def read(evidence: Evidence) -> Drift:
    looks = list(evidence.scene.held[0].examinations.all())
    return Drift(evidence, _moved(evidence), looks[-1].rows)


def _history(evidence: Evidence, column: str) -> Series:
    ks = evidence.get("ks", column)
    return ks if ks.points else evidence.get("q", column)


def _moved(found: Evidence) -> list[Moved]:
    now = {slug: found.figures(slug, now=True) for slug in DETECTORS}
    effects = now["ks"] | now["q"]

    def of(slug: str, name: str) -> Figure:
        return now[slug].get(name, NONE)

    moved = [
        Moved(
            column=name,
            role=found.scene.columns[name].role.replace("_", " "),
            effect=effect,
            adjusted=of("q_value", name).value,
            smallest=of("smallest_shift", name).value,
            needed=of("smallest_shift", name).limit,
            evidence=of("alarm", f"{name}:shift").value,
            sizes=[of(size, name) for size in SIZES],
            mean=of("moments", f"{name}:mean"),
            spread=of("moments", f"{name}:sd"),
        )
        for name, effect in effects.items()
        if effect.value is not None
    ]
    return sorted(moved, key=lambda each: (-(each.effect.value or 0.0), each.column))
