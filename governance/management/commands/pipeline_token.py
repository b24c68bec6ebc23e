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
        parser.add_argument(
            "--model", action="append", default=[], help="limit the token to a model; repeatable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token, and nothing else, so that a script may read it."""
        name, scopes, models = options["name"][:64], set(options["scope"]), options["model"]
        secret = issue_token(name, scopes, actor="countersign", models=models)
        self.stdout.write(secret)
