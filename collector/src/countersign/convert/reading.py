"""Which tool wrote a file, and what it says."""

from collections.abc import Callable

from ..profiles import Tool, tool_of
from ..statement import Refused
from . import deequ, evidently, tfdv, whylogs
from .profile import Profile

READERS: dict[Tool, Callable[[bytes], Profile]] = {
    "whylogs": whylogs.read,
    "tfdv": tfdv.read,
    "deequ": deequ.read,
    "evidently": evidently.read,
}


def read(data: bytes) -> Profile:
    """Raises `Refused` (`convert.unknown`, `convert.unreadable`, `convert.needs_whylogs`)."""
    tool = tool_of(data)
    if tool is None:
        raise Refused(
            "convert.unknown",
            "This is no profile of whylogs, TFDV, Deequ, SageMaker or Evidently. For rows in a "
            "Parquet or CSV file there are `countersign baseline` and `countersign window`.",
        )
    return READERS[tool](data)
