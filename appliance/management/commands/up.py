"""`manage.py up`: the whole appliance on one machine, in the foreground."""

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from appliance.embedded.launcher import CannotStart, serve
from appliance.embedded.postgres import PostgresFailed
from appliance.embedded.supervision import say
from appliance.web.accounts import issue_setup_link


class Command(BaseCommand):
    help = "Start the database, the site, a worker and the clock, and keep them running."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        # Also read by appliance.embedded.environment, before Django's settings are.
        parser.add_argument("--data", help="directory for everything kept (default: ./data)")
        parser.add_argument("--port", type=int, default=8700, help="port on 127.0.0.1")
        parser.add_argument("--demo", action="store_true", help="monitor a real model, replayed")

    def handle(self, *, port: int, demo: bool, **_: Any) -> None:
        if not 0 < port < 65536:
            raise CommandError(f"--port must be between 1 and 65535, not {port}")
        try:
            serve(port, partial(announce, f"http://127.0.0.1:{port}"), demo=demo)
        except (CannotStart, PostgresFailed) as error:
            raise CommandError(str(error)) from None


def announce(url: str) -> None:
    """Say where the site is and, while there is no administrator, how to become the first."""
    say(f"Countersign answers at {url} (Ctrl-C stops it)")
    link = issue_setup_link(url)
    connection.close()
    if link is not None:
        say(f"Set up the first administrator, once, at {link}")
