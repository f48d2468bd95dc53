"""The command `manage.py create_vector_indices`: build the vector indexes anew."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from matching.actors import build_vector_indices
from matching.errors import VectorIndexError
from matching.vectors import indexing
from matching.vectors.spaces import active_space


class Command(BaseCommand):
    """The command line of `vectors.indexing.build`."""

    help = (
        "Build the vector indexes by the settings VECTOR_*. Each new index is built beside the old "
        "one, checked against exact search on a sample, and then swapped in. Ordinary indexes of "
        "opportunities (place, kind, text) are built anew if they are missing or invalid."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--background", action="store_true", help="send it as a task of the queue maintenance"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            indexing.check_extension()
            space = active_space()
            if space is None:
                raise CommandError("Nothing has been embedded yet, so there is nothing to index.")
            if options["background"]:
                with transaction.atomic():
                    message = build_vector_indices.send_with_options(
                        unique_key="build_vector_indices",
                        limit_key="build_vector_indices",
                        limit_count=1,
                    )
                self.stdout.write(f"Task {message.message_id}")
                return
            built = indexing.build(space, on_progress=_show)
        except VectorIndexError as error:
            raise CommandError(str(error)) from error
        for index in built:
            recall = "" if index.recall is None else f", recall {index.recall:.3f}"
            self.stdout.write(f"{index.name}: {index.rows} rows in {index.seconds:.1f} s{recall}")
        self.stdout.write("The indexes for place, kind, category and text are there and valid.")
        if not built:
            self.stdout.write("VECTOR_INDEX_TYPE is none: no index, every search is exact.")


def _show(share: float, stage: str) -> None:
    print(f"{stage}: {share:.0%}", file=sys.stderr, flush=True)
