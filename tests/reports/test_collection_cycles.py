"""Cycles over the sources: a task each, never two at once, and what is left when a worker dies."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from django.conf import LazySettings
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from config.schedule import SCHEDULE
from jobs.models import Task
from jobs.operations import alerts
from jobs.testing import run_tasks
from jobs.urgency import Urgency
from reports.actors import refresh_figures
from reports.collection.actors import collect_sources
from reports.collection.kinds import feeds
from reports.collection.kinds.protocol import Batch
from reports.models import CityFigures, CollectionCycle, Health, Post, Source, SourceKind
from tests.faults.proxy import Proxy
from tests.jobs.conftest import QUICK, Workers, wait_until
from tests.reports.collecting import collect, make_source, run_collecting
from tests.reports.outside import City, Outside, Reply, atom, entry, request

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def begin(*, is_whole: bool = True) -> None:
    with transaction.atomic():
        collect_sources.send(is_whole=is_whole)


def run_cycle(*, is_whole: bool = True) -> CollectionCycle | None:
    begin(is_whole=is_whole)
    run_collecting()
    return CollectionCycle.objects.order_by("-pk").first()


def test_the_schedule_begins_five_seconds_after_the_start(settings: LazySettings) -> None:
    [cycle] = [entry for entry in SCHEDULE if entry.name == "collect-sources"]
    assert cycle.every == timedelta(minutes=settings.COLLECTION_INTERVAL_MINUTES)
    assert settings.COLLECTION_INTERVAL_MINUTES == 30
    assert cycle.after_start == timedelta(seconds=5)
    assert not cycle.fault(timezone.now())


def test_a_broken_source_does_not_stop_the_others(outside: Outside) -> None:
    outside.gives("/good", Reply(atom(entry("a", "Lamps"), entry("b", "Trees"))))
    outside.gives("/bad", Reply("no", 500))
    make_source(address=f"{outside.url}/bad")
    make_source(address=f"{outside.url}/good")
    make_source(address=f"{outside.url}/off", is_enabled=False)
    with structlog.testing.capture_logs() as lines:
        cycle = run_cycle()
    assert cycle is not None
    assert cycle.finished_at is not None
    assert (cycle.sources, cycle.failed, cycle.new_posts) == (2, 1, 2)
    events = {line["event"]: line for line in lines}
    assert events["collection cycle started"]["sources"] == 2
    completed = events["collection cycle completed"]
    assert (completed["new_posts"], completed["failed"]) == (2, 1)
    assert not Task.objects.filter(actor__startswith="collect").exclude(urgency=Urgency.BULK)


def test_a_cycle_never_overlaps_the_one_before(outside: Outside) -> None:
    make_source(address=f"{outside.url}/feed")
    begin()
    run_collecting("collect_sources")
    with structlog.testing.capture_logs() as lines:
        begin()
        run_collecting("collect_sources")
    assert [line["event"] for line in lines if "cycle" in line["event"]] == [
        "collection cycle skipped"
    ]
    assert CollectionCycle.objects.count() == 1
    run_collecting()
    run_cycle()
    assert CollectionCycle.objects.filter(finished_at__isnull=False).count() == 2


def test_a_cycle_does_not_wait_until_the_posts_before_it_are_analysed(outside: Outside) -> None:
    outside.gives("/feed", Reply(atom(entry("a", "Lamps"))))
    make_source(address=f"{outside.url}/feed")
    run_cycle()
    begin()
    run_tasks()
    ran = Task.objects.order_by("finished_at").values_list("actor", flat=True)
    assert list(ran).count("finish_cycle") == 2
    assert ran[len(ran) - 1] == "analyse_posts"


def test_two_rounds_at_one_moment_ask_a_source_once(outside: Outside) -> None:
    outside.gives("/feed", Reply(atom()))
    make_source(address=f"{outside.url}/feed")
    for is_whole in (False, True):
        begin(is_whole=is_whole)
    run_collecting("collect_sources")
    assert Task.objects.filter(actor="collect_source").count() == 1
    run_collecting()
    assert len(outside.asked) == 1


def test_a_cycle_that_was_never_finished_does_not_block_for_ever() -> None:
    CollectionCycle.objects.create(is_whole=True, started_at=timezone.now() - timedelta(hours=7))
    cycle = run_cycle()
    assert cycle is not None
    assert CollectionCycle.objects.filter(finished_at=None).count() == 0


def test_a_source_has_its_own_interval(outside: Outside) -> None:
    outside.gives("/feed", Reply(atom()))
    often = collect(make_source(address=f"{outside.url}/feed", interval_minutes=5))
    usual = collect(make_source(address=f"{outside.url}/feed?", name="usual"))
    for source, minutes in ((often, 5), (usual, 30)):
        assert source.next_fetch_at is not None
        assert abs(source.next_fetch_at - timezone.now() - timedelta(minutes=minutes)) < timedelta(
            minutes=1
        )
    assert not Source.objects.due(with_all_of_cycle=True).exists(), "both were just begun"
    Source.objects.update(next_fetch_at=F("next_fetch_at") - timedelta(minutes=1))
    assert list(Source.objects.due(with_all_of_cycle=True)) == [usual]
    assert run_cycle(is_whole=False) is None, "nothing is due"
    Source.objects.update(next_fetch_at=timezone.now())
    assert Source.objects.due(with_all_of_cycle=False).count() == 2


def test_subreddits_of_the_setting_become_sources(settings: LazySettings) -> None:
    settings.SUBREDDIT_LIST = ["newhaven", "connecticut"]
    taken = make_source(address="https://a.example", name="r/newhaven", is_enabled=False)
    run_cycle()
    taken.delete()
    run_cycle()
    assert sorted(Source.objects.values_list("kind", "address")) == [
        ("reddit", "connecticut"),
        ("reddit", "newhaven"),
    ]
    assert "REDDIT_CLIENT_ID" in Source.objects.earliest("pk").last_error


def test_a_host_is_asked_no_more_often_than_allowed(
    outside: Outside, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next request waits for its turn; if others were faster, the rest comes later."""
    settings.COLLECTION_REQUESTS_PER_HOST_MINUTE = 2
    waits: list[float] = []
    monkeypatch.setattr("reports.collection.kinds.asking.time.sleep", waits.append)
    city = City(outside, page_rows=1)
    at = (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    city.add(*(request(n, at) for n in range(5)))
    settings.COLLECTION_FIRST_DAYS = 1
    source = collect(make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2"))
    assert len(outside.asked) == 2
    assert len(waits) == 1
    assert 50 < waits[0] <= 60
    assert source.health == Health.OK
    assert source.paused_until is not None
    assert Post.objects.count() == 2


def test_a_fault_of_our_own_is_noted_at_the_source(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.gives("/feed", Reply(atom(entry("a", "Lamps"))))
    source = make_source(address=f"{outside.url}/feed")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("reports.collection.fetching.store_batch", broken)
    begin()
    run_collecting("collect_sources")
    Task.objects.filter(actor="collect_source").update(max_attempts=1)
    with pytest.raises(ZeroDivisionError):
        run_collecting("collect_source")
    run_collecting("mirror_state", "finish_cycle")
    source.refresh_from_db()
    assert source.health == Health.FAILING
    assert "task" in source.last_error


def test_failing_sources_raise_an_alert(outside: Outside, settings: LazySettings) -> None:
    measure, sentence = alerts.MEASURES["collection_errors"]
    assert settings.JOBS_ALERT_RULES["collection_errors"] == 0
    assert measure() == 0
    collect(make_source(address=f"{outside.url}/missing"))
    assert measure() == 1
    assert sentence.format(value=1, threshold=0).startswith(
        "Sources of posts that cannot be read: 1 "
    )


def test_metrics_show_the_sources(outside: Outside) -> None:
    outside.gives("/feed", Reply(atom(entry("a", "Lamps"))))
    collect(make_source(address=f"{outside.url}/feed", name="News"))
    collect(make_source(address=f"{outside.url}/missing", name="Gone"))
    scraped = Client().get("/metrics").content.decode()
    assert 'civiclens_source_failures{kind="feed",source="Gone"} 1.0' in scraped
    assert 'civiclens_source_age_seconds{kind="feed",source="News"}' in scraped
    assert "civiclens_posts_unanalysed 1.0" in scraped


def test_two_tasks_that_read_one_source_do_not_move_its_cursor_twice(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is slower stops, and leaves the source as the other one left it."""
    outside.gives("/feed", Reply(atom(entry("a", "Lamps")), headers={"ETag": '"v1"'}))
    source = make_source(address=f"{outside.url}/feed")
    read = feeds.collect

    def read_meanwhile(source: Source) -> Iterator[Batch]:
        for batch in read(source):
            Source.objects.update(fetches=7, cursor={"etag": '"other"'})
            yield batch

    monkeypatch.setattr(feeds, "collect", read_meanwhile)
    source = collect(source)
    assert (source.fetches, source.cursor) == (7, {"etag": '"other"'})
    assert not Post.objects.exists()


# --- Killed workers ------------------------------------------------------------------------------

REQUESTS = 150


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


@pytest.fixture
def workers(
    process_environment: dict[str, str], transactional_db: None, tmp_path: Path
) -> Iterator[Workers]:
    environment = process_environment | QUICK | {"JOBS_TRANSPORT": "embedded"}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "tests.reports.fault_settings",
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "SMS_PROVIDER_URL": "http://127.0.0.1:1/",
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        "COLLECTION_REQUESTS_PER_HOST_MINUTE": "100000",
        "JOBS_FAILPOINTS_LOG": str(tmp_path / "hits.jsonl"),
    }
    pool = Workers(environment, tmp_path)
    yield pool
    pool.stop_all()


@pytest.mark.faults
@pytest.mark.campaign
def test_a_cycle_that_is_killed_loses_no_post_and_doubles_none(
    workers: Workers, outside: Outside, tmp_path: Path
) -> None:
    """Workers die before and after the commit of a batch; the next one goes on."""
    city = City(outside, page_rows=25)
    at = (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    city.add(*(request(n, at) for n in range(REQUESTS)))
    make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2")
    begin()
    for point in ("collection.stored=kill@3", "collection.committed=kill@2"):
        workers.environment["JOBS_FAILPOINTS"] = point
        dying = workers.start(threads=2, queues=("analytics", "default"))
        wait_until(partial(has_ended, dying), f"the worker to die at {point}")
    hits = (tmp_path / "hits.jsonl").read_text()
    assert hits.count("collection.stored") == 1
    assert hits.count("collection.committed") == 1
    del workers.environment["JOBS_FAILPOINTS"]
    Task.objects.filter(actor="analyse_posts").delete()
    workers.start(threads=2, queues=("analytics", "default"))
    wait_until(
        lambda: CollectionCycle.objects.filter(finished_at__isnull=False).exists(),
        "the cycle to end",
    )
    assert Post.objects.count() == REQUESTS
    cycle = CollectionCycle.objects.get()
    assert (cycle.new_posts, cycle.failed) == (REQUESTS, 0)


@pytest.mark.faults
def test_collection_and_the_figures_go_on_when_rabbitmq_vanishes(
    workers: Workers, outside: Outside, rabbitmq_url: str
) -> None:
    """From the first request to a source on nobody listens at the broker's address."""
    url = urlsplit(rabbitmq_url)
    proxy = Proxy((url.hostname or "", url.port or 5672))
    workers.environment |= {
        "JOBS_TRANSPORT": "rabbitmq",
        "RABBITMQ_URL": rabbitmq_url.replace(f":{url.port}", f":{proxy.port}"),
    }
    at = (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    city = City(outside, page_rows=25)
    city.add(*(request(n, at) for n in range(60)))
    make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2")
    workers.start(threads=2, queues=("analytics", "maintenance"))
    wait_until(lambda: proxy.connections > 0, "the worker to connect to the broker")
    begin()
    wait_until(lambda: bool(outside.asked), "the source to be asked")
    proxy.stop()
    wait_until(lambda: Post.objects.count() == 60, "the posts to be collected")
    with transaction.atomic():
        refresh_figures.send()
    wait_until(
        lambda: CityFigures.objects.filter(content__posts__posts=60).exists(),
        "the figures to count them",
    )
    wait_until(
        lambda: CollectionCycle.objects.filter(finished_at__isnull=False, new_posts=60).exists(),
        "the cycle to end",
    )
    assert Post.objects.values("external_id").distinct().count() == Post.objects.count() == 60
