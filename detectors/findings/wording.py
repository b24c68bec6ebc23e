"""What a finding says, in words that need no statistics.

Every sentence gives the figure, what it was in the reference, and how many rows it rests on. The
limit and the interval stand beside it on the page.
"""

from collections.abc import Sequence

from countersign.tables import Column
from detectors.figures import Figures

NARROW_SPACE = "\u202f"  # doesn't break


def percent(share: float) -> str:
    """A share as a percentage with as many digits as it is worth; no line breaks before the sign.

    >>> [percent(s).replace(NARROW_SPACE, " ") for s in (0.5, 0.0123, 0.00004, 0)]
    ['50 %', '1.2 %', '0.004 %', '0 %']
    """
    if share == 0:
        return f"0{NARROW_SPACE}%"
    digits = 0 if share >= 0.1 else 1 if share >= 0.01 else 2 if share >= 0.001 else 3
    return f"{100 * share:.{digits}f}{NARROW_SPACE}%"


def rows(count: float) -> str:
    """A sample size.

    >>> rows(12345)
    '12,345 rows'
    """
    return f"{count:,.0f} rows"


def number(value: float) -> str:
    """A number with four digits at most.

    >>> number(45.0), number(0.125), number(0.123456)
    ('45', '0.125', '0.1235')
    """
    return f"{value:.4g}"


def ordered_shift(column: Column, edge: int, now: float, then: float, n: float) -> str:
    """A numeric column: the share of rows below the inner edge where the gap is widest."""
    return (
        f"{column.name} has shifted: {percent(now)} of {rows(n)} are below "
        f"{number(column.edges[edge])}, against {percent(then)} in the reference."
    )


def category_shift(column: Column, cell: str, now: float, then: float, n: float) -> str:
    """A categorical or boolean column: the category whose share changed most."""
    return (
        f"{column.name} has shifted: {cell} makes up {percent(now)} of {rows(n)}, against "
        f"{percent(then)} in the reference."
    )


def flag_shift(column: Column, flag: bool, now: float, then: float, n: float) -> str:
    """A boolean column: how often it is true (or false, where that was compared)."""
    return (
        f"{column.name} is {str(flag).lower()} in {percent(now)} of {rows(n)}, against "
        f"{percent(then)} in the reference."
    )


def category(column: Column, cell: int) -> str:
    """What to call a cell of the distribution (0 is the first one after missing and invalid).

    A category's own name stays with the model's team; here it has the start of its token.
    """
    if column.kind == "boolean":
        return ("false", "true")[cell]
    if cell == 0:
        return "everything outside the vocabulary"
    return f"category {column.tokens[cell - 1][:8]}"


def band(column: Column, begin: int, end: int) -> str:
    """Some neighbouring cells of a column, from `begin` up to but not with `end`.

    >>> age = Column(name="age", role="feature", kind="numeric", edges=[18.0, 30.0, 45.0, 90.0])
    >>> [band(age, *cells) for cells in ((0, 3), (3, 5), (4, 7), (0, 4))]
    ['age below 18 or none', 'age 18 to 45', 'age from 30', 'age below 30 or none']
    """
    if column.kind == "numeric":
        return f"{column.name} {_range(column.edges, begin, end)}"
    cells = ["none", "invalid", "other", *(token[:8] for token in column.tokens)]
    if column.kind == "boolean":
        cells = ["none", "invalid", "false", "true"]
    told = cells[begin:end]
    if len(told) > 2 and begin > 0:
        told = [told[0], f"{len(told) - 1} more"]
    return f"{column.name} {' or '.join(cell for cell in told)}"


def _range(edges: Sequence[float], begin: int, end: int) -> str:
    """Cells 0 and 1 hold no number, 2 what is below; the last one what is above."""
    low = number(edges[begin - 3]) if begin >= 3 else None
    high = number(edges[end - 3]) if end - 3 < len(edges) else None
    if low is None:
        return "none" if end <= 2 else "any or none" if high is None else f"below {high} or none"
    return f"from {low}" if high is None else f"{low} to {high}"


RATES = {
    "missing": "{name} is missing in {now} of {n}, against {then} in the reference.",
    "invalid": "{name} holds values of the wrong type in {now} of {n}, against {then} in the "
    "reference.",
    "out_of_range": "{name} lies outside the reference's range in {now} of {n}, against {then} in "
    "the reference.",
    "other_category": "{name} has a category outside the vocabulary in {now} of {n}, against "
    "{then} in the reference.",
}


