"""The import from an MLflow registry, against a real MLflow server and the real REST API.

MLflow has an environment of its own under .cache/peers, made with PEERS=1; without it the test is
skipped, and says so.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from bench.attacks import environments
from countersign.artefact import digests_of
from countersign.cli import main
from countersign.mlflow import _place
from countersign.rest import Unreachable, request
from countersign.statement import Refused
from governance import registry, senders
from governance.models import Model, OneTimeToken, Version

QUIET = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
SECONDS = 180  # a slow machine's patience for MLflow to start


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of an MLflow server with two versions of a model, and where it keeps them."""
    python = environments.interpreter("mlflow", make="PEERS" in os.environ)
    if python is None:
        pytest.skip("!!! mlflow is not installed; the import is NOT tested. Set PEERS=1.")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    options = ["--host", "127.0.0.1", "--port", port, "--workers", "1"]
    options += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    options += ["--artifacts-destination", str(folder / "kept")]
    command = [python, "-m", "mlflow", "server", *options]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=os.environ | QUIET, stdout=log, stderr=log
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        answers(f"{uri}/health")
        assert environments.run("mlflow", "mlflow_registry.py", uri) is not None
        yield uri, folder / "kept"
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> None:
    """Wait until there is an answer."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            if request("GET", address, None, {}).ok:
                return
        except Unreachable:
            time.sleep(0.5)
    raise TimeoutError


@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("ignore:No directory at:UserWarning")
def test_an_mlflow_registry_is_taken_over_and_again_without_change(
    mlflow: tuple[str, Path],
    live_server: LiveServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    uri, kept = mlflow
    token = senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    home = ["--home", str(tmp_path / "home")]
    assert main(["enroll", live_server.url, token, *home]) == 0
    assert main(["import-mlflow", "--uri", uri, *home]) == 1
    said = capsys.readouterr()
    assert said.err.count("mlflow.elsewhere") == 2
    for _ in range(2):
        assert main(["import-mlflow", "--uri", uri, "--artefacts", str(kept), *home]) == 0
    assert Model.objects.count() == 121
    assert Model.objects.get(name="Loan-scores").purpose == "Scores applicants. Two lines."
    first, second = Version.objects.order_by("name")
    assert (first.labels, second.labels) == ([], ["champion"])
    assert second.code_commit == "ab12cd34" * 5
    [artefact] = kept.glob(f"*/{second.run}/artifacts/model")
    assert (second.digest, second.manifest_digest) == (
        digests_of(artefact).digest,
        digests_of(artefact).manifest,
    )
    assert len(registry.developers_of(second)) == 1


@pytest.mark.parametrize(
    "source",
    ["mlflow-artifacts:/../../secret", "s3://bucket/model", "file://elsewhere/model", "models:/m"],
)
def test_an_artefact_that_lies_elsewhere_is_left_out(tmp_path: Path, source: str) -> None:
    with pytest.raises(Refused, match=r"mlflow\.elsewhere"):
        _place(source, tmp_path / "kept")


def test_an_address_that_is_not_mlflows_is_told(
    live_server: LiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = senders.issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    home = ["--home", str(tmp_path / "home")]
    main(["enroll", live_server.url, token, *home])
    assert main(["import-mlflow", "--uri", live_server.url, *home]) == 1
    assert "mlflow.answer" in capsys.readouterr().err
