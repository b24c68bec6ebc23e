"""Which monitors a version has: those that its baseline gives something to look at.

Nobody configures them. A monitor has the names of what it looks at: columns, groups, slices, maps.
A template, if the baseline names one, says which of those that are not always on make sense.
"""

from collections.abc import Callable

from countersign import templates
from countersign.statement import Baseline
from countersign.tables import LATER, Column

Names = list[str]
Watches = Callable[[Baseline], Names]


def _columns(applies: Callable[[Column], bool]) -> Watches:
    """The counted columns to which something applies."""
    return lambda b: [c.name for c in b.columns if c.role not in LATER and applies(c)]


def _role(role: str) -> Watches:
    return lambda b: [c.name for c in b.columns if c.role == role]


def _numeric(column: Column) -> bool:
    return column.kind == "numeric"


def _outcome(kind: str, watches: Watches) -> Watches:
    """What `watches` names, where the reference has outcomes of this kind."""

    def told(baseline: Baseline) -> bool:
        labels = baseline.labels
        if labels is None:
            return False
        decided = labels.overall is not None and baseline.threshold is not None
        kinds = {"boolean": decided, "numeric": labels.errors is not None}
        return kinds.get(kind, bool(labels.classes))

    return lambda b: watches(b) if told(b) else []


def _either(*watches: Watches) -> Watches:
    return lambda b: [name for each in watches for name in each(b)]


def _if_decides(watches: Watches) -> Watches:
    return lambda b: watches(b) if b.threshold is not None else []


def _slices(baseline: Baseline) -> Names:
    return [" and ".join(one.columns) for one in baseline.slices]


def _maps(kind: str) -> Watches:
    return lambda b: [one.name for one in b.maps if one.kind == kind]


def _attributed(baseline: Baseline) -> Names:
    told = baseline.total.attributions
    return list(told.mean_absolute) if told else []


_performance = _either(
    _outcome("boolean", _role("score")), _outcome("categorical", _role("class_score"))
)
_error = _outcome("numeric", _role("score"))

ALWAYS: dict[str, Watches] = {
    "missing": _columns(lambda c: True),
    "invalid": _columns(lambda c: True),
    "out_of_range": _columns(_numeric),
    "other_category": _columns(lambda c: c.kind == "categorical"),
    "volume": lambda b: ["rows"],
    "ks": _columns(_numeric),
    "q": _columns(lambda c: not _numeric(c)),
    "drift_alarm": _columns(lambda c: True),
}
OPTIONAL: dict[str, Watches] = {
    "estimated_performance": _performance,
    "realised_performance": _performance,
    "estimated_error": _error,
    "realised_error": _error,
    "label_shift": _outcome("boolean", _role("score")),
    "fairness_selection": _if_decides(_role("group")),
    "fairness_outcome": _outcome("boolean", _role("group")),
    "slice_decision": _if_decides(_slices),
    "slice_error": _either(_outcome("boolean", _slices), _outcome("numeric", _slices)),
    "meters": _columns(lambda c: c.role in {"operational", "judge", "outlier"}),
    "quality": _role("quality"),
    "multivariate": _maps("second_moments"),
    "embedding": _maps("random_features"),
    "attributions": _attributed,
    "impact": _either(_outcome("boolean", _role("score")), lambda b: _error(b) if b.worth else []),
}


def monitors_for(baseline: Baseline) -> dict[str, Names]:
    """Each monitor that has something to look at, and what that is called."""
    wanted = set(OPTIONAL)
    if baseline.template is not None:
        wanted = set(templates.load(baseline.template).monitors)
    table = ALWAYS | {name: watches for name, watches in OPTIONAL.items() if name in wanted}
    found = {name: watches(baseline) for name, watches in table.items()}
    return {name: names for name, names in found.items() if names}
