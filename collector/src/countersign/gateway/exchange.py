"""Raw counts as bytes, between a replica and the gateway and in the gateway's files.

A message is MessagePack: a map of `plan` (its digest), `start` (the window's first second since
1970), `replica` and `sequence` (which tell a message that is sent again), `rows` and `tables`. Each
table is [key, shape, numbers]: numbers are 64-bit little-endian, whole or floating as the plan's.
"""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from ..batch import Counted
from ..frames import Array
from ..statement import Refused
from ..tables import MAX_COUNT, Digest, Slug

COUNTS = "application/vnd.countersign.counts"  # a message's content type

Whole = Annotated[int, Meta(ge=0, le=MAX_COUNT)]


class Table(msgspec.Struct, frozen=True, array_like=True):
    """One raw table."""

    key: tuple[str, ...]
    shape: tuple[int, ...]
    numbers: bytes


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a replica counted since its last message, in one window."""

    plan: Digest
    start: int
    replica: Slug
    sequence: Whole
    rows: Whole
    tables: list[Table]


def tables_of(counted: Counted) -> list[Table]:
    """Raw tables, to be sent or kept."""
    return [
        Table(key, table.shape, table.astype(_kind(table)).tobytes())
        for key, table in counted.tables.items()
    ]


def counted_of(rows: int, tables: list[Table], like: Counted) -> Counted:
    """The counts again, if they are just the tables that a plan asks for; see `like`.

    Raises `Refused` (`gateway.counts`).
    """
    counted = Counted(rows, {table.key: _array(table, like) for table in tables})
    if len(tables) != len(like.tables) or counted.tables.keys() != like.tables.keys():
        raise _refusal("these are not the plan's tables")
    columns = [table for key, table in counted.tables.items() if key[0] == "column"]
    if any(table.sum() != rows for table in columns):
        raise _refusal("a column's cells don't add up to the rows")
    return counted


def decode(body: bytes) -> Message:
    """Raises `Refused` (`gateway.malformed`)."""
    try:
        return msgspec.msgpack.decode(body, type=Message)
    except msgspec.DecodeError:
        raise Refused("gateway.malformed", "This is not a message of a replica.") from None


def _array(table: Table, like: Counted) -> Array:
    planned = like.tables.get(table.key)
    if planned is None or table.shape != planned.shape:
        raise _refusal("these are not the plan's tables")
    if len(table.numbers) != 8 * planned.size:
        raise _refusal("a table is cut off")
    numbers = np.frombuffer(table.numbers, _kind(planned)).reshape(planned.shape)
    whole = numbers.dtype.kind == "i"
    if not np.isfinite(numbers).all() or (whole and ((numbers < 0) | (numbers > MAX_COUNT)).any()):
        raise _refusal("a count is negative, or a sum is no number")
    return numbers


def _kind(table: Array) -> str:
    return "<f8" if table.dtype.kind == "f" else "<i8"


def _refusal(why: str) -> Refused:
    return Refused("gateway.counts", f"Counts are whole tables of the plan; {why}.")
