"""Signed notes, checkpoints, witness lines and proof files: C2SP formats, read strictly.

A **signed note** is a text that ends in a line feed, an empty line, and one or more signature lines
(an em dash, a space, the key's name, a space, base64, a line feed):

    appliance.example/audit
    3
    NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=

    — appliance.example/audit 9KNgGp+z1BDv...

What is signed is the text with its last line feed. The base64 holds a key id of four bytes and the
signature. Names are not empty and hold neither white space nor a plus sign. The note is UTF-8 and
has no control character but the line feed.

    key id        SHA256(name | 0x0A | type | public key)[:4]
    verifier key  name+hex(key id)+base64(type | public key)

    type 0x01     Ed25519 over the text
    type 0x04     a witness: 8 bytes of time (seconds since 1970, big-endian), then Ed25519 over
                  "cosignature/v1" LF "time <seconds>" LF and the text

Lines of unknown keys are ignored. A line of a known key that does not verify rejects the note, and
so does a note without a line of a known key.

A **checkpoint** is a note whose text is three lines: the log's name (its origin), the number of
entries without leading zeros, and the root in base64. There are no further lines. A **proof file**
is the line `c2sp.org/tlog-proof@v1`, the line `index <n>`, the hashes of an inclusion proof in
base64, one per line, an empty line, and a checkpoint. A line `extra <base64>` may stand before the
index; nothing here writes one, and what it says is not proved.

>>> private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
>>> key = Key.of("appliance.example/audit", private.public_key())
>>> print(key.vkey)
appliance.example/audit+f4a3601a+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
>>> root = bytes.fromhex("36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1")
>>> note = sign(Checkpoint("appliance.example/audit", 3, root).text, key.name, private)
>>> open_checkpoint(note.encode(), [parse_vkey(key.vkey)]).size
3
>>> open_checkpoint(note.replace("3", "4", 1).encode(), [key])
Traceback (most recent call last):
countersign.tlog.note.NoteError: note.signature: the signature of a known key does not verify
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .tree import HASH_BYTES

SIGNED = 0x01
WITNESSED = 0x04

MAX_BYTES = 1_000_000
MAX_LINES = 100
PROOF_HEADER = "c2sp.org/tlog-proof@v1"

_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note that is malformed or not signed by whom it should be. `rule` is stable."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


class Key(NamedTuple):
    """A verifier key: whose signature of which type counts."""

    name: str
    type: int
    public: bytes

    @classmethod
    def of(cls, name: str, public: Ed25519PublicKey, type: int = SIGNED) -> "Key":
        """The verifier key of a public key; raises when the name cannot stand in a note."""
        if not _NAME.fullmatch(name):
            raise NoteError("note.name", "a key's name has no white space, no + and is not empty")
        return cls(name, type, public.public_bytes_raw())

    @property
    def id(self) -> bytes:
        """The four bytes that stand before the signature."""
        return hashlib.sha256(
            self.name.encode() + b"\n" + bytes([self.type]) + self.public
        ).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as one line of text, to hand to whoever verifies."""
        return f"{self.name}+{self.id.hex()}+{base64_of(bytes([self.type]) + self.public)}"


class Signature(NamedTuple):
    """One signature line, not verified."""

    name: str
    key_id: bytes
    value: bytes


