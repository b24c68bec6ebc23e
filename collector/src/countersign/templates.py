"""Kinds of models: what is usual for each. A template is one small file in `templates/`.

It names the monitors that make sense, the metrics that are shown first, and the roles and slices of
columns by their usual names. A role or slice that is declared is never overruled, and a name that
the data lack does nothing.

>>> load("credit").roles["sex"]
'group'
>>> load("horoscopes")
Traceback (most recent call last):
countersign.statement.Refused: baseline.template: Templates are ads, churn, credit, fraud, ...
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import msgspec

from .statement import Refused


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is usual for one kind of model. `monitors` run besides those that every model has."""

    title: str
    about: str
    headline: Sequence[str]
    monitors: Sequence[str]
    slices: Sequence[str] = ()
    roles: Mapping[str, str] = {}


@cache
def load(name: str) -> Template:
    """The template of that name. Raises `Refused` (`baseline.template`)."""
    if name not in names():
        raise Refused(
            "baseline.template", f"Templates are {', '.join(names())}.", "$.predicate.template"
        )
    text = (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Template)


@cache
def names() -> tuple[str, ...]:
    """All templates."""
    files = (each.name for each in _FOLDER.iterdir())
    return tuple(sorted(name[: -len(".toml")] for name in files if name.endswith(".toml")))


_FOLDER = resources.files("countersign") / "templates"
