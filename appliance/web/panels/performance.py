"""How good is it? Estimated without labels, realised with them, and what the estimates were worth.

A yes-or-no model, one with several classes and a regression have different figures; the first two
share their detectors. A class's own figures are called "recall:1f0c22ab", after its token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from detectors.statistics.estimate import Estimate
from detectors.statistics.track_record import TrackRecord, track_record, with_room

from .. import plots
from ..about import in_order
from ..charts import Chart, Point, newest_of
from ..history import Key, Look, Series, looks_of
from ..terms import IN_UNITS, METRICS, Term, apart_unit, inside, metric, metric_unit
from ..words import between, day, many, period, share
from .evidence import Evidence, Shown, edges_of, shown

DETECTORS = (
    *("estimated_performance", "realised_performance", "label_shift"),
    *("estimated_error", "realised_error"),
)
CHARTED = 6
COUNTED = 0.5  # share of a window's outcomes that must be known for its estimate to be judged
TOLD = 12  # windows in the table of what was known when
CLASSES = 40  # in a table


@dataclass(frozen=True)
class Kind:
    """What is asked of one kind of model, and what its estimates rest on."""

    question: str
    estimated: str
    realised: str
    metrics: Sequence[str]
    assumption: str


DECISIONS = Kind(
    "How good are the decisions?",
    "estimated_performance",
    "realised_performance",
    ("accuracy", "precision", "recall", "f1", "auc", "positive_rate"),
    "Estimated from the scores alone, as long as a score means what it meant in the reference: of "
    "the rows with this score, as many are a yes as then.",
)
CLASSED = Kind(
    "How good are the decisions?",
    "estimated_performance",
    "realised_performance",
    ("accuracy", "macro_f1", "macro_precision", "macro_recall", "macro_auc"),
    "Estimated from the class scores alone, as long as each class’s score means what it meant in "
    "the reference, both where the class was chosen and where it was not.",
)
ERRORS = Kind(
    "How good are the predictions?",
    "estimated_error",
    "realised_error",
    ("mae", "rmse", "me", "median", "within_90"),
    "Estimated from the predictions alone, as long as predictions of this size are off by as much "
    "as they were in the reference.",
)
SHIFT = "if the rows that are a yes, and those that are a no, still look as they did"


@dataclass(frozen=True)
class Record:
    """What the estimates of one metric were worth, where most labels have come since.

    `newest` is the period of the newest such window; `holds` whether both intervals met there.
    `left_out` windows are not judged, since less than COUNTED of their outcomes are known.
    """

    metric: str
    figures: TrackRecord
    newest: str
    holds: bool
    left_out: int

    @property
    def name(self) -> str:
        return metric(self.metric).name

    @property
    def inside(self) -> str:
        return inside(self.metric)

    @property
    def windows(self) -> str:
        return many(self.figures.windows, "window")

    @property
    def off(self) -> str:
        return apart_unit(self.metric)(self.figures.mean_abs_error)

    @property
    def bias(self) -> str:
        """In which direction; nothing to speak of is said to be that."""
        unit = apart_unit(self.metric)
        if unit(abs(self.figures.bias)) == unit(0.0):
            return "neither too high nor too low"
        return f"too {'high' if self.figures.bias > 0 else 'low'} by {unit(abs(self.figures.bias))}"

    @property
    def left_out_words(self) -> str:
        """How many windows were not judged, and why; empty without any."""
        if not self.left_out:
            return ""
        return f"{many(self.left_out, 'window is', 'windows are')} not counted: too few outcomes."

    @property
    def covered(self) -> str:
        return f"{self.figures.covered.value * self.figures.windows:.0f} of {self.figures.windows}"


@dataclass(frozen=True)
class Known:
    """One window's realised figure as it is known now, and as it was known before."""

    period: str
    arrived: str
    now: str
    before: Sequence[str]


@dataclass(frozen=True)
class Table:
    """The classes' own figures in one window."""

    caption: str
    heads: Sequence[Term]
    rows: Sequence[tuple[str, Sequence[Shown]]]


