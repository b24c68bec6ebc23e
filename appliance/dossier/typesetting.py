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

import typst

TEMPLATE = Path(__file__).with_name("dossier.typ")
STANDARD = "a-3b"
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
VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")
SIZE = re.compile(r'viewBox="0 0 (\d+) (\d+)"')


def as_json(contents: Mapping[str, Any]) -> bytes:
    """The dossier for programs: keys sorted, UTF-8."""
    return json.dumps(contents, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def typeset(contents: Mapping[str, Any], form: str = "pdf") -> Any:
    """The dossier as a PDF/A-3 with its JSON attached; as `png`, a list of pages."""
    at = datetime.fromisoformat(contents["evidence_until"])
    date = {name: getattr(at, name) for name in ("year", "month", "day")}
    date |= {name: getattr(at, name) for name in ("hour", "minute", "second")}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(TEMPLATE, root / "dossier.typ")
        (root / "whole.json").write_bytes(as_json(contents))
        shown = {**contents, "date": date, "sections": _with_files(contents["sections"], root)}
        (root / "dossier.json").write_bytes(as_json(shown))
        standards = [STANDARD] if form == "pdf" else []
        return typst.compile(
            root / "dossier.typ",
            root=root,
            format=form,
            ignore_system_fonts=True,
            pdf_standards=standards,
            timestamp=at,
        )


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
