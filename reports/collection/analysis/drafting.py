"""Offer staff a draft of a report when several posts speak of one problem at one place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings

from jobs.ledger.database import lock
from reports.collection.analysis.linking import facts_of
from reports.duplicates import scoring, vectors
from reports.duplicates.scoring import Facts
from reports.models import DraftReport, Post, PostVector, Precision
from reports.models.report import TITLE_MAX_CHARACTERS

COMPARED = 30  # posts near by, the newest: each costs about a millisecond
#: The most exact place of the posts is the draft's.
_BY_EXACTNESS = (Precision.EXACT, Precision.CROSSING, Precision.PLACE, Precision.STREET)


def draft_for(post: Post, facts: Facts, *, space: str) -> DraftReport | None:
    """Return the draft that the post now belongs to, a new one if it completes enough posts.

    A post that is linked to a report needs no draft. In the caller's transaction; posts about
    neighbouring places are handled one after the other, so that each sees the one before.
    """
    if post.links.exists() or post.draft_id is not None:
        return None
    lock("collection drafts")
    alike = _alike(post, facts, space=space)
    draft = next((other.draft for other in alike if other.draft is not None), None)
    if draft is None:
        together = [post, *alike]
        if _voices(together) < settings.COLLECTION_DRAFT_POSTS:
            return None
        draft = _offered(together)
        Post.objects.filter(pk__in=[one.pk for one in alike]).update(draft=draft)
    Post.objects.filter(pk=post.pk).update(draft=draft)
    post.draft = draft
    return draft


def _alike(post: Post, facts: Facts, *, space: str) -> list[Post]:
    """Return the posts near by that are probably about the same problem, the likeliest first."""
    span = timedelta(days=settings.COLLECTION_DRAFT_DAYS)
    near = (
        Post.objects.around(
            facts.latitude,
            facts.longitude,
            since=post.posted_at - span,
            until=post.posted_at + span,
        )
        .exclude(pk=post.pk)
        .filter(links__isnull=True, analysed_at__isnull=False)
        .select_related("text_vector", "draft")
        .order_by("-posted_at")[:COMPARED]
    )
    judged = [(_likeness(facts, other, space=space), other) for other in near]
    likely = [pair for pair in judged if pair[0] >= scoring.SUGGESTED_FROM]
    return [other for _, other in sorted(likely, key=lambda pair: -pair[0])]


def _likeness(facts: Facts, other: Post, *, space: str) -> float:
    stored: PostVector | None = getattr(other, "text_vector", None)
    vector = None
    if stored is not None and stored.space == space:
        vector = vectors.unpacked(bytes(stored.vector))
    return scoring.compare(facts, facts_of(other, vector)).probability


def _voices(posts: Sequence[Post]) -> int:
    """Return how many people speak: posts of one account are one, unsigned ones one each."""
    return len({post.author_hash or str(post.pk) for post in posts})


def _offered(posts: Sequence[Post]) -> DraftReport:
    placed = min(posts, key=lambda post: _BY_EXACTNESS.index(Precision(post.precision)))
    by_category = [post.category for post in posts if post.category is not None]
    category = max(by_category, key=by_category.count, default=None)
    first = min(posts, key=lambda post: post.posted_at)
    return DraftReport.objects.create(
        title=_title(first, category.name if category else "", placed.place_name),
        latitude=placed.latitude or 0.0,
        longitude=placed.longitude or 0.0,
        place_name=placed.place_name,
        precision=placed.precision,
        category=category,
    )


def _title(first: Post, category: str, place: str) -> str:
    about = first.title or category or " ".join(first.text.split()[:12])
    title = f"{about} ({place})" if place and place not in about else about
    return title[:TITLE_MAX_CHARACTERS]
