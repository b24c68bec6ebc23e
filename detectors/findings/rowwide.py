"""Findings about whole rows: columns that go together otherwise, embeddings that moved."""

from collections.abc import Sequence

from detectors.counted import Counted
from detectors.figures import Figures
from detectors.findings import wording
from detectors.learning.known import Known
from governance.incidents import Finding

PAIRS_NAMED = 3


def moved(
    known: Known, counted: Counted, figures: Sequence[Figures], level: float
) -> list[Finding]:
    """A map whose p-value is at or below `level`: one stream's share of the year's budget."""
    by_name = {f.detector: f for f in figures}
    told = by_name.get("rowwide")
    if told is None:
        return []
    kinds = {one.name: one.kind for one in known.statement.maps}
    pairs = by_name["pairs"].names if "pairs" in by_name else []
    found = []
    for name, size, p_value in zip(told.names, told.value, told.p_value, strict=True):
        if p_value > level:
            continue
        together = kinds[name] == "second_moments"
        found.append(
            Finding(
                cause="drift",
                detector="rowwide",
                name=name,
                sentence=wording.rowwide(name, pairs[:PAIRS_NAMED] if together else [], p_value),
                severity="medium",
                value=float(size),
                unit="distance",
                rows=counted.rows,
            )
        )
    return found
