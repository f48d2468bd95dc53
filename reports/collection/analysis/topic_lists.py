"""Lists of topics at the desk: written as text, tried on posts, and put into use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import User
from embeddings.embedder import Vectors, get_embedder, space_of
from jobs.ledger import database
from reports.collection.analysis import topics
from reports.collection.analysis.topics import OTHER, Topics
from reports.duplicates import vectors
from reports.errors import TopicListInUse, TopicListInvalid
from reports.models import Post, TopicList

TOPICS_MAXIMUM, PHRASES_MAXIMUM, PHRASE_CHARACTERS = 60, 40, 300
#: How many posts a preview looks at, the newest, and how many are read or changed at once.
PREVIEW_POSTS, BATCH_POSTS = 20_000, 1_000
MOVES_SHOWN = 20
_TOPIC = re.compile(r"([a-z][a-z0-9-]{0,39}):")

Phrases = dict[str, list[str]]


# --- Lists as text -------------------------------------------------------------------------------


def as_text(phrases: Phrases) -> str:
    """Return a list as staff write it: a line `topic:`, then a line for each of its phrases."""
    return "\n\n".join("\n".join([f"{topic}:", *lines]) for topic, lines in phrases.items())


def parse(text: str) -> list[dict[str, Any]]:
    """Return the topics of a list from its text, as `TopicList.topics` holds them.

    Raises:
        TopicListInvalid: it is no such list; the message names the line.
    """
    phrases: Phrases = {}
    topic = ""
    for number, line in enumerate(text.splitlines(), start=1):
        plain = " ".join(line.split())
        if begins := _TOPIC.fullmatch(plain):
            topic = _new_topic(begins[1], phrases, number)
            phrases[topic] = []
        elif plain:
            _add_phrase(plain, phrases.get(topic), number)
    empty = [name for name, lines in phrases.items() if not lines]
    if empty or not phrases:
        raise TopicListInvalid(
            f"The topic {empty[0]} has no phrase." if empty else "There is no topic."
        )
    return [{"topic": name, "phrases": lines} for name, lines in phrases.items()]


def _new_topic(name: str, known: Phrases, number: int) -> str:
    if name == OTHER:
        raise TopicListInvalid(f"Line {number}: {OTHER} stands for posts about none of the topics.")
    if name in known:
        raise TopicListInvalid(f"Line {number}: there is a topic {name} already.")
    if len(known) == TOPICS_MAXIMUM:
        raise TopicListInvalid(f"Line {number}: there are more than {TOPICS_MAXIMUM} topics.")
    return name


def _add_phrase(phrase: str, lines: list[str] | None, number: int) -> None:
    if lines is None:
        raise TopicListInvalid(
            f"Line {number}: it comes before any topic. A topic is a line such as `roads:`, in "
            "small letters, digits and hyphens."
        )
    if len(phrase) > PHRASE_CHARACTERS:
        raise TopicListInvalid(f"Line {number} is longer than {PHRASE_CHARACTERS} characters.")
    if len(lines) == PHRASES_MAXIMUM:
        raise TopicListInvalid(f"Line {number}: its topic has more than {PHRASES_MAXIMUM} phrases.")
    lines.append(phrase)


# --- Trying a list, and putting it into use ------------------------------------------------------


def preview(number: int) -> dict[str, Any]:
    """Count how the topics of the newest posts would change, and store it at the list."""
    proposed, moves, seen = Topics.of(number), Counter[tuple[str, str]](), 0
    last: UUID | None = None
    while seen < PREVIEW_POSTS:
        rows = _next(_BEFORE, last)
        if not rows:
            break
        becomes = proposed.nearest(_vectors(rows))
        moves.update((row[1], topic) for row, topic in zip(rows, becomes, strict=True))
        seen, last = seen + len(rows), rows[-1][0]
    outcome = _counted(moves, seen)
    TopicList.objects.filter(pk=number).update(preview=outcome)
    return outcome


def _counted(moves: Counter[tuple[str, str]], posts: int) -> dict[str, Any]:
    changes = Counter({move: count for move, count in moves.items() if move[0] != move[1]})
    shown = [
        {"from": before, "to": after, "posts": count}
        for (before, after), count in changes.most_common(MOVES_SHOWN)
    ]
    at = database.now().isoformat()
    return {"at": at, "posts": posts, "changed": changes.total(), "moves": shown}


@transaction.atomic
def put_into_use(number: int, *, by: User, send: Callable[[int], object]) -> None:
    """Let this list count from now on; `send` has all posts get their topics by it.

    Raises:
        TopicListInUse: it is in use already.
    """
    topics.lock_list(is_shared=False)
    TopicList.objects.exclude(pk=number).filter(is_in_use=True).update(is_in_use=False)
    unused = TopicList.objects.filter(pk=number, is_in_use=False)
    if not unused.update(is_in_use=True, used_since=Now()):
        raise TopicListInUse
    audit.record("topiclist.used", actor_id=by.pk, subject=f"topiclist:{number}", data={})
    send(number)


def reassign(
    number: int,
    effects: Callable[[], AbstractContextManager[None]],
    *,
    after: str | None,
    on_batch: Callable[[str, int], None],
) -> None:
    """Give all posts after one the topics of a list, in batches; stop if another list is in use.

    Args:
        effects: opens the transaction of a batch.
        after: the id of the last post of the batches before.
        on_batch: gets, in that transaction, the id of the last post and how many have changed.
    """
    chosen, last = Topics.of(number), UUID(after) if after else None
    while True:
        with effects():
            if topics.in_use() != number:
                return
            rows = _next(_AFTER, last)
            if not rows:
                return
            last = rows[-1][0]
            on_batch(str(last), _write(rows, chosen.nearest(_vectors(rows))))


def _write(rows: Sequence[tuple[Any, ...]], becomes: Sequence[str]) -> int:
    """Store the topics that differ; return how many did."""
    by_topic: dict[str, list[UUID]] = {}
    for (pk, topic, _), new in zip(rows, becomes, strict=True):
        if new != topic:
            by_topic.setdefault(new, []).append(pk)
    return sum(Post.objects.filter(pk__in=pks).update(topic=new) for new, pks in by_topic.items())


def _next(sql: str, last: UUID | None) -> list[tuple[Any, ...]]:
    """Return id, topic and vector of the next posts, beyond the last one."""
    space = space_of(get_embedder())
    return database.fetch(sql, {"space": space, "last": last, "limit": BATCH_POSTS})


def _vectors(rows: Sequence[tuple[Any, ...]]) -> list[Vectors]:
    return [vectors.unpacked(row[2]) for row in rows]


_ANALYSED = """
    SELECT post.id, post.topic, kept.vector
    FROM reports_post AS post JOIN reports_postvector AS kept ON kept.post_id = post.id
    WHERE kept.space = %(space)s AND post.deleted_at IS NULL AND post.analysed_at IS NOT NULL
"""
_BEFORE = f"""{_ANALYSED} AND (%(last)s::uuid IS NULL OR post.id < %(last)s)
    ORDER BY post.id DESC LIMIT %(limit)s
"""
_AFTER = f"""{_ANALYSED} AND (%(last)s::uuid IS NULL OR post.id > %(last)s)
    ORDER BY post.id LIMIT %(limit)s FOR UPDATE OF post
"""
