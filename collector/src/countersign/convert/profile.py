"""What a profile of another tool says of each column, and how sure it is of that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..aliases import Aliases
from ..binning import Floats

MOST_ERROR = 0.015  # of the rows: less surely than this, nothing counts as known
SAMPLE = 4_000  # places that a distribution is told by, when edges are chosen

# At least and at most so many numbers lie below a place.
Below = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Numbers:
    """How a column's numbers are distributed. `sample` are places as they lie; it stays here."""

    total: int
    sample: Floats
    below: Below


@dataclass(frozen=True)
class Texts:
    """How many rows have which text. Each count, and that of a text not listed, is at most `error`
    too low.
    """

    total: int
    counts: Mapping[str, int]
    error: int = 0


@dataclass(frozen=True)
class Told:
    """One column. `lacks` says why there are neither numbers nor texts."""

    missing: int = 0
    invalid: int = 0
    numbers: Numbers | None = None
    texts: Texts | None = None
    lacks: str = "its values are of no kind that can be counted"


@dataclass(frozen=True)
class Profile:
    """What a file says. `dropped` are the raw things in it, and of how many columns."""

    rows: int
    columns: Mapping[str, Told]
    dropped: Mapping[str, int] = field(default_factory=dict)

    def under(self, names: Aliases) -> "Profile":
        """The same with the columns under their planned names."""
        return replace(self, columns=names.keys_of(self.columns))


def from_buckets(buckets: Sequence[tuple[float, float, float]], error: float = 0.0) -> Numbers:
    """From a histogram: lower and upper end, and rows, of each bucket; `error` is its own, in rows.

    Where in its bucket a row lies isn't known: below a place are at least the rows of the buckets
    that end before it, and at most also those of the buckets that begin before it. Raises
    `ValueError` if these are no buckets.
    """

    low, high, counts = np.array(buckets, np.float64).T
    if not (np.isfinite(low + high + counts).all() and (low <= high).all() and (counts >= 0).all()):
        raise ValueError("no histogram")

    def below(place: float) -> tuple[float, float]:
        return counts[high < place].sum() - error, counts[low < place].sum() + error

    total = counts.sum()
    each = np.round(counts * min(SAMPLE / max(total, 1), 1)).astype(int)
    spread = [np.linspace(a, b, n) for a, b, n in zip(low, high, each, strict=True) if n]
    sample = np.concatenate(spread) if spread else np.empty(0)
    return Numbers(round(float(total)), sample, below)


def kll_error(k: int) -> float:
    """By how much a KLL sketch may misplace a value, as a share of the rows, in 99 of 100 cases.

    The fit of Apache DataSketches for the normalised rank error.

    >>> round(kll_error(200), 4)
    0.0133
    """
    return float(2.296 / k**0.9723)
