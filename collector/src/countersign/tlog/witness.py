"""A witness: another party's machine that signs how far a log has come, and never two histories.

The protocol is C2SP tlog-witness. A log, or anybody, posts to `/add-checkpoint`:

    old <size>                       how far the witness had come
    <base64 of a hash>               a consistency proof from there, a hash per line, at most 63
                                     (an empty line)
    <checkpoint>                     the newer checkpoint, signed by the log

The witness keeps size and root of the newest checkpoint that it signed for each log, on disk before
it answers. It answers 200 and its signature line (type 0x04 of `note`), or refuses:

    400  witness.malformed     the body is not as above
    400  witness.old_size      the old size is larger than the new one
    403  witness.unsigned      the log's known key has not signed the checkpoint
    404  witness.unknown_log   this witness was not set up for a log of that name
    409  witness.conflict      it had come to another size, which the answer's body says
    409  witness.fork          it signed another root of this very size: the log has two histories
    422  witness.proof         the proof does not join what it signed to the new checkpoint

>>> encode_submission(2, [bytes(32)], "a checkpoint").decode().splitlines()
['old 2', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', '', 'a checkpoint']
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import mark, note, tree

MAX_BODY = 64 * 1024
MAX_HASHES = 63
STATUS_OF = {
    "witness.malformed": 400,
    "witness.old_size": 400,
    "witness.unsigned": 403,
    "witness.unknown_log": 404,
    "witness.conflict": 409,
    "witness.fork": 409,
    "witness.proof": 422,
}

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class WitnessRefused(Exception):
    """The witness doesn't sign. `rule` is stable; `size` is how far it had come, if that is why."""

    def __init__(self, rule: str, detail: str, size: int | None = None) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule, self.size = rule, size


class Submission(NamedTuple):
    """What is posted to a witness. Nothing of it is verified."""

    old: int
    proof: list[bytes]
    checkpoint: bytes


def encode_submission(old: int, proof: Sequence[bytes], checkpoint: str) -> bytes:
    """The body to post."""
    lines = [f"old {old}", *map(note.base64_of, proof)]
    return ("\n".join(lines) + "\n\n" + checkpoint).encode()


def parse_submission(body: bytes) -> Submission:
    """A posted body; raises `WitnessRefused` (`witness.malformed`)."""
    head, _, checkpoint = body.partition(b"\n\n")
    first, *hashes = head.decode("ascii", errors="replace").split("\n")
    old = _OLD.fullmatch(first)
    if len(body) > MAX_BODY or old is None or len(hashes) > MAX_HASHES:
        raise WitnessRefused("witness.malformed", "the body is no submission of a checkpoint")
    try:
        return Submission(int(old[1]), [note.parse_hash(line) for line in hashes], checkpoint)
    except note.NoteError as error:
        raise WitnessRefused("witness.malformed", str(error)) from None


class Witness:
    """Signs checkpoints of known logs; `directory` holds how far each of them had come.

    Several processes may share the directory. Whoever deletes it makes a witness that forgot: give
    such a one another name and key.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        private: Ed25519PrivateKey,
        logs: Iterable[note.Key],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = note.Key.of(name, private.public_key(), note.WITNESSED)
        self._logs = list(logs)
        self._directory, self._private, self._clock = directory, private, clock

    def add_checkpoint(self, body: bytes) -> str:
        """The witness's signature line over a posted checkpoint; raises `WitnessRefused`."""
        submission = parse_submission(body)
        checkpoint = self._opened(submission.checkpoint)
        if submission.old > checkpoint.size:
            raise WitnessRefused("witness.old_size", "the old size is larger than the new one")
        with mark.locked(self._directory):
            known = mark.read(self._directory, checkpoint.origin)
            self._refuse_anything_but_growth(known, submission, checkpoint)
            mark.replace(self._directory, checkpoint)
        seconds = int(self._clock())
        return note.witness_line(checkpoint.text, self.key.name, self._private, seconds)

    def _opened(self, signed: bytes) -> note.Checkpoint:
        """The checkpoint, once the log of that name has signed it."""
        try:
            claimed = note.parse_checkpoint(note.parse_note(signed)[0])
        except note.NoteError as error:
            raise WitnessRefused("witness.malformed", str(error)) from None
        keys = [key for key in self._logs if key.name == claimed.origin]
        if not keys:
            raise WitnessRefused("witness.unknown_log", "no log of that name is witnessed here")
        try:
            return note.open_checkpoint(signed, keys)
        except note.NoteError as error:
            raise WitnessRefused("witness.unsigned", str(error)) from None

    def _refuse_anything_but_growth(
        self, known: note.Checkpoint | None, submission: Submission, new: note.Checkpoint
    ) -> None:
        size, root = (known.size, known.root) if known else (0, tree.EMPTY_ROOT)
        if submission.old != size:
            raise WitnessRefused("witness.conflict", "this witness had come to another size", size)
        if size == new.size and root != new.root:
            self._keep_evidence(submission.checkpoint, size)
            raise WitnessRefused("witness.fork", "this witness signed another root of this size")
        try:
            if size == 0 and submission.proof:
                raise tree.ProofError("proof.length", "nothing is proved from an empty log")
            if size > 0:
                tree.check_consistency(size, new.size, root, new.root, submission.proof)
        except tree.ProofError as error:
            raise WitnessRefused("witness.proof", str(error)) from None

    def _keep_evidence(self, signed: bytes, size: int) -> None:
        """Two roots of one size under the log's own signature: whoever reads it can judge."""
        name = f"fork-{size}-{hashlib.sha256(signed).hexdigest()[:16]}"
        folder = self._directory / "evidence"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / name).write_bytes(signed)
