"""The dossier of a version: all that an examiner asks for, as one JSON document and one PDF.

`contents.contents_of` gathers it, `typesetting.typeset` sets it with `dossier.typ` (PDF/A-3, the
JSON inside), `signing.signed` signs it. Everything in it is as of the newest thing that happened,
never as of the moment of asking: the same inputs give the same bytes, of the JSON and of the PDF
before it is signed. A signature is appended to those bytes and leaves them as they are.
"""

from governance.models import Version

from .contents import contents_of
from .signing import signed
from .typesetting import as_json, typeset

KINDS = {"pdf": "application/pdf", "json": "application/json"}


def written(version: Version, form: str) -> bytes:
    """The dossier as one of KINDS: the signed PDF, or the JSON that is inside it."""
    contents = contents_of(version)
    return as_json(contents) if form == "json" else signed(typeset(contents))
