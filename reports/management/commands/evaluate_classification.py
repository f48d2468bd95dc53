"""`manage.py evaluate_classification`: measure the classifier on labelled reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.tables import make_tables
from reports.classification.evaluation import Evaluation, Trial, evaluate, evaluate_files
from reports.classification.text_model import Quality
from reports.errors import EvaluationFileError

TRAIN_SHARE = 0.8


class Command(BaseCommand):
    """Print the result of `evaluation.evaluate` or of `evaluation.evaluate_files`."""

    help = (
        "Print top-1 and top-3 accuracy and the calibration error on labelled reports: a CSV with "
        "`category` and `description`. Give one FILE in time order, or --train and --test."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument(
            "--train-share",
            type=float,
            help=f"earlier part of FILE to learn from (default {TRAIN_SHARE})",
        )
        parser.add_argument("--train", type=Path, metavar="FILE", help="reports to learn from")
        parser.add_argument("--test", type=Path, metavar="FILE", help="reports to measure on")
        parser.add_argument(
            "--per-class",
            type=int,
            metavar="N",
            help="learn only the last N reports of a category in --train; 0: category texts only",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        _check(options)
        make_tables()
        try:
            result = _evaluated(options)
        except EvaluationFileError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json(), indent=2))
        else:
            self.stdout.write(
                _of_trial(result) if isinstance(result, Trial) else _of_evaluation(result)
            )


def _check(options: dict[str, Any]) -> None:
    """Raise CommandError for options that contradict each other."""
    of_two = [options["train"], options["test"]]
    if options["file"] is None and None in of_two:
        raise CommandError(
            "Give one FILE of labelled reports, or both --train FILE and --test FILE."
        )
    if options["file"] is not None and (any(of_two) or options["per_class"] is not None):
        raise CommandError("--train, --test and --per-class do not go with one FILE.")
    if options["file"] is None and options["train_share"] is not None:
        raise CommandError("--train-share goes with one FILE alone.")
    if (options["per_class"] or 0) < 0:
        raise CommandError("--per-class is at least 0.")
    if not 0 <= (options["train_share"] or 0.0) < 1:
        raise CommandError("--train-share is at least 0 and less than 1.")


def _evaluated(options: dict[str, Any]) -> Evaluation | Trial:
    if options["file"] is None:
        return evaluate_files(options["train"], options["test"], per_class=options["per_class"])
    share = TRAIN_SHARE if options["train_share"] is None else options["train_share"]
    return evaluate(options["file"], train_share=share)


def _of_evaluation(evaluation: Evaluation) -> str:
    return "\n".join(
        [
            f"Embedder {evaluation.embedder}, {evaluation.milliseconds_per_text:.1f} ms a text",
            (
                f"{evaluation.categories} categories, {evaluation.phrases} phrases, "
                f"{evaluation.unknown_labels} rows of unknown category"
            ),
            (
                f"{evaluation.learned.texts} reports tested, "
                f"{evaluation.learned_reports} earlier ones learned"
            ),
            "",
            f"{'':24}top-1   top-3   calibration error",
            _line("category texts only", evaluation.zero_shot),
            _line("and earlier reports", evaluation.learned),
            "",
            *_confusion_table(evaluation.slugs, evaluation.confusion),
        ]
    )


def _of_trial(trial: Trial) -> str:
    return "\n".join(
        [
            f"Embedder {trial.embedder}, {trial.milliseconds_per_text:.1f} ms a text",
            f"{len(trial.slugs)} categories, {trial.phrases} phrases",
            f"{trial.quality.texts} reports tested, {trial.learned_reports} others learned",
            "",
            f"{'':24}top-1   top-3   calibration error",
            _line("all that was learned", trial.quality),
            "",
            *_confusion_table(trial.slugs, trial.confusion),
        ]
    )


def _line(name: str, quality: Quality) -> str:
    return f"{name:24}{quality.top1:.3f}   {quality.top3:.3f}   {quality.ece:.3f}"


def _confusion_table(slugs: list[str], confusion: list[list[int]]) -> list[str]:
    """Return a row for each right category, with the reports that each category was best for."""
    names = [f"{number} {slug}" for number, slug in enumerate(slugs, 1)]
    left, wide = max(map(len, names)), max(4, 1 + len(str(max(map(max, confusion)))))
    head = "".join(f"{number:>{wide}}" for number in range(1, len(slugs) + 1))
    rows = [
        f"{name:<{left}}" + "".join(f"{count or '·':>{wide}}" for count in row)
        for name, row in zip(names, confusion, strict=True)
    ]
    return [
        "Rows: the right category. Columns: the best one of the classifier, by its number.",
        f"{'':{left}}{head}",
        *rows,
    ]
