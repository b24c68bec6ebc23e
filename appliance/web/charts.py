"""Charts over time: one Vega-Lite specification each, drawn as SVG inside the page.

The SVG names colours only by the page's CSS variables, so one drawing serves light, dark and print;
it carries no style attribute and no text from outside, so the site's policy lets it be. A reader
who can't see it gets its title, a sentence that describes it, and a table of the same numbers.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import vl_convert
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from .words import NONE, Edges, between, beyond, day

NARROW, WIDE = (340, 176), (1060, 280)
LISTED = 60  # windows in the table of a chart
KEPT = 1_024  # drawings in memory; some 10 kB each
CROWDED = 70  # from so many points on, a line goes without dots
Unit = Callable[[float | None], str]

ROOT = re.compile(r"<svg [^>]*>")
NEEDLESS = re.compile(
    r' (?:class|role|aria-\w+|font-family|pointer-events|xmlns:xlink|stroke-miterlimit)="[^"]*"'
)


@dataclass(frozen=True)
class Point:
    """One window's figure, and its interval where it has one."""

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Mark:
    """Something that happened: a letter above the chart, explained below it."""

    letter: str
    at: datetime
    kind: str
    label: str


@dataclass(frozen=True)
class Backdrop:
    """What charts share: the period they show, events, and the time of incidents.

    `ends` says of each window, by its start, when it ends.
    """

    start: datetime
    end: datetime
    ends: Mapping[datetime, datetime]
    marks: Sequence[Mark] = ()
    incidents: Sequence[tuple[datetime, datetime]] = ()


@dataclass(frozen=True)
class Chart:
    """A figure over time. `dots` are measured values beside the `line`, `limit` its bound.

    `expected` is a band that the line should stay in; `reference` the figure that was good; `guide`
    one for orientation, which nothing is held to.
    """

    title: str
    meaning: str
    unit: Unit
    backdrop: Backdrop
    line: Sequence[Point] = ()
    dots: Sequence[Point] = ()
    limit: Sequence[Point] = ()
    expected: Sequence[Point] = ()
    reference: float | None = None
    guide: float | None = None
    line_name: str = "Value"
    dots_name: str = "Realised"
    from_zero: bool = True
    top: float | None = None  # the least that the scale reaches, so that charts share one
    wide: bool = False
    # Beyond these a value is only a bound: "at least" the last one, "at most" the first.
    edges: Edges | None = None

    @property
    def newest(self) -> list[tuple[str, str]]:
        """The newest figures that the chart shows; named where there are two kinds of them."""
        both = [(newest_of(self.line), self.line_name), (newest_of(self.dots), self.dots_name)]
        named = [(self._told(point), name.lower()) for point, name in both if point]
        return named if len(named) > 1 else [(value, "") for value, _ in named]

    @property
    def reference_words(self) -> str:
        return "" if self.reference is None else self.unit(self.reference)

    @cached_property
    def drawings(self) -> list[SafeString]:
        """The SVG; a wide chart has a second one for narrow screens."""
        return [self._drawing(size) for size in ([WIDE, NARROW] if self.wide else [NARROW])]

    @property
    def heads(self) -> list[str]:
        """The table's columns after the date."""
        heads = [self.line_name] if self.line else []
        heads += [self.dots_name] if self.dots else []
        heads += ["Limit"] if self.limit else []
        return heads + (["Expected"] if self.expected else [])

    @property
    def rows(self) -> list[tuple[datetime, list[str]]]:
        """The same numbers, newest first, for the newest windows."""
        columns = [[(p.at, self._cell(p)) for p in s] for s in (self.line, self.dots) if s]
        columns += [[(p.at, self.unit(p.value)) for p in self.limit]] if self.limit else []
        columns += (
            [[(p.at, between(p.low, p.high, self.unit)) for p in self.expected]]
            if self.expected
            else []
        )
        cells = [dict(column) for column in columns]
        moments = sorted({at for column in cells for at in column}, reverse=True)
        return [(at, [column.get(at, NONE) for column in cells]) for at in moments[:LISTED]]

    def _cell(self, point: Point) -> str:
        bound = beyond(point.value, (point.low, point.high), self.edges)
        interval = "" if bound else between(point.low, point.high, self.unit)
        return self._told(point) + (f" ({interval})" if interval else "")

    def _told(self, point: Point) -> str:
        bound = beyond(point.value, (point.low, point.high), self.edges)
        return bound + self.unit(point.value)

    def _drawing(self, size: tuple[int, int]) -> SafeString:
        spec = json.dumps(_specification(self, size), sort_keys=True, default=datetime.isoformat)
        width, height, marks = _draw(spec)
        name = "chart-" + hashlib.sha256(f"{self.title}{spec}".encode()).hexdigest()[:12]
        # Drawn by us from numbers and times alone: no text from outside is in it.
        inner = mark_safe(marks)  # noqa: S308
        return format_html(
            '<svg class="plot {}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d">'
            '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>',
            *("" if not self.wide else "plot-wide" if size == WIDE else "plot-narrow",),
            *(width, height, name, name, name, self.title, name, self._description(), inner),
        )

    def _description(self) -> str:
        known = [p for p in self.line or self.dots if p.value is not None]
        if not known:
            return "There is no figure yet."
        values = [p.value for p in known if p.value is not None]
        text = (
            f"{len(known)} values from {day(known[0].at)} to {day(known[-1].at)}. Newest "
            f"{self.unit(values[-1])}, lowest {self.unit(min(values))}, highest "
            f"{self.unit(max(values))}."
        )
        return text + (f" Reference {self.reference_words}." if self.reference_words else "")


