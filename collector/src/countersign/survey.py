"""What columns are, judged from sampled rows: kind, bins, vocabulary.

Bins and vocabularies tell of many rows and never of one: edges are quantiles, those of a
probability half even, rounded to two significant digits, never the smallest or the largest value as
such, and every bin and every token stands for `min_count` sampled rows or more. What remains is
"below", "above" or "other".
"""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from .binning import Floats
from .frames import Array, as_numbers
from .hashing import text_of, token_of
from .statement import Refused
from .tables import LARGEST, MAX_CELLS, Kind, Role

BINS = 20
SCORE_BINS = 50
GRID = 2_000  # numbers from 0 to 1 that an even edge may be
EVEN_FROM = 0.001  # share of scores below, and above, those that the even edges are spread over
OUTER = 0.01  # share of rows below the first edge, and above the last
MOST_OUTER = 0.25  # of fewer rows nothing finer than the order of magnitude is told
TAIL = (0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999)  # quantiles of a meter that get an edge
FAR = (1, 3, 7)  # spreads beyond them, where more edges stand
COMMON = 0.99  # share of rows that a few values have for each to get a bin of its own

KIND_OF_ROLE: dict[Role, Kind] = {
    "score": "numeric",
    "class_score": "numeric",
    "outlier": "numeric",
    "quality": "numeric",
    "group": "categorical",
}


def kind_of(values: Array, coded: bool) -> Kind:
    """What a column holds. Numbers that are all 0 or 1 are boolean; mostly text is categorical."""
    if coded:
        return "categorical"
    if values.dtype.kind in "mM":
        raise Refused(
            "baseline.unsupported_column",
            "Dates and durations can't be counted: give such a column the role `ignore`, "
            "or turn it into a number.",
        )
    numbers = as_numbers(values)
    finite = numbers[np.isfinite(numbers)]
    if finite.size < np.count_nonzero(np.isinf(numbers)) or not finite.size:
        return "categorical"
    return "boolean" if np.isin(finite, (0, 1)).all() else "numeric"


def numeric_edges(values: Array, min_count: int) -> list[float]:
    """About BINS bins that hold equally many rows, for values of any scale."""
    ordered = _finite(values)
    outer = max(OUTER, min_count / max(ordered.size, 1))
    if outer > MOST_OUTER:
        return _one_wide_bin(ordered)
    quantiles = np.quantile(ordered, np.linspace(outer, 1 - outer, BINS + 1))
    unit = _unit(quantiles[-1] - quantiles[0])
    inner = {round_edge(q, unit) for q in quantiles[1:-1].tolist()}
    first, last = (
        round_edge(quantiles[0], unit, math.floor),
        round_edge(quantiles[-1], unit, math.ceil),
    )
    edges = sorted({first, *inner, last})
    if np.count_nonzero(ordered == edges[-1]) >= min_count or len(edges) == 1:
        edges.append(round_edge(edges[-1] + (unit or abs(edges[-1]) or 1.0), unit))
    if edges[0] == edges[-1]:  # a spread of less than the twelve digits that edges have
        return _one_wide_bin(ordered)
    return thin_out(edges, ordered, min_count, {edges[0], edges[-1]})


def score_edges(values: Array, threshold: float | None, min_count: int) -> list[float]:
    """Up to SCORE_BINS bins, over 0 to 1 for probabilities; the threshold is exactly an edge."""
    ordered = _finite(values)
    declared = set() if threshold is None else {float(threshold)}
    if ordered.size and (ordered[0] < 0 or ordered[-1] > 1):
        edges = {*numeric_edges(values, min_count), *declared}
        return thin_out(sorted(edges), ordered, min_count, {min(edges), max(edges), *declared})
    declared |= {0.0, 1.0}
    inner = _mixed_quantiles(ordered, 1.0 if threshold is None else threshold)
    rounded = {round_edge(q, 1.0) if q < 0.5 else 1 - round_edge(1 - q, 1.0) for q in inner}
    edges = {round(edge, 12) for edge in rounded} | declared
    return thin_out(sorted(edges), ordered, min_count, declared)


def _mixed_quantiles(ordered: Floats, threshold: float) -> list[float]:
    """SCORE_BINS bins in all on both sides of the threshold, half even and half quantiles.

    Even edges keep what a bin means when scores move to where few were, quantiles keep the ranking
    where most are: these are quantiles of half the scores and half an even spread over their range.
    """
    if not ordered.size:
        return []
    low, high = np.quantile(ordered, [EVEN_FROM, 1 - EVEN_FROM])
    at = np.unique(np.concatenate([np.linspace(0, 1, GRID + 1), ordered]))
    even = np.clip((at - low) / max(high - low, 1 / GRID), 0, 1)
    rank = (np.searchsorted(ordered, at, side="right") / ordered.size + even) / 2
    middle = float(np.interp(threshold, at, rank)) if 0 < threshold < 1 else 1.0
    below = int(np.clip(round(SCORE_BINS * middle), 1, SCORE_BINS - (middle < 1)))
    levels = np.concatenate(
        [np.linspace(0, middle, below + 1), np.linspace(middle, 1, SCORE_BINS - below + 1)]
    )
    places = np.searchsorted(rank, levels[(levels > 0) & (levels < 1) & (levels != middle)])
    return [float(at[place]) for place in places]


