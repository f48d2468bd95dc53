"""Link posts to the open reports that they are probably about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from embeddings.embedder import Vectors
from reports.classification.classifier import text_of
from reports.duplicates import candidates
from reports.duplicates.scoring import Facts
from reports.models import Post, PostLink

LINKS = 3  # of one post: the likeliest reports


def facts_of(post: Post, vector: Vectors | None) -> Facts:
    """Return what is compared of a post with a place; its author counts as a person by the hash."""
    if post.latitude is None or post.longitude is None:
        raise ValueError("The post has no place.")
    return Facts.of(
        text_of(post.title, post.text),
        latitude=post.latitude,
        longitude=post.longitude,
        created_at=post.posted_at,
        reporter_id=UUID(post.author_hash) if post.author_hash else None,
        vector=vector,
    )


def forget_guesses(posts: Sequence[Post]) -> None:
    """Remove the links that an earlier analysis guessed; reports made from posts stay linked."""
    PostLink.objects.filter(post__in=posts, is_origin=False).delete()


def link_to_reports(facts: Mapping[UUID, Facts], *, space: str) -> None:
    """Store which open reports the posts are probably about.

    `facts` are those of posts with a place, by the posts' ids.
    """
    similar = candidates.similar_to_each(facts, space=space, limit=LINKS)
    PostLink.objects.bulk_create(
        [
            PostLink(
                post_id=post_id,
                report_id=candidate.report_id,
                probability=round(candidate.likeness.probability, 3),
                reasons=candidate.likeness.reasons,
            )
            for post_id, likely in similar.items()
            for candidate in likely
        ],
        ignore_conflicts=True,
    )
