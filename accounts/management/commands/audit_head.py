"""`manage.py audit_head`: print the newest hash of the audit log's chain, to keep elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import audit_chain


class Command(BaseCommand):
    help = (
        "Print the head of the audit log's chain as one line of JSON, in the format of the head "
        "file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--export", action="store_true", help="append it to AUDIT_HEAD_FILE as well"
        )

    def handle(self, *args: Any, export: bool, **options: Any) -> None:
        newest = audit_chain.export_head() if export else audit_chain.head()
        self.stdout.write(json.dumps(asdict(newest)) if newest else "null")
