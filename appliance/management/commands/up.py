"""`manage.py up`: the whole appliance on one machine, in the foreground."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from appliance.embedded.launcher import CannotStart, serve
from appliance.embedded.postgres import PostgresFailed


class Command(BaseCommand):
    help = "Start the database, the site, a worker and the clock, and keep them running."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", help="directory for everything kept (default: ./data)")
        parser.add_argument("--port", type=int, default=8700, help="port on 127.0.0.1")
        parser.add_argument("--demo", action="store_true", help="play a year of a real model")

    def handle(self, *, port: int, demo: bool, **_: Any) -> None:
        def announce() -> None:
            self.stdout.write(f"Countersign answers at http://127.0.0.1:{port}")
            self.stdout.flush()

        try:
            serve(port, announce, demo=demo)
        except (CannotStart, PostgresFailed) as error:
            raise CommandError(str(error)) from None
