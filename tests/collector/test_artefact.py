"""A model's artefact by its digests, against what OpenSSF Model Signing's own tool wrote."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from countersign.artefact import Digests, digests_of
from countersign.cli import main
from countersign.statement import Refused

VECTOR = json.loads(
    (Path(__file__).parent.parent / "vectors" / "model_signing.json").read_text("utf-8")
)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return written(tmp_path / "model", VECTOR["files"])


def test_a_directory_has_the_digests_of_model_signing(directory: Path) -> None:
    assert digests_of(directory) == Digests(VECTOR["root"], VECTOR["manifest"])


def test_signature_and_repository_are_left_out_at_the_top(directory: Path) -> None:
    written(directory, VECTOR["left_out"])
    assert digests_of(directory).digest == VECTOR["root"]


def test_a_renamed_file_changes_the_manifest_alone(directory: Path) -> None:
    (directory / "weights.bin").rename(directory / "weights.dat")
    renamed = digests_of(directory)
    assert renamed.digest == VECTOR["root"]
    assert renamed.manifest != VECTOR["manifest"]


def test_a_changed_byte_changes_both(directory: Path) -> None:
    (directory / "weights.bin").write_text("weightz")
    changed = digests_of(directory)
    assert changed.digest != VECTOR["root"] and changed.manifest != VECTOR["manifest"]


def test_a_file_is_known_by_its_bytes(directory: Path) -> None:
    expected = hashlib.sha256(b"weights").hexdigest()
    assert digests_of(directory / "weights.bin") == Digests(expected)


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_what_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match=r"file\.missing|artefact\.empty"):
        digests_of(tmp_path / name)


@pytest.mark.parametrize("target", ["weights.bin", "a", "/etc"])
def test_a_symbolic_link_is_refused_wherever_it_leads(directory: Path, target: str) -> None:
    (directory / "link").symlink_to(target)
    with pytest.raises(Refused, match=r"artefact\.link"):
        digests_of(directory)


def test_the_command_prints_both(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", str(directory)]) == 0
    assert capsys.readouterr().out.split() == [
        "digest",
        VECTOR["root"],
        "manifest",
        VECTOR["manifest"],
    ]
