"""The tables of the wire format: what a column is, and what is counted over some rows.

**A column's cells partition its rows.** Every row falls into exactly one cell, in this order:

    numeric, k bins        missing  invalid  below  bin 0 .. bin k-1  above
    categorical, k tokens  missing  invalid  other  token 0 .. token k-1
    boolean                missing  invalid  false  true

Bin i is [edges[i], edges[i+1]), the last one closed on the right. `missing` is null or NaN,
`invalid` is what the column's kind can't hold (an infinity, text among numbers), `other` is a
category outside the vocabulary. Without noise the cells add up to `rows`.

**A null cell is merged into the nearest cell before it that is not null.** Neighbours are merged
until no cell holds 1 to `min_count - 1` rows, so a merged run tells its total and nothing else, and
no margin gives a small cell back. The first cell is never null. `rows: null` says that the whole
window held too few rows; then it has no columns. Tables of the same rows (by group, by label) use
the score's cells, merged the same way or further, so that no two tables can be subtracted.

A sum stands beside a cell that is not null, and is null itself where the run has 1 to
`min_count - 1` rows inside the bins: it would be those rows' sum.

**What a role means.** Every row has a `feature`. A `score` is the model's number: a probability, or
a regression's prediction. A `prediction` is what it decided; a `class_score` the probability of one
class of a prediction with several. A `group` is what people may not be treated differently by. An
`operational` column is about the service (latency, cost, tokens, errors), a `judge` grades an
answer as it is given (quality, groundedness, toxicity), an `outlier` score says how strange a row
is. Two come later: `outcome`, what was true, and `quality`, how good one answer or ranking turned
out (NDCG@10 of a query, say).
"""

import re
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_COLUMNS = 2_000
MAX_CELLS = 100
MAX_COUNT = 2**53
MAX_SLICES = 50  # tables of slices
MAX_SLICE_CELLS = 400  # in one of them
MAX_MAPPED = 50  # columns whose second moments are told
MAX_FEATURES = 256
LARGEST = 1e60

# `$(?!\n)`: Python's `$` alone would let a final line feed through.
Slug = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
ColumnName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}$(?!\n)")]
Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,79}$(?!\n)")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Token = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
Real = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Cell = Count | None
Cells = Annotated[list[Cell], Meta(min_length=3, max_length=MAX_CELLS + 4)]
Sums = Annotated[list[float | None], Meta(max_length=MAX_CELLS + 4)]
SliceCells = Annotated[list[Cell], Meta(min_length=1, max_length=MAX_SLICE_CELLS)]
SliceSums = Annotated[list[float | None], Meta(max_length=MAX_SLICE_CELLS)]
Starts = Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1, max_length=MAX_CELLS + 4)]

Role = Literal[
    "feature",
    "score",
    "class_score",
    "prediction",
    "group",
    "operational",
    "judge",
    "outlier",
    "outcome",
    "quality",
]
Kind = Literal["numeric", "categorical", "boolean"]
Layout = Literal["rounded", "declared", "noised"]
Mechanism = Literal["none", "discrete_laplace", "discrete_gaussian"]

LATER: frozenset[Role] = frozenset({"outcome", "quality"})  # known with the labels, not before
METERED: frozenset[Role] = frozenset(
    {"score", "class_score", "operational", "judge", "outlier", "quality"}
)


_ALIAS = re.compile(r"k[0-9a-f]{12}")


def is_alias(name: str) -> bool:
    """Whether a column's name is a keyed alias, see `countersign.aliases`."""
    return _ALIAS.fullmatch(name) is not None


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every struct of the wire: immutable, and an unknown field is a refusal."""


class Column(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What one column is. `edges` for numeric (k+1 of them), `tokens` for the others (k).

    `of` names the columns that are joined into this one, such as sex and race. `token` is a
    `class_score`'s class, in the prediction's vocabulary. A numeric outcome is a regression's: it
    is counted as the error, score minus outcome, and its edges are those of the error. A
    categorical outcome is counted in the prediction's vocabulary and has none of its own.
    `layout` says where edges or tokens come from: from exact reference counts, and rounded; from
    people, who declared them; or from counts with the baseline's noise.
    """

    name: ColumnName
    role: Role
    kind: Kind
    edges: Annotated[list[float], Meta(max_length=MAX_CELLS + 1)] = []
    tokens: Annotated[list[Token], Meta(max_length=MAX_CELLS)] = []
    of: Annotated[list[ColumnName], Meta(max_length=4)] = []
    token: Token | None = None
    layout: Layout = "rounded"

    @property
    def size(self) -> int:
        """How many cells the column has."""
        if self.kind == "numeric":
            return len(self.edges) + 3
        return 3 + len(self.tokens) if self.kind == "categorical" else 4

    @property
    def first_value(self) -> int:
        """The first cell that holds valid values: before it stand missing, invalid and other."""
        return 2 if self.kind == "boolean" else 3

    @property
    def metered(self) -> bool:
        """Whether its counts carry sums."""
        return self.kind == "numeric" and self.role in METERED


class Slice(Wire, frozen=True, kw_only=True):
    """Parts of the rows to watch by themselves: the cells of one column, or of two crossed.

    `starts` has, for each column, the first cells of the bands that its cells are taken together
    in. A table lists the crossed bands row by row: the second column's bands within the first's.
    """

    columns: Annotated[list[ColumnName], Meta(min_length=1, max_length=2)]
    starts: Annotated[list[Starts], Meta(min_length=1, max_length=2)]


