"""Paths and files of tiles, read as strictly as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.tlog import tiles


@given(st.integers(0, 2**63), st.integers(1, 256))
def test_a_path_is_read_back_as_it_was_written(number: int, width: int):
    path = tiles.entries_path(number, width).removeprefix("tile/entries/")
    assert tiles.parse_number(path) == (number, width)


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "00", "0000", "x000/000", "x000/001", "001/002", "x001", "x1/002", "000/"),
        *("000.p/0", "000.p/256", "000.p/01", "000.p/", "000.p", "-01", "٠٠٠", "000\n"),
    ],
)
def test_a_number_written_in_any_other_way_is_refused(path: str):
    with pytest.raises(tiles.TileError, match=r"tile\.path"):
        tiles.parse_number(path)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 70_000])
def test_a_log_has_the_tiles_of_the_specification(size: int):
    found = list(tiles.tiles_of(size))
    for level in range(4):
        full, rest = divmod(size // 256**level, 256)
        expected = [(level, number, 256) for number in range(full)]
        if rest:
            expected.append((level, full, rest))
        assert [tuple(tile) for tile in found if tile.level == level] == expected


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_is_read_back_as_it_was_written(entries: list[bytes]):
    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20), st.data())
def test_a_bundle_that_ends_within_an_entry_is_refused(entries: list[bytes], data):
    bundle = tiles.encode_bundle(entries)
    whole = {len(tiles.encode_bundle(entries[:n])) for n in range(len(entries))}
    cut = data.draw(st.integers(0, len(bundle) - 1).filter(lambda at: at not in whole))
    with pytest.raises(tiles.TileError, match=r"tile\.bundle"):
        tiles.decode_bundle(bundle[:cut])


def test_the_longest_entry_fits_and_a_longer_one_is_refused():
    longest = b"x" * tiles.MAX_ENTRY
    assert tiles.decode_bundle(tiles.encode_bundle([longest])) == [longest]
    with pytest.raises(tiles.TileError, match=r"tile\.entry_too_long"):
        tiles.encode_bundle([longest + b"x"])
