"""Words and figures for people: every term with one line that explains it, every number with its
unit.

Nothing here asks the database. A thin space that does not break stands between a number and its
unit.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NONE = "–"  # what a table shows where a figure can't be given
THIN = "\u202f"


@dataclass(frozen=True)
class Term:
    """What something is called, and what that means in one line."""

    name: str
    meaning: str


def share(value: float | None, digits: int = 1) -> str:
    """A share as a percentage.

    >>> share(0.7842).replace(THIN, " "), share(0.00004).replace(THIN, " "), share(None)
    ('78.4 %', '0.004 %', '–')
    """
    if value is None:
        return NONE
    if 0 < abs(value) < 0.0005:
        return f"{100 * value:.1g}{THIN}%"
    return f"{100 * value:.{digits}f}{THIN}%"


def plain(value: float | None) -> str:
    """A figure without a unit.

    >>> plain(0.83174), plain(None)
    ('0.832', '–')
    """
    return NONE if value is None else f"{value:.3f}"


def count(value: float | None) -> str:
    """
    >>> count(12345.0), count(None)
    ('12,345', '–')
    """
    return NONE if value is None else f"{value:,.0f}"


def times(value: float | None) -> str:
    """Evidence relative to its limit: 1 is the limit."""
    return NONE if value is None else f"{value:.2f}"


UNITS: dict[str, Callable[[float | None], str]] = {
    "share": share,
    "rows": lambda v: NONE if v is None else f"{v:,.0f}{THIN}rows",
    "hours": lambda v: NONE if v is None else f"{v:,.0f}{THIN}hours",
    "windows": lambda v: NONE if v is None else f"{v:,.0f}",
}


def in_unit(value: float | None, unit: str) -> str:
    """A finding's figure in its unit."""
    return UNITS.get(unit, plain)(value)


def between(low: float | None, high: float | None, unit: Callable[[float | None], str]) -> str:
    """An interval; empty where there is none.

    >>> between(0.779, 0.789, share).replace(THIN, " ")
    '77.9 % to 78.9 %'
    """
    return "" if low is None or high is None else f"{unit(low)} to {unit(high)}"


def chance(p: float | None) -> str:
    """How likely a change of this size is by chance alone.

    >>> chance(0.2134), chance(1e-9), chance(None)
    ('21 %', 'below 0.1 %', '–')
    """
    if p is None:
        return NONE
    return "below 0.1 %" if p < 0.001 else f"{100 * p:.0f} %" if p >= 0.1 else f"{100 * p:.1f} %"


