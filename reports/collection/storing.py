"""Store what was read: each post once, edits and deletions followed, together with the cursor."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from jobs.failpoints import failpoint
from jobs.ledger import database
from jobs.ledger.storable import as_text
from jobs.plain_text import one_line
from reports.collection.analysis.actors import analyse_posts
from reports.collection.cleaning import (
    clean_address,
    clean_line,
    clean_paragraphs,
    hash_of,
    names_account,
)
from reports.collection.kinds.protocol import Batch, Item
from reports.collection.pruning import kept_since
from reports.errors import ReportsError
from reports.models import Post, PostLink, PostRaw, PostVector, Precision, Sentiment, Source
from reports.models.collection import (
    EXTERNAL_ID_MAX_CHARACTERS,
    POST_TEXT_MAX_CHARACTERS,
    URL_MAX_CHARACTERS,
)
from reports.models.report import TITLE_MAX_CHARACTERS

ANALYSED_AT_ONCE = 50  # posts of one task
RAW_MAX_CHARACTERS = 100_000
_WRITTEN = (
    "title", "text", "url", "author_hash", "digest", "posted_at", "edited_at", "deleted_at",
    "latitude", "longitude", "cell", "place_name", "precision", "revision", "analysed_at",
)  # fmt: skip


class ReadMeanwhile(ReportsError):
    """Another task has read more of this source meanwhile, and moved its cursor."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How many posts of a batch were new, edited or deleted.

    Those that are `too_old`, older than posts are kept, were not stored.
    """

    new: int = 0
    edited: int = 0
    deleted: int = 0
    too_old: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.new + other.new,
            self.edited + other.edited,
            self.deleted + other.deleted,
            self.too_old + other.too_old,
        )


def store_batch(source: Source, batch: Batch) -> Stored:
    """Store the items of a batch with its cursor and the tasks that analyse them.

    In the caller's transaction, so that the cursor never moves past a post that is not stored.

    Raises:
        ReadMeanwhile: the cursor is not the one that this reading began with.
    """
    stored = store_items(source, batch.items)
    failpoint("collection.stored")
    here = Source.objects.filter(pk=source.pk, fetches=source.fetches)
    if not here.update(cursor=batch.cursor, fetches=F("fetches") + 1):
        raise ReadMeanwhile
    source.cursor, source.fetches = batch.cursor, source.fetches + 1
    return stored


def store_items(source: Source, items: Iterable[Item]) -> Stored:
    """Store items of a source, and send the tasks that analyse them; in the caller's transaction.

    Of several items with one id the last one counts.
    """
    by_id = {_id_of(item): item for item in items if item.external_id.strip()}
    ids = sorted(by_id)
    known = {
        post.external_id: post
        for post in Post.objects.select_for_update()
        .filter(source=source, external_id__in=ids)
        .order_by("external_id")
    }
    unknown = [
        by_id[external_id]
        for external_id in ids
        if external_id not in known and not by_id[external_id].is_deleted
    ]
    kept = [item for item in unknown if _is_kept(item)]
    added = _add(source, kept)
    changed = [(post, by_id[one]) for one, post in known.items() if _differs(post, by_id[one])]
    edited = _edit([(post, item) for post, item in changed if not item.is_deleted])
    deleted = erase(post for post, item in changed if item.is_deleted)
    _keep_raw([(post, by_id[post.external_id]) for post in (*added, *edited)])
    _have_analysed([*added, *edited])
    return Stored(len(added), len(edited), deleted, too_old=len(unknown) - len(kept))


def _id_of(item: Item) -> str:
    """Return the item's id as it is stored; the keyed hash of a longer one, or of an account's."""
    text = one_line(item.external_id)
    if len(text) <= EXTERNAL_ID_MAX_CHARACTERS and not names_account(text):
        return text
    return f"hash:{hmac.digest(settings.COLLECTION_KEY.encode(), text.encode(), 'sha256').hex()}"


def _is_kept(item: Item) -> bool:
    """Return whether the item is young enough; its source may list it longer than it is kept."""
    return item.posted_at is None or item.posted_at >= kept_since()


def _add(source: Source, items: Sequence[Item]) -> list[Post]:
    """Add the posts; return those that nobody else added meanwhile."""
    now = database.now()
    posts = [_filled(Post(source=source, external_id=_id_of(item)), item, now) for item in items]
    Post.objects.bulk_create(posts, ignore_conflicts=True)
    stored = set(
        Post.objects.filter(pk__in=[post.pk for post in posts]).values_list("pk", flat=True)
    )
    return [post for post in posts if post.pk in stored]


def _filled(post: Post, item: Item, now: datetime) -> Post:
    """Write the item's values, without personal data, to the post."""
    post.title = _cut(clean_line(item.title, author=item.author), TITLE_MAX_CHARACTERS)
    post.text = _cut(clean_paragraphs(item.text, author=item.author), POST_TEXT_MAX_CHARACTERS)
    address = clean_address(item.url, author=item.author)
    post.url = address if len(address) <= URL_MAX_CHARACTERS else ""
    post.author_hash = hash_of(item.author)
    first: datetime = getattr(post, "posted_at", None) or now
    post.posted_at = min(item.posted_at or first, now)  # clocks elsewhere are wrong
    post.edited_at = item.edited_at
    has_place = item.latitude is not None and item.longitude is not None
    post.latitude, post.longitude = (item.latitude, item.longitude) if has_place else (None, None)
    post.precision = Precision.EXACT if has_place else Precision.UNKNOWN
    post.place_name = _cut(clean_line(item.address), 200)
    post.digest = _digest(item)
    post.deleted_at = None
    return post


