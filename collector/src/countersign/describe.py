"""From a recipe and a sample of the reference rows to what is to be counted."""

from typing import Any, cast

import msgspec
import numpy as np

from .binning import Floats
from .checks import KINDS_OF_ROLE, check_columns, check_slices
from .design import Design
from .frames import Array, as_numbers
from .hashing import text_of, token_of
from .joining import SEPARATOR
from .map_making import random_features, second_moments
from .noised_layout import Batches, find_layouts
from .recipe import Recipe, check_name
from .sample import Sample
from .slice_making import make_slices
from .statement import Refused
from .survey import (
    KIND_OF_ROLE,
    error_edges,
    kind_of,
    meter_edges,
    numeric_edges,
    score_edges,
    vocabulary,
)
from .tables import METERED, Column, Kind, Role

FEWEST_CLASSES = 3

Layouts = dict[str, dict[str, Any]]


def describe(sample: Sample, vectors: Sample, recipe: Recipe, batches: Batches) -> Design:
    """The design; `vectors` samples the embeddings. Columns are in the data's order.

    Under noise, what nobody declared is looked for in all the rows (`batches`), with noise.
    """
    _check_names(sample, vectors, recipe)
    for name in (*sample.columns, *recipe.embeddings):
        check_name(name)
    columns = [_bare_column(name, sample, recipe) for name in sample.columns]
    noised: Layouts = {}
    if recipe.noised:
        noised = find_layouts(batches, [c for c in columns if _is_sought(c, recipe)], recipe)
    columns = [_column(column, sample, recipe, noised) for column in columns]
    columns = _with_classes(columns, recipe)
    check_columns(columns, recipe.threshold)
    slices = make_slices(recipe.slices, columns, {} if recipe.noised else sample.columns)
    check_slices(slices, columns)
    maps = second_moments(recipe.multivariate, columns, sample.columns)
    maps += [
        random_features(name, vectors.columns[name], recipe.seed, recipe.min_count)
        for name in recipe.embeddings
    ]
    decides = recipe.threshold is not None
    return Design(columns, slices, maps, decides, recipe.threshold, noised=recipe.noised)


def _check_names(sample: Sample, vectors: Sample, recipe: Recipe) -> None:
    given = {name for name, role in recipe.roles.items() if role != "ignore"} | set(recipe.classes)
    if given - set(sample.columns) - set(vectors.columns):
        raise Refused("baseline.role", "A role is given to a column that the data lack.")
    if set(recipe.joined) - set(sample.columns) or set(recipe.joined) & sample.names:
        raise Refused(
            "baseline.joined_column",
            "A joined column is a new name for columns that the data have.",
        )


def _bare_column(name: str, sample: Sample, recipe: Recipe) -> Column:
    """A column without its edges or tokens."""
    role = cast(Role, recipe.role(name))
    try:
        kind = _kind(name, role, sample.columns[name], name in sample.coded, recipe)
    except Refused as refusal:
        raise Refused(refusal.rule, refusal.detail, name) from None
    return Column(name=name, role=role, kind=kind, of=list(recipe.joined.get(name, [])))


def _is_sought(column: Column, recipe: Recipe) -> bool:
    """Whether a column has edges or tokens that nobody declared."""
    told = column.kind == "numeric" or (column.kind == "categorical" and column.role != "outcome")
    return told and column.name not in {**recipe.edges, **recipe.categories}


def _column(column: Column, sample: Sample, recipe: Recipe, noised: Layouts) -> Column:
    """The column with its edges or tokens, and how these were found."""
    name, values = column.name, sample.columns[column.name]
    found: dict[str, Any] = {}
    if name in recipe.edges:
        found = {"edges": [float(edge) for edge in recipe.edges[name]], "layout": "declared"}
    elif name in recipe.categories:
        found = {"tokens": _declared_tokens(name, recipe), "layout": "declared"}
    elif name in noised:
        found = noised[name] | {"layout": "noised"}
    elif column.kind == "numeric":
        found = {"edges": _edges(column.role, values, sample, recipe)}
    elif column.kind == "categorical" and column.role != "outcome":
        found = {"tokens": vocabulary(values, recipe.model, name, recipe.key, recipe.min_count)}
    return msgspec.structs.replace(column, **found)


