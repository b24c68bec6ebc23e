"""An export verifies offline, without Django, and one altered byte anywhere in it is found."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from countersign.tlog import note, verify
from governance.audit import keys, log
from governance.models import Entry

from .conftest import Record

CHECKOUT = Path(__file__).parents[2]


def log_files(directory: Path) -> list[Path]:
    """The files that are the log: not the key and not the notice to the reader."""
    extra = {"vkey", "README.txt"}
    return sorted(p for p in directory.rglob("*") if p.is_file() and p.name not in extra)


def export(directory: Path) -> note.Key:
    call_command("export_audit", str(directory), stdout=StringIO())
    return note.parse_vkey((directory / "vkey").read_text().strip())


@pytest.mark.django_db
def test_an_export_holds_the_whole_log_and_itself_as_its_last_entry(record: Record, tmp_path: Path):
    record(600)
    key = export(tmp_path / "export")
    checkpoint = verify.verify_log(verify.read_from(tmp_path / "export"), [key])
    assert checkpoint.size == 601
    assert Entry.objects.get(leaf__index=600).kind == "export.made"
    names = [p.relative_to(tmp_path / "export").as_posix() for p in log_files(tmp_path / "export")]
    assert names == [
        "checkpoint",
        *("tile/0/000", "tile/0/001", "tile/0/002.p/89", "tile/1/000.p/2"),
        *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/89"),
    ]


@pytest.mark.django_db
def test_every_flipped_byte_of_an_export_is_found_and_its_file_named(
    record: Record, tmp_path: Path
):
    record(4)
    key = export(tmp_path / "export")
    read = verify.read_from(tmp_path / "export")
    for path in log_files(tmp_path / "export"):
        content = path.read_bytes()
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(verify.LogError):
                verify.verify_log(read, [key])
        path.write_bytes(content)
    assert verify.verify_log(read, [key]).size == 5


@pytest.mark.django_db
def test_one_flipped_byte_in_every_file_of_a_longer_export_is_found(record: Record, tmp_path: Path):
    record(599)
    key = export(tmp_path / "export")
    read = verify.read_from(tmp_path / "export")
    for path in log_files(tmp_path / "export"):
        content = path.read_bytes()
        for at in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:at] + bytes([content[at] ^ 128]) + content[at + 1 :])
            with pytest.raises(verify.LogError) as error:
                verify.verify_log(read, [key])
            level_0 = path.as_posix().replace("tile/entries", "tile/0")
            assert level_0.endswith(error.value.path) or path.as_posix().endswith(error.value.path)
        for wrong in (content[:-1], content + b"\0", b""):
            path.write_bytes(wrong)
            with pytest.raises(verify.LogError):
                verify.verify_log(read, [key])
        path.unlink()
        with pytest.raises(verify.LogError, match="no such file"):
            verify.verify_log(read, [key])
        path.write_bytes(content)


@pytest.mark.django_db
def test_the_log_of_another_key_does_not_verify(record: Record, tmp_path: Path, settings):
    export(tmp_path / "export")
    settings.COUNTERSIGN_DATA = tmp_path / "elsewhere"
    with pytest.raises(verify.LogError, match=r"note\.unsigned"):
        verify.verify_log(verify.read_from(tmp_path / "export"), [keys.verifier_key()])


@pytest.mark.django_db
def test_the_verifier_runs_offline_and_without_django(record: Record, tmp_path: Path):
    record(3)
    vkey = export(tmp_path / "export").vkey
    program = (
        "import sys; from countersign.tlog.verify import main; code = main(sys.argv[1:]);"
        "assert not {'django', 'socket', 'psycopg'} & set(sys.modules); sys.exit(code)"
    )

    def run(directory: str, vkey: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, directory, "--vkey", vkey]
        return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    result = run(str(tmp_path / "export"), vkey)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("verified  appliance.example/audit  4 entries  root ")
    assert run(str(tmp_path / "export"), vkey[:-1] + "d").returncode == 1
    (tmp_path / "export" / "tile" / "0" / "000.p" / "4").write_bytes(bytes(128))
    result = run(str(tmp_path / "export"), vkey)
    assert result.returncode == 1
    assert "tile/0/000.p/4" in result.stderr


@pytest.mark.django_db
def test_an_export_does_not_write_over_anything(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(CommandError, match=r"export\.directory_not_empty"):
        export(tmp_path / "taken")
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_an_export_is_in_the_log_even_if_the_log_is_refused(record: Record, tmp_path, data: Path):
    record()
    log.seal()
    for path in (data / "log").iterdir():
        path.unlink()
    with pytest.raises(CommandError, match=r"log\.mark_missing"):
        export(tmp_path / "export")
    assert Entry.objects.filter(kind="export.made").exists()
