"""One detector's figures for one window: arrays with an element per column or metric."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _nothing() -> Array:
    return np.empty(0)


@dataclass(frozen=True)
class Figures:
    """Named values; NaN where a figure can't be given. Optional arrays are empty or as long."""

    detector: str
    names: Sequence[str]
    value: Array
    low: Array = field(default_factory=_nothing)
    high: Array = field(default_factory=_nothing)
    p_value: Array = field(default_factory=_nothing)
    limit: Array = field(default_factory=_nothing)

    def as_fields(self) -> dict[str, Any]:
        """What `Measurement` stores: lists, with None for what is not a finite number."""
        arrays = ("value", "low", "high", "p_value", "limit")
        return {
            "detector": self.detector,
            "names": list(self.names),
            **{name: _finite(getattr(self, name)) for name in arrays},
        }


def joined(parts: Sequence[Figures]) -> Figures:
    """The same detector's figures over several blocks of columns."""
    arrays = ("value", "low", "high", "p_value", "limit")
    return Figures(
        parts[0].detector,
        [name for part in parts for name in part.names],
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays},
    )


def _finite(values: Array) -> list[float | None]:
    return [v if np.isfinite(v) else None for v in values.tolist()]
