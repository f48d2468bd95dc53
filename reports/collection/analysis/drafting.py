"""Offer staff a draft of a report when several posts speak of one problem at one place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from django.conf import settings

from jobs.ledger.database import fetch, lock
from reports.classification.classifier import text_of
from reports.duplicates import scoring, vectors
from reports.duplicates.scoring import Facts
from reports.models import Category, DraftReport, Post, PostLink, Precision
from reports.models.place import cells_literal
from reports.models.report import TITLE_MAX_CHARACTERS

#: How many posts near by are looked at, the newest, and how many of them are read, the likeliest.
NEAR_MAXIMUM, READ_MAXIMUM = 30, 10
#: The most exact place of the posts is the draft's.
_BY_EXACTNESS = (Precision.EXACT, Precision.CROSSING, Precision.PLACE, Precision.STREET)

#: The neighbours of each post that was asked for: analysed, and linked to no report.
_NEIGHBOURS = """
    SELECT asked.key, near.*, kept.vector FROM unnest(
        %(keys)s::uuid[], %(cells)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[]
    ) AS asked(key, cells, since, until)
    CROSS JOIN LATERAL (
        SELECT post.id, post.title, post.text, post.author_hash, post.posted_at, post.latitude,
            post.longitude, post.place_name, post.precision, post.category_id, post.draft_id
        FROM reports_post AS post
        WHERE post.cell = ANY(asked.cells::bigint[])
            AND post.posted_at BETWEEN asked.since AND asked.until AND post.id <> asked.key
            AND post.deleted_at IS NULL AND post.analysed_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM reports_postlink AS link WHERE link.post_id = post.id)
        ORDER BY post.posted_at DESC LIMIT %(limit)s
    ) AS near
    LEFT JOIN reports_postvector AS kept ON kept.post_id = near.id AND kept.space = %(space)s
