"""Subreddits, by Reddit's official API through praw, which is given our guarded session.

The newest submissions and comments are read until one is older than the last time's newest, minus
an overlap in which edits show. Older ones of the last COLLECTION_FOLLOW_DAYS are asked for by their
ids, since Reddit shows in place what was edited or deleted.

Source: https://www.reddit.com/dev/api
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from django.db.models import Q

from jobs.errors import OutboundError
from jobs.http import outbound
from jobs.http.pauses import retry_after
from jobs.ledger import database
from reports.collection.kinds import asking
from reports.collection.kinds.checking import require_options
from reports.collection.kinds.protocol import (
    Batch,
    Item,
    SourceBusy,
    SourceFault,
    SourceMisconfigured,
)
from reports.models import Post, Source

if TYPE_CHECKING:
    from praw import Reddit

PAGE = 100  # the most that Reddit gives at once
LISTED_MAXIMUM = 1_000  # the most that Reddit lists
OVERLAP = timedelta(hours=6)
FOLLOWED_MAXIMUM = 500
#: Fewer requests left in Reddit's window than these: the rest waits for the next window.
REQUESTS_LEFT = 2
WINDOW = timedelta(minutes=10)  # of Reddit's rate limit
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{1,20}")
_REMOVED = {"[deleted]", "[removed]"}


def check(source: Source) -> None:
    """Check that the address is the name of a subreddit, and that there are credentials."""
    require_options(source, {})
    if not _NAME.fullmatch(source.address):
        raise SourceMisconfigured("The address must be a subreddit's name, such as newhaven.")
    if not (settings.REDDIT_CLIENT_ID and settings.REDDIT_CLIENT_SECRET):
        raise SourceMisconfigured("Set REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET.")


def collect(source: Source) -> Iterator[Batch]:
    """Yield the new submissions, the new comments, and what became of earlier ones."""
    with _reddit() as reddit, _faults():
        subreddit = reddit.subreddit(source.address)
        submissions, comments = subreddit.new(limit=None), subreddit.comments(limit=None)
        yield from _listed(reddit, source, "submissions", submissions)
        yield from _listed(reddit, source, "comments", comments)
        yield from _followed(reddit, source)


@contextmanager
def _reddit() -> Iterator[Reddit]:
    from praw import Reddit  # noqa: PLC0415 - takes 0.3 s to import, and only workers need it

    session = asking.session(user_agent=settings.REDDIT_USER_AGENT)
    try:
        yield Reddit(
            client_id=settings.REDDIT_CLIENT_ID,
            client_secret=settings.REDDIT_CLIENT_SECRET,
            user_agent=settings.REDDIT_USER_AGENT,
            reddit_url=settings.REDDIT_URL,
            oauth_url=settings.REDDIT_OAUTH_URL,
            requestor_kwargs={"session": session},
            check_for_updates=False,
        )
    finally:
        session.close()


@contextmanager
def _faults() -> Iterator[None]:
    """Turn praw's errors inside the block into ours."""
    from praw.exceptions import PRAWException  # noqa: PLC0415 - as in `_reddit`
    from prawcore.exceptions import (  # noqa: PLC0415
        PrawcoreException,
        RequestException,
        ResponseException,
    )

    try:
        yield
    except RequestException as error:
        raise _of_request(error.original_exception) from error
    except ResponseException as error:
        status = error.response.status_code
        pause = retry_after(error.response.headers)
        raise SourceFault(f"Reddit answered {status}.", pause=pause) from error
    except (PrawcoreException, PRAWException) as error:
        raise SourceFault(f"Reddit refused: {type(error).__name__}.") from error
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise SourceFault("Reddit's answer is not what its API promises.") from error


def _of_request(error: Exception) -> Exception:
    if isinstance(error, (OutboundError, SourceBusy)):
        return error
    if isinstance(error, requests.RequestException):
        return outbound.translate(error)
    return SourceFault(f"Reddit cannot be reached: {type(error).__name__}.")


