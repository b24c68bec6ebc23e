"""The examples in the docstrings of the pages' modules."""

import doctest

import pytest

from appliance import privacy_card
from appliance.web import history, log, people, privacy, privacy_forms, words


@pytest.mark.parametrize(
    "module", [history, log, people, words, privacy, privacy_forms, privacy_card]
)
def test_the_examples_hold(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