class Map(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers made of a whole row, whose mean is told: they show what single columns can't.

    `second_moments`: the row of `columns`, each less its `centre` and divided by its `scale`, cut
    to length `clip`, becomes z; told is the mean of z, then of z_i z_j for i <= j, row by row.
    `random_features`: a vector x (of `columns`' single column) becomes the cosines, then the sines,
    of `size` / 2 random projections of x / `bandwidth`, over the root of their number: a vector of
    length 1. The projections, (`size` / 2, `dimension`), are standard normal, drawn row by row by
    numpy's PCG64 from `seed`.
    """

    name: ColumnName
    kind: Literal["second_moments", "random_features"]
    columns: Annotated[list[ColumnName], Meta(min_length=1, max_length=MAX_MAPPED)]
    centre: Annotated[list[Real], Meta(max_length=MAX_MAPPED)] = []
    scale: Annotated[list[Real], Meta(max_length=MAX_MAPPED)] = []
    clip: Annotated[float, Meta(gt=0, le=LARGEST)] | None = None
    bandwidth: Annotated[float, Meta(gt=0, le=LARGEST)] | None = None
    dimension: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    size: Annotated[int, Meta(ge=2, le=MAX_FEATURES)] | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0

    @property
    def length(self) -> int:
        """How many means are told."""
        d = len(self.columns)
        return d + d * (d + 1) // 2 if self.kind == "second_moments" else self.size or 0

    @property
    def least_rows(self) -> int:
        """Of fewer rows nothing is told: second moments of few rows could be solved for them."""
        return 20 * len(self.columns) if self.kind == "second_moments" else 2 * (self.size or 0)


class Counts(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One column's cells, or the score's cells within one group.

    A metered column also carries, per cell, the sum of its values and of their squares: zero
    outside the bins, null where the cell is null or too few rows lie inside the bins.
    """

    cells: Cells
    sum: Sums | None = None
    sum_squares: Sums | None = None


class LabelTable(Wire, frozen=True, kw_only=True):
    """Labels by score: rows whose label is positive or negative, per cell of the score."""

    positives: Cells
    negatives: Cells


class ClassTable(Wire, frozen=True, kw_only=True):
    """One class's labels by its score: over all rows, and over those in which it was predicted."""

    overall: LabelTable
    chosen: LabelTable


class ErrorTable(Wire, frozen=True, kw_only=True):
    """A regression's errors, prediction minus outcome, of the rows whose outcome is known.

    Per cell of the score: the `rows`, and the sums of their errors, absolute errors and squared
    errors, each error cut at the outermost edges. `errors` are the cells of the error itself.
    """

    rows: Cells
    sum: Sums
    sum_absolute: Sums
    sum_squares: Sums
    errors: Cells


class SliceTable(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Rows of the crossed bands. A null band is merged into the one before it, in every line.

    `hits` are the rows with a positive decision (in a window) or a wrong one (among labels);
    `loss` is a regression's sum of absolute errors.
    """

    rows: SliceCells
    hits: SliceCells | None = None
    loss: SliceSums | None = None


class MapMeans(Wire, frozen=True, kw_only=True):
    """The means of a map over the `rows` that have all its columns, rounded."""

    rows: Annotated[int, Meta(ge=1, le=MAX_COUNT)]
    mean: Annotated[list[Real], Meta(max_length=2_000)]


class Attributions(Wire, frozen=True, kw_only=True):
    """How much each column moved the model's score: mean absolute attribution over `rows`."""

    rows: Annotated[int, Meta(ge=1, le=MAX_COUNT)]
    mean_absolute: Annotated[
        dict[ColumnName, Annotated[float, Meta(ge=0, le=LARGEST)]],
        Meta(min_length=1, max_length=MAX_COLUMNS),
    ]


class Labels(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What is known afterwards; null where too few labels are known to tell.

    `overall` and `groups` for a yes-or-no outcome, `classes` for several classes (without those of
    too few rows), `errors` and `error_groups` for a regression; `quality` by column; `slices` as
    the plan lists them.
    """

    overall: LabelTable | None = None
    groups: dict[ColumnName, dict[Token, LabelTable | None]] = {}
    classes: dict[ColumnName, ClassTable] = {}
    errors: ErrorTable | None = None
    error_groups: dict[ColumnName, dict[Token, ErrorTable | None]] = {}
    quality: dict[ColumnName, Counts] = {}
    slices: Annotated[list[SliceTable | None], Meta(max_length=MAX_SLICES)] = []


class Tally(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What was counted over some rows.

    `chosen`: class scores where that class was predicted; a class of too few such rows is left out.
    """

    rows: Cell
    columns: Annotated[dict[ColumnName, Counts], Meta(max_length=MAX_COLUMNS)]
    groups: dict[ColumnName, dict[Token, Counts]] = {}
    chosen: dict[ColumnName, Counts] = {}
    slices: Annotated[list[SliceTable | None], Meta(max_length=MAX_SLICES)] = []
    maps: dict[ColumnName, MapMeans] = {}
    attributions: Attributions | None = None


class Privacy(Wire, frozen=True, kw_only=True):
    """How the counts were protected. `scale`: Laplace scale 1/eps, or Gaussian sigma; 0 without."""

    unit: Literal["row", "person"] = "row"
    contribution: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    mechanism: Mechanism = "none"
    scale: Annotated[float, Meta(ge=0)] = 0.0
    min_count: Annotated[int, Meta(ge=0)] = 11


class Worth(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What decisions are worth to the owner, in one currency.

    Per row: a true and a false positive, a true and a false negative; or per unit of absolute error
    of a regression. Costs are negative.
    """

    currency: Currency
    true_positive: Real = 0.0
    false_positive: Real = 0.0
    true_negative: Real = 0.0
    false_negative: Real = 0.0
    per_error: Real = 0.0


class Span(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One window of the reference period, half-open in UTC."""

    start: Moment
    end: Moment
    tally: Tally
    labels: Labels | None = None
