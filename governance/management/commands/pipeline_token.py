"""`manage.py pipeline_token NAME SCOPE…`: print a bearer token for a pipeline."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance.senders import SCOPES, issue_token


class Command(BaseCommand):
    """The token belongs to no key, and is shown only here. The page Senders revokes it."""

    help = "Print a bearer token for a pipeline; it is shown only here."

    def add_arguments(self, parser: CommandParser) -> None:
        """What it is called, and what it may."""
        parser.add_argument("name")
        parser.add_argument("scope", nargs="+", choices=sorted(SCOPES))

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token, and nothing else, so that a script may read it."""
        secret = issue_token(options["name"][:64], set(options["scope"]), actor="countersign")
        self.stdout.write(secret)
