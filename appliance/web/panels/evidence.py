"""What panels read from: the newest figures of every detector, and the wanted ones over time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from countersign.tables import Column
from detectors.models import Baseline, Gap, Measurement, Window
from governance.models import Incident, Version
from governance.policies import Policy

from .. import queries
from ..about import About
from ..charts import Backdrop
from ..history import NO_SERIES, Key, Series
from ..terms import Term, Unit
from ..words import Edges, between, beyond, period

# What comes with the labels, months after the decisions.
OF_OUTCOMES = {
    *("realised_performance", "realised_error", "quality", "fairness_outcome", "impact_realised"),
    *("slice_error", "slice_worse", "slice_worsened", "mix_error"),
}


@dataclass(frozen=True)
class Scene:
    """One deployment of a version. `windows` are examined ones, newest first, at least one; `gaps`
    are those that should have come between them.

    `baseline` is the newest one that any of the windows was held against; others may have been held
    against earlier ones, with other columns.

    `recently` is what the newest windows showed beyond their limits.
    """

    version: Version
    baseline: Baseline
    deployment: str
    windows: Sequence[Window]
    incidents: Sequence[Incident]
    about: About
    policy: Policy
    gaps: Sequence[Gap] = ()
    recently: Sequence[Key] = ()

    @cached_property
    def held(self) -> Sequence[Window]:
        """The windows that were held against this baseline, newest first, at least one."""
        return [window for window in self.windows if window.baseline_id == self.baseline.pk]

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.about.columns}

    def names_of(self, *roles: str) -> list[str]:
        return [column.name for column in self.about.columns if column.role in roles]


@dataclass(frozen=True)
class Figure:
    """One element of a measurement; None where it could not be given."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Shown:
    """A figure in words: under which head, its interval, and the reference's figure."""

    term: Term
    words: str
    interval: str = ""
    reference_words: str = ""


@dataclass(frozen=True)
class Evidence:
    """`newest` has each detector's figures in the newest window that has any.

    What a window shows by itself is read from those held against the scene's baseline, so every
    name is one of its columns. Outcomes come late: those of windows held against an earlier one are
    told until newer ones are known. Charts go on across baselines.
    """

    scene: Scene
    backdrop: Backdrop
    newest: Mapping[str, Measurement]
    series: Mapping[Key, Series] = field(default_factory=dict)

    @classmethod
    def read(cls, scene: Scene, detectors: Iterable[str]) -> "Evidence":
        """Two queries."""
        backdrop = queries.backdrop_of(scene.version, scene.windows)
        asked = set(detectors)
        newest = queries.newest_measurements(
            (scene.held, asked - OF_OUTCOMES), (scene.windows, asked & OF_OUTCOMES)
        )
        return cls(scene, backdrop, newest)

    def figures(self, detector: str, *, now: bool = False) -> dict[str, Figure]:
        """A detector's newest figures by name; `now`: only if they are the newest window's."""
        found = self.newest.get(detector)
        if found is None or (now and found.examination.window_id != self.scene.held[0].pk):
            return {}
        return figures_of(found)

    def period(self, detector: str) -> str:
        """The period that the newest figures are about."""
        window = self.newest[detector].examination.window
        return period(window.start, window.end)

    def get(self, detector: str, name: str) -> Series:
        return self.series.get((detector, name), NO_SERIES)

    def behind(self, *causes: str) -> Backdrop:
        """The backdrop of charts, with the windows of incidents of these causes."""
        return queries.behind(self.backdrop, self.scene.incidents, *causes)


def figures_of(found: Measurement) -> dict[str, Figure]:
    """A measurement's elements by name; arrays that were left empty are all None."""
    size = len(found.names)
    arrays = (found.value, found.low, found.high, found.p_value, found.limit)
    rows = zip(found.names, *(a or [None] * size for a in arrays), strict=True)
    return {name: Figure(name, *rest) for name, *rest in rows}


def shown(term: Term, figure: Figure | None, unit: Unit, column: Column | None = None) -> Shown:
    """A figure with its interval and the reference's; `column` is whose values it is among."""
    if figure is None:
        return Shown(term, unit(None))
    bound = beyond(figure.value, (figure.low, figure.high), edges_of(column))
    open_ended = figure.value is None or bound
    interval = "" if open_ended else between(figure.low, figure.high, unit)
    reference = "" if figure.limit is None else unit(figure.limit)
    return Shown(term, bound + unit(figure.value), interval, reference)


def edges_of(column: Column | None) -> Edges | None:
    """The outermost edges of a numeric column: beyond them only bounds are known."""
    return (column.edges[0], column.edges[-1]) if column and column.edges else None