def newest_of(points: Sequence[Point]) -> Point | None:
    """The newest point that has a value."""
    return next((p for p in reversed(points) if p.value is not None), None)


@lru_cache(maxsize=KEPT)
def _draw(spec: str) -> tuple[int, int, str]:
    """Width, height and the drawing's inside. The same specification is drawn once."""
    svg = vl_convert.vegalite_to_svg(spec)
    root = ROOT.search(svg)
    assert root is not None
    width, height = re.findall(r'(?:width|height)="(\d+)"', root[0])
    inner = NEEDLESS.sub("", svg[root.end() : svg.rindex("</svg>")])
    return int(width), int(height), inner.replace(' style=""', "")


def _specification(chart: Chart, size: tuple[int, int]) -> dict[str, Any]:
    low, high = _domain(chart)
    layers = [
        *_incidents(chart),
        *_expected(chart),
        *_level(chart, chart.reference, [1.5, 2.5]),
        *_level(chart, chart.guide, [8, 4]),
        *_limit(chart),
        *_line(chart),
        *_dots(chart),
        *_marks(chart),
    ]
    x = {
        "field": "at",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [chart.backdrop.start, chart.backdrop.end]},
        "axis": _time_axis(chart.backdrop, size),
        "title": None,
    }
    y = {
        "type": "quantitative",
        "scale": {"domain": [low, high], "nice": False, "zero": False},
        "axis": {"tickCount": 4, "format": _number_format(chart.unit, high - low)},
        "title": None,
    }
    for layer in layers:
        encoding = layer["encoding"]
        encoding["x"] = x | encoding["x"]
        if "y" in encoding:
            encoding["y"] = y | encoding["y"] if "value" not in encoding["y"] else encoding["y"]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": size[0],
        "height": size[1],
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 0, "top": 14, "right": 6, "bottom": 0},
        "background": None,
        "layer": layers,
        "config": STYLE,
    }


STYLE = {
    "aria": False,
    "font": "Liberation Sans",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink-3)",
        "labelFontSize": 11,
        "labelPadding": 5,
        "ticks": False,
        "domain": False,
        "gridColor": "var(--line)",
        "gridWidth": 1,
    },
    "axisX": {"grid": False, "domain": True, "domainColor": "var(--line-2)", "labelFlush": True},
}


def _layer(points: Sequence[Any], mark: dict[str, Any], **encoding: Any) -> dict[str, Any]:
    x = encoding.pop("x", {})
    return {
        "data": {"values": list(points)},
        "mark": mark,
        "encoding": {"x": x} | encoding,
    }


def _values(points: Sequence[Point]) -> list[dict[str, Any]]:
    return [{"at": p.at, "value": p.value, "low": p.low, "high": p.high} for p in points]


def _band(points: Sequence[Point], color: str) -> dict[str, Any]:
    mark = {"type": "area", "color": color, "line": False, "interpolate": "linear"}
    known = [p for p in points if p.low is not None and p.high is not None]
    return _layer(_values(known), mark, y={"field": "low"}, y2={"field": "high"})


