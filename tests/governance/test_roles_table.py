"""The table of roles in docs/accounts.md says what governance.access decides."""

from pathlib import Path

from governance.access import BY_ADMINISTRATORS, ORGANISATION_WIDE, ROLES_OF, Role

DOCUMENT = Path(__file__).parents[2] / "docs" / "accounts.md"


def table() -> str:
    """A line per action, a column per role."""
    heads = ["action", *(role.label.lower() for role in Role), "administrator"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for action, roles in ROLES_OF.items():
        name = f"`{action}`" + (", everywhere" if action in ORGANISATION_WIDE else "")
        has = [*(role in roles for role in Role), action in BY_ADMINISTRATORS]
        lines.append(f"| {name} | {' | '.join('yes' if h else '' for h in has)} |")
    return "\n".join(lines)


def test_the_document_has_the_table() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")
