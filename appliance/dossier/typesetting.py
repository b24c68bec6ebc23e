"""From the dossier's contents to its JSON and its PDF: pure functions of the contents.

The fonts are those that the typesetter brings, never the machine's, so the same contents give the
same bytes everywhere.
"""

import json
import re
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize

import typst

TEMPLATE = Path(__file__).with_name("dossier.typ")
# What the pages' stylesheet says for print.
PRINT = {
    "paper": "#fff",
    "sheet": "#fff",
    "ink": "#000",
    "ink-2": "#333",
    "ink-3": "#555",
    "line": "#ccc",
    "line-2": "#999",
    "accent": "#2a3f86",
    "alarm": "#a8261c",
    "warn": "#855600",
    "mild": "#41586a",
    "calm": "#27644a",
    "band": "rgba(42,63,134,0.18)",
    "incident": "rgba(168,38,28,0.10)",
    "expected": "rgba(0,0,0,0.08)",
}
# What the typesetter's own fonts can show; PDF/A refuses a character without a glyph.
UNSHOWN = re.compile(
    "[^\n -~\u00a0-\u00ac\u00ae-\u024f\u02b0-\u02fe\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038c"
    "\u038e-\u03a1\u03a3-\u04ff\u05d0-\u05ea\u1e00-\u1eff\u2010-\u2027\u202f-\u2040\u20a0-\u20bf"
    "\u2190-\u22ff]"
)
VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")
SIZE = re.compile(r'viewBox="0 0 (\d+) (\d+)"')


def as_json(contents: Mapping[str, Any]) -> bytes:
    """The dossier for programs: keys sorted, UTF-8."""
    return json.dumps(contents, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def typeset(contents: Mapping[str, Any]) -> bytes:
    """The dossier as a PDF/A-3 with its JSON attached."""
    at = datetime.fromisoformat(contents["evidence_until"])
    units = ("year", "month", "day", "hour", "minute", "second")
    date = {name: getattr(at, name) for name in units}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "whole.json").write_bytes(as_json(contents))
        shown = {**contents, "sections": _with_files(contents["sections"], root)}
        (root / "dossier.json").write_bytes(as_json(printable(shown) | {"date": date}))
        page = root / TEMPLATE.name
        shutil.copy(TEMPLATE, page)
        return typst.compile(
            page,
            root=root,
            format="pdf",
            ignore_system_fonts=True,
            pdf_standards="a-3b",
            timestamp=at,
        )


def printable(value: Any) -> Any:
    """The same with every character that the fonts lack written as its number.

    >>> printable({"Größe": ["a\u6f22b", 1]})
    {'Größe': ['a[U+6F22]b', 1]}
    """
    if isinstance(value, dict):
        return {name: printable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [printable(each) for each in value]
    if not isinstance(value, str):
        return value
    return UNSHOWN.sub(lambda found: f"[U+{ord(found[0]):04X}]", normalize("NFC", value))


def _with_files(sections: list[dict[str, Any]], root: Path) -> list[dict[str, Any]]:
    """The sections with each chart's drawing in a file beside the template."""
    shown: list[dict[str, Any]] = json.loads(json.dumps(sections))
    blocks = [block for section in shown for block in section["blocks"]]
    drawn = [chart for block in blocks for chart in block.get("charts", [])]
    for number, chart in enumerate(drawn):
        chart["file"] = f"chart{number}.svg"
        (root / chart["file"]).write_text(_for_print(chart.pop("svg")), encoding="utf-8")
    return shown


def _for_print(svg: str) -> str:
    """A page's drawing as a file of its own, in the colours of paper."""
    width, height = SIZE.findall(svg)[0]
    alone = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    alone += ' font-family="Libertinus Serif"'
    return VARIABLE.sub(lambda found: PRINT[found[1]], svg.replace("<svg", alone, 1))
