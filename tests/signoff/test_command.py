"""`countersign approver-key`, `approve` and `gate` as people and pipelines run them: offline."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from appliance.api.signoffs import WholeSignOff
from governance.audit import log
from governance.models import SignOff
from governance.signoff import bundles
from governance.signoff.decisions import decide
from governance.signoff.keys import enrol_approver_key

from .cast import Cast

pytestmark = pytest.mark.django_db

PASSPHRASE = "a long enough passphrase"
ALL = [a for p in ("purpose", "evidence", "monitoring", "independence") for a in ("--confirm", p)]


def run(*arguments: object, passphrase: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
    """Without a terminal, so the passphrase is read from the standard input."""
    return subprocess.run(
        [sys.executable, "-m", "countersign.cli", *map(str, arguments)],
        input=passphrase + "\n",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


def with_key_file(user: User, path: Path) -> Path:
    """The person makes a key file and enrols what is printed."""
    made = run("approver-key", path)
    assert made.returncode == 0, made.stderr
    public = base64.b64decode(made.stdout.strip().split()[-1])
    enrol_approver_key(user, label="key file", public_key=public)
    assert path.stat().st_mode & 0o077 == 0
    assert b"ENCRYPTED" in path.read_bytes()
    return path


def file_of(sign_off: SignOff, path: Path) -> Path:
    path.write_text(WholeSignOff.from_orm(sign_off).model_dump_json())
    return path


def handed_in(path: Path) -> None:
    signed = json.loads(path.read_bytes())
    decide(*(json.dumps(signed[part]).encode() for part in ("decision", "agreement")))


def test_from_key_files_to_an_open_gate(cast: Cast, tmp_path: Path) -> None:
    sign_off = cast.request()
    request, out = file_of(sign_off, tmp_path / "request.json"), tmp_path / "decision.json"
    for person, more in (
        (cast.vera.user, ["--condition", "performance:auc>=0.7"]),
        (cast.paul.user, []),
    ):
        key = with_key_file(person, tmp_path / f"{person.username}.key")
        options = ["--key", key, "--name", person.username, "--out", out]
        refused = run("approve", request, *options)
        assert refused.returncode == 1
        assert "--confirm purpose" in refused.stderr
        wrong = run("approve", request, *options, *ALL, passphrase="another passphrase")
        assert (wrong.returncode, "key.locked" in wrong.stderr) == (1, True)
        signed = run("approve", request, *options, *ALL, *more)
        assert signed.returncode == 0, signed.stderr
        assert cast.version.digest in signed.stdout
        handed_in(out)
    sign_off.refresh_from_db()
    assert (sign_off.status, len(sign_off.conditions)) == ("approved", 1)
    log.seal()
    (tmp_path / "bundle.json").write_bytes(bundles.bundle_of(cast.version.digest))
    (tmp_path / "trust.toml").write_text(bundles.trust())
    asked = ["gate", tmp_path / "bundle.json", "--trust", tmp_path / "trust.toml", "--digest"]
    passed, other = run(*asked, cast.version.digest), run(*asked, "e" * 64)
    assert (passed.returncode, passed.stdout) == (0, f"passed: {cast.version.digest}\n")
    assert other.returncode == 1
    assert "not passed: gate.artefact" in other.stderr


def test_what_is_no_request_or_was_altered_is_not_signed(cast: Cast, tmp_path: Path) -> None:
    request = file_of(cast.request(), tmp_path / "request.json")
    altered = request.read_text().replace("0.81", "0.99")
    for text in ("", "{}", "[]", altered):
        request.write_text(text)
        answer = run("approve", request, "--key", tmp_path / "no.key", "--name", "vera", *ALL)
        assert (answer.returncode, "approve.request" in answer.stderr) == (1, True), text
    assert run("approver-key", request).returncode == 1
    short = run("approver-key", tmp_path / "new.key", passphrase="short")
    assert "key.passphrase" in short.stderr
    assert run("gate", request, "--trust", request, "--digest", "e" * 64).returncode == 1