def _digest(item: Item) -> str:
    """Return the keyed hash of an item's content, by which an edit is noticed."""
    values = (item.title, item.text, item.url, item.latitude, item.longitude, item.address)
    content = json.dumps(values).encode()
    return hmac.digest(settings.COLLECTION_KEY.encode(), content, "sha256").hex()


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _differs(post: Post, item: Item) -> bool:
    if item.is_deleted:
        return post.deleted_at is None
    return post.deleted_at is not None or post.digest != _digest(item)


def _edit(changed: Sequence[tuple[Post, Item]]) -> list[Post]:
    now = database.now()
    posts = []
    for post, item in changed:
        _filled(post, item, now)
        post.edited_at = post.edited_at or now
        post.revision += 1
        post.analysed_at = None
        post.save(update_fields=_WRITTEN)
        posts.append(post)
    return posts


def erase(posts: Iterable[Post]) -> int:
    """Erase posts that were deleted at their source; only that they existed stays."""
    keys = [post.pk for post in posts]
    for table in (PostRaw, PostVector):
        table.objects.filter(post__in=keys).delete()
    PostLink.objects.filter(post__in=keys, is_origin=False).delete()
    return Post.objects.filter(pk__in=keys).update(
        title="", text="", url="", author_hash="", digest="", place_name="",
        latitude=None, longitude=None, cell=None, precision=Precision.UNKNOWN,
        sentiment=Sentiment.UNKNOWN, sentiment_score=None, topic="", category=None,
        category_confidence=None, draft=None, area=None, language="",
        revision=F("revision") + 1, deleted_at=Now(), analysed_at=Now(),
    )  # fmt: skip


def _keep_raw(pairs: Sequence[tuple[Post, Item]]) -> None:
    rows = [
        PostRaw(post=post, content=_storable(item.raw), stored_at=Now())
        for post, item in pairs
        if item.raw
    ]
    PostRaw.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["post"],
        update_fields=["content", "stored_at"],
    )


def _storable(raw: Mapping[str, Any]) -> Any:
    """Return the raw form as PostgreSQL can store it; of a very long one only the beginning."""
    text = as_text(json.dumps(raw, default=str, ensure_ascii=False), longest=RAW_MAX_CHARACTERS + 1)
    if len(text) > RAW_MAX_CHARACTERS:
        return {"cut": as_text(text, longest=RAW_MAX_CHARACTERS)}
    return json.loads(text.replace("\\u0000", "\\ufffd"))


def _have_analysed(posts: Sequence[Post]) -> None:
    keys = [[str(post.pk), post.revision] for post in posts]
    parts = [keys[i : i + ANALYSED_AT_ONCE] for i in range(0, len(keys), ANALYSED_AT_ONCE)]
    analyse_posts.send_many([(part,) for part in parts])
