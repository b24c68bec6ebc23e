"""Protocol buffers as they lie in a file: numbered fields, whose meaning the reader must know.

A message is a sequence of (key, value). The key is a varint: field number * 8 + wire type. Wire
type 0 is a varint (7 bits a byte, the lowest first, the highest bit set on all but the last), 1
eight bytes, 2 a varint length and as many bytes (a text, or another message), 5 four bytes.

>>> fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69]))
[(1, 150), (2, b'hi')]
>>> fields(b"hello")
Traceback (most recent call last):
ValueError: not a protocol buffer
"""

import struct

Value = int | bytes
WIDTHS = {1: 8, 5: 4}
LONGEST_VARINT = 10


def fields(message: bytes) -> list[tuple[int, Value]]:
    """The fields in their order; fixed-width ones as bytes. Raises `ValueError`."""
    found: list[tuple[int, Value]] = []
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            found.append((number, value))
            continue
        if wire == 2:
            width, at = _varint(message, at)
        elif wire in WIDTHS:
            width = WIDTHS[wire]
        else:
            raise _not_one()
        if not number or at + width > len(message):
            raise _not_one()
        found.append((number, message[at : at + width]))
        at += width
    return found


def double(value: Value) -> float:
    """A fixed-width field of eight bytes as a number. Raises `ValueError`."""
    if not isinstance(value, bytes) or len(value) != 8:
        raise _not_one()
    number: float = struct.unpack("<d", value)[0]
    return number


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise _not_one()


def _not_one() -> ValueError:
    return ValueError("not a protocol buffer")
