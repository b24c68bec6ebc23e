"""Which chart shows which figure: the same ones on a version's page and on an incident's."""

from .charts import Backdrop, Chart, Point
from .history import Series
from .words import count, detector, metric, metric_unit, share, times

EVIDENCE = (
    "What all windows together say against chance. At 1 it is an alarm, and counting starts anew."
)


def performance(name: str, estimated: Series, realised: Series, backdrop: Backdrop) -> Chart:
    """A metric as the scores promise it, with its band, and as it turned out."""
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
