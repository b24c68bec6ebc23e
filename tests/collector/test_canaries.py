"""No value of any row is in a statement, an envelope, a log line or a file of the collector."""

import datetime as dt
import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersign import Collector, Home, dsse

from .appliance import TOKEN, running_appliance
from .cast import KEY, RECIPE, RICH, plan_of, rich_rows, shap_values, some_rows
from .test_classes import ZOO, animals
from .test_errors import HOUSES, prices

CANARIES = [
    "canary.mary@example.com",
    "GB82WEST12345698765432",
    "4111111111111111",
    "Canary Maria Muster",
    "+44 20 7946 0958",
]
ODD_NUMBERS = [83_412.77, 123_456_789.5, 0.4713129]
WEEK = dt.datetime(2026, 1, 5, tzinfo=dt.UTC), dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


def poisoned_rows() -> pd.DataFrame:
    """Canaries in every kind of column, often enough to be a category of their own."""
    rows = rich_rows(5_000)
    poisoned = ["region", "origin", "sex", "age", "employed", "approved"]
    poisoned += ["politeness", "failed", "oddness", "usefulness", "picture"]
    rows = rows.astype(dict.fromkeys(poisoned, object))
    random = np.random.default_rng(1)
    for column in poisoned:
        for canary in CANARIES:
            rows.loc[random.choice(5_000, 60, replace=False), column] = canary
    for column in ("income", "milliseconds", "oddness", "usefulness"):
        for i, number in enumerate(ODD_NUMBERS):
            rows.loc[i, column] = number
    rows["note"] = [CANARIES[i % 5] for i in range(5_000)]
    return rows


def assert_clean(content: bytes) -> None:
    texts = [*CANARIES, *(f"{n:.10g}" for n in ODD_NUMBERS), "north", "elsewhere"]
    for text in texts:
        assert text.encode() not in content
        assert text.encode().hex().encode() not in content


def test_statements_envelopes_logs_and_files_hold_no_canary(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    rows = poisoned_rows()
    with running_appliance() as appliance, caplog.at_level(logging.DEBUG):
        home = Home.enroll(appliance.url, TOKEN, directory=tmp_path)
        roles = {**RICH["roles"], "approved": "feature"}
        recipe = {**RICH, "key": home.hashing_key, "roles": roles}
        home.sender.put(Collector.baseline(rows, attributions=shap_values(400), **recipe))
        home.sender.flush()
        collector = home.collector("loans", "1")
        collector.add(rows)
        for row in rows[:600].to_dict("records"):
            collector.add_row(row)
        collector.add({"age": [CANARIES[0]], "income": [1, 2]})
        collector.add({CANARIES[3]: [1]})
        collector.add_attributions({"income": [*ODD_NUMBERS, *CANARIES] * 20})
        collector.add_attributions({CANARIES[3]: [1.0]})
        assert collector.failures == 3
        home.sender.put(collector.close_window(*WEEK))
        home.sender.put(collector.outcomes(rows, *WEEK))
        assert len(home.sender.flush().accepted) == 2
        for payload in appliance.received.values():
            assert_clean(payload)
            # Whatever text a statement holds is a name of the plan, a time, a digest or a token.
            words = set(re.findall(rb'"([^"]*)"', payload))
            odd = {w for w in words if not re.fullmatch(rb"[a-zA-Z0-9_:/. -]{0,64}", w)}
            assert odd <= {b"https://in-toto.io/Statement/v1"}
        for body in appliance.bodies:
            assert_clean(dsse.verify(dsse.parse(body), [home.signing_key.public_key()]))
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name != "hashing.key":
            assert_clean(file.read_bytes())
    assert_clean(caplog.text.encode())


@pytest.mark.parametrize("recipe", [HOUSES, ZOO])
def test_statements_of_numbers_and_of_classes_hold_no_canary(recipe):
    if recipe is HOUSES:
        rows = prices(5_000).astype({"price": object, "region": object})
        rows.loc[2_000:2_002, "price"] = ODD_NUMBERS
        rows.loc[3_000:3_300, ["price", "region"]] = CANARIES[0]
    else:
        rows = animals(5_000)
        rows.loc[3_000:3_300, ["said", "was"]] = CANARIES[0]
        rows.loc[2_000:2_002, "p_cat"] = ODD_NUMBERS
    payload = Collector.baseline(rows, **recipe)
    collector = Collector(plan_of(payload), key=KEY)
    collector.add(rows)
    for told in (payload, collector.close_window(*WEEK), collector.outcomes(rows, *WEEK)):
        assert_clean(told)


def test_without_the_key_a_dictionary_finds_no_token():
    rows = some_rows(3_000).drop(columns="when")
    first = Collector.baseline(rows, **RECIPE)
    second = Collector.baseline(rows, **{**RECIPE, "key": b"another key of thirty-two bytes!"})
    tokens = [set(re.findall(rb'"([0-9a-f]{32})"', payload)) for payload in (first, second)]
    assert len(tokens[0]) == len(tokens[1]) >= 8
    assert not tokens[0] & tokens[1]