@dataclass(frozen=True)
class Performance:
    """The kind of model, its metrics in the order of their charts, and what is known of them."""

    evidence: Evidence
    kind: Kind
    metrics: Sequence[str]
    looks: Sequence[Look]

    @property
    def answer(self) -> str:
        """The first metric in a few sentences: as estimated, as it turned out, as it once was."""
        name, unit = self.metrics[0], metric_unit(self.metrics[0])
        estimated, realised = self._pair(name)
        reference = estimated.newest_limit or realised.newest_limit
        words, what = [], _subject(name)
        if now := newest_of(estimated.points):
            words.append(
                f"{what} is estimated at {_with_interval(now, name)} for {self._at(now)}, the "
                "newest window."
            )
        if known := newest_of(realised.points):
            it = "it" if words else what
            words.append(
                f"The newest outcomes, of {self._at(known)}, put {it} at "
                f"{_with_interval(known, name)}{self._arrived(known)}."
            )
        if words and reference is not None:
            words.append(f"It was {unit(reference)} in the reference.")
        return " ".join(words) or "Nothing can be said yet: no window has told enough."

    @property
    def in_short(self) -> str:
        """The answer's first sentence, and what was good."""
        first, *rest = self.answer.removesuffix(".").split(". ")
        last = rest[-1:] if rest and rest[-1].startswith("It was") else []
        return ". ".join([first, *last]) + "."

    @cached_property
    def charts(self) -> list[Chart]:
        """One per metric: estimated with its band, beside realised."""
        on = self.evidence.behind("performance")
        quantiles = {"median", "within_90"}
        outcome = next(iter(self.evidence.scene.names_of("outcome")), "")
        edges = edges_of(self.evidence.scene.columns.get(outcome))
        charts = [
            plots.performance(n, self._pair(n), on, edges if n in quantiles else None)
            for n in self.metrics
        ]
        return [chart for chart in charts if chart.line or chart.dots]

    @cached_property
    def records(self) -> list[Record]:
        """Every charted metric's track record, where there is one."""
        return [found for name in self.metrics if (found := self._record(name))]

    @property
    def shift(self) -> str:
        """The share of positives among all rows, with its assumption."""
        found = self.evidence.figures("label_shift").get("positive_share")
        if found is None:
            return ""
        if found.value is None:
            return (
                "How many of all rows are a yes can’t be told from the decisions: the model tells "
                "the two kinds apart too little, or too few rows came."
            )
        about = shown(METRICS["positive_share"], found, share)
        return (
            f"Of all rows, {about.words} ({about.interval}) are likely to be a yes, {SHIFT}; in "
            f"the reference {about.reference_words} were."
        )

    @cached_property
    def known(self) -> list[Known]:
        """Windows whose labels have come, newest first: what they said, and what they said once."""
        by_window: dict[int, list[Look]] = {}
        for look in self.looks:
            by_window.setdefault(look.window.pk, []).append(look)
        return [_known(looks, self.metrics[0]) for looks in by_window.values()]

    @property
    def known_metric(self) -> str:
        return metric(self.metrics[0]).name

    @cached_property
    def tables(self) -> list[Table]:
        """Each class's own figures: as estimated, and as they turned out."""
        named = {"Estimated": self.kind.estimated, "Realised": self.kind.realised}
        tables = [self._table(how, slug) for how, slug in named.items()]
        return [table for table in tables if table.rows]

    def _pair(self, name: str) -> tuple[Series, Series]:
        of = self.evidence.get
        return of(self.kind.estimated, name), of(self.kind.realised, name)

    def _at(self, point: Point) -> str:
        ends = self.evidence.backdrop.ends
        return period(point.at, ends[point.at])

    def _arrived(self, point: Point) -> str:
        """How much of that window's labels has come, where that is not all."""
        for window in self.evidence.scene.windows:
            if window.start == point.at:
                look = list(window.examinations.all())[-1]
                if look.rows and look.labelled and look.labelled < look.rows:
                    return f", with the labels of {share(look.labelled / look.rows, 0)} of its rows"
        return ""

    @cached_property
    def _outcomes_known(self) -> dict[datetime, float]:
        """The share of each window's rows whose outcome is known by now; 0 if nobody can say."""
        looks = {w.start: list(w.examinations.all())[-1] for w in self.evidence.scene.windows}
        return {
            at: min((look.labelled or 0) / look.rows, 1.0) if look.rows else 0.0
            for at, look in looks.items()
        }

    def _record(self, name: str) -> Record | None:
        estimated, realised = self._pair(name)
        turned_out = {p.at: p for p in realised.points if p.value is not None}
        told = [
            (p, turned_out[p.at])
            for p in estimated.points
            if p.value is not None and p.at in turned_out
        ]
        known = self._outcomes_known
        judged = [(e, r) for e, r in told if known[e.at] >= COUNTED]
        if not judged:
            return None
        past, truth = (_estimates(points) for points in zip(*judged, strict=True))
        band = with_room(past, truth, np.array([known[e.at] for e, _ in judged]))
        return Record(
            name,
            track_record(band, truth.value),
            self._at(judged[-1][0]),
            _meet(*judged[-1]),
            len(told) - len(judged),
        )

    def _table(self, how: str, slug: str) -> Table:
        figures = self.evidence.figures(slug)
        places = [name.partition(":") for name in figures if ":" in name]
        heads = list(dict.fromkeys(name for name, _, _ in places))
        classes = list(dict.fromkeys(token for _, _, token in places))[:CLASSES]
        rows = [
            (c, [shown(metric(h), figures.get(f"{h}:{c}"), metric_unit(h)) for h in heads])
            for c in classes
        ]
        about = self.evidence.period(slug) if rows else ""
        return Table(f"{how}, {about}", [metric(h) for h in heads], rows)


