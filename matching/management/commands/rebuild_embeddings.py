"""`manage.py rebuild_embeddings`: embed everything with the present EMBEDDER, as a job."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from matching.actors import rebuild_embeddings


class Command(BaseCommand):
    """Sends `rebuild_embeddings`."""

    help = "Embed everything with EMBEDDER in the background; citizens are matched by the old vectors until it is done."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic():
            message = rebuild_embeddings.send_with_options(unique_key="rebuild_embeddings")
        self.stdout.write(f"Task {message.message_id}")
