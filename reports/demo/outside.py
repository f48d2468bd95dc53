"""The demo city's outside sources: one that works, one that is broken, one that is switched off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from reports.collection import receiving
from reports.collection.kinds.protocol import Item
from reports.demo import texts
from reports.models import CollectionCycle, NamedPlace, Source
from reports.models.collection import BROKEN_AFTER


def load() -> int:
    """Create the sources that do not exist yet, with their posts; return how many are new."""
    _load_places()
    known = set(Source.objects.values_list("name", flat=True))
    new = [facts for facts in texts.read("outside")["sources"] if facts["name"] not in known]
    for facts in new:
        _create(**facts)
    if new:
        _remember_a_cycle()
    return len(new)


def _load_places() -> None:
    """Name the streets of each neighbourhood in the gazetteer, one north of the other."""
    for neighbourhood in texts.read("city")["neighbourhoods"]:
        for number, street in enumerate(neighbourhood["streets"]):
            latitude = neighbourhood["latitude"] + 0.001 * number
            ends = [
                [neighbourhood["longitude"] - 0.004, latitude],
                [neighbourhood["longitude"] + 0.004, latitude],
            ]
            line = {"type": "LineString", "coordinates": ends}
            NamedPlace.objects.get_or_create(
                name=street, kind=NamedPlace.Kind.STREET, defaults={"geometry": line}
            )


@transaction.atomic
def _create(*, posts: list[Mapping[str, Any]], error: str = "", **fields: Any) -> None:
    """Create a source with what it sent; one with an error failed too often already."""
    source = Source.objects.create(**fields)
    if posts:
        receiving.receive(source, list(_items(posts)), signature="demo")
    if error:
        source.failures, source.last_error = BROKEN_AFTER, error
        source.last_error_at = timezone.now()
        source.next_fetch_at = timezone.now() + source.pause_after_failures()
        source.save()


def _items(posts: list[Mapping[str, Any]]) -> Iterator[Item]:
    for number, post in enumerate(posts):
        latitude, longitude = post.get("at", (None, None))
        yield Item(
            external_id=f"demo-{number}",
            text=post["text"],
            author=post["by"],
            posted_at=timezone.now() - timedelta(hours=post["hours_ago"]),
            latitude=latitude,
            longitude=longitude,
            address=post.get("street", ""),
        )


def _remember_a_cycle() -> None:
    """Store the last round over the sources, in which the broken one failed."""
    CollectionCycle.objects.create(
        is_whole=True, finished_at=timezone.now(), sources=2, failed=1, new_posts=0
    )
