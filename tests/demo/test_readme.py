"""The examples of the README and of the API's page, run as they stand against a real appliance."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersign import Home
from tests.platform.running import CHECKOUT, Appliance

PRINTED_URL = "http://127.0.0.1:8700"
rng = np.random.default_rng(7)


def example(document: str, language: str) -> str:
    """The document's only block in this language."""
    text = (CHECKOUT / document).read_text()
    block: str
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return block


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ada's directory: a model's artefact, a reference, and today's rows."""
    (tmp_path / "model.bin").write_bytes(rng.bytes(64))
    applicants(2_000, "2026-01-01").to_parquet(tmp_path / "reference.parquet")
    applicants(500, "2026-04-01").drop(columns="repaid").to_parquet(tmp_path / "today.parquet")
    return tmp_path


def applicants(rows: int, since: str) -> pd.DataFrame:
    score = rng.beta(3, 2, rows)
    return pd.DataFrame(
        {
            "moment": pd.date_range(since, periods=rows, freq="h"),
            "income": rng.lognormal(10, 0.5, rows),
            "region": rng.choice(["north", "south"], rows),
            "score": score,
            "repaid": rng.random(rows) < score,
        }
    )


def test_ten_lines_of_python_monitor_a_first_model(
    running_appliance: Appliance, folder: Path
) -> None:
    token = running_appliance.manage("enrolment_token").strip()
    home = Home.enroll(running_appliance.url, token, directory=folder / "home")

    subprocess.run(
        [sys.executable, "-W", "error", "-c", example("README.md", "python")],
        cwd=folder,
        env=os.environ | {"COUNTERSIGN_HOME": str(home.directory)},
        check=True,
    )

    home.sender.flush()
    receipts = (home.directory / "receipts.jsonl").read_text().splitlines()
    assert (len(receipts), list(home.sender.refused())) == (2, [])
    assert home.plan("loans", "1").plan.threshold == 0.5


@pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "openssl"))), reason="NOT TESTED: needs curl and openssl"
)
def test_ten_lines_of_curl_do_the_same(running_appliance: Appliance, folder: Path) -> None:
    script = example("docs/formats/api.md", "sh").replace(PRINTED_URL, running_appliance.url)
    token = running_appliance.manage("enrolment_token").strip()

    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"ONCE": token},
        capture_output=True,
        text=True,
        check=True,
    )

    model, version, baseline, window, incidents = map(json.loads, done.stdout.splitlines())
    assert (model["name"], version["version"]) == ("tips", "1")
    assert baseline["entry"] < window["entry"]
    assert isinstance(incidents, list)


def test_the_figures_are_those_of_the_benches() -> None:
    collector, examination, audit = (
        json.loads((CHECKOUT / "bench" / "results" / f"{name}.json").read_text())
        for name in ("collector", "examination", "audit")
    )
    assert collector["reached"]["times whylogs"] > 100
    assert collector["peak MiB"]["2097152 rows"] < 2
    assert examination["by_columns"]["1000"]["examine"]["median"] < 100
    assert examination["by_rows"]["100000000"]["examine"]["median"] < 25
    assert audit["figures"]["verify an export, entries per s"] > 100_000


def links_in(path: Path) -> list[str]:
    """Where the document leads within the checkout."""
    return re.findall(r"\]\(([^)#:]+)[)#]", path.read_text())


@pytest.mark.parametrize("document", ["README.md", "docs/README.md", "docs/start.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    path = CHECKOUT / document
    links = links_in(path)
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("folder", [".", "decisions", "formats"])
def test_the_map_names_every_document(folder: str) -> None:
    docs = CHECKOUT / "docs"
    linked = {docs / link for link in links_in(docs / "README.md")}
    assert set((docs / folder).glob("*.md")) - linked - {docs / "README.md"} == set()
