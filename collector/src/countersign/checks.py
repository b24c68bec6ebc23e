"""What a well-formed statement must also fulfil: the rules both sides check.

The collector checks before it sends, the appliance before it accepts. Every function returns
nothing or raises `Refused` with a stable rule name and the path of the field. What is counted is
checked in `table_checks`.
"""

import math
from itertools import pairwise

import msgspec

from .scheme import Scheme
from .statement import Baseline, Outcomes, Plan, Refused, Window
from .table_checks import check_labels, check_tally
from .tables import (
    LATER,
    MAX_COUNT,
    MAX_SLICE_CELLS,
    Column,
    Kind,
    Map,
    Privacy,
    Role,
    Slice,
)

# Tables by these columns are told anyway: slices of them could be subtracted.
UNSLICED: set[Role] = {"group", "score", "class_score"}
NUMERIC: set[Kind] = {"numeric"}
KINDS_OF_ROLE: dict[Role, set[Kind]] = {
    "score": NUMERIC,
    "class_score": NUMERIC,
    "outlier": NUMERIC,
    "quality": NUMERIC,
    "group": {"categorical"},
    "operational": {"numeric", "boolean"},
    "judge": {"numeric", "boolean"},
}


def check_baseline(baseline: Baseline) -> None:
    """A baseline describes its columns completely and counts exactly those."""
    check_privacy(baseline.privacy)
    check_columns(baseline.columns, baseline.threshold)
    check_slices(baseline.slices, baseline.columns)
    for i, one in enumerate(baseline.maps):
        _check_map(one, f"$.predicate.maps[{i}]")
    _refuse_repeats([m.name for m in baseline.maps], "baseline.maps", "$.predicate.maps")
    if baseline.total.rows is None:
        raise Refused("baseline.too_few_rows", "The reference needs min_count rows or more.")
    scheme = Scheme.of(baseline)
    check_tally(baseline.total, scheme, baseline.privacy, "$.predicate.total")
    check_labels(baseline.labels, scheme, baseline.privacy, "$.predicate.labels")
    for i, span in enumerate(baseline.windows):
        path = f"$.predicate.windows[{i}]"
        if span.start >= span.end:
            raise Refused("window.empty_period", "A window ends after it starts.", path)
        check_tally(span.tally, scheme, baseline.privacy, f"{path}.tally")
        check_labels(span.labels, scheme, baseline.privacy, f"{path}.labels")
    if any(before.end > after.start for before, after in pairwise(baseline.windows)):
        raise Refused(
            "baseline.windows_overlap",
            "Reference windows are in order of time and don't overlap.",
            "$.predicate.windows",
        )


def check_window(window: Window, plan: Plan) -> None:
    """A window counts what the plan asks for, no less protected than the plan demands."""
    if window.start >= window.end:
        raise Refused("window.empty_period", "A window ends after it starts.", "$.predicate.end")
    if window.shard >= window.shards:
        raise Refused(
            "window.shard_out_of_range",
            "Shards are numbered from 0 to shards - 1.",
            "$.predicate.shard",
        )
    check_floor(window.privacy, plan.privacy)
    if window.revision > 1 and (window.tally.maps or window.tally.attributions):
        raise Refused(
            "privacy.means_once",
            "A window's means are told once: two of nearly the same rows could be subtracted.",
            "$.predicate.tally",
        )
    check_tally(window.tally, Scheme.of(plan), window.privacy, "$.predicate.tally")


def check_outcomes(outcomes: Outcomes, plan: Plan) -> None:
    """Labels come by the score's cells of the plan."""
    if outcomes.start >= outcomes.end:
        raise Refused("window.empty_period", "A window ends after it starts.", "$.predicate.end")
    check_floor(outcomes.privacy, plan.privacy)
    check_labels(outcomes.labels, Scheme.of(plan), outcomes.privacy, "$.predicate.labels")


def check_privacy(privacy: Privacy) -> None:
    """A mechanism has a scale, and no mechanism has none."""
    if (privacy.mechanism == "none") != (privacy.scale == 0):
        raise Refused(
            "privacy.scale",
            "Noise has a scale above 0; without noise it is 0.",
            "$.predicate.privacy",
        )


def check_floor(declared: Privacy, floor: Privacy) -> None:
    """What a statement declares is the plan's noise, and a floor no lower than the plan's.

    More noise than planned is refused too: the alarms count on what is declared.
    """
    check_privacy(declared)
    path = "$.predicate.privacy"
    if declared.min_count < floor.min_count:
        raise Refused(
            "privacy.min_count_below_plan", f"The plan demands min_count {floor.min_count}.", path
        )
    if msgspec.structs.replace(declared, min_count=floor.min_count) != floor:
        raise Refused(
            "privacy.noise_below_plan", "The noise is not the one that the plan demands.", path
        )


