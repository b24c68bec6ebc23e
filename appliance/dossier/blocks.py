"""What sections are made of. Every text in them is only ever text, for JSON and for the page."""

from collections.abc import Iterable, Sequence
from typing import Any

from appliance.web.charts import Chart

Block = dict[str, Any]
Section = dict[str, Any]


def section(title: str, *blocks: Block) -> Section:
    """A titled part of the dossier."""
    return {"title": title, "blocks": list(blocks)}


def text(words: str) -> Block:
    """A paragraph."""
    return {"kind": "text", "text": words}


def facts(pairs: Iterable[tuple[str, object]]) -> Block:
    """Names and what is to be said of them; what nobody said is marked as such."""
    told = [[name, "not said" if value in ("", None) else str(value)] for name, value in pairs]
    return {"kind": "facts", "facts": told}


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], none: str) -> Block:
    """A table, or `none`, which says that there is nothing."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return text(none)
    return {"kind": "table", "heads": list(heads), "rows": cells}


def charts(found: Iterable[Chart]) -> Block:
    """The same charts as on the version's page; each with its newest figures in words."""
    return {
        "kind": "charts",
        "charts": [
            {
                "title": chart.title,
                "meaning": chart.meaning,
                "newest": [" ".join(pair).strip() for pair in chart.newest],
                "reference": chart.reference_words,
                "svg": str(chart.drawings[0]),
            }
            for chart in found
        ],
    }


def verbatim(title: str, words: str) -> Block:
    """Something for a program to read, as it is."""
    return {"kind": "verbatim", "title": title, "text": words}