def _listed(reddit: Reddit, source: Source, name: str, things: Iterable[Any]) -> Iterator[Batch]:
    """Yield the entries of a listing that came since the last time, newest first.

    Only the last batch moves the cursor: until then older entries are still missing.
    """
    known = source.cursor.get(name)
    until = _begin(known)
    newest, listing = known or until, iter(things)
    while page := list(islice(listing, PAGE)):
        fresh = [thing for thing in page if _created(thing) > until]
        newest = max([newest, *map(_created, fresh)])
        is_last = len(fresh) < len(page) or len(page) < PAGE
        cursor = source.cursor | {name: _bounded(newest)} if is_last else source.cursor
        yield Batch([_item(thing) for thing in fresh], cursor)
        if is_last:
            return
        _require_requests_left(reddit)
    yield Batch([], source.cursor | {name: _bounded(newest)})


def _begin(newest: float | None) -> float:
    """Return the time, in seconds since 1970, down to which a listing is read."""
    now = database.now()
    if newest is None:
        return (now - timedelta(days=settings.COLLECTION_FIRST_DAYS)).timestamp()
    return newest - OVERLAP.total_seconds()


def _bounded(newest: float) -> float:
    """Return the time for the cursor; a post from the future must not hide those before it."""
    return min(newest, database.now().timestamp())


def _require_requests_left(reddit: Reddit) -> None:
    """Stop before praw would sleep until Reddit's window ends.

    Raises:
        SourceBusy: hardly any request is left in the window.
    """
    remaining = reddit.auth.limits["remaining"]
    if remaining is not None and int(remaining) <= REQUESTS_LEFT:
        raise SourceBusy(WINDOW)


def _followed(reddit: Reddit, source: Source) -> Iterator[Batch]:
    """Yield earlier posts as they are now, edited or deleted, except those just listed."""
    now = database.now()
    since, until = now - timedelta(days=settings.COLLECTION_FOLLOW_DAYS), now - OVERLAP
    earlier = Post.objects.standing().filter(
        Q(external_id__startswith="t1_") | Q(external_id__startswith="t3_"),
        source=source,
        posted_at__range=(since, until),
    )
    names = list(earlier.order_by("-posted_at").values_list("external_id", flat=True))
    for start in range(0, min(len(names), FOLLOWED_MAXIMUM), PAGE):
        _require_requests_left(reddit)
        page = names[start : start + PAGE]
        things = {thing.fullname: thing for thing in reddit.info(fullnames=page)}
        yield Batch(_items_named(page, things), source.cursor)


def _items_named(names: Sequence[str], things: dict[str, Any]) -> list[Item]:
    """Return an item for each name; a post that is not among `things` was deleted at Reddit."""
    return [
        _item(things[name]) if name in things else Item(external_id=name, is_deleted=True)
        for name in names
    ]


def _created(thing: Any) -> float:
    return float(thing.created_utc)


def _item(thing: Any) -> Item:
    """Return a submission or a comment as an item."""
    is_comment = thing.fullname.startswith("t1_")
    text = (thing.body if is_comment else thing.selftext) or ""
    author = _author(thing)
    if text.strip() in _REMOVED or (author is None and not text):
        return Item(external_id=thing.fullname, is_deleted=True)
    edited = thing.edited
    return Item(
        external_id=thing.fullname,
        title="" if is_comment else thing.title,
        text=text,
        author=author or "",
        url=f"https://www.reddit.com{thing.permalink}",
        posted_at=datetime.fromtimestamp(_created(thing), UTC),
        edited_at=datetime.fromtimestamp(float(edited), UTC) if edited else None,
        raw=_raw(thing, text),
    )


def _author(thing: Any) -> str | None:
    """Return the handle; None where the account or the post was deleted."""
    return None if thing.author is None else str(thing.author)


def _raw(thing: Any, text: str) -> dict[str, Any]:
    fields = {
        name: vars(thing).get(name)
        for name in ("name", "permalink", "created_utc", "edited", "score", "link_flair_text")
    }
    return fields | {"title": vars(thing).get("title"), "text": text}
