"""manage.py load_blocked_words: add a list of words that send a text to moderation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.errors import WordListInvalid
from reports.moderation import word_lists


class Command(BaseCommand):
    """Load a file of blocked words."""

    help = "Add a CSV file of words (columns language and word) to the blocked words."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            type=Path,
            default=word_lists.SHIPPED,
            help="default: the list shipped",
        )

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            new = word_lists.load(file)
        except WordListInvalid as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{new} new words.")
