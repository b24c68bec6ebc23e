"""manage.py erase_expired: erase the names and texts behind entries whose time is over."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from countersign.statement import Refused
from governance import retention


class Command(BaseCommand):
    help = "Says which texts behind the log are too old; erases them with --erase. Proofs stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="(six years)")
        parser.add_argument("--erase", action="store_true", help="for good; recorded in the log")

    def handle(self, *args: Any, **options: Any) -> None:
        days = retention.days() if options["days"] is None else options["days"]
        try:
            if options["erase"]:
                found, did = retention.erase_expired(days, actor="countersign"), "erased"
            else:
                found, did = retention.expired(days), "would erase"
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(
            f"{did} {found.texts} texts behind the first {found.stop} entries "
            f"({found.count} segments older than {days} days)"
        )
