"""An export verifies offline, without Django, and one altered byte anywhere in it is found."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from countersign.cli import main
from countersign.tlog import note, verify
from governance.audit import keys, log
from governance.models import Checkpoint, Entry
from tests.tlog.witnesses import KEY

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
    assert run(str(tmp_path / "export"), vkey[:-4] + "AAAA").returncode == 1
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


@pytest.mark.django_db
def test_the_command_line_verifies_a_directory_or_a_plain_web_server(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """With a checkpoint that was kept from earlier, and a witness that must have signed."""
    record(300)
    log.seal()
    earlier = tmp_path / "earlier"
    earlier.write_text(Checkpoint.objects.get().note)
    record(3)
    vkey = export(tmp_path / "export").vkey
    with plain_web_server(tmp_path / "export") as address:
        for source in (str(tmp_path / "export"), address):
            assert main(["verify-log", source, "--vkey", vkey, "--since", str(earlier)]) == 0
            said = capsys.readouterr().out
            assert said.startswith("verified  appliance.example/audit  304 entries")
            assert "continues  the 300 entries" in said
        assert main(["verify-log", f"{address}/elsewhere", "--vkey", vkey]) == 1
    assert main(["verify-log", address, "--vkey", vkey]) == 1
    capsys.readouterr()
    asked = ["verify-log", str(tmp_path / "export"), "--vkey", vkey]
    assert main([*asked, "--witness", KEY.vkey]) == 1
    assert "the witness witness.example/w1 has not signed it" in capsys.readouterr().err
    for size, reason in ((300, "rewritten"), (305, "shorter")):
        kept = note.Checkpoint("appliance.example/audit", size, bytes(32))
        earlier.write_text(note.sign(kept.text, kept.origin, keys.log_key()))
        assert main([*asked, "--since", str(earlier)]) == 1
        assert reason in capsys.readouterr().err


@contextmanager
def plain_web_server(directory: Path) -> Iterator[str]:
    """Files, and nothing else."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
