"""`manage.py explain_match`: which plan finds a citizen's matches, how long each step takes, and how much it finds."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from matching import search
from matching.matchmaking import criteria_of, current_rarity, find, query_for, rarest
from matching.models import Profile
from matching.spaces import active_space


class Command(BaseCommand):
    """Prints what `matching.matchmaking.find` does for one citizen."""

    help = "Show the plan, timings and recall of a citizen's match run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the citizen's id or phone number")
        parser.add_argument("--keywords", default="")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        profile = _profile_of(options["user"])
        told = explain(profile, options["keywords"])
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2, default=str))
            return
        for name, value in told.items():
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


def explain(profile: Profile, keywords: str) -> dict[str, Any]:
    """Plans, timings in milliseconds and recall of each kind, and the best five matches."""
    space = active_space()
    if space is None:
        raise CommandError("Nothing has been embedded yet.")
    started = time.perf_counter()
    query = query_for(profile, keywords, space)
    told: dict[str, Any] = {"space": space.label, "index": search.has_index(space), "query_ms": _since(started)}
    criteria = criteria_of(profile, day=timezone.localtime())
    plans = []
    for kind in criteria.kinds or ("",):
        of_kind = criteria.of_kind(kind) if kind else criteria
        plans.append({"kind": kind or "all"} | _plans(query.wish.meaning, query.words, of_kind, space))
    started = time.perf_counter()
    found = find(query, criteria, space, count=100)
    told |= {"plans": plans, "run_ms": _since(started), "matches": len(found)}
    return told | {"best": [{"id": one.id, "score": one.score, "reasons": one.reasons} for one in found[:5]]}


def _plans(meaning: Any, words: list[str], criteria: search.Criteria, space: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if meaning is not None:
        count = settings.MATCHING_CANDIDATES
        hits = search.nearest(meaning, criteria, space, count=count)
        exact = search.nearest(meaning, criteria, space, count=count, plan="exact")
        recall = len(set(hits.ids) & set(exact.ids)) / max(len(exact.ids), 1)
        told |= {"plan": hits.plan, "estimated_rows": hits.estimated_rows, "vector_ms": round(hits.seconds * 1000, 1)}
        told |= {"exact_ms": round(exact.seconds * 1000, 1), "recall": round(recall, 4)}
    started = time.perf_counter()
    text = search.best_text_hits(rarest(words, current_rarity()), criteria, count=settings.MATCHING_CANDIDATES)
    return told | {"text_hits": len(text), "text_ms": _since(started)}


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
