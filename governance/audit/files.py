"""The log as the files of tlog-tiles, made from the tables on request: served, and exported."""

from collections.abc import Iterator

from countersign.tlog import tiles
from governance.models.audit import Checkpoint, Leaf

from .log import nodes, note_of


def paths(size: int) -> Iterator[str]:
    """Every file of a log of `size` entries, apart from its checkpoint."""
    for tile in tiles.tiles_of(size):
        yield tiles.tile_path(*tile)
        if tile.level == 0:
            yield tiles.entries_path(tile.number, tile.width)


def read(path: str, checkpoint: Checkpoint) -> bytes:
    """The bytes of a file of the log that the checkpoint covers; raises FileNotFoundError.

    A partial tile stays available after it has grown: its hashes never change.
    """
    if path == "checkpoint":
        return note_of(checkpoint).encode()
    level, tile = _tile(path)
    if tile.stop > tiles.nodes_at(tile.level, checkpoint.size):
        raise FileNotFoundError(path)
    if level == "entries":
        rows = Leaf.objects.filter(index__gte=tile.start, index__lt=tile.stop).order_by("index")
        bodies = rows.values_list("entry__body", flat=True)
        return tiles.encode_bundle([bytes(body) for body in bodies])
    return b"".join(nodes(tile.level, tile.start, tile.stop))


def _tile(path: str) -> tuple[str, tiles.Tile]:
    prefix, _, rest = path.partition("/")
    level, _, number = rest.partition("/")
    if prefix != "tile" or level not in LEVELS:
        raise FileNotFoundError(path)
    try:
        return level, tiles.Tile(LEVELS[level], *tiles.parse_number(number))
    except tiles.TileError:
        raise FileNotFoundError(path) from None


LEVELS = {str(level): level for level in range(tiles.LEVELS)} | {"entries": 0}
