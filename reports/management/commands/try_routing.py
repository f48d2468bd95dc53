"""Print which of the last reports the rules of routing would send elsewhere."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.models import Report
from reports.routing import trying
from reports.routing.trying import REPORTS_MAXIMUM, Trial


class Command(BaseCommand):
    help = "Try the rules of routing on the last reports, and change nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--last",
            type=int,
            default=1_000,
            metavar="N",
            help=f"The number of reports, {REPORTS_MAXIMUM} at most.",
        )
        parser.add_argument(
            "--drafts", action="store_true", help="Try rules that are switched off too."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["last"] <= REPORTS_MAXIMUM:
            raise CommandError(f"--last takes 1 to {REPORTS_MAXIMUM}.")
        trial = trying.try_rules(
            Report.objects.all(), last=options["last"], with_drafts=options["drafts"]
        )
        self._print(trial)

    def _print(self, trial: Trial) -> None:
        self.stdout.write(
            f"{trial.reports} reports: {trial.elsewhere} would go elsewhere, "
            f"{trial.other_deadline} would get another deadline, "
            f"{trial.broken} would wait in triage for a broken rule."
        )
        for (came_from, to), count in trial.ways.most_common():
            self.stdout.write(f"{count:>6}  {came_from} → {to}")
        for rule, count in trial.by_rule.most_common():
            self.stdout.write(f"{count:>6}  by {rule}")
        for move in trial.rows:
            deadline = f", within {move.deadline_hours} hours" if move.deadline_hours else ""
            self.stdout.write(
                f"{move.report.pk}  {move.report.department or '-'} → {move.to or '-'}{deadline}"
                f"  ({move.decision.reason})  {move.report.title}"
            )
