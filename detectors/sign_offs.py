"""What a sign-off rests on, and what its conditions are held against: figures of the windows.

`governance.signoff` decides; it is handed the values here, for it knows no statistics.
"""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from detectors.figures import Figures
from detectors.models import Examination, Gap, Window
from governance.models import Incident, Version
from governance.signoff import conditions
from governance.signoff.conditions import Interval

NEWEST = 4  # windows of each deployment that are frozen with a request

# Which detectors tell a figure that a condition may bound; of two, the later replaces the earlier.
BOUNDED = {
    "estimated_performance": "performance",
    "estimated_error": "performance",
    "realised_performance": "performance",
    "realised_error": "performance",
    "fairness_selection": "fairness",
    "fairness_outcome": "fairness",
}


def values_of(figures: Iterable[Figures]) -> dict[tuple[str, str], Interval]:
    """What one examination tells of the figures that conditions bound."""
    told = {each.detector: each for each in figures}
    values: dict[tuple[str, str], Interval] = {}
    for detector, kind in BOUNDED.items():
        if detector in told:
            values |= {(kind, name): told_of for name, told_of in _intervals(told[detector])}
    alarms = sum((f.value >= 1).sum() for n, f in told.items() if n in ("alarm", "alarm_outcomes"))
    return values | {("drift", "alarms"): (float(alarms),) * 3}


def evidence_of(version: Version) -> dict[str, Any]:
    """What the appliance holds about a version, for people to read before they sign."""
    baseline = version.baselines.select_related("statement").order_by("-revision").first()
    windows = Window.objects.filter(baseline__version=version)
    deployments = sorted(windows.values_list("deployment", flat=True).distinct())
    return {
        "version": {
            "model": version.model.name,
            "name": version.name,
            "sha256": version.digest,
            "tier": version.model.tier,
            "purpose": version.model.purpose,
            "owner": version.model.owner,
        },
        "baseline": baseline
        and {"revision": baseline.revision, "sha256": baseline.statement.digest},
        "plan": baseline and baseline.plan_digest,
        "windows": [
            _window(look) for deployment in deployments for look in _newest(version, deployment)
        ],
        "missing_windows": Gap.objects.filter(baseline__version=version).count(),
        "incidents": [
            {
                "number": incident.pk,
                "cause": incident.cause,
                "severity": incident.severity,
                "status": incident.status,
                "title": incident.title,
            }
            for incident in version.incidents.exclude(status=Incident.Status.RESOLVED).order_by(
                "pk"
            )
        ],
    }


def review(now: datetime) -> None:
    """What the clock does: requests and approvals end, open incidents break conditions."""
    conditions.end_overdue(now, evidence_of)
    conditions.watch_incidents(evidence_of)


def _newest(version: Version, deployment: str) -> list[Examination]:
    """The newest look at each of a deployment's newest windows."""
    looks = Examination.objects.filter(
        window__baseline__version=version, window__deployment=deployment
    )
    looks = looks.order_by("-window__start", "window", "-generation")
    newest = looks.distinct("window__start", "window")
    return list(newest.select_related("window").prefetch_related("measurements")[:NEWEST])


def _window(look: Examination) -> dict[str, Any]:
    told = {m.detector: m for m in look.measurements.all() if m.detector in BOUNDED}
    return {
        "deployment": look.window.deployment,
        "start": look.window.start,
        "end": look.window.end,
        "rows": look.rows,
        "labelled": look.labelled,
        "figures": {
            detector: {
                name: [value, low, high]
                for name, value, low, high in zip(m.names, m.value, m.low, m.high, strict=True)
            }
            for detector, m in told.items()
            if m.low and m.high
        },
    }


def _intervals(figures: Figures) -> Iterable[tuple[str, Interval]]:
    """The named figures that could be given; without an interval, the value is all there is."""
    low = figures.low if len(figures.low) else figures.value
    high = figures.high if len(figures.high) else figures.value
    for name, *interval in zip(figures.names, figures.value, low, high, strict=True):
        value, least, most = map(float, interval)
        if not math.isnan(value):  # NaN: it can't be given
            yield name, (value, least, most)
