"""A recipe as a TOML file, for what is too much for a command line.

    threshold = 0.4
    time = "decided_at"
    window = "7d"
    slices = ["region", ["region", "age"]]

    [roles]
    risk = "score"
    repaid = "outcome"

Its keys are those of `countersign.recipe.Recipe` that say something about the data.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from .statement import Refused

SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Written(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a file may hold."""

    roles: dict[str, str] = {}
    joined: dict[str, list[str]] = {}
    classes: dict[str, str | int | float | bool] = {}
    slices: list[str | list[str]] = []
    multivariate: list[str] = []
    threshold: float | None = None
    time: str | None = None
    window: str | None = None
    min_count: int | None = None
    template: str | None = None
    worth: dict[str, str | float] | None = None
    seed: int | None = None
    aliases: bool = False
    edges: dict[str, list[float]] = {}
    categories: dict[str, list[str | int | float | bool | list[str]]] = {}
    noise: dict[str, str | int | float] = {}
    subject: str | None = None


def read_recipe(path: Path | None) -> dict[str, Any]:
    """The options of a recipe that the file gives; none without a file."""
    if path is None:
        return {}
    if not path.is_file():
        raise Refused("file.missing", "There is no such recipe.")
    try:
        written = msgspec.toml.decode(path.read_bytes(), type=Written)
        options: dict[str, Any] = msgspec.to_builtins(written)
        return options | ({"window": duration(written.window)} if written.window else {})
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused("file.recipe", f"The recipe can't be read: {error}") from None


def duration(text: str) -> timedelta:
    """90m, 12h, 7d or 4w. Raises `ValueError`."""
    found = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", text)
    if not found:
        raise ValueError("a duration is a number and m, h, d or w")
    return timedelta(seconds=int(found[1]) * SECONDS[found[2]])