class Checkpoint(NamedTuple):
    """What a log promises: its name, how many entries it has, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64_of(self.root)}\n"


@dataclass(frozen=True)
class Proof:
    """A proof file, parsed: entry `index` is in the log that `checkpoint` (a note) speaks of."""

    index: int
    hashes: list[bytes]
    checkpoint: bytes


def parse_vkey(vkey: str) -> Key:
    """A verifier key from its line of text; its id must be the one that its key has."""
    parts = vkey.split("+", 2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise NoteError("note.vkey", "a verifier key is written name+id+key")
    name, key_id, encoded = parts
    material = _from_base64(encoded)
    if len(material) != 33 or material[0] not in (SIGNED, WITNESSED):
        raise NoteError("note.vkey", "the key is not an Ed25519 key of type 1 or 4")
    key = Key(name, material[0], material[1:])
    if key.id.hex() != key_id:
        raise NoteError("note.vkey", "the id does not belong to this name and key")
    return key


def sign(text: str, name: str, private: Ed25519PrivateKey) -> str:
    """The text as a note with one signature."""
    _check_text(text)
    key = Key.of(name, private.public_key())
    return f"{text}\n{_line(key, private.sign(text.encode()))}"


def witness_line(text: str, name: str, private: Ed25519PrivateKey, seconds: int) -> str:
    """A witness's signature line over a checkpoint's text: "at that time I saw this log"."""
    key = Key.of(name, private.public_key(), WITNESSED)
    signature = private.sign(_witnessed(text, seconds))
    return _line(key, seconds.to_bytes(8, "big") + signature)


def open_note(note: bytes, keys: Iterable[Key]) -> tuple[str, list[Key]]:
    """The text of a note and the given keys that signed it, at least one."""
    text, signatures = parse_note(note)
    known = {(key.name, key.id): key for key in keys}
    signers = []
    for line in signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            _verify(key, text, line.value)
            signers.append(key)
    if not signers:
        raise NoteError("note.unsigned", "none of the known keys signed this note")
    return text, signers


def open_checkpoint(note: bytes, keys: Iterable[Key]) -> Checkpoint:
    """A checkpoint whose log signed it: a key named like its origin. Witnesses alone don't count.

    Lines of other given keys, such as witnesses, must verify too.
    """
    text, signers = open_note(note, keys)
    checkpoint = parse_checkpoint(text)
    if not any(key.name == checkpoint.origin and key.type == SIGNED for key in signers):
        raise NoteError("note.unsigned", "the log itself did not sign this checkpoint")
    return checkpoint


def parse_note(note: bytes) -> tuple[str, list[Signature]]:
    """Text and signature lines of a note. Nothing is verified yet."""
    if len(note) > MAX_BYTES:
        raise NoteError("note.too_long", f"a note has at most {MAX_BYTES} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise NoteError("note.encoding", "a note is UTF-8") from None
    text, empty, lines = whole.rpartition("\n\n")
    if not empty or not lines.endswith("\n"):
        raise NoteError("note.form", "a note is a text, an empty line, and signature lines")
    text += "\n"
    _check_text(text)
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_LINES:
        raise NoteError("note.too_long", f"a note has at most {MAX_LINES} signatures")
    return text, [_parse_line(line) for line in signatures]


def parse_checkpoint(text: str) -> Checkpoint:
    """A checkpoint from a note's text."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise NoteError("checkpoint.form", "a checkpoint is three lines: origin, size, root")
    origin, size, encoded = lines[:3]
    if not _SIZE.fullmatch(size):
        raise NoteError("checkpoint.size", "the size is a decimal number without leading zeros")
    return Checkpoint(origin, int(size), parse_hash(encoded))


def encode_proof(index: int, hashes: Sequence[bytes], checkpoint: str) -> str:
    """A proof file: everything needed, besides the entry and the key, to verify offline."""
    lines = [PROOF_HEADER, f"index {index}", *map(base64_of, hashes)]
    return "\n".join(lines) + "\n\n" + checkpoint


def parse_proof(data: bytes) -> Proof:
    """A proof file, parsed. The checkpoint in it is not verified yet."""
    head, empty, checkpoint = data.partition(b"\n\n")
    header, *lines = head.decode("ascii", errors="replace").split("\n")
    if lines and lines[0].startswith("extra "):
        _from_base64(lines.pop(0).removeprefix("extra "))
    index_line, *hashes = lines or [""]
    if not empty or header != PROOF_HEADER or not index_line.startswith("index "):
        raise NoteError("proof.form", "a proof file names its format, then an index, then hashes")
    index = index_line.removeprefix("index ")
    if not _SIZE.fullmatch(index):
        raise NoteError("proof.index", "the index is a decimal number without leading zeros")
    return Proof(int(index), [parse_hash(line) for line in hashes], checkpoint)


def witnessed_at(text: str, line: str, key: Key) -> int | None:
    """When a witness signed a checkpoint's text, by its signature line; None if another did.

    In seconds since 1970. Raises when the line is malformed, or by this key and not its signature.
    """
    if not line.endswith("\n"):
        raise NoteError("note.form", "a signature line ends in a line feed")
    signature = _parse_line(line[:-1])
    if (signature.name, signature.key_id) != (key.name, key.id):
        return None
    _verify(key, text, signature.value)
    return int.from_bytes(signature.value[:8], "big")


def _verify(key: Key, text: str, signature: bytes) -> None:
    message = text.encode()
    if key.type == WITNESSED:
        message = _witnessed(text, int.from_bytes(signature[:8], "big"))
        signature = signature[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        raise NoteError("note.signature", "the signature of a known key does not verify") from None


def _witnessed(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n" or _CONTROL.search(text):
        raise NoteError("note.form", "the text ends in a line feed and has no control characters")


def _line(key: Key, signature: bytes) -> str:
    return f"— {key.name} {base64_of(key.id + signature)}\n"


def _parse_line(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):
        raise NoteError("note.form", "a signature line is an em dash, a name and base64")
    value = _from_base64(parts[2])
    if len(value) < 5:
        raise NoteError("note.form", "a signature is a key id of four bytes and more")
    return Signature(parts[1], value[:4], value[4:])


def parse_hash(text: str) -> bytes:
    """A hash from its line of base64."""
    value = _from_base64(text)
    if len(value) != HASH_BYTES:
        raise NoteError("note.hash", f"a hash has {HASH_BYTES} bytes")
    return value


def base64_of(data: bytes) -> str:
    """Standard base64, as every format here writes bytes."""
    return base64.b64encode(data).decode()


def _from_base64(text: str) -> bytes:
    """Standard base64, and only the one encoding that each value has."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64_of(data) != text:
        raise NoteError("note.base64", "this is not padded standard base64")
    return data
