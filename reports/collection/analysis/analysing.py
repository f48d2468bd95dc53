"""Analyse posts in batches: compute outside a transaction, then store what is still current."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

import jobs
from embeddings.embedder import get_embedder, space_of
from jobs.ledger import database
from reports.classification import classifier
from reports.classification.classifier import Classification, text_of
from reports.collection.analysis import drafting, gazetteer, languages, linking, sentiment, topics
from reports.collection.analysis.topics import Topics
from reports.duplicates import vectors
from reports.models import Area, Category, Post, PostVector, Precision

_NOT_OF_POST = {"id", "revision", "vector"}
_WRITTEN = (
    "language", "sentiment", "sentiment_score", "topic", "category", "category_confidence",
    "place_name", "precision", "latitude", "longitude", "cell", "area", "analysed_at",
)  # fmt: skip
#: Of a post: its id, and the revision that is to be analysed.
Key = Sequence[Any]


def analyse(keys: Sequence[Key]) -> dict[str, Any]:
    """Return what the analysis makes of these posts, as JSON; edited and deleted ones are left out.

    No transaction is open meanwhile.
    """
    revisions = {str(pk): revision for pk, revision in keys}
    posts = [
        post
        for post in Post.objects.standing().filter(pk__in=revisions).order_by("pk")
        if post.revision == revisions[str(post.pk)]
    ]
    known = Topics.of(topics.in_use())
    classified = classifier.classify_many([(post.title, post.text) for post in posts])
    nearest = known.nearest([proposal.vector for proposal in classified])
    return {
        "space": space_of(get_embedder()),
        "topics": known.number,
        "posts": [
            _facts(post, one, topic)
            for post, one, topic in zip(posts, classified, nearest, strict=True)
        ],
    }


def _facts(post: Post, classified: Classification, topic: str) -> dict[str, Any]:
    text = text_of(post.title, post.text)
    language = languages.language_of(text)
    tone = sentiment.tone_of(text, language=language)
    return {
        "id": str(post.pk),
        "revision": post.revision,
        "language": language,
        "sentiment": tone.label,
        "sentiment_score": tone.score,
        "topic": topic,
        **_category(classified),
        **_place(post, text),
        "vector": vectors.packed(classified.vector),
    }


def _category(classified: Classification) -> dict[str, Any]:
    """Return the category where it is certain enough; many posts report no problem at all."""
    is_certain = classified.confidence >= settings.CLASSIFICATION_MIN_CONFIDENCE
    known = classified.category if is_certain else None
    return {
        "category_id": known.pk if known else None,
        "category_confidence": round(classified.confidence, 4) if known else None,
    }


def _place(post: Post, text: str) -> dict[str, Any]:
    """Return the place that the text names; the one that its source gave is kept."""
    names = gazetteer.current()
    if post.precision == Precision.EXACT and post.latitude is not None:
        return {"area_id": names.area_at(post.latitude, post.longitude or 0.0)}
    located = names.locate(text if not post.place_name else f"{post.place_name}. {text}")
    values: dict[str, Any] = {
        "precision": located.precision,
        "latitude": located.latitude,
        "longitude": located.longitude,
        "area_id": located.area_id,
    }
    return values | ({"place_name": located.name} if located.name else {})


def record(outcome: dict[str, Any]) -> None:
    """Store the outcome for every post that has not changed meanwhile, and draw conclusions.

    Raises:
        Postponed: another list of topics has come into use meanwhile.
    """
    topics.lock_list(is_shared=True)
    if outcome["topics"] != topics.in_use():
        raise jobs.Postponed("The topics have changed.", delay=timedelta(seconds=1))
    facts = {values["id"]: values for values in outcome["posts"]}
    rows = Post.objects.standing().filter(pk__in=facts).select_for_update().order_by("pk")
    posts = [post for post in rows if facts[str(post.pk)]["revision"] == post.revision]
    _store(posts, facts)
    space = outcome["space"]
    packed = {post.pk: b64decode(facts[str(post.pk)]["vector"]) for post in posts}
    _keep_vectors(packed, space=space)
    linking.forget_guesses(posts)
    placed = [post for post in posts if post.latitude is not None]
    compared = {
        post.pk: linking.facts_of(post, vectors.unpacked(packed[post.pk])) for post in placed
    }
    linking.link_to_reports(compared, space=space)
    drafting.draft(placed, compared, space=space)


def _store(posts: Sequence[Post], facts: dict[str, dict[str, Any]]) -> None:
    """Write the outcome to the posts, without categories and areas that were deleted meanwhile."""
    categories = set(Category.objects.values_list("pk", flat=True))
    areas = set(Area.objects.values_list("pk", flat=True))
    at = database.now()
    for post in posts:
        values = facts[str(post.pk)]
        if values["category_id"] not in categories:
            values |= {"category_id": None, "category_confidence": None}
        if values["area_id"] not in areas:
            values["area_id"] = None
        for name in values.keys() - _NOT_OF_POST:
            setattr(post, name, values[name])
        post.analysed_at = at
    # Several times as fast as `bulk_update`, which moreover computes no cell.
    Post.objects.bulk_create(
        posts, update_conflicts=True, unique_fields=["id"], update_fields=_WRITTEN
    )


def _keep_vectors(packed: dict[UUID, bytes], *, space: str) -> None:
    PostVector.objects.bulk_create(
        [PostVector(post_id=pk, space=space, vector=vector) for pk, vector in packed.items()],
        update_conflicts=True,
        unique_fields=["post"],
        update_fields=["space", "vector"],
    )
