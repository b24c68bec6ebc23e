"""The commands of those who trust nobody: check receipts and logs, witness a log.

None of them but `proof` needs an enrolled collector, and only `proof` and an address given to
`verify-log` use the network.
"""

import argparse
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .home import Home
from .statement import Refused
from .tlog import note, verify, witness_server
from .tlog.receipt import ReceiptError, check_receipt

LARGEST_FILE = 20_000_000  # a bundle holds 256 entries of at most 65,537 bytes
SECONDS = 30

Command = Callable[[Any, str], argparse.ArgumentParser]


def add_commands(command: Command) -> None:
    """Their names and options."""
    fetching = command(proof, "proof")
    fetching.add_argument("digest", help="the statement's SHA-256, as `window` and others print it")
    fetching.add_argument("--out", type=Path, help="the file to write (DIGEST.receipt.json)")
    checking = command(verify_receipt, "verify-receipt")
    checking.add_argument("receipt", type=Path, help="the file that `proof` wrote")
    checking.add_argument(
        "--vkey", action="append", required=True, help="the log's key; repeatable"
    )
    checking.add_argument("--witness", action="append", default=[], metavar="VKEY")
    checking.add_argument("--statement", type=Path, help="the statement's bytes")
    whole = command(verify_log, "verify-log")
    whole.add_argument("log", help="an exported directory, or an address such as https://HOST/log")
    verify.add_options(whole)
    witness_server.add_options(command(witness, "witness"))


def proof(asked: argparse.Namespace) -> int:
    """Fetch a statement's receipt, with the proof that it is in the log."""
    receipt = Home(asked.home).receipt(asked.digest)
    if receipt.json().get("proof") is None:
        raise Refused("receipt.not_sealed", "The log is sealed every second or two; ask again.")
    file = asked.out or Path(f"{asked.digest}.receipt.json")
    file.write_bytes(receipt.body)
    print(f"wrote {file}")
    return 0


def verify_receipt(asked: argparse.Namespace) -> int:
    """Check offline that a statement is in the log."""
    try:
        keys = [note.parse_vkey(vkey.strip()) for vkey in asked.vkey]
        witnesses = [note.parse_vkey(vkey.strip()) for vkey in asked.witness]
        statement = asked.statement.read_bytes() if asked.statement else None
        checked = check_receipt(asked.receipt.read_bytes(), keys, witnesses, statement)
    except (ReceiptError, note.NoteError, OSError) as error:
        print(f"NOT VERIFIED  {error}", file=sys.stderr)
        return 1
    origin, size, _ = checked.checkpoint
    print(f"verified  {checked.digest} is entry {checked.index} of {size} in {origin}")
    for key in checked.signers:
        print(f"signed by  {key.name}")
    return 0


def verify_log(asked: argparse.Namespace) -> int:
    """Check a whole log: every entry, every hash, the signatures."""
    if asked.log.startswith(("http://", "https://")):
        return verify.run(_read_from_site(asked.log.rstrip("/")), asked)
    return verify.run(verify.read_from(Path(asked.log)), asked)


def witness(asked: argparse.Namespace) -> int:
    """Witness logs: sign that they only grow. For a machine of another party."""
    return witness_server.run(asked)


def _read_from_site(address: str) -> verify.Read:
    def read(path: str) -> bytes:
        # `verify_log` has looked at the scheme.
        with urllib.request.urlopen(f"{address}/{path}", timeout=SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read(LARGEST_FILE)
        return content

    return read