def many(number: int, one: str, more: str = "") -> str:
    """
    >>> many(1, "window"), many(1200, "window"), many(2, "person is", "people are")
    ('1 window', '1,200 windows', '2 people are')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def opened(severities: Sequence[str]) -> str:
    """How many incidents are open, and how many of them are high.

    >>> opened([]), opened(["low"]), opened(["high", "low"])
    ('Nothing needs attention.', '1 incident is open.', '2 incidents are open; 1 is high.')
    >>> opened(["high"]), opened(["high", "high"])
    ('1 incident is open; it is high.', '2 incidents are open; both are high.')
    """
    if not severities:
        return "Nothing needs attention."
    total, high = len(severities), list(severities).count("high")
    words = many(total, "incident is open", "incidents are open")
    if high == total:
        return f"{words}; { ({1: 'it is', 2: 'both are'}.get(total, 'all are')) } high."
    return f"{words}; {many(high, 'is high', 'are high')}." if high else f"{words}."


def listed(words: list[str], most: int = 3) -> str:
    """
    >>> listed(["age"]), listed(["age", "sex"]), listed(["a", "b", "c", "d"], 2)
    ('age', 'age and sex', 'a, b and 2 more')
    """
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def duration(seconds: float) -> str:
    """A length of time in its largest unit that leaves a whole number.

    >>> duration(604800), duration(21600), duration(5400)
    ('7 days', '6 hours', '90 minutes')
    """
    span = timedelta(seconds=seconds)
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if span >= length and span % length == timedelta():
            return many(span // length, unit)
    return many(span // timedelta(minutes=1), "minute")


def period(start: datetime, end: datetime) -> str:
    """A window's period in UTC: days alone where it begins and ends at midnight.

    >>> from datetime import UTC
    >>> period(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))
    '5 to 12 Jan 2026'
    >>> period(datetime(2026, 1, 5, 14, tzinfo=UTC), datetime(2026, 1, 5, 15, tzinfo=UTC))
    '5 Jan 2026, 14:00 to 15:00'
    """
    if start.time() == end.time() == datetime.min.time():
        first = f"{start.day}"
        if (start.year, start.month) != (end.year, end.month):
            first += f" {start:%b}" + (f" {start.year}" if start.year != end.year else "")
        return f"{first} to {day(end)}"
    if start.date() == end.date():
        return f"{day(start)}, {start:%H:%M} to {end:%H:%M}"
    return f"{day(start)}, {start:%H:%M} to {day(end)}, {end:%H:%M}"


def day(at: datetime) -> str:
    """
    >>> day(datetime(2026, 1, 5))
    '5 Jan 2026'
    """
    return f"{at.day} {at:%b %Y}"


METRICS = {
    "accuracy": Term("Accuracy", "Of all decisions, the share that was right."),
    "precision": Term("Precision", "Of the rows the model said yes to, the share that was yes."),
    "recall": Term("Recall", "Of the rows that were yes, the share the model found."),
    "specificity": Term("Specificity", "Of the rows that were no, the share the model left out."),
    "f1": Term("F1", "Precision and recall in one figure; it falls if either falls."),
    "auc": Term("AUC", "How often a yes scores above a no: 1 is always, 0.5 is guessing."),
    "pr_auc": Term("PR AUC", "Average precision over all thresholds; for rare positives."),
    "mcc": Term("MCC", "Agreement of decision and outcome: 1 is perfect, 0 is guessing."),
    "brier": Term("Brier score", "Mean squared distance of score and outcome; smaller is better."),
    "log_loss": Term("Log loss", "How surprised the scores are by outcomes; smaller is better."),
    "positive_rate": Term("Positive rate", "The share of rows whose outcome is likely to be yes."),
    "selection_rate": Term("Selection rate", "The share of rows that the model says yes to."),
}
SHARES = {"accuracy", "precision", "recall", "specificity", "positive_rate", "selection_rate"}

RATES = {
    "missing": Term("Missing", "Rows in which the column is empty."),
    "invalid": Term("Wrong type", "Rows whose value the column can't hold, such as text."),
    "out_of_range": Term("Out of range", "Rows below or above everything in the reference."),
    "other_category": Term("New category", "Rows with a category outside the vocabulary."),
}
DETECTORS = RATES | {
    "shift": Term("Drift", "The column's values are spread differently."),
    "drift_alarm": Term(
        "Drift, over time", "Adds up what each window says, and alarms once it can't be chance."
    ),
    "ks": Term(
        "Drift, numbers", "Kolmogorov-Smirnov: the widest gap between two spreads of values."
    ),
    "q": Term("Drift, categories", "Weighs how far every category's share has moved."),
    "volume": Term("Rows", "How many rows arrived, against what the reference lets expect."),
    "column_gone": Term("Column gone", "A column that held values, and holds none now."),
    "late_window": Term("Late", "The window arrived after its time of grace."),
    "missing_window": Term("Did not arrive", "A window that should have come, and did not."),
    "examination": Term("Not examined", "A window that arrived, and could not be examined."),
    "fairness_selection": Term(
        "Decisions by group", "How often each group gets a yes, beside the other groups."
    ),
    "fairness_outcome": Term(
        "Errors by group", "How often the decisions about each group were right, once known."
    ),
    "estimated_performance": Term(
        "Estimated performance",
        "How good the decisions are likely to be, from the scores alone, before labels are known.",
    ),
    "realised_performance": Term(
        "Realised performance", "How good the decisions were, once outcomes are known."
    ),
}

EVENTS = {
    "deployment": "Deployment",
    "upstream_change": "Upstream change",
    "incident_elsewhere": "Incident elsewhere",
    "maintenance": "Maintenance",
}

MEANINGS = {
    "feed": "Something between the model and this appliance has stopped, slowed or changed in "
    "volume. While windows are missing, nobody can say how the model is doing; that is a finding "
    "about the monitoring, not yet about the model.",
    "data_quality": "The data that reach the model are more often empty, of the wrong type or "
    "outside what it was built on. A model does not refuse such rows; it decides on them all the "
    "same, and worse. Repair usually belongs to whoever delivers the column.",
    "drift": "The people or things that the model decides on are no longer the ones of the "
    "reference. That is not an error by itself. It matters when the model is worse on the new "
    "ones; the estimated performance says whether that seems so.",
    "performance": "Known outcomes show that the model errs more often than it did in the "
    "reference. This is measured, not estimated: the question is no longer whether, but why, and "
    "whether the model may go on deciding meanwhile.",
}
SEVERITIES = {
    "high": "At its worst it affected decisions, or nobody could tell. Look today.",
    "medium": "Something changed beyond chance and tolerance. Look this week.",
    "low": "It changed, and so far it seems harmless. Know about it.",
}


def metric(name: str) -> Term:
    """A metric's term; one that nobody has explained yet is called by its name."""
    return METRICS.get(name) or Term(name.replace("_", " ").capitalize(), "")


def metric_unit(name: str) -> Callable[[float | None], str]:
    """How a metric is written: as a percentage where it is a share."""
    return share if name in SHARES else plain


def detector(slug: str) -> Term:
    """A detector's term."""
    return DETECTORS.get(slug) or Term(slug.replace("_", " ").capitalize(), "")


def raised(column: str, slug: str) -> str:
    """An alarm in a few words.

    >>> raised("age", "shift"), raised("income", "missing")
    ('age drifted', 'income: more missing')
    """
    if slug == "shift":
        return f"{column} drifted"
    return f"{column}: more {detector(slug).name.lower()}"


def sentence(kind: str) -> str:
    """
    >>> sentence("data_quality")
    'Data quality'
    """
    return re.sub(r"[_.]", " ", kind).capitalize()
