"""Verifies a whole log from its files: an export directory, or a log that is served.

    python -m countersign.tlog.verify DIRECTORY --vkey KEY

Every entry is hashed again, every tile is built again from those hashes and compared with the file,
and the root is compared with the one that the log signed. One altered byte anywhere is found, and
the first file that is wrong is named. Needs nothing but this package's four format modules and the
Python package cryptography: no database, no network.

>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
>>> key = note.Key.of("appliance.example/audit", private.public_key())
>>> leaves = [tree.leaf_hash(entry) for entry in (b"a", b"b", b"c")]
>>> promise = note.Checkpoint(key.name, 3, tree.root(leaves))
>>> files = {
...     "checkpoint": note.sign(promise.text, key.name, private).encode(),
...     "tile/0/000.p/3": b"".join(leaves),
...     "tile/entries/000.p/3": tiles.encode_bundle([b"a", b"b", b"c"]),
... }
>>> verify_log(files.__getitem__, [key]).size
3
>>> files["tile/entries/000.p/3"] = tiles.encode_bundle([b"a", b"b", b"x"])
>>> verify_log(files.__getitem__, [key])
Traceback (most recent call last):
countersign.tlog.verify.LogError: tile/0/000.p/3: this tile is not what the entries hash to
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from . import note, tiles, tree

Read = Callable[[str], bytes]


class LogError(Exception):
    """The log does not verify. `path` is the first file found wrong."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path


def verify_log(
    read: Read,
    keys: Iterable[note.Key],
    *,
    witnesses: Iterable[note.Key] = (),
    since: note.Checkpoint | None = None,
) -> note.Checkpoint:
    """Check everything that the log's checkpoint covers. Returns that checkpoint.

    `read` gives the bytes of a path such as "checkpoint" and raises OSError or KeyError when
    there is none. Each of the `witnesses` must have signed too. `since` is a checkpoint that was
    kept from earlier: the log must begin with all that it covered. Memory stays constant however
    long the log is.
    """
    checkpoint = _checkpoint(read, keys, witnesses)
    if since is not None and not _may_continue(since, checkpoint):
        raise LogError("checkpoint", "the log is shorter than it was, or has another name")
    edge = tiles.RightEdge()
    bundles = (tile for tile in tiles.tiles_of(checkpoint.size) if tile.level == 0)
    for bundle in bundles:
        for entry in _entries(read, bundle):
            for full in edge.append(tree.leaf_hash(entry)):
                _compare(read, tiles.tile_path(full.level, full.number), full.hashes)
            if since is not None and edge.size == since.size and edge.root() != since.root:
                raise LogError(
                    tiles.entries_path(bundle.number, bundle.width),
                    "the log was rewritten: it had another root here",
                )
    for tile, hashes in edge.partial():
        _compare(read, tiles.tile_path(*tile), hashes)
    if edge.root() != checkpoint.root:
        raise LogError("checkpoint", "the signed root is not the root of the entries")
    return checkpoint


def read_from(directory: Path) -> Read:
    """Reads the files of an export."""
    return lambda path: (directory / path).read_bytes()


def _checkpoint(
    read: Read, keys: Iterable[note.Key], witnesses: Iterable[note.Key]
) -> note.Checkpoint:
    signed, others = _file(read, "checkpoint"), list(witnesses)
    try:
        checkpoint = note.open_checkpoint(signed, [*keys, *others])
        _, signers = note.open_note(signed, [*keys, *others])
    except note.NoteError as error:
        raise LogError("checkpoint", str(error)) from None
    for missing in (key.name for key in others if key not in signers):
        raise LogError("checkpoint", f"the witness {missing} has not signed it")
    return checkpoint


def _may_continue(since: note.Checkpoint, now: note.Checkpoint) -> bool:
    return since.origin == now.origin and since.size <= now.size


def _entries(read: Read, tile: tiles.Tile) -> list[bytes]:
    path = tiles.entries_path(tile.number, tile.width)
    try:
        entries = tiles.decode_bundle(_file(read, path))
    except tiles.TileError as error:
        raise LogError(path, str(error)) from None
    if len(entries) != tile.width:
        raise LogError(path, f"{len(entries)} entries where there must be {tile.width}")
    return entries


def _compare(read: Read, path: str, hashes: list[bytes]) -> None:
    if _file(read, path) != b"".join(hashes):
        raise LogError(path, "this tile is not what the entries hash to")


def _file(read: Read, path: str) -> bytes:
    try:
        return read(path)
    except (OSError, KeyError):
        raise LogError(path, "there is no such file, or it cannot be read") from None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes besides the log."""
    parser.add_argument(
        "--vkey",
        action="append",
        required=True,
        help="verifier key of the log, from a source you trust; repeatable",
    )
    parser.add_argument(
        "--witness", action="append", default=[], metavar="VKEY", help="who must have signed too"
    )
    parser.add_argument(
        "--since", type=Path, metavar="CHECKPOINT", help="a checkpoint that you kept from earlier"
    )


def run(read: Read, options: argparse.Namespace) -> int:
    """Verify and say so. 0 when the log verifies, 1 when it does not."""
    try:
        keys = [note.parse_vkey(vkey.strip()) for vkey in options.vkey]
        witnesses = [note.parse_vkey(vkey.strip()) for vkey in options.witness]
        since = options.since and note.open_checkpoint(options.since.read_bytes(), keys)
        checkpoint = verify_log(read, keys, witnesses=witnesses, since=since)
    except (note.NoteError, LogError, OSError) as error:
        print(f"NOT VERIFIED  {error}", file=sys.stderr)
        return 1
    print(f"verified  {checkpoint.origin}  {checkpoint.size} entries  root {checkpoint.root.hex()}")
    for key in witnesses:
        print(f"witnessed by  {key.name}")
    if since:
        print(f"continues  the {since.size} entries of {options.since}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m countersign.tlog.verify", description="Verify an exported log, offline."
    )
    parser.add_argument("directory", type=Path, help="the exported log")
    add_options(parser)
    options = parser.parse_args(arguments)
    return run(read_from(options.directory), options)


if __name__ == "__main__":
    sys.exit(main())
