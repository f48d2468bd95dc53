"""Delete what collection keeps for some days only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, Model, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from reports.figures import refreshing
from reports.models import (
    CollectionCycle,
    DraftReport,
    DraftState,
    Post,
    PostLink,
    PostRaw,
    WebhookReceipt,
)

BATCH_ROWS = 1_000
#: The folders into which the collector of drop folders moves what it has read.
READ_FOLDERS = ("done", "failed")


def prune() -> int:
    """Delete one batch of posts, their raw forms, files, receipts and cycles past their time."""
    return (
        _oldest(PostRaw, "stored_at", _raw_age())
        + _files_read()
        + _posts()
        + _oldest(WebhookReceipt, "at", timedelta(days=1))
        + _oldest(CollectionCycle, "started_at", timedelta(days=settings.JOBS_RETENTION_DAYS))
    )


def first_day_kept() -> date:
    """Return the day before which posts are neither stored nor kept."""
    return timezone.localdate() - timedelta(days=settings.COLLECTION_POST_DAYS)


def kept_since() -> datetime:
    """Return the beginning of `first_day_kept`."""
    return timezone.make_aware(datetime.combine(first_day_kept(), datetime.min.time()))


def _raw_age() -> timedelta:
    return timedelta(days=settings.COLLECTION_RAW_DAYS)


def _posts() -> int:
    """Delete one batch of posts, and of drafts that have none left; figures of their days stay.

    What a report or an accepted draft refers to is kept.
    """
    if not refreshing.freeze_posts(before=first_day_kept()):
        return 0
    past = (
        Post.objects.filter(posted_at__lt=kept_since())
        .exclude(Exists(PostLink.objects.filter(post=OuterRef("pk"))))
        .exclude(draft__state=DraftState.ACCEPTED)
        .order_by("posted_at", "id")
    )
    drafts = DraftReport.objects.exclude(state=DraftState.ACCEPTED).filter(
        posts__isnull=True, created_at__lt=kept_since()
    )
    deleted = 0
    for rows, model in ((past, Post), (drafts, DraftReport)):
        keys = list(rows.values_list("pk", flat=True)[:BATCH_ROWS])
        model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - documented
        deleted += len(keys)
    return deleted


def _files_read() -> int:
    """Delete one batch of files of drop folders that were read: they hold what raw forms hold."""
    past = time.time() - _raw_age().total_seconds()
    old = list(islice(_read_files(past), BATCH_ROWS))
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _read_files(past: float) -> Iterator[Path]:
    """Yield the files that were moved or written before the time `past`."""
    for name in READ_FOLDERS:
        for path in Path(settings.COLLECTION_FOLDER).glob(f"*/{name}/*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_ctime < past:
                yield path


def _oldest(table: type[Model], moment: str, age: timedelta) -> int:
    """Delete one batch of the rows whose `moment` is longer ago than `age`; return how many."""
    rows = table._default_manager  # noqa: SLF001 - documented
    past = rows.filter(**{f"{moment}__lt": Now() - age}).order_by(moment).values("pk")[:BATCH_ROWS]
    return rows.filter(pk__in=past).delete()[0]
