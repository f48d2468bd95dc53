"""What the analysis makes of posts: language, tone, topic, category, place; links and drafts."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from embeddings.embedder import get_embedder
from jobs.models import Task
from jobs.testing import run_tasks
from reports.collection.analysis import gazetteer, languages, sentiment, topics
from reports.collection.analysis.actors import analyse_posts
from reports.collection.cleaning import clean_address, clean_line, clean_paragraphs, hash_of
from reports.collection.kinds.protocol import Item
from reports.collection.storing import store_items
from reports.drafts import deciding
from reports.models import (
    Category,
    DraftReport,
    DraftState,
    NamedPlace,
    Post,
    PostLink,
    PostVector,
    Precision,
    Source,
)
from tests.reports.collecting import make_source
from tests.reports.factories import make_area, make_department, make_report, make_staff

pytestmark = pytest.mark.django_db

LABELLED = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "posts.jsonl").read_text().splitlines()
]


# --- Personal data -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Mail jo.doe+x@example.org or jo (at) example (dot) org", "Mail [email] or [email]"),
        ("Call (203) 555-0123 or +49 30 123456", "Call [phone] or [phone]"),
        ("203.555.0123 is her number", "[phone] is her number"),
        ("Mr. John Smith and Mrs Ann Lee", "Mr. [name] and Mrs [name]"),
        ("see https://x.com/janeroe/status/1 now", "see [link] now"),
        ("on https://mastodon.example/@janeroe/12, twice", "on [link] twice"),
        ("Ask John Smith or María de la Cruz.", "Ask [name] or [name]."),
        ("John F. Kennedy's dog at Elm Street", "[name] dog at Elm Street"),
        ("Hans-Peter Meier sah es. Elm Street ist dunkel", "[name] sah es. Elm Street ist dunkel"),
        ("My name is Jane Roe, I live here", "My name is [name], I live here"),
        ("It is dark.\nRegards,\nPeter Pan", "It is dark.\nRegards,\n[name]"),
    ],
)
def test_personal_data_is_removed(text: str, cleaned: str, settings: Any) -> None:
    settings.PHONE_DEFAULT_REGION = "US"
    assert clean_paragraphs(text) == cleaned
    assert clean_paragraphs(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Martin Luther King Boulevard is dark",
        "Martin Luther King Jr. Boulevard, St. John Street and John C. Daniels School",
        "At 41.308312345, -72.927912345 since 2026-11-30 12:00",
        "Report 1234567 of 31.12.2025 is still open",
        "https://example.org/news/2026/11/30/1234567890123",
        "Thanks, Oak Street is fixed",
        "Chapel St & York St, 100 m from exit 12",
    ],
)
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert clean_line(text) == text


@pytest.mark.parametrize(
    ("address", "is_kept"),
    [
        ("https://news.example.org/2026/lamps", True),
        ("https://www.reddit.com/r/newhaven/comments/1abc/dark_street/", True),
        ("https://x.com/janeroe/status/1", False),
        ("https://mastodon.example/@janeroe/12", False),
        ("https://blog.example.org/jane-roe/lamps", False),
        ("https://blog.example.org/author?name=Jane%20Roe", False),
    ],
)
def test_an_address_that_names_an_account_is_not_stored(address: str, is_kept: bool) -> None:
    assert clean_address(address, author="Jane Roe") == (address if is_kept else "")


def test_an_id_that_names_an_account_is_stored_as_a_hash(source: Source) -> None:
    named = "https://mastodon.example/@janeroe/12"
    with transaction.atomic():
        store_items(source, [Item(external_id=named, text="Dark.", author="janeroe", url=named)])
        store_items(source, [Item(external_id=named, text="Very dark.", author="janeroe")])
    post = Post.objects.get()
    assert (post.text, post.url) == ("Very dark.", "")
    assert "janeroe" not in post.external_id
    with transaction.atomic():
        store_items(source, [Item(external_id=named, is_deleted=True)])
    assert not Post.objects.standing().exists()


def test_a_handle_becomes_the_same_hash_everywhere() -> None:
    shown = f"@{hash_of('maria_k')[:8]}"
    text = "u/maria_k and @Maria_K, https://www.reddit.com/user/maria_k: MARIA_K says so"
    assert clean_line(text, author="maria_k") == f"{shown} and {shown}, {shown}: {shown} says so"


def test_a_hash_of_a_handle_has_a_key(settings: Any) -> None:
    before = hash_of("maria_k")
    settings.COLLECTION_KEY = "another"
    assert hash_of("maria_k") != before


# --- Language, tone, topic: measured on tests/data/posts.jsonl -----------------------------------


def test_languages_are_told_apart() -> None:
    right = [languages.language_of(one["text"]) == one["language"] for one in LABELLED]
    assert sum(right) / len(right) >= 0.95
    assert languages.language_of("ok 👍") == ""


def test_the_tone_of_english_posts_is_right_more_often_than_chance() -> None:
    english = [one for one in LABELLED if one["language"] == "en"]
    right = [
        sentiment.tone_of(one["text"], language="en").label == one["sentiment"] for one in english
    ]
    commonest = sum(one["sentiment"] == "negative" for one in english) / len(english)
    assert sum(right) / len(right) >= commonest + 0.1
    assert sentiment.tone_of("Es ist dunkel.", language="de").label == ""


def test_topics_are_right_far_more_often_than_chance() -> None:
    english = [one for one in LABELLED if one["language"] == "en"]
    vectors = get_embedder().embed([one["text"] for one in english])
    found = topics.Topics.of(topics.PACKAGED).nearest(vectors)
    right = [topic == one["topic"] for topic, one in zip(found, english, strict=True)]
    assert sum(right) / len(right) >= 0.8


# --- Places --------------------------------------------------------------------------------------


def street(name: str, *points: tuple[float, ...]) -> dict[str, Any]:
    geometry = {"type": "LineString", "coordinates": points}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


CITY = {
    "type": "FeatureCollection",
    "features": [
        street("Oak Street", (-72.93, 41.30), (-72.91, 41.30)),
        street("Elm Avenue", (-72.92, 41.29), (-72.92, 41.31)),
        street("St. John Street", (-72.93, 41.32), (-72.91, 41.32)),
        street("Broadway", (-72.94, 41.29), (-72.94, 41.31)),
        street("Lindenstraße", (-72.95, 41.29), (-72.95, 41.30)),
        {
            "type": "Feature",
            "properties": {"name": "Union Station"},
            "geometry": {"type": "Point", "coordinates": [-72.9267, 41.2976]},
        },
    ],
}


@pytest.fixture
def city(tmp_path: Path) -> None:
    file = tmp_path / "city.geojson"
    file.write_text(json.dumps(CITY))
    call_command("load_gazetteer", str(file))
    gazetteer.kept.forget()


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("text", "name", "precision"),
    [
        ("The light at Oak St. and Elm Ave is out", "Oak Street / Elm Avenue", "crossing"),
        ("oak street is dark", "Oak Street", "street"),
        ("dark in front of 120 Oak St", "Oak Street", "street"),
        ("St John St floods", "St. John Street", "street"),
        ("In der Lindenstr. ist es dunkel", "Lindenstraße", "street"),
        ("Crowded at Union Station near Oak Street", "Union Station", "place"),
        ("Loud on Broadway", "Broadway", "street"),
        ("a broadway of the mind", "", ""),
        ("oak trees in the street", "", ""),
        ("", "", ""),
    ],
)
def test_places_are_found_by_their_names(text: str, name: str, precision: str) -> None:
    located = gazetteer.current().locate(text)
    assert (located.name, located.precision) == (name, precision)
    if precision == "crossing":
        assert (located.latitude, located.longitude) == (41.30, -72.92)


@pytest.mark.usefixtures("city")
def test_an_area_that_the_text_names_chooses_the_part_of_a_street() -> None:
    area = make_area("Westside", west=-74.92)
    gazetteer.kept.forget()
    located = gazetteer.current().locate("Oak Street in Westside")
    assert located.area_id == area.pk
    assert located.longitude is not None
    assert located.longitude == pytest.approx(-72.925)
    assert gazetteer.current().locate("Nothing works in Westside").precision == Precision.AREA


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ("[]", "no GeoJSON FeatureCollection"),
        ("{", "Expecting"),
        (
            json.dumps({"type": "FeatureCollection", "features": [street("A", (500, 41), (1, 2))]}),
            "not in degrees",
        ),
        (
            json.dumps({"type": "FeatureCollection", "features": [street("A", (1,))]}),
            "Feature 1 is invalid",
        ),
    ],
)
def test_a_gazetteer_that_cannot_be_read_changes_nothing(
    tmp_path: Path, document: str, fault: str
) -> None:
    NamedPlace.objects.create(name="Oak Street", kind="street", geometry={})
    file = tmp_path / "city.geojson"
    file.write_text(document)
    with pytest.raises(CommandError, match=fault):
        call_command("load_gazetteer", str(file))
    assert NamedPlace.objects.count() == 1


# --- Posts ---------------------------------------------------------------------------------------


@pytest.fixture
def source() -> Source:
    return make_source(address="https://news.example.org/feed")


HERE = {"latitude": 41.3, "longitude": -72.9}


def take(source: Source, *items: Item) -> None:
    """Store items and analyse them."""
    with transaction.atomic():
        store_items(source, items)
    run_tasks()


def said(number: int, text: str, **more: Any) -> Item:
    fields: dict[str, Any] = {"author": f"citizen{number}"}
    fields |= {"posted_at": timezone.now() - timedelta(hours=number)}
    return Item(external_id=str(number), text=text, **(fields | more))


@pytest.mark.usefixtures("city")
def test_a_post_is_analysed(source: Source, categories: dict[str, Category]) -> None:
    make_area("Centre")
    gazetteer.kept.forget()
    take(source, said(1, "The street light at Oak Street and Elm Avenue is broken, it is scary."))
    post = Post.objects.get()
    assert post.analysed_at is not None
    assert (post.language, post.sentiment, post.topic) == ("en", "negative", "lighting")
    assert post.category == categories["street_light"]
    assert (post.precision, post.place_name) == ("crossing", "Oak Street / Elm Avenue")
    assert post.area is not None
    assert post.cell is not None
    assert PostVector.objects.get().post == post


@pytest.mark.usefixtures("categories")
def test_an_analysis_of_an_older_text_is_not_stored(source: Source) -> None:
    with transaction.atomic():
        store_items(source, [said(1, "The street light is out.")])
    old = Task.objects.get(actor="analyse_posts")
    with transaction.atomic():
        store_items(source, [said(1, "Wonderful festival!")])
    assert analyse_posts.fn(old.args[0])["posts"] == []
    run_tasks()
    assert Post.objects.get().sentiment == "positive"


@pytest.mark.usefixtures("categories")
def test_posts_are_linked_to_the_report_they_repeat(source: Source) -> None:
    report = make_report(title="Deep pothole", description="A deep pothole in the road.", **HERE)
    make_report(title="Graffiti", description="Graffiti on the wall.", **HERE)
    take(source, said(1, "There is a deep pothole in the road here.", **HERE))
    link = PostLink.objects.get()
    assert (link.report, link.is_origin) == (report, False)
    assert link.reasons
    take(source, said(1, "What a beautiful evening.", **HERE))
    assert not PostLink.objects.exists()


@pytest.mark.usefixtures("categories")
def test_several_people_at_one_place_make_a_draft(source: Source, settings: Any) -> None:
    settings.COLLECTION_DRAFT_POSTS = 3
    for number in (1, 2):
        take(source, said(number, "A deep pothole in the road damages cars.", **HERE))
    take(source, said(20, "A deep pothole in the road.", **(HERE | {"author": "citizen1"})))
    assert not DraftReport.objects.exists(), "two people are not three"
    take(source, said(4, "Graffiti on the wall of the school.", **HERE))
    take(source, said(5, "This deep pothole in the road is dangerous.", **HERE))
    draft = DraftReport.objects.get()
    assert draft.posts.count() == 4
    assert (draft.latitude, draft.longitude) == (41.3, -72.9)
    assert draft.category is not None
    assert draft.category.slug == "pothole"


@pytest.mark.usefixtures("categories")
def test_posts_that_are_analysed_together_make_one_draft(source: Source, settings: Any) -> None:
    settings.COLLECTION_DRAFT_POSTS = 3
    text = "A deep pothole in the road damages cars."
    take(source, *(said(number, text, **HERE) for number in range(1, 6)))
    assert DraftReport.objects.get().posts.count() == 5
    take(source, said(6, "A deep pothole in the road.", **HERE))
    assert DraftReport.objects.get().posts.count() == 6


@pytest.mark.usefixtures("categories")
def test_each_of_many_posts_is_compared_with_what_is_near_it(source: Source) -> None:
    there = {"latitude": 41.35, "longitude": -72.95}
    text = "There is a deep pothole in the road."
    for place in (HERE, there):
        make_report(title="Deep pothole", description=text, **place)
    nowhere = {"latitude": 41.32, "longitude": -72.92}
    take(source, said(1, text, **HERE), said(2, text, **there), said(3, text, **nowhere))
    links = PostLink.objects.select_related("post", "report")
    places = {link.post.external_id: link.report.latitude for link in links}
    assert places == {"1": 41.3, "2": 41.35}


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.mark.usefixtures("categories")
def test_a_dismissed_draft_is_not_offered_again(source: Source, clerk: User, settings: Any) -> None:
    settings.COLLECTION_DRAFT_POSTS = 2
    for number in (1, 2):
        take(source, said(number, "A deep pothole in the road.", **HERE))
    deciding.dismiss(DraftReport.objects.get(), by=clerk)
    for number in (3, 4):
        take(source, said(number, "A deep pothole in the road.", **HERE))
    draft = DraftReport.objects.get()
    assert (draft.state, draft.posts.count()) == (DraftState.DISMISSED, 4)


@pytest.mark.usefixtures("categories")
def test_posts_after_an_accepted_draft_are_linked_to_its_report(
    source: Source, clerk: User, settings: Any
) -> None:
    settings.COLLECTION_DRAFT_POSTS = 2
    for number in (1, 2):
        take(source, said(number, "A deep pothole in the road.", **HERE))
    report = deciding.accept(DraftReport.objects.get(), by=clerk)
    run_tasks()
    take(source, said(3, "A deep pothole in the road.", **HERE))
    assert PostLink.objects.get(is_origin=False).report == report
    assert DraftReport.objects.count() == 1


@pytest.mark.usefixtures("categories")
def test_a_text_that_cannot_be_embedded_costs_only_itself(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = get_embedder()
    embed = embedder.embed

    def refuse(texts: list[str]) -> Any:
        if any("poison" in text for text in texts):
            raise ValueError("poison")
        return embed(texts)

    with transaction.atomic():
        store_items(source, [said(1, "A deep pothole."), said(2, "poison"), said(3, "Graffiti.")])
    monkeypatch.setattr(type(embedder), "embed", lambda _, texts: refuse(texts))
    for _ in range(3):
        Task.objects.filter(actor="analyse_posts").update(max_attempts=1)
        run_tasks(raise_errors=False)
    analysed = Post.objects.filter(analysed_at__isnull=False).values_list("external_id", flat=True)
    assert sorted(analysed) == ["1", "3"]
