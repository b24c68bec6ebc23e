"""manage.py export_audit DIR: the log as files that anybody can verify offline."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from countersign.tlog.verify import LogError
from governance.audit import keys
from governance.audit.export import ExportRefused, export_log
from governance.audit.log import LogRefused


class Command(BaseCommand):
    help = "Writes the log into a new directory and verifies it there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checkpoint = export_log(options["directory"], actor="countersign")
        except (ExportRefused, LogRefused, LogError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"exported and verified {checkpoint.size} entries")
        self.stdout.write(f"root  {checkpoint.root.hex()}")
        self.stdout.write(f"vkey  {keys.verifier_key().vkey}")
