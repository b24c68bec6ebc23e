"""One detector's figures for one window: arrays with an element per column or metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.statistics.estimate import Estimate

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

    @classmethod
    def of_fields(
        cls, detector: str, names: Sequence[str], **arrays: list[float | None]
    ) -> "Figures":
        """What `as_fields` stored, read back; None is NaN."""
        return cls(detector, names, **{n: np.array(a, dtype=float) for n, a in arrays.items()})


def joined(parts: Sequence[Figures]) -> Figures:
    """The same detector's figures over several blocks of columns."""
    arrays = ("value", "low", "high", "p_value", "limit")
    return Figures(
        parts[0].detector,
        [name for part in parts for name in part.names],
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays},
    )


def named(
    detector: str, found: Mapping[str, Estimate], reference: Mapping[str, Estimate]
) -> Figures:
    """Single figures by name; `limit` is the reference's figure of the same name."""
    value, low, high = (np.array([_single(e[i]) for e in found.values()]) for i in range(3))
    limit = np.array([_single(reference[n].value) if n in reference else np.nan for n in found])
    return Figures(detector, list(found), value, low, high, limit=limit)


def _single(values: Array) -> float:
    return float(np.ravel(values)[0])


def _finite(values: Array) -> list[float | None]:
    return [v if np.isfinite(v) else None for v in values.tolist()]
