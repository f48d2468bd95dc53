"""`manage.py audit_verify`: check that the audit log is unchanged since it was sealed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from accounts import audit_chain
from accounts.audit_chain import Verdict


class Command(BaseCommand):
    help = (
        "Recompute the chain over the audit log and name the first broken row. "
        "Exits with 0 where it holds, 1 where it is broken, 2 where it could not be verified."
    )

    requires_system_checks: list[str] = []  # an auditor's machine sends no messages

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print the verdict as JSON"
        )
        parser.add_argument(
            "--heads", metavar="FILE", help="the exported heads, by default AUDIT_HEAD_FILE"
        )

    def handle(self, *args: Any, as_json: bool, heads: str | None, **options: Any) -> None:
        path = Path(heads) if heads else audit_chain.head_file()
        if heads and not path.exists():
            raise CommandError(f"There is no file {path}.", returncode=2)
        try:
            verdict = audit_chain.verify(audit_chain.read_heads(path))
        except (ValueError, DatabaseError) as error:
            raise CommandError(f"The log could not be verified: {error}", returncode=2) from error
        self.stdout.write(json.dumps(asdict(verdict)) if as_json else _sentence(verdict))
        if verdict.broken is not None:
            raise SystemExit(1)


def _sentence(verdict: Verdict) -> str:
    extent = (
        f"{verdict.events} events, {verdict.unsealed} not sealed yet; "
        f"{verdict.seals} seals, compared with {verdict.heads} exported heads."
    )
    if verdict.broken is None:
        return f"The chain holds: {extent}"
    event = f", event {verdict.broken.event_id}" if verdict.broken.event_id is not None else ""
    place = f"seal {verdict.broken.sequence}{event}"
    return f"The chain is BROKEN at {place}: {verdict.broken.what}. {extent}"
