"""Which chart shows which figure: the same ones on a version's page and on an incident's."""

from collections.abc import Sequence

from countersign.tables import Column
from detectors.statistics.fairness import FOUR_FIFTHS

from .charts import Backdrop, Chart, Point
from .history import Series
from .terms import METER, METRICS, Unit, detector, meter_unit, metric, metric_unit
from .words import Edges, count, number, share, times

EVIDENCE = (
    "What all windows together say against chance. At 1 it is an alarm, and counting starts anew."
)


def performance(
    name: str, series: tuple[Series, Series], backdrop: Backdrop, edges: Edges | None = None
) -> Chart:
    """A metric as the scores promise it, with its band, and as it turned out.

    `edges` are a regression's outermost ones: quantiles of the error are told within them.
    """
    estimated, realised = series
    term = metric(name)
    return Chart(
        term.name,
        term.meaning,
        metric_unit(name),
        backdrop,
        line=estimated.points,
        dots=realised.points,
        reference=estimated.newest_limit or realised.newest_limit,
        line_name="Estimated",
        from_zero=False,
        edges=edges,
    )


def moved(
    column: str, role: str, series: Series, backdrop: Backdrop, top: float | None = None
) -> Chart:
    """How far a column has moved; `top` lets several charts share one scale."""
    return Chart(
        column,
        f"{role.capitalize() or 'Column'}: share of rows that lie elsewhere than in the reference.",
        share,
        backdrop,
        line=series.points,
        line_name="Moved",
        top=top,
    )


def evidence(column: str, slug: str, series: Series, backdrop: Backdrop) -> Chart:
    """What the windows so far say about one stream, against its alarm limit."""
    return Chart(
        f"{column}: evidence of {detector(slug).name.lower()}",
        EVIDENCE,
        times,
        backdrop,
        line=series.points,
        limit=series.limits,
        line_name="Evidence",
    )


def rate(slug: str, column: str, series: Series, backdrop: Backdrop) -> Chart:
    """An integrity rate and its limit."""
    term = detector(slug)
    return Chart(
        f"{column}: {term.name.lower()}",
        term.meaning,
        share,
        backdrop,
        line=series.points,
        limit=series.limits,
        line_name=term.name,
    )


def alike(column: str, series: Series, backdrop: Backdrop) -> Chart:
    """How far apart the groups of a column lie in their shares of yes."""
    return Chart(
        f"By {column}",
        "Lowest share of yes divided by the highest. At 1 all groups have the same.",
        times,
        backdrop,
        line=series.points,
        reference=series.newest_limit,
        guide=FOUR_FIFTHS,
        line_name="Ratio",
        top=1.0,
    )


def volume(series: Series, backdrop: Backdrop) -> Chart:
    """Rows per window, and how many the reference lets expect."""
    return Chart(
        "Rows per window",
        detector("volume").meaning,
        count,
        backdrop,
        line=[Point(p.at, p.value) for p in series.points],
        expected=[Point(p.at, None, p.low, p.high) for p in series.points],
        line_name="Rows",
    )


def metered(column: Column, slug: str, series: Sequence[Series], backdrop: Backdrop) -> Chart:
    """What is metered beside decisions; where the slowest rows count, these and the middle ones."""
    judged, middle = series[0], series[1] if len(series) > 1 else None
    share_of_rows = slug == "flag"
    head = METER["share" if share_of_rows else "p95" if middle else "mean"]
    meaning = head.meaning[0].upper() + head.meaning[1:]
    return Chart(
        column.name,
        f"Line: {head.meaning}; dots: {METER['p50'].meaning}." if middle else f"{meaning}.",
        share if share_of_rows else meter_unit(column.name),
        backdrop,
        line=judged.points,
        dots=middle.points if middle else (),
        reference=judged.newest_limit,
        line_name=head.name,
        dots_name=METER["p50"].name,
        edges=None if share_of_rows else (column.edges[0], column.edges[-1]),
    )


def slice_error(name: str, series: Series, unit: Unit, backdrop: Backdrop) -> Chart:
    """How often decisions about one part of the rows were wrong, or by how much."""
    return Chart(
        name,
        "Share of decisions that were wrong." if unit is share else "Mean absolute error.",
        unit,
        backdrop,
        line=series.points,
        reference=series.newest_limit,
        line_name="Wrong" if unit is share else "Error",
    )


def cost(name: str, series: tuple[Series, Series], unit: Unit, backdrop: Backdrop) -> Chart:
    """What windows cost more than the reference, estimated and realised."""
    estimated, realised = series
    return Chart(
        METRICS[name].name,
        METRICS[name].meaning,
        unit,
        backdrop,
        line=estimated.points,
        dots=realised.points,
        guide=0.0,
        line_name="Estimated",
        from_zero=False,
    )


def ranking(series: Series, backdrop: Backdrop) -> Chart:
    """Whether the model leans on its columns in the reference's order."""
    return Chart(
        "Agreement of the ranking",
        "1 is the reference’s own order. Less, the more weight has changed its place.",
        times,
        backdrop,
        line=series.points,
        guide=series.newest_limit,
        line_name="Agreement",
        top=1.0,
    )


def rowwide(name: str, series: Series, backdrop: Backdrop) -> Chart:
    """How far whole rows lie from the reference."""
    return Chart(
        name,
        "Distance of whole rows from the reference. Around 0 nothing has changed.",
        number,
        backdrop,
        line=series.points,
        line_name="Distance",
        from_zero=False,
    )
