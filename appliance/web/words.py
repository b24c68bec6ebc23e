"""Figures and small sentences for people: every number with its unit.

Nothing here asks the database. A thin space that does not break stands between a number and its
unit.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

NONE = "–"  # what a table shows where a figure can't be given
THIN = "\u202f"


def _signed(text: str) -> str:
    """With a true minus sign, and none before a zero.

    >>> _signed("-0.30"), _signed("-0.0")
    ('−0.30', '0.0')
    """
    return text.replace("-", "−") if text.strip("-0.") else text.removeprefix("-")


def share(value: float | None, digits: int = 1) -> str:
    """A share as a percentage.

    >>> share(0.7842).replace(THIN, " "), share(0.00004).replace(THIN, " "), share(None)
    ('78.4 %', '0.004 %', '–')
    """
    if value is None:
        return NONE
    if 0 < abs(value) < 0.0005:
        return f"{_signed(f'{100 * value:.1g}')}{THIN}%"
    return f"{_signed(f'{100 * value:.{digits}f}')}{THIN}%"


def plain(value: float | None) -> str:
    """A figure without a unit.

    >>> plain(0.83174), plain(None)
    ('0.832', '–')
    """
    return NONE if value is None else _signed(f"{value:.3f}")


def number(value: float | None) -> str:
    """A figure in a unit of its own, with three digits or all of its whole ones.

    >>> number(0.012345), number(412.7), number(51234.5), number(None)
    ('0.0123', '413', '51,234', '–')
    """
    if value is None:
        return NONE
    return _signed(f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}")


def money(value: float | None, currency: str) -> str:
    """
    >>> money(-1234.5, "EUR").replace(THIN, " "), money(0.256, "EUR").replace(THIN, " ")
    ('EUR −1,234', 'EUR 0.256')
    """
    return NONE if value is None else f"{currency}{THIN}{number(value)}"


def count(value: float | None) -> str:
    """
    >>> count(12345.0), count(None)
    ('12,345', '–')
    """
    return NONE if value is None else f"{value:,.0f}"


def points(value: float | None) -> str:
    """A difference of two shares.

    >>> points(0.123).replace(THIN, " "), points(None)
    ('12.3 points', '–')
    """
    return NONE if value is None else f"{_signed(f'{100 * value:.1f}')}{THIN}points"


def times(value: float | None) -> str:
    """Something relative to what is 1: evidence to its limit, a rate to the highest one."""
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
    """An interval; empty where there is none, and with one end where the other is not known.

    >>> between(0.779, 0.789, share).replace(THIN, " ")
    '77.9 % to 78.9 %'
    >>> between(200.0, None, number), between(None, 5.0, number)
    ('200 or more', '5 or less')
    """
    if low is None or high is None:
        one = low if high is None else high
        return "" if one is None else f"{unit(one)} or {'more' if high is None else 'less'}"
    return f"{unit(low)} to {unit(high)}"


Edges = tuple[float, float]


def beyond(
    value: float | None, limits: tuple[float | None, float | None], edges: Edges | None
) -> str:
    """What to say before a value at an edge whose interval is open there: it is only a bound.

    >>> beyond(200.0, (180.0, None), (0.0, 200.0)), beyond(90.0, (80.0, None), (0.0, 200.0))
    ('at least ', '')
    """
    low, high = limits
    if edges is None or value is None or (low is None) == (high is None):
        return ""
    if high is None:
        return "at least " if value >= edges[1] else ""
    return "at most " if value <= edges[0] else ""


def chance(p: float | None) -> str:
    """How likely a change of this size is by chance alone.

    >>> chance(0.2134), chance(1e-9), chance(None)
    ('21 %', 'below 0.1 %', '–')
    """
    if p is None:
        return NONE
    return "below 0.1 %" if p < 0.001 else f"{100 * p:.0f} %" if p >= 0.1 else f"{100 * p:.1f} %"


def often(p: float | None) -> str:
    """How often chance alone does something, as a count of windows.

    >>> often(0.21), often(0.0004), often(1e-12), often(None)
    ('in 21 of 100 windows', 'in 4 of 10,000 windows', 'in fewer than 1 of 10,000 windows', '')
    """
    if p is None:
        return ""
    if p >= 0.01:
        return f"in {100 * p:.0f} of 100 windows"
    return (
        f"in {10_000 * p:.0f} of 10,000 windows"
        if p >= 1e-4
        else "in fewer than 1 of 10,000 windows"
    )


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


def sentence(kind: str) -> str:
    """
    >>> sentence("data_quality")
    'Data quality'
    """
    return re.sub(r"[_.]", " ", kind).capitalize()
