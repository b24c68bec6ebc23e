"""What a finding says, in words that need no statistics.

Every sentence gives the figure, what it was in the reference, and how many rows it rests on. The
limit and the interval stand beside it on the page.
"""

from countersign.statement import Column

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
    """An edge as its owner wrote it.

    >>> number(45.0), number(0.125)
    ('45', '0.125')
    """
    return f"{value:g}"


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


def category(column: Column, cell: int) -> str:
    """What to call a cell of the distribution (0 is the first one after missing and invalid).

    A category's own name stays with the model's team; here it has the start of its token.
    """
    if column.kind == "boolean":
        return ("false", "true")[cell]
    if cell == 0:
        return "everything outside the vocabulary"
    return f"category {column.tokens[cell - 1][:8]}"


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


def late(hours: float) -> str:
    """A window that came after its grace period."""
    return f"The window arrived {hours:,.0f} hours after it had ended."


def performance(metric: str, now: float, then: float, labelled: float, threshold: float) -> str:
    """Realised performance that got worse."""
    return (
        f"{metric.capitalize()} was {percent(now)} on {labelled:,.0f} labelled rows (score "
        f"threshold {number(threshold)}), against {percent(then)} in the reference."
    )


def harm(now: float, then: float, low: float, high: float) -> str:
    """What the drift means for the model's work, as far as the scores tell."""
    where = f"estimated accuracy is {percent(now)} ({percent(low)} to {percent(high)})"
    if high < then:
        return f"It matters: {where}, against {percent(then)} in the reference."
    return f"So far it looks harmless: {where}, against {percent(then)} in the reference."


def broken_cause(name: str) -> str:
    """A candidate cause: data that came broken."""
    return f"{name} arrives damaged or incomplete: look at what fills it first."


def moved_cause(name: str, distance: float) -> str:
    """A candidate cause: a column that moved."""
    return f"{name}: {percent(distance)} of its rows lie elsewhere than in the reference."
