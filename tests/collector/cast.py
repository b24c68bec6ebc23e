"""Ada's loans: rows that look like a credit model's, with every kind of column and of trouble."""

import datetime as dt
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from countersign.collector import Collector
from countersign.statement import encode
from countersign.statements import OpenPlan
from countersign.tables import Privacy

from .appliance import plan_payload

KEY = b"k" * 32
DIGEST = "d" * 64
ROLES = {"risk": "score", "approved": "prediction", "origin": "group", "sex": "group"}
ROLES |= {"repaid": "outcome"}
START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
END = START + dt.timedelta(days=7)
REGIONS = ["north", "south", "east", "west"]
RECIPE: dict[str, Any] = {
    "model": "loans",
    "version": "1",
    "digest": DIGEST,
    "key": KEY,
    "roles": ROLES,
    "threshold": 0.37,
}


def some_rows(rows: int, seed: int = 0) -> pd.DataFrame:
    """Applicants in 2026, the first 90 days."""
    random = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(-random.normal(-0.5, 1.2, rows)))
    income = random.lognormal(10, 0.7, rows).round(2)
    income[random.random(rows) < 0.02] = np.nan
    return pd.DataFrame(
        {
            "income": income,
            "age": random.integers(18, 80, rows),
            "balance": np.where(random.random(rows) < 0.4, 0.0, random.normal(0, 1000, rows)),
            "employed": random.random(rows) < 0.8,
            "region": random.choice(REGIONS, rows, p=[0.5, 0.3, 0.19, 0.01]),
            "origin": random.choice(["here", "there", "elsewhere"], rows, p=[0.7, 0.29, 0.01]),
            "sex": pd.Categorical(random.choice(["f", "m"], rows)),
            "risk": risk,
            "approved": risk < 0.37,
            "repaid": random.random(rows) > risk,
            "when": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(np.sort(random.integers(0, 90 * 86400, rows)), unit="s"),
        }
    )


def plan_of(baseline: bytes) -> OpenPlan:
    """The plan that follows from a baseline statement."""
    return OpenPlan.read(plan_payload(baseline))


def a_plan(frame: pd.DataFrame | None = None, **changes: Any) -> OpenPlan:
    """The plan after a baseline of some rows."""
    frame = some_rows(5_000).drop(columns="when") if frame is None else frame
    return plan_of(Collector.baseline(frame, **{**RECIPE, **changes}))


def noised_plan(privacy: Privacy, recipe: dict[str, Any] | None = None) -> OpenPlan:
    """A plan after a change of policy: after Ada's exact baseline, with noise from now on."""
    exact = a_plan() if recipe is None else plan_of(Collector.baseline(rich_rows(5_000), **recipe))
    plan = msgspec.structs.replace(exact.plan, privacy=privacy, maps=[])
    return OpenPlan.read(encode(plan, DIGEST))


def a_collector(**options: Any) -> Collector:
    """A collector under that plan."""
    return Collector(a_plan(), key=KEY, **options)


RICH: dict[str, Any] = {
    **RECIPE,
    "roles": {
        "risk": "score",
        "approved": "prediction",
        "repaid": "outcome",
        "milliseconds": "operational",
        "failed": "operational",
        "politeness": "judge",
        "oddness": "outlier",
        "usefulness": "quality",
        "picture": "embedding",
    },
    "joined": {"sex and origin": ("sex", "origin")},
    "slices": ["region", "age", ("region", "employed"), ("employed", "age"), ("age", "region")],
    "multivariate": ["age", "income", "employed"],
    "template": "credit",
    "worth": {"currency": "EUR", "true_positive": 120.0, "false_positive": -900.0},
}


def rich_rows(rows: int, seed: int = 0) -> pd.DataFrame:
    """The same applicants, with what a service, a judge and a picture add."""
    random = np.random.default_rng(seed + 1_000)
    frame = some_rows(rows, seed).drop(columns="when")
    frame["milliseconds"] = random.lognormal(4, 0.8, rows)
    frame["failed"] = random.random(rows) < 0.03
    frame["politeness"] = random.integers(1, 6, rows).astype(float)
    frame["oddness"] = random.normal(0, 0.2, rows)
    frame["usefulness"] = np.where(random.random(rows) < 0.3, np.nan, random.beta(5, 2, rows))
    frame["picture"] = list(random.normal(0, 1, (rows, 6)))
    return frame


def shap_values(rows: int, seed: int = 0) -> dict[str, Any]:
    """How much three columns moved the score."""
    random = np.random.default_rng(seed)
    sizes = {"income": 2.0, "age": 1.0, "sex and origin": 0.1}
    return {name: random.normal(0, size, rows) for name, size in sizes.items()}
