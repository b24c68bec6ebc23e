"""`manage.py write_schemas`: write docs/formats from the code: JSON Schemas, rules, roles."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from appliance.api.formats import policy_schema, statement_schema
from appliance.api.rules import RULES
from countersign.statement import PREDICATE_TYPES
from governance import access

RULES_HEAD = """# Rules by which an upload is refused

A rule never changes its meaning. The answer to a refused upload has it in `type`.

| rule | status | meaning | what to do |
|---|---|---|---|
"""
ROLES_HEAD = """# What a role lets you do

`governance/access.py` decides; [Accounts and roles](../accounts.md) explains. An action marked
"everywhere" concerns all business units at once and takes a role that is held in all.
"""
FOLDER: Path = settings.BASE_DIR / "docs" / "formats"


def files() -> dict[Path, str]:
    """Every file and its text."""
    policy = {FOLDER / "policy.json": json.dumps(policy_schema(), indent=2) + "\n"}
    return (
        {FOLDER / "rules.md": rules(), FOLDER / "roles.md": roles()}
        | policy
        | {
            FOLDER / f"{kind.__name__.lower()}.json": json.dumps(statement_schema(kind), indent=2)
            + "\n"
            for kind in PREDICATE_TYPES
        }
    )


def roles() -> str:
    """Which role may do what, as a page."""
    heads = ["action", *(role.label.lower() for role in access.Role), "administrator"]
    rows = [ROLES_HEAD, f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for action, given in access.ROLES_OF.items():
        name = f"`{action}`" + (" everywhere" if action in access.ORGANISATION_WIDE else "")
        has = [*(role in given for role in access.Role), action in access.BY_ADMINISTRATORS]
        rows.append(f"| {name} | {' | '.join('yes' if each else '' for each in has)} |")
    return "\n".join(rows) + "\n"


def rules() -> str:
    """Every rule by which an upload may be refused, as a page."""
    rows = [
        f"| `{rule}` | {status} | {what} | {fix} |" for rule, (status, what, fix) in RULES.items()
    ]
    return RULES_HEAD + "\n".join(rows) + "\n"


class Command(BaseCommand):
    """A test tells when the files are older than the structs."""

    requires_system_checks = ()
    help = "Write docs/formats from the structs of the wire format and the table of rules."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them all."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in files().items():
            path.write_text(text, encoding="utf-8")