def rate(detector: str, name: str, now: float, then: float, n: float) -> str:
    """A rate of the integrity monitors."""
    return RATES[detector].format(name=name, now=percent(now), then=percent(then), n=rows(n))


def column_gone(name: str, n: float) -> str:
    """A column that held values and now holds none."""
    return f"{name} is gone: none of {rows(n)} holds a value that it could hold in the reference."


def no_rows() -> str:
    """A window without rows."""
    return (
        "The window arrived without a row. Either the model was not used, or what feeds the "
        "collector has stopped."
    )


def volume(now: float, low: float, high: float) -> str:
    """More or fewer rows than the reference windows let expect."""
    return f"{rows(now)} arrived, where the reference lets {low:,.0f} to {high:,.0f} be expected."


def not_examined(attempts: int) -> str:
    """A window on which the examination itself fails."""
    return (
        f"The window could not be examined: {attempts} attempts failed, more follow with growing "
        "pauses. It is kept and in the log, but nothing was looked for in it yet. Whoever runs "
        "this appliance finds the error in the worker's log."
    )


def more_labels_than_rows(labelled: int, counted: int) -> str:
    """Outcomes for more rows than the window had."""
    return (
        f"Outcomes are known for {rows(labelled)}, but the window counted only {rows(counted)}: "
        "one of the two was counted wrongly, or under another period."
    )


def late(hours: float) -> str:
    """A window that came after its grace period."""
    return f"The window arrived {hours:,.0f} hours after it had ended."


def wrong_decisions(
    about: str, now: float, then: float, labelled: float, threshold: float | None
) -> str:
    """More decisions turned out wrong; `about` is a group, or empty for all."""
    whom = f" about {about.replace(':', ' ')}" if about else ""
    at = "" if threshold is None else f" (score threshold {number(threshold)})"
    return (
        f"Decisions{whom} were wrong in {percent(now)} of {rows(labelled)} whose outcome is known"
        f"{at}, against {percent(then)} in the reference."
    )


MEANS = {
    "error_shift": ("realised_error", "mae", "The mean absolute error is {now}, against {then}."),
    "quality_shift": ("quality", "{name}", "Its mean is {now}, against {then}."),
}


def means(detector: str, name: str, figures: Sequence[Figures]) -> str:
    """The mean beside a shift, with the reference's; nothing where it is not told."""
    slug, figure, sentence = MEANS[detector]
    for found in figures:
        if found.detector == slug and figure.format(name=name) in found.names:
            i = list(found.names).index(figure.format(name=name))
            now, then = number(found.value[i]), number(found.limit[i])
            return " " + sentence.format(now=now, then=then)
    return ""


def harm(now: float, then: float, low: float, high: float) -> str:
    """What the drift means for the model's work, as far as the scores tell."""
    where = f"estimated accuracy is {percent(now)} ({percent(low)} to {percent(high)})"
    if high < then:
        return f"It matters: {where}, against {percent(then)} in the reference."
    return f"So far it looks harmless: {where}, against {percent(then)} in the reference."


def broken_cause(name: str) -> str:
    """A candidate cause: data that came broken."""
    return f"{name} arrives damaged or incomplete: look at what fills it first."


def moved_cause(name: str, distance: float, weighed: bool) -> str:
    """A candidate cause: a column that moved; `weighed` where the order counts its importance."""
    leans = ", and the model leans on it" if weighed else ""
    return f"{name}: {percent(distance)} of its rows lie elsewhere than in the reference{leans}."


def worse_slice(name: str, more: float, decides: bool) -> str:
    """A candidate cause: the slice where it got worst."""
    if decides:
        points = f"{100 * more:.1f}{NARROW_SPACE}points"
        return f"Where {name}: {points} more of the decisions are wrong than in the reference."
    return f"Where {name}: the mean absolute error is {number(more)} larger than in the reference."


def rowwide(name: str, pairs: Sequence[str], p_value: float) -> str:
    """Whole rows moved: named pairs of columns, or an embedding."""
    chance = f"chance alone does that in one window of {1 / max(p_value, 1e-6):,.0f}"
    if not pairs:
        return f"What {name} stands for has moved away from the reference; {chance}."
    named = ", ".join(_together(*pair.split(":")) for pair in pairs)
    return f"Columns no longer go together as in the reference, most of all {named}; {chance}."


def _together(one: str, other: str) -> str:
    return f"the spread of {one}" if one == other else f"{one} and {other}"