def _declared_tokens(name: str, recipe: Recipe) -> list[str]:
    """Of a joined column, a category is a list of its parts."""
    declared = recipe.categories[name]
    if name in recipe.joined:
        declared = [SEPARATOR.join(str(text_of(part)) for part in one) for one in declared]
    texts = [text_of(one) for one in declared]
    if not all(isinstance(text, str) for text in texts):
        raise Refused("baseline.categories", "A category is a text, a number, or true or false.")
    return [token_of(recipe.key, recipe.model, name, str(text)) for text in texts]


def _kind(name: str, role: Role, values: Array, coded: bool, recipe: Recipe) -> Kind:
    if recipe.classes and role in ("prediction", "outcome"):
        return "categorical"
    if role == "outcome":
        return _kind_of_outcome(values)
    declared: Kind | None = "numeric" if name in recipe.edges else None
    declared = "categorical" if name in recipe.categories else declared
    kind = KIND_OF_ROLE.get(role) or declared or kind_of(values, coded)
    if kind not in KINDS_OF_ROLE.get(role, {kind}):
        raise Refused("baseline.role_kind", "A column with this role holds numbers, or 0 and 1.")
    return kind


def _kind_of_outcome(values: Array) -> Kind:
    """Yes or no, or a number. What isn't known anywhere in the reference may be yes or no."""
    if values.dtype.kind not in "mM" and np.isnan(as_numbers(values)).all():
        return "boolean"
    kind = kind_of(values, coded=False)
    if kind == "categorical":
        raise Refused(
            "baseline.outcome",
            "An outcome is true or false, 1 or 0, or a number; a category if there are `classes`.",
        )
    return kind


def _edges(role: Role, values: Array, sample: Sample, recipe: Recipe) -> list[float]:
    least = recipe.min_count
    if role == "outcome":
        return error_edges(_errors(values, sample, recipe), least)
    if role in ("score", "class_score"):
        return score_edges(values, recipe.threshold if role == "score" else None, least)
    if role in METERED:
        return meter_edges(values, least, far=role in ("operational", "outlier"))
    return numeric_edges(values, least)


def _errors(outcomes: Array, sample: Sample, recipe: Recipe) -> Floats:
    """Score minus outcome, of the sampled rows."""
    scores = [name for name in sample.columns if recipe.role(name) == "score"]
    if not scores:
        raise Refused("baseline.regression", "A numeric outcome goes with a score.")
    with np.errstate(over="ignore", invalid="ignore"):
        errors: Floats = as_numbers(sample.columns[scores[0]]).astype(np.float64) - as_numbers(
            outcomes
        )
    return errors


def _with_classes(columns: list[Column], recipe: Recipe) -> list[Column]:
    """Each class score with its class's token, in the prediction's vocabulary."""
    if not recipe.classes:
        return columns
    predictions = [column for column in columns if column.role == "prediction"]
    if len(predictions) != 1:
        raise Refused("baseline.classes", "Class scores go with one column of predictions.")
    if len(predictions[0].tokens) < FEWEST_CLASSES:
        raise Refused(
            "baseline.classes", "Two classes are told by one score and a yes-or-no outcome."
        )
    return [_with_class(column, predictions[0], recipe) for column in columns]


def _with_class(column: Column, prediction: Column, recipe: Recipe) -> Column:
    if column.role != "class_score":
        return column
    text = text_of(recipe.classes[column.name])
    token = token_of(recipe.key, recipe.model, prediction.name, str(text))
    if not isinstance(text, str) or token not in prediction.tokens:
        raise Refused(
            "baseline.classes",
            "A class is one that min_count reference rows or more were predicted to be.",
            column.name,
        )
    return msgspec.structs.replace(column, token=token)
