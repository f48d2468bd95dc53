"""`manage.py evaluate_matching`: how good the ranking is on judged opportunities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.tables import make_tables
from matching.errors import EvaluationFileError
from matching.evaluation import evaluate


class Command(BaseCommand):
    """Arguments around `evaluation.evaluate`."""

    help = "Print nDCG@10 and recall@20 of the ranking on judged opportunities; the database stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--opportunities", type=Path, required=True, help="JSON lines")
        parser.add_argument(
            "--judgements", type=Path, required=True, help="JSON lines of profile and judgements"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        for name in ("opportunities", "judgements"):
            if not options[name].is_file():
                raise CommandError(f"{options[name]} is no file.")
        make_tables()
        try:
            found = evaluate(options["opportunities"], options["judgements"])
        except EvaluationFileError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), indent=2))
            return
        for one in found.by_profile:
            self.stdout.write(f"{one.id:12} {one.ndcg_at_10:.3f} {one.recall_at_20:.3f}")
        self.stdout.write(
            f"{found.profiles} profiles, {found.opportunities} opportunities, {found.embedder}"
        )
        self.stdout.write(
            f"ndcg_at_10 {found.ndcg_at_10:.4f}\nrecall_at_20 {found.recall_at_20:.4f}"
        )