"""


@dataclass(frozen=True, slots=True)
class _PlacedPost:
    """A post with a place, as far as it matters for the draft that it joins."""

    pk: UUID
    title: str
    text: str
    author_hash: str
    posted_at: datetime
    latitude: float
    longitude: float
    place_name: str
    precision: str
    category_id: int | None
    draft_id: UUID | None
    vector: bytes | None = None

    @classmethod
    def of(cls, post: Post) -> _PlacedPost:
        return cls(
            post.pk, post.title, post.text, post.author_hash, post.posted_at,
            post.latitude or 0.0, post.longitude or 0.0, post.place_name, post.precision,
            post.category_id, post.draft_id,
        )  # fmt: skip

    def facts(self) -> Facts:
        return Facts.of(
            text_of(self.title, self.text),
            latitude=self.latitude,
            longitude=self.longitude,
            created_at=self.posted_at,
            reporter_id=UUID(self.author_hash) if self.author_hash else None,
            vector=None if self.vector is None else vectors.unpacked(self.vector),
        )


def draft(posts: Sequence[Post], facts: Mapping[UUID, Facts], *, space: str) -> None:
    """Put each post into the draft that it belongs to, a new one if it completes enough posts.

    A post that is linked to a report needs no draft. In the caller's transaction; it waits for
    others that form drafts, so that each sees what the one before has formed.

    Args:
        posts: analysed posts with a place.
        facts: what is compared of each, by the posts' ids.
        space: the space of the vectors in `facts`, see `embedder.space_of`.
    """
    linked = set(PostLink.objects.filter(post__in=posts).values_list("post_id", flat=True))
    free = [post for post in posts if post.draft_id is None and post.pk not in linked]
    if not free:
        return
    lock("collection drafts")
    neighbours = _neighbours(free, space=space)
    forming = _Forming()
    for post in free:
        forming.add(_PlacedPost.of(post), _alike(facts[post.pk], neighbours[post.pk]))
    forming.store()


class _Forming:
    """The drafts that posts join, one post after the other."""

    def __init__(self) -> None:
        self._joined: dict[UUID, UUID] = {}  # post → draft

    def add(self, post: _PlacedPost, alike: Sequence[_PlacedPost]) -> None:
        """Let a post join the draft of those alike, the likeliest first, or all form a new one."""
        if post.pk in self._joined:
            return
        known = (self._draft_of(other) for other in alike)
        draft_id = next((one for one in known if one is not None), None)
        if draft_id is None:
            together = [post, *alike]
            if _people(together) < settings.COLLECTION_DRAFT_POSTS:
                return
            draft_id = _offered(together).pk
            self._joined |= {other.pk: draft_id for other in alike}
        self._joined[post.pk] = draft_id

    def _draft_of(self, post: _PlacedPost) -> UUID | None:
        return self._joined.get(post.pk, post.draft_id)

    def store(self) -> None:
        """Write to the posts which draft each has joined."""
        by_draft: dict[UUID, list[UUID]] = defaultdict(list)
        for post, draft_id in self._joined.items():
            by_draft[draft_id].append(post)
        for draft_id, posts in by_draft.items():
            Post.objects.filter(pk__in=posts).update(draft=draft_id)


def _neighbours(posts: Sequence[Post], *, space: str) -> dict[UUID, list[_PlacedPost]]:
    """Return the posts about places near each of these, the newest first."""
    span = timedelta(days=settings.COLLECTION_DRAFT_DAYS)
    rows = fetch(
        _NEIGHBOURS,
        {
            "keys": [post.pk for post in posts],
            "cells": [cells_literal(post.latitude or 0.0, post.longitude or 0.0) for post in posts],
            "since": [post.posted_at - span for post in posts],
            "until": [post.posted_at + span for post in posts],
            "limit": NEAR_MAXIMUM,
            "space": space,
        },
        is_prepared=True,
    )
    neighbours: dict[UUID, list[_PlacedPost]] = defaultdict(list)
    for key, *row in rows:
        neighbours[key].append(_PlacedPost(*row))
    return neighbours


def _alike(facts: Facts, near: Sequence[_PlacedPost]) -> list[_PlacedPost]:
    """Return the posts that are probably about the same problem, the likeliest first."""
    judged = [
        (scoring.probability(facts, other.facts()), other) for other in _likeliest(facts, near)
    ]
    likely = [pair for pair in judged if pair[0] >= scoring.SUGGESTED_FROM]
    return [other for _, other in sorted(likely, key=lambda pair: -pair[0])]


def _likeliest(facts: Facts, near: Sequence[_PlacedPost]) -> Sequence[_PlacedPost]:
    """Return the READ_MAXIMUM posts with the nearest vectors, or the first ones without any."""
    if len(near) <= READ_MAXIMUM or facts.vector is None:
        return near[:READ_MAXIMUM]
    with_vector = [other for other in near if other.vector is not None]
    if not with_vector:
        return near[:READ_MAXIMUM]
    rows = np.array([vectors.unpacked(other.vector or b"") for other in with_vector])
    order = np.argsort(-(rows @ facts.vector), kind="stable")
    return [with_vector[i] for i in order[:READ_MAXIMUM]]


def _people(posts: Sequence[_PlacedPost]) -> int:
    """Return how many people wrote these posts; each post without an account counts as one."""
    return len({post.author_hash or str(post.pk) for post in posts})


def _offered(posts: Sequence[_PlacedPost]) -> DraftReport:
    placed = min(posts, key=lambda post: _BY_EXACTNESS.index(Precision(post.precision)))
    by_category = [post.category_id for post in posts if post.category_id is not None]
    most = max(by_category, key=by_category.count, default=None)
    category = None if most is None else Category.objects.filter(pk=most).first()
    first = min(posts, key=lambda post: post.posted_at)
    return DraftReport.objects.create(
        title=_title(first, category.name if category else "", placed.place_name),
        latitude=placed.latitude,
        longitude=placed.longitude,
        place_name=placed.place_name,
        precision=placed.precision,
        category=category,
    )


def _title(first: _PlacedPost, category: str, place: str) -> str:
    about = first.title or category or " ".join(first.text.split()[:12])
    title = f"{about} ({place})" if place and place not in about else about
    return title[:TITLE_MAX_CHARACTERS]
