"""Run a peer's script in an environment of its own, made for the run and thrown away."""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def ask(
    script: str, packages: list[str], python: str | None = None, *arguments: str
) -> tuple[Any, str]:
    """The JSON on the last line of the script's output, and why there is none if it is None.

    `python` names an interpreter that has the packages already, which saves minutes.
    """
    with tempfile.TemporaryDirectory() as folder:
        if python is None:
            venv.create(folder, with_pip=True)
            python = str(Path(folder) / "bin" / "python")
            made = subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *packages],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                return None, f"NOT INSTALLED: {', '.join(map(_name, packages))}"
        answer = subprocess.run(
            [python, str(HERE / script), *arguments], capture_output=True, text=True, check=False
        )
    if answer.returncode:
        print(answer.stderr, file=sys.stderr)
        return None, f"{script} FAILED: {answer.stderr.strip().splitlines()[-1][:200]}"
    return json.loads(answer.stdout.splitlines()[-1]), ""


def _name(package: str) -> str:
    return Path(package).name