def check_columns(columns: list[Column], threshold: float | None) -> None:
    """Each column is sound by itself, and they fit together."""
    if all(c.role in LATER for c in columns):
        raise Refused(
            "baseline.no_columns",
            "At least one column is known when a row is answered, and counted in windows.",
            "$.predicate.columns",
        )
    _refuse_repeats([c.name for c in columns], "baseline.duplicate_column", "$.predicate.columns")
    for i, column in enumerate(columns):
        _check_column(column, f"$.predicate.columns[{i}]")
    scores = [c for c in columns if c.role == "score"]
    if len(scores) > 1:
        raise Refused("baseline.one_score", "A version has at most one score column.")
    if sum(c.role == "outcome" for c in columns) > 1:
        raise Refused("baseline.one_outcome", "A version has at most one outcome column.")
    if threshold is not None and (not scores or threshold not in scores[0].edges):
        raise Refused(
            "baseline.threshold",
            "The threshold is one of the score's edges.",
            "$.predicate.threshold",
        )
    names = {c.name for c in columns}
    parts = [name for c in columns for name in c.of]
    if names & set(parts) or len(set(parts)) != len(parts):
        raise Refused(
            "privacy.differencing",
            "A column is counted by itself or joined with others, once.",
            "$.predicate.columns",
        )
    _check_task(columns, threshold)


def _check_column(column: Column, path: str) -> None:
    """Bins increase, tokens differ, the kind fits the role."""
    if column.kind not in KINDS_OF_ROLE.get(column.role, {column.kind}):
        raise Refused(
            "baseline.role_kind", "A column with this role can't be of this kind.", f"{path}.kind"
        )
    if column.kind == "numeric":
        if column.tokens or len(column.edges) < 2 or not _increasing(column.edges):
            raise Refused(
                "baseline.edges",
                "A numeric column has two or more finite, increasing edges and no tokens.",
                f"{path}.edges",
            )
    elif column.edges or (column.kind == "boolean" and column.tokens):
        raise Refused(
            "baseline.edges",
            "Only a numeric column has edges, only a categorical one tokens.",
            path,
        )
    _refuse_repeats(column.tokens, "baseline.duplicate_token", f"{path}.tokens")
    joined = len(set(column.of)) == len(column.of) >= 2 and column.kind == "categorical"
    if column.of and not joined:
        raise Refused(
            "baseline.joined_column", "A joined column is categorical, of two or more.", path
        )


def _check_task(columns: list[Column], threshold: float | None) -> None:
    """Scores, predictions and outcomes belong together: yes or no, one of several, or a number."""
    role = {c.role: c for c in columns}
    outcome, prediction = role.get("outcome"), role.get("prediction")
    predictions = sum(c.role == "prediction" for c in columns)
    classes = [c.token for c in columns if c.role == "class_score"]
    if outcome and outcome.kind == "numeric" and ("score" not in role or threshold is not None):
        raise Refused(
            "baseline.regression", "A numeric outcome goes with a score and without a threshold."
        )
    if outcome and outcome.kind == "categorical" and (outcome.tokens or not classes):
        raise Refused(
            "baseline.classes", "A categorical outcome has no tokens, and goes with class scores."
        )
    if classes and (
        prediction is None
        or predictions > 1
        or prediction.kind != "categorical"
        or len(set(classes)) != len(classes)
        or not set(classes) <= set(prediction.tokens)
        or "score" in role
    ):
        raise Refused(
            "baseline.classes",
            "Every class score names another token of the only prediction, a categorical one; "
            "beside them there is no score.",
        )


def check_slices(slices: list[Slice], columns: list[Column]) -> None:
    """Slices cut counted columns into bands; each pair of columns is crossed once."""
    by_name = {c.name: c for c in columns if c.role not in LATER | UNSLICED}
    _refuse_repeats(
        [" ".join(sorted(s.columns)) for s in slices], "baseline.slices", "$.predicate.slices"
    )
    for i, one in enumerate(slices):
        known = set(one.columns) <= set(by_name) and len(set(one.columns)) == len(one.starts)
        if not known or any(
            starts[0] != 0 or not _increasing(starts) or starts[-1] >= by_name[name].size
            for name, starts in zip(one.columns, one.starts, strict=True)
        ):
            raise Refused(
                "baseline.slices",
                "A slice names one or two counted columns, no group and no score, and for each "
                "the cells that begin a band, from 0 upwards.",
                f"$.predicate.slices[{i}]",
            )
        if math.prod(len(starts) for starts in one.starts) > MAX_SLICE_CELLS:
            raise Refused(
                "baseline.slices",
                f"A slice has at most {MAX_SLICE_CELLS} crossed bands.",
                f"$.predicate.slices[{i}]",
            )


def _check_map(one: Map, path: str) -> None:
    """A map has the numbers that its kind needs, and no others."""
    d = len(one.columns)
    if one.kind == "second_moments":
        sound = (
            (len(one.centre), len(one.scale)) == (d, d)
            and all(s > 0 for s in one.scale)
            and one.clip is not None
            and (one.bandwidth, one.size, one.dimension) == (None, None, None)
        )
    else:
        sound = (
            d == 1
            and not (one.centre or one.scale or one.clip)
            and None not in (one.bandwidth, one.dimension, one.size)
            and (one.size or 0) % 2 == 0
        )
    if not sound or len(set(one.columns)) != d:
        raise Refused("baseline.maps", "A map has the numbers that its kind needs.", path)


def _refuse_repeats(values: list[str], rule: str, path: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(rule, "Each one is given once.", path)


def _increasing(edges: list[float] | list[int]) -> bool:
    finite = all(math.isfinite(e) and abs(e) <= MAX_COUNT**4 for e in edges)
    return finite and all(a < b for a, b in pairwise(edges))
