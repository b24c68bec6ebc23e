"""How is the service doing, and how good are the answers? What is metered beside the decisions.

Read from the measurements that `detectors.looks.meters` describes. A quantile among rows beyond the
outermost edge is only known to be "at least" or "at most" that edge, and is told so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import plots
from ..about import in_order
from ..charts import Chart
from ..history import Key
from ..terms import METER, Term, meter_unit
from ..words import listed, many, share
from .evidence import Evidence, Figure, Shown, shown

DETECTORS = ("meter", "flag", "quality")
CHARTED = 6
NAMED = 6  # columns in a sentence
CHANCE = 0.05  # of the columns that are named, so many may be chance
# What is judged by its slowest rows; anything else is judged by its mean.
TIMES = {"ms", "milliseconds", "s", "seconds", "latency", "time"}
HEADS = {"meter": ("p50", "p95", "p99"), "quality": ("p10", "p50")}


@dataclass(frozen=True)
class Question:
    """What is asked, of columns of which role; `quality` comes with the labels."""

    slug: str
    title: str
    about: str
    role: str
    causes: Sequence[str]
    detectors: Sequence[str]


SERVICE = Question(
    "service",
    "How is the service doing?",
    "Told by the rows themselves, with no need of labels: how long they took, what they cost, how "
    "often something failed, was refused or was flagged.",
    "operational",
    ("service",),
    ("meter", "flag"),
)
ANSWERS = Question(
    "answers",
    "How good are the answers?",
    "Grades that a judge gave to each answer as it was made, and what came later with the labels. "
    "A grade is itself a judgement: it may change because the judge did.",
    "judge",
    ("answers", "performance"),
    ("meter", "flag", "quality"),
)


@dataclass(frozen=True)
class Metered:
    """One column in its newest window: `figures` by their heads, judged by `key`."""

    column: str
    detector: str
    period: str
    figures: Sequence[Shown]
    judged: Figure

    @property
    def direction(self) -> str:
        """Against the reference: `higher` or `lower` beyond chance, else empty."""
        now, usual, p_value = self.judged.value, self.judged.limit, self.judged.p_value
        if now is None or usual is None or p_value is None or p_value > CHANCE or now == usual:
            return ""
        return "higher" if now > usual else "lower"


@dataclass(frozen=True)
class Table:
    """Columns that are metered alike."""

    caption: str
    heads: Sequence[Term]
    rows: Sequence[Metered]


@dataclass(frozen=True)
class Meters:
    """One question's columns. `missing` windows did not come, of `expected` ones."""

    evidence: Evidence
    question: Question
    metered: Sequence[Metered]
    missing: int
    expected: int

    @property
    def answer(self) -> str:
        """What lies elsewhere than in the reference, beyond chance."""
        told = [each for each in self.metered if each.judged.value is not None]
        if not told:
            return "Nothing can be said: no rows came, or too few to tell."
        words = [
            f"{listed([each.column for each in found], NAMED)} "
            f"{'is' if len(found) == 1 else 'are'} {way} than in the reference"
            for way in ("higher", "lower")
            if (found := [each for each in told if each.direction == way])
        ]
        when = f"({told[0].period})"
        if not words:
            return f"All is as in the reference, as far as chance lets one see {when}."
        rest = sum(not each.direction for each in told)
        others = f" The {many(rest, 'other is', 'others are')} as before." if rest else ""
        return f"{'; '.join(words)}, more than chance explains {when}.{others}"

    @property
    def availability(self) -> str:
        """How many of the windows that should have come did; only live ones are expected."""
        if self.question is not SERVICE or not self.expected:
            return ""
        came = self.expected - self.missing
        return (
            f"{came:,} of {many(self.expected, 'expected window')} came "
            f"({share(came / self.expected)}): while one is missing, nobody can say how the "
            "service did."
        )

    @cached_property
    def charts(self) -> list[Chart]:
        on = self.evidence.behind(*self.question.causes)
        drawn = []
        for each in self.metered[:CHARTED]:
            series = [self.evidence.get(*key) for key in _keys(each.detector, each.column)]
            column = self.evidence.scene.columns[each.column]
            drawn.append(plots.metered(column, each.detector, series, on))
        return [chart for chart in drawn if chart.newest]

    @property
    def tails(self) -> bool:
        """Whether some chart shows the slowest rows beside the middle ones."""
        return any(_slow(each.column) and each.detector == "meter" for each in self.metered)

    @property
    def tables(self) -> list[Table]:
        captions = {
            "meter": "Values",
            "flag": "How often",
            "quality": "What came with the labels",
        }
        return [
            Table(caption, [figure.term for figure in rows[0].figures], rows)
            for slug, caption in captions.items()
            if (rows := [each for each in self.metered if each.detector == slug])
        ]


def wanted(found: Evidence) -> list[Key]:
    asked = [each for q in (SERVICE, ANSWERS) for each in _metered(found, q)[:CHARTED]]
    return [key for each in asked for key in _keys(each.detector, each.column)]


def read(evidence: Evidence) -> list[Meters]:
    """Each question that there are columns for."""
    found = [(q, rows) for q in (SERVICE, ANSWERS) if (rows := _metered(evidence, q))]
    if not found:
        return []
    scene = evidence.scene
    live = [window for window in scene.windows if not window.replay]
    missing = len(scene.gaps) if live else 0
    return [Meters(evidence, q, rows, missing, len(live) + missing) for q, rows in found]


def _metered(found: Evidence, question: Question) -> list[Metered]:
    """The question's columns, the template's headline first."""
    names = found.scene.names_of(question.role)
    if "quality" in question.detectors:
        names += found.scene.names_of("quality")
    rows = []
    for name in in_order(names, found.scene.about.headline):
        later = found.scene.columns[name].role == "quality"
        for slug in question.detectors:
            figures = found.figures(slug)
            if name in figures and (slug == "quality") == later:
                rows.append(_row(found, slug, name, figures))
    return rows


def _row(found: Evidence, slug: str, name: str, figures: dict[str, Figure]) -> Metered:
    period = found.period(slug)
    if slug == "flag":
        return Metered(
            name, slug, period, [shown(METER["share"], figures[name], share)], figures[name]
        )
    unit = meter_unit(name)
    heads = {"mean": figures[name]} | {
        head: figures.get(f"{name}:{head}", Figure(head, None)) for head in HEADS[slug]
    }
    column = found.scene.columns[name]
    cells = [shown(METER[head], figure, unit, column) for head, figure in heads.items()]
    judged = heads["p95" if slug == "meter" and _slow(name) else "mean"]
    return Metered(name, slug, period, cells, judged)


def _slow(column: str) -> bool:
    return bool(TIMES & set(re.split(r"[ _.-]", column.lower())))


def _keys(slug: str, column: str) -> list[Key]:
    """The figures that a column's chart shows: the judged one, then the middle one."""
    if slug == "meter" and _slow(column):
        return [(slug, f"{column}:p95"), (slug, f"{column}:p50")]
    return [(slug, column)]
