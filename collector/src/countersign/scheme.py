"""What is to be counted: the part of a baseline or plan that tables are held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .statement import Baseline, Plan
from .tables import Column, Map, Slice


@dataclass(frozen=True)
class Scheme:
    """Columns, slices and maps, and where a score becomes a decision."""

    columns: Sequence[Column]
    slices: Sequence[Slice] = ()
    maps: Sequence[Map] = ()
    decides: bool = False  # whether the score becomes a decision
    threshold: float | None = None

    @classmethod
    def of(cls, source: Baseline | Plan) -> "Scheme":
        """The scheme of a baseline or plan."""
        threshold = source.threshold
        return cls(source.columns, source.slices, source.maps, threshold is not None, threshold)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    @cached_property
    def score(self) -> Column | None:
        return next((c for c in self.columns if c.role == "score"), None)

    @cached_property
    def outcome(self) -> Column | None:
        return next((c for c in self.columns if c.role == "outcome"), None)

    @cached_property
    def prediction(self) -> Column | None:
        return next((c for c in self.columns if c.role == "prediction"), None)

    @cached_property
    def decision(self) -> int | None:
        """The score's first cell at or above the threshold."""
        if self.score is None or self.threshold is None:
            return None
        return self.score.first_value + self.score.edges.index(self.threshold)

    def named(self, role: str) -> set[str]:
        """The names of the columns that have a role."""
        return {c.name for c in self.columns if c.role == role}
