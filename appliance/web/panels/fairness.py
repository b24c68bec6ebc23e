"""Are groups treated alike? Who gets a yes, and about whom the decisions are right.

Read from the measurements that `detectors.looks.groups` describes. A group is called by the first
digits of its token, since nothing else is known of it here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from detectors.models import Measurement

from .. import plots
from ..charts import Chart
from ..history import Key
from ..terms import FAIRNESS, Term
from ..words import between, count, listed, period, points, share, times
from .evidence import Evidence

UNITS = {
    "impact_ratio": times,
    "ratio": times,
    "difference": points,
    "equal_opportunity": points,
    "equalised_odds": points,
}
NAMED = 12  # groups in a sentence


@dataclass(frozen=True)
class Question:
    """What is asked of the groups: `rates` of each one, and the `gaps` between them.

    Groups differ beyond chance where the last gap's interval lies above 0.
    """

    detector: str
    title: str
    about: str
    rows: str
    nobody: str
    rates: Sequence[str]
    gaps: Sequence[str]

    @property
    def terms(self) -> list[Term]:
        return [FAIRNESS[name] for name in self.rates]


YES = Question(
    "fairness_selection",
    "Who gets a yes?",
    "How often groups get a yes",
    "Rows",
    "nobody came",
    ("selection_rate", "impact_ratio"),
    ("ratio", "difference"),
)
RIGHT = Question(
    "fairness_outcome",
    "About whom are the decisions right?",
    "How often decisions about them are wrong",
    "Known outcomes",
    "no outcome is known",
    ("accuracy", "tpr", "fpr", "ppv"),
    ("equal_opportunity", "equalised_odds"),
)
DETECTORS = (YES.detector, RIGHT.detector)
NO_OUTCOMES = f"{RIGHT.about} is not known yet: no outcomes have come."


@dataclass(frozen=True)
class Figure:
    """A figure with its interval, and the same one in the reference; None where not given."""

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reference: float | None = None

    @property
    def term(self) -> Term:
        return FAIRNESS[self.name]

    @property
    def words(self) -> str:
        return self._in_unit(self.value)

    @property
    def interval(self) -> str:
        return between(self.low, self.high, self._in_unit)

    @property
    def reference_words(self) -> str:
        return "" if self.reference is None else self._in_unit(self.reference)

    def _in_unit(self, value: float | None) -> str:
        return UNITS.get(self.name, share)(value)


Figures = Mapping[tuple[str, ...], Figure]  # by column and figure, or column, group and figure


@dataclass(frozen=True)
class Group:
    """A group that has figures."""

    name: str
    rows: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Table:
    """The groups of one column, the largest first; `untold` names those without some figure."""

    column: str
    groups: Sequence[Group]
    untold: str
    gaps: Sequence[Figure]


@dataclass(frozen=True)
class View:
    """A question, and what one window answers."""

    question: Question
    period: str
    tables: Sequence[Table]

    @property
    def answer(self) -> str:
        """Whether groups differ beyond chance, and by which columns."""
        about = self.question.about
        gaps = {table.column: table.gaps[-1].low for table in self.tables}
        apart = [column for column, low in gaps.items() if low is not None and low > 0]
        if apart:
            by = listed(apart, NAMED)
            return f"{about} differs by {by}, more than chance explains ({self.period})."
        if any(low is not None for low in gaps.values()):
            return f"{about} differs no more than chance could explain ({self.period})."
        return f"{about} can’t be compared: no two groups have figures ({self.period})."


@dataclass(frozen=True)
class Fairness:
    """The newest decisions and the newest known outcomes, by group."""

    evidence: Evidence
    columns: Sequence[str]
    views: Sequence[View]

    @property
    def answer(self) -> str:
        answers = [view.answer for view in self.views]
        return " ".join(answers if len(answers) > 1 else [*answers, NO_OUTCOMES])

    @cached_property
    def charts(self) -> list[Chart]:
        """One per column: how far apart the groups' shares of yes lie."""
        series = {c: self.evidence.get(YES.detector, f"{c}:ratio") for c in self.columns}
        charts = [plots.alike(c, found, self.evidence.backdrop) for c, found in series.items()]
        return [chart for chart in charts if chart.newest]

    @property
    def gap_terms(self) -> list[Term]:
        return [FAIRNESS[name] for view in self.views for name in view.question.gaps]

    @property
    def gaps(self) -> list[tuple[str, list[Figure]]]:
        """How far the groups of each column lie apart: the figures that `gap_terms` heads."""
        rows = zip(self.columns, *(view.tables for view in self.views), strict=True)
        return [(column, [gap for t in tables for gap in t.gaps]) for column, *tables in rows]


def wanted(found: Evidence) -> list[Key]:
    return [(YES.detector, f"{column}:ratio") for column in _columns(found)]


def read(evidence: Evidence) -> Fairness | None:
    """None where nothing is known by group."""
    columns, found = _columns(evidence), evidence.newest
    if not columns:
        return None
    asked = [(q, found[q.detector]) for q in (YES, RIGHT) if q.detector in found]
    return Fairness(evidence, columns, [_view(q, columns, figures) for q, figures in asked])


def _columns(found: Evidence) -> list[str]:
    if YES.detector not in found.newest:
        return []
    return list(dict.fromkeys(column for column, *_ in _figures(found.newest[YES.detector])))


def _figures(found: Measurement) -> Figures:
    rows = zip(found.names, found.value, found.low, found.high, found.limit, strict=True)
    places = [(tuple(name.split(":")), figure) for name, *figure in rows]
    return {place: Figure(place[-1], *figure) for place, figure in places}


def _view(question: Question, columns: Sequence[str], found: Measurement) -> View:
    window, figures = found.examination.window, _figures(found)
    tables = [_table(question, column, figures) for column in columns]
    return View(question, period(window.start, window.end), tables)


def _table(question: Question, column: str, figures: Figures) -> Table:
    rows = {
        place[1]: figure.value
        for place, figure in figures.items()
        if place[0] == column and figure.name == "rows"
    }
    rates = {token: [figures[column, token, name] for name in question.rates] for token in rows}
    groups = [
        Group(token, count(rows[token]), rates[token])
        for token in sorted(rows, key=lambda token: -(rows[token] or 0))
        if any(rate.value is not None for rate in rates[token])
    ]
    gaps = [figures.get((column, name), Figure(name)) for name in question.gaps]
    return Table(column, groups, _untold(question, rows, rates), gaps)


def _untold(
    question: Question, rows: Mapping[str, float | None], rates: Mapping[str, Sequence[Figure]]
) -> str:
    """Groups without some figure, by the reason."""
    found: dict[str, list[str]] = {}
    for token, figures in rates.items():
        # An impact ratio is not the group's own: it lacks where there is nobody to compare with.
        lacking = [f for f in figures if f.value is None and f.name != "impact_ratio"]
        if lacking:
            found.setdefault(_reason(question, rows[token], lacking), []).append(token)
    return "; ".join(f"{listed(tokens, NAMED)} ({reason})" for reason, tokens in found.items())


def _reason(question: Question, rows: float | None, lacking: Sequence[Figure]) -> str:
    if rows is None:
        return "withheld, because so few rows could point to people"
    if rows == 0:
        return question.nobody
    names = [figure.term.name.lower() for figure in lacking]
    which = "" if question.rates[0] == lacking[0].name else f"{listed(names, len(names))}: "
    return f"{which}too few rows, or small counts were merged across the decision"
