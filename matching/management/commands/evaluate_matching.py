"""The command `manage.py evaluate_matching`: measure the quality of the ranking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.tables import make_tables
from matching.errors import EvaluationFileError
from matching.evaluation import evaluate


class Command(BaseCommand):
    """The command line of `evaluation.evaluate`."""

    help = (
        "Print nDCG@10 and recall@20 of the ranking on judged opportunities. The database stays as "
        "it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--opportunities", type=Path, required=True, help="JSON lines")
        parser.add_argument(
            "--judgements", type=Path, required=True, help="JSON lines of profile and judgements"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        for name in ("opportunities", "judgements"):
            if not options[name].is_file():
                raise CommandError(f"{options[name]} is not a file.")
        make_tables()
        try:
            evaluation = evaluate(options["opportunities"], options["judgements"])
        except EvaluationFileError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(evaluation.as_json(), indent=2))
            return
        for quality in evaluation.by_profile:
            self.stdout.write(
                f"{quality.id:12} {quality.ndcg_at_10:.3f} {quality.recall_at_20:.3f}"
            )
        low, high = evaluation.ndcg_at_10_interval
        self.stdout.write(
            f"{evaluation.profiles} profiles, {evaluation.opportunities} opportunities, "
            f"{evaluation.embedder}"
        )
        self.stdout.write(
            f"ndcg_at_10 {evaluation.ndcg_at_10:.4f}\nrecall_at_20 {evaluation.recall_at_20:.4f}"
            f"\nndcg_at_10_interval {low:.3f} {high:.3f}"
        )
