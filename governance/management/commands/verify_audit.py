"""manage.py verify_audit: check the log in the database against itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.audit import keys, selfcheck


class Command(BaseCommand):
    help = "Recomputes the whole log from its entries. Exits with 1 when something is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        report = selfcheck.check()
        self.stdout.write(f"log          {keys.verifier_key().vkey}")
        self.stdout.write(f"entries      {report.size} sealed, {report.waiting} waiting")
        self.stdout.write(f"checkpoints  {report.checkpoints}")
        self.stdout.write(f"root         {report.root.hex()}")
        for remark in report.remarks:
            self.stdout.write(f"note         {remark}")
        for problem in report.problems:
            self.stdout.write(f"WRONG        {problem}")
        if report.problems:
            raise CommandError(f"the log does not verify: {len(report.problems)} problems")
        self.stdout.write("verified     every entry, hash and checkpoint")
