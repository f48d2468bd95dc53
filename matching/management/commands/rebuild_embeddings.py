"""The command `manage.py rebuild_embeddings`: embed everything with the current EMBEDDER."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from matching.actors import rebuild_embeddings


class Command(BaseCommand):
    """The command line that sends the task `rebuild_embeddings`."""

    help = (
        "Embed everything with EMBEDDER, in the background. Until that is done, citizens are "
        "matched by the old vectors."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic():
            message = rebuild_embeddings.send_with_options(unique_key="rebuild_embeddings")
        self.stdout.write(f"Task {message.message_id}")
