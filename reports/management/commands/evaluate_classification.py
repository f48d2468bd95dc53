"""`manage.py evaluate_classification FILE`: measure the classifier on labelled reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.tables import make_tables
from reports.classification.evaluation import Evaluation, evaluate
from reports.classification.text_model import Quality
from reports.errors import EvaluationFileError


class Command(BaseCommand):
    """Print the result of `evaluation.evaluate`."""

    help = "Print top-1 and top-3 accuracy and the calibration error on a CSV with `category` and `description`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--train-share",
            type=float,
            default=0.8,
            help="earlier part to learn from (default 0.8)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 0 <= options["train_share"] < 1:
            raise CommandError("--train-share is at least 0 and less than 1.")
        make_tables()
        try:
            evaluation = evaluate(options["file"], train_share=options["train_share"])
        except EvaluationFileError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(evaluation.as_json(), indent=2) if options["json"] else _table(evaluation)
        )


def _table(evaluation: Evaluation) -> str:
    return "\n".join(
        [
            f"Embedder {evaluation.embedder}, {evaluation.milliseconds_per_text:.1f} ms a text",
            f"{evaluation.categories} categories, {evaluation.phrases} phrases, {evaluation.unknown_labels} rows of unknown category",
            f"{evaluation.learned.texts} reports tested, {evaluation.learned_reports} earlier ones learned",
            "",
            f"{'':24}top-1   top-3   calibration error",
            _line("category texts only", evaluation.zero_shot),
            _line("and earlier reports", evaluation.learned),
        ]
    )


def _line(name: str, quality: Quality) -> str:
    return f"{name:24}{quality.top1:.3f}   {quality.top3:.3f}   {quality.ece:.3f}"
