"""`manage.py evaluate_dates`: how well it is forecast when requests are done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.dates.evaluation import COLUMNS, Evaluation, Quality, evaluate
from reports.errors import EvaluationFileError

HOLIDAYS = "US"


class Command(BaseCommand):
    """Arguments around `evaluation.evaluate`."""

    help = (
        "Learn from the requests of one CSV when things are done, forecast those of another, and "
        "compare with the median and the quantiles of their type. "
        f"Columns: {', '.join(COLUMNS)}; closed_at is empty for what is still open."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--train", type=Path, metavar="FILE", required=True, help="requests to learn from"
        )
        parser.add_argument(
            "--test", type=Path, metavar="FILE", required=True, help="requests to forecast"
        )
        parser.add_argument(
            "--holidays",
            metavar="REGION",
            default=HOLIDAYS,
            help=f"whose public holidays, such as US-CA; empty: none (default {HOLIDAYS})",
        )
        parser.add_argument(
            "--parts", action="store_true", help="measure also without each part of the model"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            result = evaluate(
                options["train"],
                options["test"],
                holidays=options["holidays"],
                with_parts=options["parts"],
            )
        except EvaluationFileError as error:
            raise CommandError(str(error)) from error
        shown = json.dumps(result.as_json(), indent=2) if options["json"] else _table(result)
        self.stdout.write(shown)


def _table(result: Evaluation) -> str:
    lines = [
        f"Learned from {result.train} requests, {result.train_open} of them still open.",
        f"Compared with {result.test_closed} closed ones of {result.test}.",
        "",
        f"{'':44}in range   median error   median width",
        _line("forecast", result.forecast),
        _line("baseline: median and quantiles of the type", result.baseline),
        *(_line(f"forecast without {name}", one) for name, one in result.without.items()),
    ]
    return "\n".join(lines)


def _line(name: str, quality: Quality) -> str:
    return (
        f"{name:44}{quality.coverage:8.1%}   {quality.median_error_hours:10.1f} h"
        f"   {quality.median_width_hours:10.1f} h"
    )
