"""Sources are read through their real protocols: each post once, edits and deletions followed."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from jobs.models import Task
from reports.models import Health, Post, PostRaw, Source, SourceKind
from tests.reports.collecting import collect, make_source, texts
from tests.reports.outside import City, Outside, Reply, Subreddit, atom, entry, request

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def ago(**period: float) -> datetime:
    return timezone.now() - timedelta(**period)


def pause_of(source: Source) -> timedelta:
    """How long the source is left alone."""
    assert source.paused_until is not None
    assert source.next_fetch_at == source.paused_until
    return source.paused_until - timezone.now()


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- Feeds ---------------------------------------------------------------------------------------


def test_a_feed_is_stored_once_without_names(outside: Outside) -> None:
    outside.gives(
        "/feed", Reply(atom(entry("a", "Lamps", "&lt;p&gt;Jane Roe says: dark&lt;/p&gt;")))
    )
    source = collect(make_source(address=f"{outside.url}/feed"))
    post = Post.objects.get()
    assert (post.title, post.external_id, post.url) == (
        "Lamps",
        "urn:a",
        "https://news.example.org/a",
    )
    assert "Jane" not in post.text
    assert len(post.author_hash) == 32
    assert post.posted_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert source.health == Health.OK
    assert PostRaw.objects.get().content["author"] == "Jane Roe"
    collect(source)
    assert Post.objects.count() == 1
    assert Task.objects.filter(actor="analyse_posts").count() == 1


def test_a_feed_that_has_not_changed_is_not_read_again(outside: Outside) -> None:
    def feed(asked: object) -> Reply:
        headers = outside.asked[-1].headers
        if headers.get("if-none-match") == '"v1"':
            return Reply(status=304)
        return Reply(atom(entry("a", "Lamps")), headers={"ETag": '"v1"', "Last-Modified": "now"})

    outside.gives("/feed", feed)
    source = collect(collect(make_source(address=f"{outside.url}/feed")))
    assert source.health == Health.OK
    assert source.cursor == {"etag": '"v1"', "last_modified": "now"}
    assert outside.asked[-1].headers["if-modified-since"] == "now"
    assert outside.asked[-1].headers["user-agent"].startswith("CivicLens")


def test_an_edited_entry_is_analysed_again_and_a_tombstone_erases(outside: Outside) -> None:
    outside.gives("/feed", Reply(atom(entry("a", "Lamps", "dark"), entry("b", "Trees", "green"))))
    source = collect(make_source(address=f"{outside.url}/feed"))
    Post.objects.update(analysed_at=timezone.now())
    gone = '<at:deleted-entry ref="urn:b" when="2026-01-06T10:00:00Z"/>'
    outside.gives("/feed", Reply(atom(entry("a", "Lamps", "very dark"), gone)))
    collect(source)
    edited, deleted = Post.objects.order_by("external_id")
    assert (edited.text, edited.revision, edited.analysed_at) == ("very dark", 2, None)
    assert (deleted.title, deleted.text, deleted.author_hash) == ("", "", "")
    assert deleted.deleted_at is not None
    assert not PostRaw.objects.filter(post=deleted).exists()


def test_a_feed_that_ends_early_keeps_what_came_and_is_read_again(outside: Outside) -> None:
    whole = atom(entry("a", "Lamps", "dark"), entry("b", "Trees", "green"))
    outside.gives("/feed", Reply(whole[: whole.index("green") + 3], headers={"ETag": '"v1"'}))
    source = collect(make_source(address=f"{outside.url}/feed"))
    assert (source.health, texts(), source.cursor) == (Health.FAILING, ["dark"], {})
    outside.gives("/feed", Reply(whole))
    assert collect(source).health == Health.OK
    assert texts() == ["dark", "green"]


def test_an_entity_bomb_is_not_expanded(outside: Outside) -> None:
    bomb = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    feed = atom(entry("a", "Lamps", "&e9; dark")).replace(
        "?><feed", f'?><!DOCTYPE feed [<!ENTITY e0 "lol">{bomb}]><feed'
    )
    outside.gives("/feed", Reply(feed))
    collect(make_source(address=f"{outside.url}/feed"))
    assert all(len(post.text) < 100 for post in Post.objects.all())


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply("no", 500), "answered 500"),
        (Reply("<html>no feed</html>"), "neither RSS nor Atom"),
        (Reply(b"", 302, {"Location": "/feed"}), "redirects again and again"),
        (Reply(b"", 302, {"Location": "http://10.0.0.1/"}), "not a public one"),
        (Reply(atom(entry("a", "Lamps")), is_cut=True), "ended early"),
    ],
)
def test_a_feed_that_cannot_be_read_is_tried_again_later(
    outside: Outside, reply: Reply, error: str
) -> None:
    outside.gives("/feed", reply)
    source = collect(make_source(address=f"{outside.url}/feed"))
    assert error in source.last_error
    assert source.failures == 1
    first = pause_of(source)
    assert pause_of(collect(source)) > first + timedelta(seconds=50)


def test_a_pause_that_the_source_asks_for_is_kept_to(outside: Outside) -> None:
    outside.gives("/feed", Reply("slow down", 429, {"Retry-After": "7200"}))
    source = collect(make_source(address=f"{outside.url}/feed"))
    assert pause_of(source) > timedelta(minutes=119)
    assert not Source.objects.due(with_all_of_cycle=True).exists()


def test_an_item_of_ten_megabytes_is_cut_and_a_larger_answer_refused(
    outside: Outside, settings: LazySettings
) -> None:
    outside.gives("/feed", Reply(atom(entry("a", "Lamps", "dark " * 2_000_000))))
    source = collect(make_source(address=f"{outside.url}/feed"))
    assert len(Post.objects.get().text) == 10_000
    settings.COLLECTION_BODY_MAX_BYTES = 1_000_000
    assert "larger than 1,000,000 bytes" in collect(source).last_error


def test_a_post_from_the_future_counts_as_new(outside: Outside) -> None:
    late = entry("a", "Lamps").replace("2026-01-05", "2031-01-05")
    outside.gives("/feed", Reply(atom(late)))
    collect(make_source(address=f"{outside.url}/feed"))
    assert Post.objects.get().posted_at <= timezone.now()


# --- Open311 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "xml"])
def test_another_city_is_read_by_open311(outside: Outside, form: str) -> None:
    city = City(outside, page_rows=2)
    city.add(*(request(n, written(ago(hours=n))) for n in range(1, 6)))
    source = collect(
        make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2", options={"format": form})
    )
    assert source.health == Health.OK
    assert texts() == [f"Pothole number {n}." for n in range(1, 6)]
    post = Post.objects.earliest("external_id")
    assert (post.latitude, post.longitude, post.precision) == (41.31, -72.92, "exact")
    assert post.place_name == "100 Church Street"


def test_edits_and_deletions_of_another_city_are_followed(outside: Outside) -> None:
    city = City(outside)
    city.add(*(request(n, written(ago(hours=n))) for n in range(1, 4)))
    source = collect(make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2"))
    before = Post.objects.get(external_id="1").cell
    city.add(request(1, written(ago(hours=1)), description="Repaired.", lat=41.4))
    del city.requests["2"]
    collect(source)
    assert texts() == ["Repaired.", "Pothole number 3."]
    assert Post.objects.get(external_id="1").cell != before
    assert Post.objects.get(external_id="2").deleted_at is not None


def test_a_city_without_pages_is_read_in_halves(outside: Outside) -> None:
    city = City(outside, has_pages=False)
    city.add(*(request(n, written(ago(minutes=n))) for n in range(1, 1201)))
    collect(make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2"))
    assert Post.objects.count() == 1200


def test_an_answer_that_ends_early_loses_nothing(outside: Outside) -> None:
    city = City(outside)
    city.add(request(1, written(ago(hours=1))))
    source = make_source(SourceKind.OPEN311, f"{outside.url}/open311/v2")
    outside.gives("/open311/v2/requests.json", lambda asked: Reply(city.list(asked).body[:-40]))
    source = collect(source)
    assert (source.health, source.cursor) == (Health.FAILING, {})
    outside.gives("/open311/v2/requests.json", city.list)
    assert collect(source).health == Health.OK
    assert texts() == ["Pothole number 1."]


# --- Reddit --------------------------------------------------------------------------------------


@pytest.fixture
def reddit(outside: Outside, settings: LazySettings) -> Subreddit:
    settings.REDDIT_URL = settings.REDDIT_OAUTH_URL = outside.url
    settings.REDDIT_CLIENT_ID = settings.REDDIT_CLIENT_SECRET = "x"
    return Subreddit(outside)


def test_a_subreddit_is_read_with_praw(reddit: Subreddit, outside: Outside) -> None:
    for n in range(130):
        reddit.submit(f"s{n:03}", ago(minutes=n + 1).timestamp())
    reddit.comment("c1", ago(minutes=5).timestamp(), body="u/maria_k is right.")
    reddit.submit("old", ago(days=40).timestamp())
    source = collect(make_source(SourceKind.REDDIT, "newhaven"))
    assert source.last_error == ""
    assert Post.objects.count() == 131
    post = Post.objects.get(external_id="t3_s000")
    assert post.title == "Dark street"
    assert "maria" not in Post.objects.get(external_id="t1_c1").text
    listed = [asked for asked in outside.asked if asked.path == "/r/newhaven/new"]
    assert len(listed) == 2
    assert listed[0].headers["user-agent"].startswith("server:civiclens")
    collect(source)
    assert Post.objects.count() == 131


def test_edits_and_deletions_on_reddit_are_followed(reddit: Subreddit) -> None:
    reddit.submit("new", ago(hours=1).timestamp())
    reddit.submit("day", ago(days=1).timestamp())
    reddit.submit("gone", ago(days=1, hours=1).timestamp())
    reddit.comment("c1", ago(days=1).timestamp())
    source = collect(make_source(SourceKind.REDDIT, "newhaven"))
    reddit.things["t3_new"] |= {"selftext": "Fixed now.", "edited": ago(minutes=1).timestamp()}
    reddit.things["t3_day"] |= {"selftext": "[removed]"}
    reddit.things["t1_c1"] |= {"body": "[deleted]", "author": "[deleted]"}
    del reddit.things["t3_gone"]
    collect(source)
    assert texts() == ["Fixed now."]
    assert Post.objects.filter(deleted_at__isnull=False).count() == 3


def test_a_subreddit_is_left_alone_before_its_window_is_used_up(
    reddit: Subreddit, outside: Outside
) -> None:
    reddit.remaining = 1
    for n in range(150):
        reddit.submit(f"s{n:03}", ago(minutes=n + 1).timestamp())
    source = collect(make_source(SourceKind.REDDIT, "newhaven"))
    assert (source.health, Post.objects.count()) == (Health.OK, 100)
    assert source.cursor == {}
    assert pause_of(source) > timedelta(minutes=9)
    reddit.remaining = 900
    collect(source)
    assert Post.objects.count() == 150


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply("slow", 429, {"Retry-After": "900"}), "Reddit answered 429."),
        (Reply("no", 403), "Reddit answered 403."),
        (Reply("{}"), "not what its API promises"),
        (Reply("<html>"), "Reddit answered 200."),
    ],
)
def test_reddit_in_trouble_is_tried_again_later(
    reddit: Subreddit, outside: Outside, reply: Reply, error: str
) -> None:
    outside.gives("/r/newhaven/new", reply)
    source = collect(make_source(SourceKind.REDDIT, "newhaven"))
    assert error in source.last_error
    if reply.status == 429:
        assert pause_of(source) > timedelta(minutes=14)


def test_praw_calls_no_private_address_either(
    reddit: Subreddit, outside: Outside, settings: LazySettings
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    assert "not a public one" in collect(make_source(SourceKind.REDDIT, "newhaven")).last_error
    assert outside.asked == []


# --- Drop folders --------------------------------------------------------------------------------


@pytest.fixture
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.COLLECTION_FOLDER = tmp_path
    (tmp_path / "letters").mkdir()
    return tmp_path / "letters"


def drop(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def test_files_of_all_forms_are_read_and_moved(folder: Path) -> None:
    drop(folder, "a.csv", "external_id,text,latitude,longitude\n1,Dark street,41.3,-72.9\n2,,,\n")
    drop(folder, "b.json", json.dumps([{"external_id": "3", "text": "Deep hole"}]))
    drop(folder, "c.ndjson", '{"external_id": "4", "text": "Loud bar"}\n{"text": "No id"}\n')
    drop(folder, "d.csv.part", "external_id,text\n9,unfinished\n")
    source = collect(make_source(SourceKind.FOLDER, "letters"))
    assert source.health == Health.OK
    assert sorted(texts()) == ["Dark street", "Deep hole", "Loud bar", "No id"]
    assert sorted(path.name for path in (folder / "done").iterdir()) == [
        "a.csv", "a.csv.rejects.jsonl", "b.json", "c.ndjson",
    ]  # fmt: skip
    assert "neither title nor text" in (folder / "done" / "a.csv.rejects.jsonl").read_text()
    drop(folder, "again.json", json.dumps([{"external_id": "3", "text": "Deep hole, filled"}]))
    collect(source)
    assert Post.objects.get(external_id="3").text == "Deep hole, filled"


def test_a_file_that_cannot_be_read_does_not_stop_the_others(folder: Path) -> None:
    drop(folder, "a.pdf", "%PDF-1.7")
    drop(folder, "b.csv", "external_id,text\n1,Dark street\n")
    source = collect(make_source(SourceKind.FOLDER, "letters"))
    assert "a.pdf: The file is a PDF." in source.last_error
    assert texts() == ["Dark street"]
    assert (folder / "failed" / "a.pdf").exists()


def test_columns_of_other_names_are_mapped(folder: Path) -> None:
    drop(folder, "a.csv", "Ref,Message,When\n7,Dark street,31.12.2025 10:00\n")
    options = {
        "columns": {"external_id": "Ref", "text": "Message", "posted_at": "When"},
        "time_format": "day-first",
    }
    collect(make_source(SourceKind.FOLDER, "letters", options=options))
    assert Post.objects.get().posted_at == datetime(2025, 12, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize("address", ["", "..", "../etc", "/etc", ".hidden"])
def test_a_folder_lies_inside_the_folder_of_collection(folder: Path, address: str) -> None:
    source = collect(make_source(SourceKind.FOLDER, address))
    assert "plain name of a folder" in source.last_error
