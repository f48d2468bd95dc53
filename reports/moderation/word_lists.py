"""Lists of blocked words in files: CSV with the columns `language` and `word`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from reports.errors import WordListInvalid
from reports.models import BlockedWord

SHIPPED = Path(__file__).parent / "data" / "blocked_words.csv"


@transaction.atomic
def load(path: Path = SHIPPED) -> int:
    """Add the words of a file to those that staff edit; return how many are new.

    Words that are there already stay as they are, also where staff switched them off.

    Raises:
        WordListInvalid: the file cannot be read, or a word is none; nothing is added.
    """
    new = 0
    for line, word in _words(path):
        if BlockedWord.objects.filter(phrase=word.comparable()).exists():
            continue
        try:
            word.full_clean()
        except ValidationError as error:
            raise WordListInvalid(f"Line {line}: {' '.join(error.messages)}") from error
        word.save()
        new += 1
    return new


def _words(path: Path) -> Iterator[tuple[int, BlockedWord]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if not {"language", "word"} <= set(rows.fieldnames or ()):
                raise WordListInvalid("Expected the columns language and word.")
            for row in rows:
                fields = {name: (row[name] or "").strip() for name in ("language", "word")}
                yield rows.line_num, BlockedWord(**fields)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WordListInvalid(f"{path.name} cannot be read: {error}") from error
