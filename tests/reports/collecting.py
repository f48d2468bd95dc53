"""Sources for tests, and running the tasks of collection without those of the analysis."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import transaction
from dramatiq import get_broker

from jobs.execution import attempts
from jobs.execution.declaration import LedgerActor
from jobs.models import Task
from reports.collection.actors import collect_source
from reports.models import Post, Source, SourceKind

COLLECTING = ("collect_sources", "collect_source", "finish_cycle", "test_source")


def make_source(kind: str = SourceKind.FEED, address: str = "", **more: Any) -> Source:
    fields = {"name": f"{kind} {address}"[:80], "kind": kind, "address": address} | more
    return Source.objects.create(**fields)


def run_collecting(*names: str) -> int:
    """Run what is due of these actors, by default of all that collect; return how many ran."""
    count = 0
    while task := Task.objects.due().filter(actor__in=names or COLLECTING).order_by("id").first():
        actor = get_broker().get_actor(task.actor)
        assert isinstance(actor, LedgerActor)
        _, error = attempts.run(actor, task.id, uuid4())
        if error is not None:
            raise error
        count += 1
    return count


def collect(source: Source) -> Source:
    """Fetch the source by its task; return it as it is then."""
    with transaction.atomic():
        collect_source.send(str(source.pk))
    assert run_collecting() == 1
    source.refresh_from_db()
    return source


def texts() -> list[str]:
    """What is stored of the posts that stand, in the order of their ids."""
    return [post.text for post in Post.objects.standing().order_by("external_id")]
