"""A log as plain files: the paths and contents of C2SP tlog-tiles.

A *tile* is up to 256 hashes of one level, one after the other, 32 bytes each. Level 0 holds leaf
hashes; each hash of level L is the root of a full tile of level L - 1. An *entry bundle* holds the
entries under one tile of level 0, each as its length (two bytes, big-endian) and its bytes.

    tile/<L>/<N>            full tile N of level L, 256 hashes
    tile/<L>/<N>.p/<W>      partial tile, W hashes (1 to 255): the right edge of the tree
    tile/entries/<N>[.p/<W>]

N is written in groups of three digits, every group but the last with an x before it. A log of
`size` leaves has floor(size / 256^(L+1)) full tiles of level L and, unless it is empty, a partial
one of width floor(size / 256^L) mod 256.

>>> tile_path(0, 1234067)
'tile/0/x001/x234/067'
>>> [tile_path(*tile) for tile in tiles_of(70_000) if tile.width < 256]
['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']
>>> entries_path(273, 112)
'tile/entries/273.p/112'
>>> encode_bundle([b"a", b"bc"])
b'\\x00\\x01a\\x00\\x02bc'
>>> decode_bundle(b"\\x00\\x01a\\x00\\x02bc")
[b'a', b'bc']
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .tree import Subtree, root

WIDTH = 256
LEVELS = 8  # 256^8 entries are more than an index of 63 bits can count
MAX_ENTRY = 65_535

# The hashes start <= i < stop of one level; level 0 are leaf hashes.
Nodes = Callable[[int, int, int], Sequence[bytes]]


class TileError(ValueError):
    """A path or a file that is not one of a log's. `rule` is stable."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


class Tile(NamedTuple):
    """Which tile. `width` is 256 for a full one."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def start(self) -> int:
        """The first hash, counted within the level."""
        return self.number * WIDTH

    @property
    def stop(self) -> int:
        """One past the last hash, counted within the level."""
        return self.start + self.width


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Where a tile of hashes is found, relative to the log's root."""
    return f"tile/{level}/{_number(number, width)}"


def entries_path(number: int, width: int = WIDTH) -> str:
    """Where the entries under tile `number` of level 0 are found."""
    return f"tile/entries/{_number(number, width)}"


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a log of `size` leaves, level by level, the partial one last."""
    level = 0
    while (nodes := nodes_at(level, size)) > 0:
        full, rest = divmod(nodes, WIDTH)
        yield from (Tile(level, number) for number in range(full))
        if rest:
            yield Tile(level, full, rest)
        level += 1


def nodes_at(level: int, size: int) -> int:
    """How many complete hashes level `level` of a log of `size` leaves has."""
    return size >> (8 * level)


_NUMBER = re.compile(r"((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


def parse_number(text: str) -> tuple[int, int]:
    """`<N>[.p/<W>]` back to (N, W), W = 256 for a full tile. Each has one way of being written."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise TileError("tile.path", "a tile's number is written like x001/x234/067 or 273.p/112")
    number = int(re.sub("[x/]", "", match[1]) + match[2])
    width = int(match[3] or WIDTH)
    if text != _number(number, width):
        raise TileError("tile.path", "a tile's number has no superfluous groups; W is 1 to 255")
    return number, width


def _number(number: int, width: int) -> str:
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each behind its length."""
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise TileError("tile.entry_too_long", f"an entry has at most {MAX_ENTRY} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; raises `TileError` when it ends within one."""
    entries = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise TileError("tile.bundle", "the bundle ends within an entry")
        entries.append(data[start:at])
    return entries


def subtree_over(nodes: Nodes) -> Subtree:
    """Subtree hashes from a log's levels, reading less than a tile per level.

    Only subtrees that the tree has: `lo` is a multiple of a power of two not below hi - lo.
    """

    def subtree(lo: int, hi: int) -> bytes:
        ragged: list[bytes] = []  # the incomplete subtree at the right, if there is one
        level = 0
        while hi - lo >= WIDTH:
            hashes = [*nodes(level, hi // WIDTH * WIDTH, hi), *ragged]
            ragged = [root(hashes)] if hashes else []
            lo, hi, level = lo // WIDTH, hi // WIDTH, level + 1
        return root([*nodes(level, lo, hi), *ragged])

    return subtree


class RightEdge:
    """The tree's growing side: per level, the hashes of the tile that is not full yet.

    It is all that appending needs, at most 255 hashes per level however long the log is.

    >>> edge = RightEdge()
    >>> for number in range(300):
    ...     for full in edge.append(bytes([number % 256]) * 32):
    ...         print(full.level, full.number, len(full.hashes))
    0 0 256
    >>> edge.size, [len(level) for level in edge.levels]
    (300, [44, 1])
    """

    def __init__(self, size: int = 0, nodes: Nodes = lambda level, start, stop: ()) -> None:
        self.size = size
        self.levels: list[list[bytes]] = []
        level = 0
        while (count := nodes_at(level, size)) > 0:
            self.levels.append(list(nodes(level, count // WIDTH * WIDTH, count)))
            level += 1

    def append(self, leaf: bytes) -> list["FullTile"]:
        """Add a leaf hash. Returns the tiles that it filled, lowest level first."""
        self.size += 1
        filled = []
        hash = leaf
        for level in range(LEVELS):
            if level == len(self.levels):
                self.levels.append([])
            hashes = self.levels[level]
            hashes.append(hash)
            if len(hashes) < WIDTH:
                break
            self.levels[level] = []
            hash = root(hashes)
            filled.append(FullTile(level, nodes_at(level + 1, self.size) - 1, hashes, hash))
        return filled

    def root(self) -> bytes:
        """The root over every leaf so far."""
        ragged: list[bytes] = []
        for hashes in self.levels:
            together = [*hashes, *ragged]
            ragged = [root(together)] if together else []
        return root(ragged)

    def partial(self) -> Iterator[tuple[Tile, list[bytes]]]:
        """The tiles that are not full, with their hashes."""
        for level, hashes in enumerate(self.levels):
            if hashes:
                yield Tile(level, nodes_at(level, self.size) // WIDTH, len(hashes)), hashes


class FullTile(NamedTuple):
    """A tile that has just been filled, and its root: a hash of the level above."""

    level: int
    number: int
    hashes: list[bytes]
    root: bytes
