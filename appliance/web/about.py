"""What a baseline says of itself besides its figures: kind of model, worth, how much is watched."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from countersign import templates
from countersign.statement import Baseline as Statement
from countersign.statement import decode
from countersign.tables import LATER, Column, is_alias
from countersign.templates import Template
from detectors.learning.known import RATES
from detectors.learning.outcomes import streams_in
from detectors.models import Baseline

KEPT = 64


@dataclass(frozen=True)
class About:
    """Facts of one baseline. `streams` is how many things share the false-alarm budget; `told_in`,
    in how many of the reference's windows each map is told; `windows`, how many there are.
    """

    columns: tuple[Column, ...]
    template: Template | None
    currency: str
    threshold: float | None
    embeddings: frozenset[str]
    streams: int
    windows: int
    told_in: Mapping[str, int]

    @property
    def headline(self) -> list[str]:
        """The figures that matter first for this kind of model."""
        return list(self.template.headline) if self.template else []

    @property
    def lacking(self) -> list[str]:
        """Columns that the template would watch too, by their usual names; aliases have none."""
        if any(is_alias(column.name) for column in self.columns):
            return []
        there = {column.name for column in self.columns}
        usual = self.template.roles if self.template else {}
        roles = {column.role for column in self.columns}
        # A column of such a role may simply have another name here: only the others are missed.
        once = {"outcome", "embedding"}
        return [n for n, role in usual.items() if n not in there and role not in roles & once]


@lru_cache(maxsize=KEPT)
def about(baseline_id: int) -> About:
    """Read once: baselines never change."""
    row = Baseline.objects.select_related("statement").get(pk=baseline_id)
    statement = decode(bytes(row.statement.payload), Statement)[1]
    return About(
        columns=tuple(statement.columns),
        template=templates.load(statement.template) if statement.template else None,
        currency=statement.worth.currency if statement.worth else "",
        threshold=statement.threshold,
        embeddings=frozenset(m.name for m in statement.maps if m.kind == "random_features"),
        streams=streams_of(statement),
        windows=len(statement.windows),
        told_in={
            m.name: sum(m.name in s.tally.maps for s in statement.windows) for m in statement.maps
        },
    )


def streams_of(statement: Statement) -> int:
    """Every column's drift and rates, what comes with labels, whole rows, and the volume."""
    counted = [column for column in statement.columns if column.role not in LATER]
    columns = sum(1 + len(RATES[column.kind]) for column in counted)
    return columns + streams_in(statement) + len(statement.maps) + 1


def in_order(names: list[str], headline: list[str]) -> list[str]:
    """
    >>> in_order(["accuracy", "auc", "f1"], ["f1", "cost"])
    ['f1', 'accuracy', 'auc']
    """
    return [n for n in headline if n in names] + [n for n in names if n not in headline]