def meter_edges(values: Array, min_count: int, *, far: bool) -> list[float]:
    """Bins over nearly all values, so that the bins' sums are those of nearly all rows.

    A few common values each get their own; shares and marks from 0 to 1 get those of a score. With
    `far`, of what has no natural end such as a latency, the bins reach far above what is usual, and
    are fine where the last hundredths lie.
    """
    ordered = _finite(values)
    apart = _values_apart(ordered, min_count)
    if far or not (apart or (ordered.size and ordered[0] >= 0 and ordered[-1] <= 1)):
        return _reaching_far(apart or numeric_edges(values, min_count), ordered, min_count)
    return apart or score_edges(values, None, min_count)


def error_edges(errors: Array, min_count: int) -> list[float]:
    """Bins of a regression's errors. The outermost edges, where sums are cut, lie far out."""
    edges = numeric_edges(errors, min_count)
    end = round_edge(2 * max(abs(edges[0]), abs(edges[-1])), 0.0, math.ceil)
    return [-end, *edges, end]


def _values_apart(ordered: Floats, min_count: int) -> list[float]:
    """Edges between a few values that nearly all rows have; none if there are no such values."""
    values, counts = np.unique(ordered, return_counts=True)
    common = values[counts >= max(min_count, 1)]
    if not 2 <= len(common) <= BINS or counts[counts >= min_count].sum() < COMMON * ordered.size:
        return []
    gaps = np.diff(common)
    inner = [round_edge(m, _unit(gap)) for m, gap in zip(common[:-1] + gaps / 2, gaps, strict=True)]
    first = round_edge(common[0] - gaps[0] / 2, _unit(gaps[0]), math.floor)
    last = round_edge(common[-1] + gaps[-1] / 2, _unit(gaps[-1]), math.ceil)
    edges = sorted({first, *inner, last})
    return edges if len(edges) == len(common) + 1 else []


def _reaching_far(edges: list[float], ordered: Floats, min_count: int) -> list[float]:
    """More edges in the upper tail and beyond both ends, at distances that tell of no row."""
    fine = [q for q in TAIL if (1 - q) * ordered.size >= max(min_count, 1)]
    unit = _unit(edges[-1] - edges[0])
    tail = {round_edge(q, unit, math.ceil) for q in np.quantile(ordered, fine)} if fine else set()
    usual = thin_out(sorted({*edges, *tail}), ordered, min_count, {edges[0], edges[-1]})
    spread = usual[-1] - usual[0]
    above = [round_edge(usual[-1] + step * spread, 0.0, math.ceil) for step in FAR]
    below = round_edge(usual[0] - spread, 0.0, math.floor)
    low = 0.0 if not ordered.size or ordered[0] >= 0 else below
    return sorted({min(low, usual[0]), *usual, *(edge for edge in above if edge > usual[-1])})


def thin_out(edges: list[float], ordered: Floats, min_count: int, keep: set[float]) -> list[float]:
    """Drop edges until every bin holds `min_count` of the ordered values; `keep` stays anyway."""

    def rows(low: float, high: float) -> int:
        return int(np.searchsorted(ordered, high) - np.searchsorted(ordered, low))

    kept = edges[:1]
    for edge in edges[1:]:
        if edge in keep:
            while kept[-1] not in keep and rows(kept[-1], edge) < min_count:
                kept.pop()
            kept.append(edge)
        elif rows(kept[-1], edge) >= min_count:
            kept.append(edge)
    return kept


def round_edge(value: float, unit: float, rounding: Callable[[float], int] = round) -> float:
    """Two significant digits of the value, or of the spread where the value is far from zero.

    >>> round_edge(1234.5, 500.0), round_edge(0.03456, 1.0), round_edge(1994.3, 1.0)
    (1200.0, 0.035, 1994.0)
    """
    unit = min(unit, _unit(value)) if unit else _unit(value)
    return float(f"{rounding(value / unit) * unit:.12g}") if unit else 0.0


def _one_wide_bin(ordered: Floats) -> list[float]:
    largest = max(abs(ordered[0]), abs(ordered[-1])) if ordered.size else 0.0
    wide = 10.0 ** math.ceil(math.log10(largest)) if largest else 1.0
    return [-wide, wide]


def _unit(value: float) -> float:
    """The place of the second significant digit."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.0


def _finite(values: Array) -> Floats:
    numbers = as_numbers(values).astype(np.float64)
    return np.sort(numbers[np.abs(numbers) <= LARGEST])


def vocabulary(values: Array, model: str, column: str, key: bytes, min_count: int) -> list[str]:
    """Tokens of the categories that min_count rows or more have, the commonest first."""
    counts = Counter(text for text in map(text_of, values.tolist()) if isinstance(text, str))
    common = [
        (-count, token_of(key, model, column, text))
        for text, count in counts.items()
        if count >= min_count
    ]
    return [token for _, token in sorted(common)[:MAX_CELLS]]
