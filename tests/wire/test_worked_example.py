"""The worked example of docs/formats/statement.md, run line by line."""

import doctest
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "formats" / "statement.md"


def test_the_worked_example_holds():
    result = doctest.testfile(str(EXAMPLE), module_relative=False)
    assert result.attempted > 20
    assert result.failed == 0