def _line(chart: Chart) -> list[dict[str, Any]]:
    if not chart.line:
        return []
    few = len(chart.line) <= CROWDED
    dots = {"filled": True, "size": 14, "color": "var(--accent)"} if few else False
    mark = {"type": "line", "color": "var(--accent)", "strokeWidth": 1.75, "point": dots}
    mark["strokeJoin"] = "round"
    line = _layer(_values(chart.line), mark, y={"field": "value"})
    banded = any(p.low is not None for p in chart.line)
    return [*([_band(chart.line, "var(--band)")] if banded else []), line]


def _dots(chart: Chart) -> list[dict[str, Any]]:
    known = [p for p in chart.dots if p.value is not None]
    if not known:
        return []
    rule = {"type": "rule", "color": "var(--ink)", "strokeWidth": 1, "opacity": 0.55}
    dot = {"type": "point", "filled": True, "color": "var(--ink)", "size": 15, "opacity": 1}
    spread = [p for p in known if p.low is not None]
    if len(known) > CROWDED:
        dot["size"], spread = 8, []
    return [
        _layer(_values(spread), rule, y={"field": "low"}, y2={"field": "high"}),
        _layer(_values(known), dot, y={"field": "value"}),
    ]


def _limit(chart: Chart) -> list[dict[str, Any]]:
    known = [p for p in chart.limit if p.value is not None]
    mark = {"type": "line", "color": "var(--alarm)", "strokeWidth": 1.25, "strokeDash": [5, 3]}
    mark["interpolate"] = "step-after"
    return [_layer(_values(known), mark, y={"field": "value"})] if known else []


def _expected(chart: Chart) -> list[dict[str, Any]]:
    return [_band(chart.expected, "var(--expected)")] if chart.expected else []


def _level(chart: Chart, value: float | None, dash: list[float]) -> list[dict[str, Any]]:
    """One value over the whole period."""
    if value is None:
        return []
    ends = [{"at": at, "value": value} for at in (chart.backdrop.start, chart.backdrop.end)]
    mark = {"type": "line", "color": "var(--ink-3)", "strokeWidth": 1, "strokeDash": dash}
    return [_layer(ends, mark, y={"field": "value"})]


def _incidents(chart: Chart) -> list[dict[str, Any]]:
    spans = [{"at": start, "to": end} for start, end in chart.backdrop.incidents]
    mark = {"type": "rect", "color": "var(--incident)"}
    return [_layer(spans, mark, x={"field": "at"}, x2={"field": "to"})] if spans else []


def _marks(chart: Chart) -> list[dict[str, Any]]:
    happened = [{"at": m.at, "letter": m.letter} for m in chart.backdrop.marks]
    if not happened:
        return []
    rule = {"type": "rule", "color": "var(--ink-2)", "strokeWidth": 1, "opacity": 0.7}
    text = {"type": "text", "color": "var(--ink-2)", "fontSize": 10.5, "fontWeight": 600, "dy": -7}
    top = {"value": 0}
    return [
        _layer(happened, rule),
        _layer(happened, text, y=top, text={"field": "letter", "type": "nominal"}),
    ]


def _domain(chart: Chart) -> tuple[float, float]:
    """What the value axis spans: everything shown, with a little air; zero where it means much."""
    series = (chart.line, chart.dots, chart.limit, chart.expected)
    known = [v for s in series for p in s for v in (p.value, p.low, p.high) if v is not None]
    known += [level for level in (chart.reference, chart.guide) if level is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    if chart.from_zero and low >= 0:
        return 0.0, max(1.12 * max(high, chart.top or 0.0), 0.01)
    air = max((high - low) * 0.12, 0.005)
    return low - air, high + air


def _number_format(unit: Unit, span: float) -> str:
    shown = unit(1.0)
    if "%" in shown:
        return ".1%" if span < 0.03 else ".0%"
    if "rows" in shown or (span >= 10 and "1,234" in unit(1234.0)):
        return ",.0f" if span < 20_000 else ".2~s"
    return ".3~f" if span < 0.1 else ".2~f"


def _time_axis(backdrop: Backdrop, size: tuple[int, int]) -> dict[str, Any]:
    days = (backdrop.end - backdrop.start).total_seconds() / 86_400
    form = "%b %Y" if days > 150 else "%-d %b" if days > 3 else "%-d %b %H:%M"
    return {"format": form, "tickCount": 7 if size == WIDE else 3, "labelOverlap": True}
