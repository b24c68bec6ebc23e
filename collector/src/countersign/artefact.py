"""A model's artefact by its digests, as the registry knows it. Nothing of the artefact is sent.

A file is known by the SHA-256 of its bytes. A directory is known by two digests:

    root       SHA-256 over the SHA-256 (32 raw bytes) of each file, in the order of their names:
               the subject's digest of OpenSSF Model Signing (method `files`)
    manifest   SHA-256 over the JSON list of {"algorithm":"sha256","digest":HEX,"name":PATH} in the
               same order, without blanks, in UTF-8: `predicate.resources` of the same signature

Renaming a file may leave the root as it was, and always changes the manifest. Names are relative,
with `/`, and ordered by their parts: `a/b` stands before `a-b`. At the top of the directory
`model.sig`, `.git`, `.github`, `.gitattributes` and `.gitignore` are left out, as they are there.
Symbolic links, and whatever is neither file nor directory, are refused.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .statement import Refused

LEFT_OUT = frozenset({"model.sig", ".git", ".github", ".gitattributes", ".gitignore"})


@dataclass(frozen=True)
class Digests:
    """`manifest` is empty for a single file."""

    digest: str
    manifest: str = ""


def digests_of(path: Path) -> Digests:
    """A file's or directory's digests. Raises `Refused` (`file.missing`, `artefact.link`, ...)."""
    if path.is_file():
        return Digests(_sha256(path).hex())
    if not path.is_dir():
        raise Refused("file.missing", "There is no such model file.")
    hashes = [(name, _sha256(path / name)) for name in _names(path)]
    if not hashes:
        raise Refused("artefact.empty", "The directory holds no file.")
    root = hashlib.sha256(b"".join(digest for _, digest in hashes))
    manifest = [
        {"algorithm": "sha256", "digest": digest.hex(), "name": str(name)}
        for name, digest in hashes
    ]
    return Digests(root.hexdigest(), hashlib.sha256(msgspec.json.encode(manifest)).hexdigest())


def _names(directory: Path) -> list[Path]:
    """The files' relative names, in order."""
    found = []
    for each in directory.rglob("*"):
        name = each.relative_to(directory)
        if name.parts[0] in LEFT_OUT:
            continue
        if each.is_symlink():
            raise Refused("artefact.link", "The directory holds a symbolic link.")
        if each.is_file():
            found.append(name)
        elif not each.is_dir():
            raise Refused("artefact.special", "The directory holds what is no ordinary file.")
    return sorted(found)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
