"""What is counted: a scheme of columns, slices and maps, and where a score becomes a decision."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from .binning import FIRST_BIN
from .statement import Baseline, Plan
from .table_checks import Scheme
from .tables import LATER, Column


@dataclass(frozen=True)
class Design(Scheme):
    """A scheme with its decision threshold: what counters and releases go by.

    With noise (`noised`) sums are counted in whole steps, nothing is merged, and no means are told.
    """

    threshold: float | None = None
    noised: bool = False

    @classmethod
    def of(cls, source: Baseline | Plan) -> "Design":
        """The design of a baseline or plan."""
        scheme, noised = Scheme.of(source), source.privacy.mechanism != "none"
        maps = () if noised else scheme.maps
        return cls(
            scheme.columns, scheme.slices, maps, scheme.decides, source.threshold, noised=noised
        )

    @property
    def now(self) -> "Design":
        """What is known when a row is answered."""
        return self._only(lambda column: column.role not in LATER)

    @property
    def later(self) -> "Design":
        """What the labels are counted by, and nothing else."""
        needed = {"score", "group", "outcome", "class_score", "quality"}
        needed |= {"prediction"} if self.classes else set()
        sliced = {name for one in self.slices for name in one.columns}
        return replace(self._only(lambda c: c.role in needed or c.name in sliced), maps=())

    @property
    def has_labels(self) -> bool:
        """Whether anything becomes known later that can be counted."""
        by_score = self.outcome is not None and bool(self.score or self.classes)
        return by_score or any(c.role == "quality" for c in self.columns)

    @cached_property
    def decision(self) -> int | None:
        """The score's first cell at or above the threshold."""
        if self.score is None or self.threshold is None:
            return None
        return FIRST_BIN + self.score.edges.index(self.threshold)

    @cached_property
    def groups(self) -> list[Column]:
        """The columns by whose categories the score is told."""
        return [c for c in self.columns if c.role == "group" and c.tokens and self.score]

    @cached_property
    def classes(self) -> list[Column]:
        """The scores of single classes."""
        return [c for c in self.columns if c.role == "class_score"]

    @cached_property
    def prediction(self) -> Column | None:
        """The column whose vocabulary the classes are in."""
        return next((c for c in self.columns if c.role == "prediction"), None)

    @cached_property
    def error(self) -> Column | None:
        """A regression's outcome, whose cells are those of the error."""
        known = self.outcome and self.score and self.outcome.kind == "numeric"
        return self.outcome if known else None

    @cached_property
    def explained(self) -> list[str]:
        """The columns that attributions may be of."""
        return [c.name for c in self.columns if c.role in ("feature", "group")]

    def _only(self, chosen: Callable[[Column], bool]) -> "Design":
        return replace(self, columns=[c for c in self.columns if chosen(c)])
