"""A version's figures by question, one file each.

Every file has the same four names: `DETECTORS`, whose newest figures it reads; `wanted`, the
figures that it shows over time, chosen by the newest ones; `read`, which makes the panel, or None
where there is nothing to show; and the panel's class, whose `answer` stands first on the page. All
newest figures are fetched in one query, and all figures over time in another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..history import series_of
from . import (
    budget,
    cost,
    drift,
    fairness,
    integrity,
    leaning,
    performance,
    service,
    slices,
    together,
)
from .evidence import Evidence, Scene

QUESTIONS = (
    performance,
    service,
    cost,
    fairness,
    slices,
    drift,
    together,
    leaning,
    integrity,
    budget,
)


@dataclass(frozen=True)
class Panels:
    """What the windows of one deployment show. A panel without a monitor is None."""

    evidence: Evidence
    performance: performance.Performance | None
    service: Sequence[service.Meters]
    cost: cost.Cost | None
    fairness: fairness.Fairness | None
    slices: slices.Slices | None
    drift: drift.Drift
    together: together.Together | None
    leaning: leaning.Lean | None
    integrity: integrity.Integrity
    budget: budget.Budget

    @classmethod
    def read(cls, scene: Scene) -> "Panels":
        """At most twelve queries, however many panels, windows and columns there are."""
        bare = Evidence.read(scene, [slug for each in QUESTIONS for slug in each.DETECTORS])
        wanted = [key for each in QUESTIONS for key in each.wanted(bare)]
        evidence = replace(bare, series=series_of(scene.windows, wanted))
        return cls(
            evidence=evidence,
            performance=performance.read(evidence),
            service=service.read(evidence),
            cost=cost.read(evidence),
            fairness=fairness.read(evidence),
            slices=slices.read(evidence),
            drift=drift.read(evidence),
            together=together.read(evidence),
            leaning=leaning.read(evidence),
            integrity=integrity.read(evidence),
            budget=budget.read(evidence),
        )
