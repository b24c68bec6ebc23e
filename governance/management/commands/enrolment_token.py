"""`manage.py enrolment_token`: print a one-time token with which a collector enrols its key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance.models import OneTimeToken
from governance.senders import issue_one_time_token


class Command(BaseCommand):
    """It works once, for one day, and is shown only here."""

    help = "Print a one-time token for `countersign enroll`; it works once, for one day."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom the key may send for."""
        parser.add_argument(
            "--model", action="append", default=[], help="limit the key to a model; repeatable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token, and nothing else, so that a script may read it."""
        enrol, models = OneTimeToken.Purpose.ENROL, options["model"]
        self.stdout.write(issue_one_time_token(enrol, actor="countersign", models=models))
