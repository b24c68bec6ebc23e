"""Gets verifiers that nobody here wrote, once, into .cache/verifiers; or says that it could not.

Go's `sumdb` comes from Debian (as root), `@sigstore/verify` by npm. Nothing of them is in the
repository; the programs of a few lines that call them are.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "verifiers"
DEBIAN = Path("/usr/share/gocode")
MODULE = DEBIAN / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog"
NPM = ("@sigstore/verify@3", "@sigstore/bundle@4")
SECONDS = 240


def run(command: Sequence[str | Path], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        **options,
    )


def go_verifier() -> Path:
    """Our few lines of Go, compiled against golang.org/x/mod/sumdb."""
    if not (shutil.which("go") and MODULE.exists()):
        _from_debian("golang-go", "golang-golang-x-mod-dev")
    if not (shutil.which("go") and MODULE.exists()):
        missing("Go with golang.org/x/mod", "apt-get install golang-go golang-golang-x-mod-dev")
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(DEBIAN),
        "GOCACHE": str(CACHE / "go"),
        "GOFLAGS": "",
    }
    program = CACHE / "tlog"
    built = run(["go", "build", "-o", program, "."], cwd=HERE / "tlog", env=environment)
    assert built.returncode == 0, built.stderr
    return program


def sigstore_verifier() -> list[str | Path]:
    """Our few lines of JavaScript over @sigstore/verify, as a command."""
    folder = CACHE / "npm"
    if not shutil.which("npm"):
        missing("npm", "install Node.js with npm")
    if not (folder / "node_modules" / "@sigstore" / "verify").exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            run(["npm", "install", *options, *NPM], cwd=folder)
        except subprocess.TimeoutExpired:
            shutil.rmtree(folder)
    if not (folder / "node_modules" / "@sigstore" / "verify").exists():
        missing("@sigstore/verify", "a package registry for npm")
    return ["env", f"NODE_PATH={folder / 'node_modules'}", "node", HERE / "sigstore" / "verify.js"]


def missing(what: str, needed: str) -> None:
    pytest.skip(f"!!! {what} is not here and could not be installed ({needed}): NOT VERIFIED by it")


def _from_debian(*packages: str) -> None:
    if os.getuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            run(
                ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=quiet
            )
        except subprocess.TimeoutExpired:
            return
