"""How long posts and what was read of them are kept, and what stays beyond that."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.testing import run_tasks
from reports.collection.actors import collect_sources, prune_collection
from reports.figures import refreshing
from reports.models import (
    CityFigures,
    CollectionCycle,
    DraftReport,
    DraftState,
    Post,
    PostDayFigures,
    PostLink,
    Source,
    SourceKind,
)
from tests.reports.collecting import make_source, run_collecting
from tests.reports.factories import make_report

pytestmark = pytest.mark.django_db

KEPT_DAYS = 100


@pytest.fixture(autouse=True)
def _kept(settings: LazySettings) -> None:
    settings.COLLECTION_POST_DAYS = KEPT_DAYS


@pytest.fixture
def source() -> Source:
    return make_source(address="https://news.example.org/feed")


def make_post(source: Source, name: str, *, days: int, **more: Any) -> Post:
    fields = {"text": "Dark.", "topic": "lighting", "analysed_at": timezone.now()} | more
    return Post.objects.create(source=source, external_id=name, posted_at=_days_ago(days), **fields)


def _days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def prune() -> None:
    with transaction.atomic():
        prune_collection.send()
    run_tasks()


def remaining() -> list[str]:
    return sorted(Post.objects.values_list("external_id", flat=True))


def test_old_posts_are_deleted_unless_a_report_refers_to_them(source: Source) -> None:
    make_post(source, "old", days=KEPT_DAYS + 1)
    make_post(source, "young", days=KEPT_DAYS - 1)
    linked = make_post(source, "linked", days=KEPT_DAYS + 1)
    PostLink.objects.create(post=linked, report=make_report())
    place = {"latitude": 41.3, "longitude": -72.9}
    accepted = DraftReport.objects.create(title="Lamp", state=DraftState.ACCEPTED, **place)
    make_post(source, "accepted", days=KEPT_DAYS + 1, draft=accepted)
    dismissed = DraftReport.objects.create(title="Lamp", state=DraftState.DISMISSED, **place)
    make_post(source, "dismissed", days=KEPT_DAYS + 1, draft=dismissed)
    DraftReport.objects.update(created_at=timezone.now() - timedelta(days=KEPT_DAYS + 1))
    refreshing.refresh()
    prune()
    assert remaining() == ["accepted", "linked", "young"]
    assert DraftReport.objects.get() == accepted


def test_nothing_is_deleted_that_was_never_counted(source: Source) -> None:
    make_post(source, "old", days=KEPT_DAYS + 1)
    prune()
    assert remaining() == ["old"]


def test_the_figures_of_days_whose_posts_were_deleted_stay(
    source: Source, settings: LazySettings, api: APIClient
) -> None:
    for number in range(3):
        make_post(source, f"old {number}", days=KEPT_DAYS + 5, sentiment_score=-0.5)
    refreshing.refresh()
    Post.objects.filter(external_id="old 2").delete()  # counted before the last refresh only
    day = (timezone.localdate() - timedelta(days=KEPT_DAYS + 5)).isoformat()
    prune()
    assert remaining() == []
    settings.COLLECTION_POST_DAYS = KEPT_DAYS * 3  # a longer time brings none of them back
    make_post(source, "new", days=0)
    prune()
    refreshing.refresh()
    query = {"since": day, "until": day}
    [point] = api.get("/api/v1/dashboard/timeseries/", query).json()["points"]
    assert (point["posts"], point["sentiment"]) == (2, -0.5)
    assert PostDayFigures.objects.count() == 2
    kept_since = timezone.localdate() - timedelta(days=KEPT_DAYS)
    assert CityFigures.objects.get().posts_since == kept_since


def test_posts_that_would_be_deleted_at_once_are_counted_and_not_stored(
    tmp_path: Path, settings: LazySettings
) -> None:
    settings.COLLECTION_FOLDER = tmp_path
    make_source(SourceKind.FOLDER, "archive")
    rows = [
        {"external_id": str(days), "text": "Dark.", "posted_at": _days_ago(days).isoformat()}
        for days in (KEPT_DAYS - 1, KEPT_DAYS + 1, KEPT_DAYS + 2)
    ]
    path = tmp_path / "archive" / "posts.ndjson"
    path.parent.mkdir()
    path.write_text("\n".join(map(json.dumps, rows)))
    os.utime(path, (0, 0))
    with transaction.atomic():
        collect_sources.send(is_whole=True)
    with structlog.testing.capture_logs() as lines:
        run_collecting()
    assert remaining() == [str(KEPT_DAYS - 1)]
    cycle = CollectionCycle.objects.get()
    assert (cycle.new_posts, cycle.too_old_posts) == (1, 2)
    counts = {line["event"]: line for line in lines}
    assert counts["collection_source_fetched"]["too_old"] == 2
    assert counts["collection cycle completed"]["too_old_posts"] == 2


def test_files_that_were_read_go_with_the_raw_forms(tmp_path: Path, settings: LazySettings) -> None:
    settings.COLLECTION_FOLDER, settings.COLLECTION_RAW_DAYS = tmp_path, 0
    done = tmp_path / "letters" / "done"
    done.mkdir(parents=True)
    for name in ("letters.csv", "letters.csv.rejects.jsonl"):
        (done / name).write_text("Jane Roe")
    waiting = tmp_path / "letters" / "new.csv"
    waiting.write_text("Jane Roe")
    (done / "elsewhere").symlink_to(waiting)
    prune()
    assert [path.name for path in done.iterdir()] == ["elsewhere"]
    assert waiting.exists()
    settings.COLLECTION_RAW_DAYS = 1
    (done / "young.csv").write_text("Jane Roe")
    prune()
    assert (done / "young.csv").exists()
