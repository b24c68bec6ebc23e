"""Every kind of model from rows to figures: collector, intake, examination; held against the rows.

Three worlds of 6,000 reference rows and a window of 4,000: several classes, a regression with
slices and an embedding, and answers of a language model.
"""

import base64
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersign import dsse
from countersign.collector import Collector
from countersign.statements import OpenPlan
from detectors import intake
from detectors.intake import Upload
from detectors.models import Measurement, Monitor
from detectors.recording import examine_and_record, overdue
from governance.models import Incident
from tests.detectors.world import BEGIN, WEEK, World

KEY = b"k" * 32
PERIOD = BEGIN, BEGIN + WEEK
ANIMALS = ["cat", "dog", "owl"]


def send(world: World, accept: Any, payload: bytes, *about: Any) -> None:
    accept(Upload(payload, [], world.caller, pd.Timestamp.now("UTC").to_pydatetime()), *about)


def run(world: World, reference: Any, window: Any, recipe: dict[str, Any], **given: Any) -> Any:
    """Baseline, one window and its outcomes; returns detector -> name -> figures."""
    version = world.version
    facts = {"model": version.model.name, "version": version.name, "digest": version.digest}
    shap = given.get("attributions")
    payload = Collector.baseline(
        reference,
        **facts,
        key=KEY,
        revision=2,
        **recipe,
        **({"attributions": shap} if shap else {}),
    )
    send(world, intake.accept_baseline, payload, version)
    envelope = version.baselines.latest("revision").plans.latest("pk").envelope
    plan = OpenPlan.read(base64.b64decode(dsse.parse(bytes(envelope)).payload))
    collector = Collector(plan, key=KEY)
    collector.add(window)
    if shap:
        collector.add_attributions(shap)
    send(world, intake.accept_window, collector.close_window(*PERIOD, replay=True))
    if "labels" in given:
        send(world, intake.accept_outcomes, collector.outcomes(given["labels"], *PERIOD))
    assert sum(examine_and_record(pk) for pk in overdue()) == 1
    return {
        m.detector: {
            name: (m.value[i], m.low[i] if m.low else None, m.high[i] if m.high else None)
            for i, name in enumerate(m.names)
        }
        for m in Measurement.objects.all()
    }


def classified(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.5, (rows, 3))
    p = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    truth = [rng.choice(ANIMALS, p=one) for one in p]
    guess = np.array(ANIMALS)[p.argmax(axis=1)]
    frame = pd.DataFrame(p, columns=[f"p_{a}" for a in ANIMALS])
    return frame.assign(weight=rng.normal(size=rows), animal=guess, truth=truth)


def test_several_classes(world: World):
    recipe = {
        "roles": {"animal": "prediction", "truth": "outcome"}
        | {f"p_{a}": "class_score" for a in ANIMALS},
        "classes": {f"p_{a}": a for a in ANIMALS},
    }
    window = classified(4_000, 1)
    figures = run(world, classified(6_000, 0), window, recipe, labels=window)
    accuracy = (window.animal == window.truth).mean()
    value, low, high = figures["realised_performance"]["accuracy"]
    assert value == pytest.approx(accuracy, abs=1e-9)
    assert low < value < high
    recalls = [(window.animal[window.truth == a] == a).mean() for a in ANIMALS]
    told = [v[0] for n, v in figures["realised_performance"].items() if n.startswith("recall:")]
    np.testing.assert_allclose(np.sort(told), np.sort(recalls), atol=1e-9)
    assert figures["realised_performance"]["macro_recall"][0] == pytest.approx(np.mean(recalls))
    _, low, high = figures["estimated_performance"]["accuracy"]
    assert low < accuracy < high
    assert not Incident.objects.exists()


def priced(rows: int, seed: int, south: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    price = rng.gamma(4, 50, rows)
    region = rng.choice(["north", "south"], rows)
    error = rng.normal(0, 20, rows) * np.where(region == "south", south, 1.0)
    x = rng.normal(0, 1, (rows, 6))
    frame = pd.DataFrame({"price": price, "region": region, "paid": price - error})
    frame["size"] = price / 10 + rng.normal(0, 2, rows)
    frame["text"] = list(x)
    return frame


def test_a_regression_with_slices_an_embedding_and_attributions(world: World):
    recipe = {
        "roles": {"price": "score", "paid": "outcome", "text": "embedding"},
        "slices": ["region"],
        "worth": {"currency": "EUR", "per_error": -1.0},
    }
    window = priced(4_000, 1, south=2.0)
    shap = {"size": np.full(500, 0.5), "region": np.full(500, -0.1)}
    figures = run(world, priced(6_000, 0), window, recipe, labels=window, attributions=shap)
    error = window.price - window.paid
    clipped = figures["realised_error"]
    assert clipped["me"][0] == pytest.approx(error.mean(), abs=0.2)
    assert clipped["mae"][0] == pytest.approx(error.abs().mean(), rel=0.02)
    assert clipped["median"][1] < error.median() < clipped["median"][2]
    assert clipped["within_90"][0] == pytest.approx(error.abs().quantile(0.9), rel=0.1)
    reference = priced(6_000, 0)
    assert figures["estimated_error"]["mae"][0] == pytest.approx(
        (reference.price - reference.paid).abs().mean(), rel=0.05
    )
    south = max(figures["slice_worsened"].values(), key=lambda v: v[0])
    assert south[0] == pytest.approx(20 * np.sqrt(2 / np.pi), rel=0.15)
    assert south[1] > 0
    parts = figures["mix_error"]
    assert parts["region:mix"][0] == pytest.approx(0, abs=0.3)
    assert parts["region:within"][0] == pytest.approx(parts["region:total"][0], abs=0.3)
    assert figures["impact_realised"]["cost"][0] > 0
    assert figures["attributions"][":ranking"][0] == 1.0
    assert figures["attributions"]["size"][0] == 0.5
    assert "rowwide" in figures


def answered(rows: int, seed: int, slow: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "latency_ms": rng.lognormal(6, 0.5, rows) * slow,
            "completion_tokens": rng.poisson(200, rows),
            "refused": rng.random(rows) < 0.03,
            "groundedness": rng.beta(8, 2, rows),
            "topic": rng.choice(["billing", "travel", "other"], rows),
            "thumbs_up": rng.random(rows),
        }
    )


def test_a_language_model_needs_only_its_template(world: World):
    window = answered(4_000, 1, slow=1.5)
    figures = run(world, answered(6_000, 0), window, {"template": "generative_ai"}, labels=window)
    monitors = set(Monitor.objects.filter(baseline__revision=2).values_list("detector", flat=True))
    assert {"meters", "quality"} <= monitors
    for level, q in (("p50", 0.5), ("p95", 0.95)):
        value, low, high = figures["meter"][f"latency_ms:{level}"]
        assert low < window.latency_ms.quantile(q) < high
        assert low <= value <= high
    value, low, high = figures["meter"]["groundedness"]
    assert value == pytest.approx(window.groundedness.mean(), abs=2e-3)
    assert low < value < high
    assert figures["flag"]["refused"][0] == pytest.approx(window.refused.mean(), abs=1e-9)
    assert figures["quality"]["thumbs_up"][0] == pytest.approx(window.thumbs_up.mean(), abs=2e-3)
    incident = Incident.objects.get()
    assert incident.cause == "service"
    assert incident.title.startswith("latency_ms has shifted")
