"""Analyse posts in batches: compute outside a transaction, then store what is still current."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from embeddings.embedder import get_embedder, space_of
from reports.classification import classifier
from reports.classification.classifier import Classification, text_of
from reports.collection.analysis import drafting, gazetteer, languages, linking, sentiment, topics
from reports.duplicates import vectors
from reports.models import Area, Category, Post, PostVector, Precision

#: Of a post: its id, and the revision that is to be analysed.
Key = Sequence[Any]


def analyse(keys: Sequence[Key]) -> dict[str, Any]:
    """Return what the analysis makes of these posts, as JSON; edited and deleted ones are left out.

    No transaction is open meanwhile.
    """
    wanted = {str(pk): revision for pk, revision in keys}
    posts = [
        post
        for post in Post.objects.standing().filter(pk__in=wanted).order_by("pk")
        if post.revision == wanted[str(post.pk)]
    ]
    classified = classifier.classify_many([(post.title, post.text) for post in posts])
    found = [_facts(post, one) for post, one in zip(posts, classified, strict=True)]
    return {"space": space_of(get_embedder()), "posts": found}


def _facts(post: Post, classified: Classification) -> dict[str, Any]:
    text = text_of(post.title, post.text)
    language = languages.language_of(text)
    tone = sentiment.tone_of(text, language=language)
    return {
        "id": str(post.pk),
        "revision": post.revision,
        "language": language,
        "sentiment": tone.label,
        "sentiment_score": tone.score,
        "topic": topics.topic_of(classified.vector),
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
    """Store the outcome for every post that has not changed meanwhile, and draw conclusions."""
    facts = {found["id"]: found for found in outcome["posts"]}
    posts = Post.objects.standing().filter(pk__in=facts).select_for_update().order_by("pk")
    categories = set(Category.objects.values_list("pk", flat=True))
    areas = set(Area.objects.values_list("pk", flat=True))
    for post in posts:
        found = facts[str(post.pk)]
        if found["revision"] != post.revision:
            continue
        if found["category_id"] not in categories:
            found |= {"category_id": None, "category_confidence": None}
        if found["area_id"] not in areas:
            found["area_id"] = None
        _store(post, found, space=outcome["space"])


def _store(post: Post, found: dict[str, Any], *, space: str) -> None:
    values = {name: found[name] for name in found if name not in ("id", "revision", "vector")}
    for name, value in values.items():
        setattr(post, name, value)
    post.analysed_at = Now()
    post.save(update_fields=[*values, "cell", "analysed_at"])
    vector = b64decode(found["vector"])
    PostVector.objects.update_or_create(post=post, defaults={"space": space, "vector": vector})
    if post.latitude is not None:
        facts = linking.facts_of(post, vectors.unpacked(vector))
        if not linking.link_to_reports(post, facts, space=space):
            drafting.draft_for(post, facts, space=space)
