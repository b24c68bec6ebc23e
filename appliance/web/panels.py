"""A version's figures, laid out as charts and tables: performance, drift, integrity, volume."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from detectors.models import Measurement, Window
from detectors.statistics.multiplicity import benjamini_hochberg
from governance.models import Incident

from . import plots
from .charts import Backdrop, Chart, Point, newest_of
from .history import NO_SERIES, Key, Series, series_of
from .queries import behind
from .words import RATES, between, chance, detector, period, share, times

METRICS = ("accuracy", "precision", "recall", "f1", "auc", "positive_rate")
CHARTED_COLUMNS = 6
CHARTED_RATES = 3
LISTED = 40  # columns in a table
FIGURES = {
    "estimated_performance": METRICS,
    "realised_performance": METRICS,
    "volume": ("rows",),
}


@dataclass(frozen=True)
class Moved:
    """How far a column lies from the reference in the newest window.

    `effect` is the share of its rows that lie elsewhere, `adjusted` how likely chance alone does
    that, given how many columns were looked at, `evidence` what all windows say, 1 being the limit.
    """

    column: str
    role: str
    effect: float
    adjusted: float | None
    evidence: float | None

    @property
    def cells(self) -> list[str]:
        return [self.role, share(self.effect), chance(self.adjusted), times(self.evidence)]

    @property
    def alarming(self) -> bool:
        return self.evidence is not None and self.evidence >= 1


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
    def cells(self) -> list[str]:
        return [detector(self.detector).name, share(self.value), share(self.limit)]


@dataclass(frozen=True)
class Record:
    """How well the estimates of accuracy did where labels have come since.

    `newest` is the period of the newest such window, `holds` whether the intervals met there too.
    """

    windows: int
    error: float
    overlapping: int
    newest: str
    holds: bool

    @property
    def error_words(self) -> str:
        return f"{100 * self.error:.1f} percentage points"


@dataclass(frozen=True)
class Panels:
    """What the windows of one deployment show. `newest` are the newest window's measurements."""

    backdrop: Backdrop
    incidents: Sequence[Incident]
    periods: dict[datetime, str]
    newest: dict[str, Measurement]
    series: dict[Key, Series]
    roles: Mapping[str, str]
    charted_rates: Sequence[Key]

    @classmethod
    def read(
        cls,
        windows: Sequence[Window],
        backdrop: Backdrop,
        incidents: Sequence[Incident],
        roles: Mapping[str, str],
        recently: Iterable[Key],
    ) -> "Panels":
        """Two queries. `windows` are examined, newest first; `recently` is what the last showed."""
        newest = _newest(windows)
        rates = _charted_rates(rates_of(newest), recently)
        columns = [each.column for each in moved_of(newest, roles)[:CHARTED_COLUMNS]]
        wanted = [(slug, name) for slug, names in FIGURES.items() for name in names]
        wanted += [(slug, column) for slug in ("ks", "q") for column in columns]
        return cls(
            backdrop,
            incidents,
            {w.start: period(w.start, w.end) for w in windows},
            newest,
            series_of(windows, [*wanted, *rates]),
            roles,
            rates,
        )

    @cached_property
    def in_short(self) -> list[str]:
        """Accuracy in a few sentences: as estimated, as it turned out, and as it was once."""
        estimated = self.get("estimated_performance", "accuracy")
        realised = self.get("realised_performance", "accuracy")
        reference = estimated.newest_limit or realised.newest_limit
        words = []
        if now := newest_of(estimated.points):
            words.append(
                f"Accuracy is estimated at {_figure(now)} for {self.periods[now.at]}, the newest "
                "window."
            )
        if known := newest_of(realised.points):
            words.append(
                f"The newest outcomes, of {self.periods[known.at]}, put it at {_figure(known)}."
            )
        if words and reference is not None:
            words.append(f"It was {share(reference)} in the reference.")
        return words

    @cached_property
    def performance(self) -> list[Chart]:
        """One chart per metric: estimated with its band, beside realised."""
        charts = [self._performance(name) for name in METRICS]
        return [chart for chart in charts if chart.line or chart.dots]

    @cached_property
    def record(self) -> Record | None:
        """Estimated against realised accuracy."""
        realised = {p.at: p for p in self.get("realised_performance", "accuracy").points}
        estimated = self.get("estimated_performance", "accuracy").points
        pairs = [(p, realised[p.at]) for p in estimated if p.at in realised]
        errors = [
            abs(e.value - r.value) for e, r in pairs if e.value is not None and r.value is not None
        ]
        if not errors:
            return None
        meeting = [_meet(e, r) for e, r in pairs]
        return Record(
            windows=len(errors),
            error=sum(errors) / len(errors),
            overlapping=sum(meeting),
            newest=self.periods[pairs[-1][0].at],
            holds=meeting[-1],
        )

    @cached_property
    def moved(self) -> list[Moved]:
        """All columns, the farthest moved first."""
        return moved_of(self.newest, self.roles)

    @property
    def moved_listed(self) -> list[Moved]:
        return self.moved[:LISTED]

    @property
    def moved_unlisted(self) -> str:
        rest = self.moved[LISTED:]
        return f"{len(rest)} more columns moved by {share(rest[0].effect)} or less." if rest else ""

    @cached_property
    def drift(self) -> list[Chart]:
        """The columns that lie farthest from the reference, on one scale."""
        found = [(each, self._shift(each.column)) for each in self.moved[:CHARTED_COLUMNS]]
        top = max((p.value or 0.0 for _, s in found for p in s.points), default=0.0)
        return [
            plots.moved(each.column, each.role, series, self._behind("drift"), top)
            for each, series in found
        ]

    @cached_property
    def rates(self) -> list[Rate]:
        """Rates that are over their limits in the newest window."""
        return [rate for rate in rates_of(self.newest) if rate.over]

    @cached_property
    def integrity(self) -> list[Chart]:
        """The rates that were over their limits of late, or came nearest."""
        backdrop = self._behind("data_quality")
        return [plots.rate(*key, self.get(*key), backdrop) for key in self.charted_rates]

    @cached_property
    def volume(self) -> Chart:
        """Rows per window, and how many the reference lets expect."""
        return plots.volume(self.get("volume", "rows"), self._behind("feed"))

    def get(self, slug: str, name: str) -> Series:
        return self.series.get((slug, name), NO_SERIES)

    def _shift(self, column: str) -> Series:
        return self.get("ks", column) if ("ks", column) in self.series else self.get("q", column)

    def _performance(self, name: str) -> Chart:
        estimated = self.get("estimated_performance", name)
        realised = self.get("realised_performance", name)
        return plots.performance(name, estimated, realised, self._behind("performance"))

    def _behind(self, cause: str) -> Backdrop:
        return behind(self.backdrop, self.incidents, cause)


