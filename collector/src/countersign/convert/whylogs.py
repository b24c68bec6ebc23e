"""whylogs (1.x): a binary profile view. It is read by the package itself, if that is installed.

Of each column it keeps counts, types, a KLL sketch of the numbers (raw values: some 2,000 of them,
the smallest and the largest) and a sketch of frequent texts. Ranks and counts come from these.
"""

import os
from typing import Any

import numpy as np

from ..statement import Refused
from .profile import SAMPLE, Numbers, Profile, Texts, Told, kll_error


def read(data: bytes) -> Profile:
    """Raises `Refused` (`convert.needs_whylogs`, `convert.unreadable`)."""
    os.environ.setdefault("WHYLOGS_NO_ANALYTICS", "True")  # its import would call home
    try:
        # Beside the model it may be missing; nothing else needs it.
        from whylogs.core import DatasetProfileView  # noqa: PLC0415
        from whylogs.core.errors import DeserializationError  # noqa: PLC0415
    except ImportError:
        raise Refused(
            "convert.needs_whylogs", "Run `pip install whylogs` where this profile is converted."
        ) from None
    try:
        view = DatasetProfileView.deserialize(data)
    except (DeserializationError, OSError, ValueError):
        raise Refused("convert.unreadable", "This is no whole profile of whylogs 1.x.") from None
    columns = {name: _told(column) for name, column in sorted(view.get_columns().items())}
    numbers = sum(told.numbers is not None for told in columns.values())
    texts = sum(told.texts is not None for told in columns.values())
    return Profile(
        rows=max((_counted(column)["n"] for column in view.get_columns().values()), default=0),
        columns=columns,
        dropped={
            "smallest, largest, mean, standard deviation and sketched values": numbers,
            "texts of frequent items": texts,
            "estimates of how many values differ": len(columns),
        },
    )


def _told(column: Any) -> Told:
    counts, types = _counted(column), _typed(column)
    numeric = types["integral"] + types["fractional"]
    if types["object"] + types["tensor"] or not numeric + types["string"] + types["boolean"]:
        return Told(missing=counts["null"], lacks="it holds lists, dates or other objects")
    if types["boolean"] and numeric + types["string"]:
        return Told(missing=counts["null"], lacks="it mixes true and false with other values")
    texts = _texts(column, numeric + types["string"] + types["boolean"])
    if numeric <= types["string"] or types["boolean"]:
        # Numbers among categories are categories too.
        return Told(missing=counts["null"], texts=texts)
    numbers = _numbers(column, counts["inf"])
    invalid = types["string"] + counts["inf"]
    if numbers is None:
        return Told(missing=counts["null"], lacks="it holds negative infinities, or has no sketch")
    return Told(counts["null"], invalid, numbers, None if types["string"] else texts)


def _counted(column: Any) -> dict[str, int]:
    counts: dict[str, int] = column.get_metric("counts").to_summary_dict()
    return counts


def _typed(column: Any) -> dict[str, int]:
    types: dict[str, int] = column.get_metric("types").to_summary_dict()
    return types


def _numbers(column: Any, infinite: int) -> Numbers | None:
    metric = column.get_metric("distribution")
    sketch = metric.kll.value if metric else None
    if sketch is None or sketch.is_empty() or np.isneginf(sketch.get_min_value()):
        return None
    everything = sketch.get_n()
    total = everything - infinite
    error = kll_error(sketch.get_k()) * everything if sketch.is_estimation_mode() else 0.0

    def below(place: float) -> tuple[float, float]:
        rank = sketch.get_rank(place) * everything
        return rank - error, rank + error

    shares = (np.arange(min(SAMPLE, total)) + 0.5) / max(min(SAMPLE, total), 1)
    sample = np.array(sketch.get_quantiles(shares.tolist()))
    return Numbers(total, np.sort(sample[np.isfinite(sample)]), below)


def _texts(column: Any, total: int) -> Texts | None:
    """The frequent items, each at its lower bound. An item that isn't listed is below the error."""
    metric = column.get_metric("frequent_items")
    if metric is None:
        return None
    sketch = metric.frequent_strings.value
    if sketch.get_total_weight() != total:
        return None
    from whylogs_sketching import frequent_items_error_type  # noqa: PLC0415

    items = sketch.get_frequent_items(frequent_items_error_type.NO_FALSE_NEGATIVES)
    counts = {str(text): int(lower) for text, _, lower, _ in items}
    return Texts(total, counts, error=int(sketch.get_upper_bound("")))
