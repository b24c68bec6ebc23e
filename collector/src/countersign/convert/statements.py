"""Profiles to statements: a baseline under a recipe, or a window under a plan."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from ..aliases import Aliases
from ..baseline import season_of
from ..checks import KINDS_OF_ROLE, check_baseline, check_columns, check_window
from ..hashing import token_of
from ..recipe import Recipe, check_name
from ..statement import Baseline, Refused, Window, decode, encode, moment
from ..statements import OpenPlan, Period
from ..survey import KIND_OF_ROLE, meter_edges, numeric_edges, score_edges
from ..tables import LATER, MAX_CELLS, METERED, Column, Counts, Kind, Privacy, Role, Tally
from .filling import WORDS, Terms, counts_of, lacking, placed_edges
from .profile import MOST_ERROR, Profile, Told

T = TypeVar("T")


@dataclass(frozen=True)
class Converted:
    """A statement's bytes, and in plain words what of the profile isn't in it."""

    payload: bytes
    dropped: list[str]


def baseline_of(profile: Profile, recipe: Recipe) -> Converted:
    """The baseline of a profile's columns; those whose role is `ignore` are left out.

    Raises `Refused`: `convert.rows` for what a recipe asks that needs whole rows,
    `convert.column` for columns that the profile knows too little of.
    """
    if recipe.noised:
        raise _no_noise()
    recipe = recipe.with_template(list(profile.columns))
    if recipe.aliases:
        aliases = Aliases(recipe.key, recipe.model)
        return baseline_of(profile.under(aliases), recipe.under(aliases))
    _refuse_what_needs_rows(recipe)
    if set(recipe.roles) - set(profile.columns):
        raise Refused("baseline.role", "A role is given to a column that the profile lacks.")
    names = [name for name in profile.columns if name not in recipe.left_out]
    columns = _all(names, lambda name: _column(name, profile, recipe))
    check_columns(columns, recipe.threshold)
    if profile.rows < max(recipe.min_count, 1):
        raise Refused("baseline.too_few_rows", "The reference needs min_count rows or more.")
    terms = Terms(profile.rows, recipe.model, recipe.key, recipe.min_count)
    baseline = Baseline(
        model=recipe.model,
        version=recipe.version,
        revision=recipe.revision,
        window_seconds=int(recipe.window.total_seconds()),
        season=season_of(recipe.window),
        threshold=recipe.threshold,
        template=recipe.template,
        worth=recipe.value,
        privacy=Privacy(min_count=recipe.min_count),
        columns=columns,
        total=_tally(profile, columns, terms),
    )
    payload = encode(baseline, recipe.digest)
    check_baseline(decode(payload, Baseline)[1])
    return Converted(payload, _dropped(profile, names))


def window_of(
    profile: Profile, opened: OpenPlan, key: bytes, period: Period, *, replay: bool = False
) -> Converted:
    """The window of a profile, under a plan. Raises `Refused` (`convert.column`)."""
    plan = opened.plan
    if plan.privacy.mechanism != "none":
        raise _no_noise()
    columns = [column for column in plan.columns if column.role not in LATER]
    profile = profile.under(Aliases(key, plan.model, {column.name for column in plan.columns}))
    floor = plan.privacy.min_count
    tally = Tally(rows=None, columns={})
    if not 0 < profile.rows < floor:
        tally = _tally(profile, columns, Terms(profile.rows, plan.model, key, floor))
    window = Window(
        model=plan.model,
        version=plan.version,
        deployment=period.deployment,
        plan=opened.digest,
        start=moment(period.start),
        end=moment(period.end),
        revision=period.revision,
        replay=replay,
        privacy=plan.privacy,
        tally=tally,
    )
    payload = encode(window, opened.version_digest)
    check_window(decode(payload, Window)[1], plan)
    return Converted(payload, _dropped(profile, [column.name for column in columns]))


def _no_noise() -> Refused:
    return Refused(
        "convert.noise",
        "One row can change all counts of a profile, so no such noise could hide it: count the "
        "rows.",
    )


def _tally(profile: Profile, columns: list[Column], terms: Terms) -> Tally:
    by_name = {column.name: column for column in columns}

    def counted(name: str) -> Counts:
        if name not in profile.columns:
            raise lacking(name, "the profile has no such column")
        return counts_of(by_name[name], profile.columns[name], terms)

    counts = _all(list(by_name), counted)
    return Tally(rows=profile.rows, columns=dict(zip(by_name, counts, strict=True)))


def _all(names: list[str], make: Callable[[str], T]) -> list[T]:
    """What is made of each; if some can't be made, one refusal names them all."""
    made, refusals = [], []
    for name in names:
        try:
            made.append(make(name))
        except Refused as refusal:
            if refusal.rule != "convert.column":
                raise
            refusals.append(refusal.detail)
    if refusals:
        raise Refused("convert.column", "The profile holds too little. " + " ".join(refusals))
    return made


