"""The examples in the docstrings of the pages' modules."""

import doctest

import pytest

from appliance.web import history, log, people, words


@pytest.mark.parametrize("module", [history, log, people, words])
def test_the_examples_hold(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
