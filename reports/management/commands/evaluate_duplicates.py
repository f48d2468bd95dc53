"""`manage.py evaluate_duplicates FILE`: how well duplicates are told from other reports near by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.duplicates import evaluation, fitting
from reports.duplicates.evaluation import Evaluation, Quality
from reports.duplicates.fitting import CrossValidation
from reports.errors import EvaluationFileError


class Command(BaseCommand):
    """Arguments around `evaluation.evaluate` and `fitting.cross_validate`."""

    help = (
        "Print precision, recall and F1 on judged pairs of reports (JSON Lines: a, b, label, kind)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--by-words",
            action="store_true",
            help="compare texts by their words, as the check before sending does",
        )
        parser.add_argument(
            "--cross-validate",
            action="store_true",
            help="choose the weights anew by part of the pairs, and judge the others",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            pairs = evaluation.read(options["file"], by_words=options["by_words"])
            validated = fitting.cross_validate(pairs) if options["cross_validate"] else None
        except EvaluationFileError as error:
            raise CommandError(str(error)) from error
        result = evaluation.evaluate(pairs)
        self.stdout.write(
            _json(result, validated) if options["json"] else _table(result, validated)
        )


def _json(result: Evaluation, validated: CrossValidation | None) -> str:
    extra = {"cross_validation": validated.as_json()} if validated else {}
    return json.dumps(result.as_json() | extra, indent=2)


def _table(result: Evaluation, validated: CrossValidation | None) -> str:
    lines = [
        f"{result.pairs} pairs, texts compared by {result.text}",
        "",
        f"{'':28}precision   recall   F1",
        _line("weights of the product", result),
    ]
    if validated:
        lines.append(_line("cross-validated", validated.mean))
        lines.append(_line("  its spread", validated.spread))
        lines.append(f"weights of all pairs: {validated.weights.as_text()}")
    kinds = [f"{kind:28}{row.right} of {row.pairs}" for kind, row in result.by_kind.items()]
    return "\n".join([*lines, "", f"{'judged rightly':28}", *kinds])


def _line(name: str, quality: Quality | Evaluation) -> str:
    return f"{name:28}{quality.precision:.3f}       {quality.recall:.3f}    {quality.f1:.3f}"