def _refuse_what_needs_rows(recipe: Recipe) -> None:
    roles = set(recipe.roles.values())
    if (
        roles & {"outcome", "quality", "class_score", "embedding"}
        or recipe.joined
        or recipe.slices
        or recipe.multivariate
        or recipe.time
    ):
        raise Refused(
            "convert.rows",
            "Outcomes, class scores, embeddings, joined columns, slices, correlations and times "
            "are told of whole rows; a profile has each column by itself. Make this baseline from "
            "the rows.",
        )


def _column(name: str, profile: Profile, recipe: Recipe) -> Column:
    """What a column is, judged from its distribution."""
    check_name(name)
    told, role = profile.columns[name], cast(Role, recipe.role(name))
    kind = KIND_OF_ROLE.get(role) or _kind(name, told)
    if kind not in KINDS_OF_ROLE.get(role, {kind}):
        raise Refused("baseline.role_kind", "A column with this role holds numbers, or 0 and 1.")
    return Column(
        name=name,
        role=role,
        kind=kind,
        edges=_edges(name, role, told, profile.rows, recipe) if kind == "numeric" else [],
        tokens=_tokens(name, told, recipe) if kind == "categorical" else [],
    )


def _kind(name: str, told: Told) -> Kind:
    words = {text.lower() for text in told.texts.counts} if told.texts else set()
    if words and words <= WORDS[0] | WORDS[1]:
        return "boolean"
    if told.numbers is None and told.texts is None:
        raise lacking(name, told.lacks)
    return "categorical" if told.numbers is None else "numeric"


def _edges(name: str, role: Role, told: Told, rows: int, recipe: Recipe) -> list[float]:
    """Edges as of rows, as far as the profile places them."""
    if told.numbers is None:
        raise lacking(name, "it holds no numbers" if told.texts else told.lacks)
    sample, least = told.numbers.sample, recipe.min_count
    if role == "score":
        edges = score_edges(sample, recipe.threshold, least)
    elif role in METERED:
        edges = meter_edges(sample, least, far=role in ("operational", "outlier"))
    else:
        edges = numeric_edges(sample, least)
    sure = placed_edges(told.numbers, edges, rows)
    kept = [edge for edge, is_sure in zip(edges, sure, strict=True) if is_sure]
    if len(kept) < 2 or len(kept) < len(edges) / 2:
        raise lacking(
            name,
            f"its distribution is too coarse: {len(kept)} of {len(edges)} edges can be placed to "
            f"within {MOST_ERROR:.1%} of the rows",
        )
    if recipe.threshold is not None and role == "score" and recipe.threshold not in kept:
        raise lacking(name, "the decision threshold can't be placed in its distribution")
    return kept


def _tokens(name: str, told: Told, recipe: Recipe) -> list[str]:
    """The categories that min_count rows or more have, the commonest first."""
    if told.texts is None:
        raise lacking(name, "it holds no categories" if told.numbers else told.lacks)
    common = [
        (-n, token_of(recipe.key, recipe.model, name, text))
        for text, n in told.texts.counts.items()
        if n >= recipe.min_count
    ]
    return [token for _, token in sorted(common)[:MAX_CELLS]]


def _dropped(profile: Profile, used: list[str]) -> list[str]:
    """What isn't told, in words."""
    raw = [f"{what} of {n} column{'s' * (n > 1)}" for what, n in profile.dropped.items() if n]
    unused = len(set(profile.columns) - set(used))
    return [*raw, *([f"{unused} columns that were not asked for"] if unused else [])]
