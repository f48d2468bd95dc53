"""How many patterns the stored reports have, and how many chance alone brings."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from statistics import mean
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reports.patterns import evaluation, searching
from reports.patterns.counting import StoredReports
from reports.patterns.search import Search


class Command(BaseCommand):
    help = "Search the stored reports for patterns, and again with shuffled dates."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--shuffles", type=int, default=20, help="how often dates are shuffled (20)"
        )
        parser.add_argument("--since", help="the first day or time, by default five years ago")
        parser.add_argument("--until", help="the time after the last, by default now")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, **options: Any) -> None:
        shuffles = options["shuffles"]
        if shuffles < 1:
            raise CommandError("--shuffles: expected 1 or more.")
        search = _search(options)
        source = StoredReports(search)
        extent = source.extent()
        if not extent.reports:
            raise CommandError("There are no public reports in this period.")
        course = searching.all_of(search, source)
        results = [
            evaluation.shuffled(search, source, extent, seed=number) for number in range(shuffles)
        ]
        figures = {
            "found": course.result(course.standing()),
            "shuffled": {
                name: {
                    "mean": mean(getattr(result, name) for result in results),
                    "with_any": sum(getattr(result, name) > 0 for result in results) / shuffles,
                }
                for name in asdict(results[0])
            },
        }
        self.stdout.write(_written(figures, options))


def _search(options: dict[str, Any]) -> Search:
    try:
        search = Search.of(now=timezone.now(), since=options["since"], until=options["until"])
    except ValueError as error:
        raise CommandError(f"--since, --until: {error}") from error
    if timezone.is_naive(search.since) or timezone.is_naive(search.until):
        raise CommandError("--since, --until: expected a time with its offset from UTC.")
    return search


def _written(figures: dict[str, Any], options: dict[str, Any]) -> str:
    if options["json"]:
        return json.dumps(figures, indent=1)
    lines = [f"{name}: {value}" for name, value in figures["found"].items()]
    lines.append(f"With shuffled dates, {options['shuffles']} times:")
    lines += [
        f"{name}: {one['mean']:.2f} in the mean, any in {one['with_any']:.0%}"
        for name, one in figures["shuffled"].items()
    ]
    return "\n".join(lines)
