"""The command `manage.py explain_match`: show how a citizen's matches are found."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from matching.errors import NothingEmbedded
from matching.models import Profile
from matching.ranking.explanation import explain


class Command(BaseCommand):
    """The command line of `ranking.explanation.explain`."""

    help = "Show the plan, timings and recall of a citizen's match run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the citizen's id or phone number")
        parser.add_argument("--keywords", default="")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            explanation = explain(_profile_of(options["user"]), options["keywords"])
        except NothingEmbedded as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(explanation, indent=2, default=str))
            return
        for name, value in explanation.items():
            if isinstance(value, list):
                self.stdout.write(f"{name}:")
                for line in value:
                    self.stdout.write(f"  {line}")
            else:
                self.stdout.write(f"{name}: {value}")


def _profile_of(named: str) -> Profile:
    lookup = {"user__phone": named} if named.startswith("+") else {"user_id": _uuid(named)}
    profile = Profile.objects.filter(**lookup).first()
    if profile is None:
        raise CommandError("There is no profile of that citizen.")
    return profile


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text} is neither a phone number nor an id.") from None