def wanted(found: Evidence) -> list[Key]:
    """All charted metrics, estimated and realised."""
    kind = _kind(found)
    if kind is None:
        return []
    return [(slug, n) for slug in (kind.estimated, kind.realised) for n in _metrics(found, kind)]


def read(evidence: Evidence) -> Performance | None:
    """None where nothing is estimated or realised. One query, for what was known when."""
    kind = _kind(evidence)
    if kind is None:
        return None
    metrics = _metrics(evidence, kind)
    windows = [w for w in evidence.scene.windows if any(e.labelled for e in w.examinations.all())]
    looks = looks_of(windows[:TOLD], (kind.realised, metrics[0])) if windows else []
    return Performance(evidence, kind, metrics, looks)


def _kind(found: Evidence) -> Kind | None:
    if "estimated_error" in found.newest or "realised_error" in found.newest:
        return ERRORS
    told = found.figures("estimated_performance") or found.figures("realised_performance")
    if not told:
        return None
    return CLASSED if "macro_f1" in told else DECISIONS


def _metrics(found: Evidence, kind: Kind) -> list[str]:
    """What is charted, the template's headline first."""
    told = {*found.figures(kind.estimated), *found.figures(kind.realised)}
    known = [n for n in METRICS if n in told and ":" not in n]
    headline = [n for n in found.scene.about.headline if n in known]
    usual = [n for n in kind.metrics if n in known]
    return in_order([*usual, *(n for n in headline if n not in usual)], headline)[:CHARTED]


def _subject(name: str) -> str:
    """A metric at the beginning of a sentence."""
    return f"The {inside(name)}" if name in IN_UNITS else metric(name).name


def _with_interval(point: Point, name: str) -> str:
    unit = metric_unit(name)
    interval = between(point.low, point.high, unit)
    return unit(point.value) + (f" ({interval})" if interval else "")


def _estimates(points: Sequence[Point]) -> Estimate:
    value, low, high = np.array([(p.value, p.low, p.high) for p in points], float).T
    return Estimate(value, low, high, np.full(len(points), np.nan))


def _meet(one: Point, other: Point) -> bool:
    """Whether two intervals have a value in common."""
    if None in (one.low, one.high, other.low, other.high):
        return False
    return one.low <= other.high and other.low <= one.high  # type: ignore[operator]


def _known(looks: Sequence[Look], name: str) -> Known:
    """`looks` at one window, the newest last."""
    now, window = looks[-1], looks[-1].window
    before = [
        f"{_with_interval(look.point, name)} on {day(look.examined_at)}, with {_share_of(look)}"
        for look in reversed(looks[:-1])
        if look.point.value is not None
    ]
    words = "too few to tell" if now.point.value is None else _with_interval(now.point, name)
    return Known(period(window.start, window.end), _share_of(now), words, before)


def _share_of(look: Look) -> str:
    if not look.rows or look.labelled is None:
        return "an unknown share"
    return share(look.labelled / look.rows, 0)
