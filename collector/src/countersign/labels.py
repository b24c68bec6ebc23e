"""Labels: what aliases and tokens stand for, as a file for the browsers of the model's own team.

    {"labels": {"k2adf5a7567d1": "income", "1f0c22ab90d1e3c47788990011223344": "north", ...}}

A page of the appliance shows the labels in place of the tokens once somebody opens the file there.
The browser reads it and sends nothing of it. Only tokens that the plan has are in it, so no rare
category is.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from .batch import Reader
from .binning import FIRST_BIN
from .design import Design
from .frames import Data, as_coded
from .hashing import text_of
from .joining import SEPARATOR
from .statements import OpenPlan
from .tables import Column, is_alias


def labels_of(plan: OpenPlan, key: bytes, batches: Iterable[Any]) -> dict[str, str]:
    """Names by alias and categories by token: those of the plan that the rows have."""
    design = Design.of(plan.plan)
    reader = Reader(design, plan.plan.model, key)
    labels: dict[str, str] = {}
    for batch in batches:
        _, data = reader.read(batch)
        for column in design.columns:
            if column.tokens and column.name in data:
                labels |= _categories(reader, column, data[column.name])
    return labels | _names(reader, design.columns)


def write_labels(path: Path, labels: dict[str, str]) -> None:
    """A file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode({"labels": labels})) + b"\n")


def _categories(reader: Reader, column: Column, data: Data) -> dict[str, str]:
    """The texts by token; a joined one as "f and here"."""
    texts = {text_of(value) for value in as_coded(data).values}
    cells = {text: reader.vocabularies[column.name][text] for text in texts}
    return {
        column.tokens[cell - FIRST_BIN]: str(text).replace(SEPARATOR, " and ")
        for text, cell in cells.items()
        if cell >= FIRST_BIN
    }


def _names(reader: Reader, columns: Iterable[Column]) -> dict[str, str]:
    """Own names by alias. A joined column is called by its parts."""
    own = {alias: name for name, alias in reader.aliases.items() if is_alias(alias)}
    joined = {c.name: " and ".join(own.get(part, part) for part in c.of) for c in columns if c.of}
    return own | {alias: name for alias, name in joined.items() if is_alias(alias)}
