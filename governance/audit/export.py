"""The log as a directory that verifies offline, without this program's database or network."""

from pathlib import Path

from django.db import transaction

from countersign.tlog import note, verify

from . import files, keys, log
from .entries import record

README = """\
This is a transparency log in the format C2SP tlog-tiles (c2sp.org/tlog-tiles):

  checkpoint      how many entries there are and their root, signed
  tile/           the hash tree, 256 hashes per file
  tile/entries/   the entries: each is its length (two bytes, big-endian) and its JSON
  vkey            the key that signs the log

To verify it, get the key by another way than this directory (`manage.py verify_audit` prints it)
and run, where the Python package countersign is installed, offline:

  countersign verify-log DIRECTORY --vkey 'KEY'

Any other verifier of that format does as well. A web server may serve this directory as it is.
"""


class ExportRefused(ValueError):
    """The export cannot be made (`export.directory_not_empty`, `export.nothing_published`)."""


def export_log(directory: Path, *, actor: str) -> note.Checkpoint:
    """Record that an export is made, seal, write the published log as files, verify the files."""
    if directory.exists() and any(directory.iterdir()):
        raise ExportRefused("export.directory_not_empty: name a new or an empty directory")
    with transaction.atomic():
        record("export.made", actor=actor)
    log.seal()
    published = log.published_checkpoint()
    if published is None:
        raise ExportRefused("export.nothing_published: no checkpoint is covered by the mark")
    for path in ["checkpoint", *files.paths(published.size)]:
        _write(directory / path, files.read(path, published))
    key = keys.verifier_key()
    _write(directory / "vkey", f"{key.vkey}\n".encode())
    _write(directory / "README.txt", README.encode())
    return verify.verify_log(verify.read_from(directory), [key])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
