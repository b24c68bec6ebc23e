"""Every example in the docstrings of `detectors` (its statistics have a test of their own)."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import detectors

MODULES = [
    module.name
    for module in pkgutil.walk_packages(detectors.__path__, "detectors.")
    if not module.name.startswith(("detectors.statistics", "detectors.migrations"))
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


def test_there_are_examples() -> None:
    told = [len(doctest.DocTestFinder().find(import_module(name))) for name in MODULES]
    assert sum(told) > 50
