"""The examples in the docstrings run and answer what they say."""

import doctest
import importlib
import pkgutil

import pytest

from detectors import statistics

MODULES = [m.name for m in pkgutil.iter_modules(statistics.__path__, "detectors.statistics.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