def _newest(windows: Sequence[Window]) -> dict[str, Measurement]:
    """The newest window's measurements by detector, each as the last look left it."""
    looks = Measurement.objects.filter(examination__window=windows[0])
    return {m.detector: m for m in looks.order_by("examination__generation")}


def moved_of(newest: dict[str, Measurement], roles: Mapping[str, str]) -> list[Moved]:
    """How far every column has moved; the p-values are adjusted over all of them together."""
    figures = [newest[slug] for slug in ("ks", "q") if slug in newest]
    alarm = newest.get("alarm")
    evidence = dict(zip(alarm.names, alarm.value, strict=True)) if alarm else {}
    names = [name for m in figures for name in m.names]
    effects = [effect for m in figures for effect in m.value]
    chances = [np.nan if p is None else p for m in figures for p in m.p_value]
    adjusted = benjamini_hochberg(np.array(chances, dtype=float)).tolist()
    moved = [
        Moved(
            column=name,
            role=roles.get(name, ""),
            effect=effect,
            adjusted=None if np.isnan(q) else q,
            evidence=evidence.get(f"{name}:shift"),
        )
        for name, effect, q in zip(names, effects, adjusted, strict=True)
        if effect is not None
    ]
    return sorted(moved, key=lambda each: (-each.effect, each.column))


def rates_of(newest: dict[str, Measurement]) -> list[Rate]:
    """All rates, the farthest over its limit first."""
    rates = [
        Rate(slug, name, value, low, limit)
        for slug in RATES
        if (m := newest.get(slug))
        for name, value, low, limit in zip(m.names, m.value, m.low, m.limit, strict=True)
        if value is not None and low is not None and limit is not None
    ]
    return sorted(rates, key=lambda rate: (rate.limit - rate.low, rate.column))


def _charted_rates(rates: Sequence[Rate], recently: Iterable[Key]) -> list[Key]:
    """What is over its limit now, then what was of late, then the largest."""
    keys = [(rate.detector, rate.column) for rate in rates if rate.over]
    keys += [key for key in recently if key[0] in RATES]
    largest = sorted((r for r in rates if r.value > 0), key=lambda r: -r.value)
    keys += [(rate.detector, rate.column) for rate in largest]
    return list(dict.fromkeys(keys))[:CHARTED_RATES]


def _figure(point: Point) -> str:
    """A share with its interval."""
    interval = between(point.low, point.high, share)
    return share(point.value) + (f" ({interval})" if interval else "")


def _meet(one: Point, other: Point) -> bool:
    """Whether two intervals have a value in common."""
    if None in (one.low, one.high, other.low, other.high):
        return False
    return one.low <= other.high and other.low <= one.high  # type: ignore[operator]
