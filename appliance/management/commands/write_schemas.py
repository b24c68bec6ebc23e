"""`manage.py write_schemas`: write the JSON Schemas of docs/formats from the wire's structs."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from appliance.api.formats import statement_schema
from countersign.statement import PREDICATE_TYPES

FOLDER: Path = settings.BASE_DIR / "docs" / "formats"


def schemas() -> dict[Path, str]:
    """Every schema file and its text."""
    return {
        FOLDER / f"{kind.__name__.lower()}.json": json.dumps(statement_schema(kind), indent=2)
        + "\n"
        for kind in PREDICATE_TYPES
    }


class Command(BaseCommand):
    """A test tells when the files are older than the structs."""

    requires_system_checks = ()
    help = "Write docs/formats/*.json from the structs of the wire format."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them all."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in schemas().items():
            path.write_text(text, encoding="utf-8")
