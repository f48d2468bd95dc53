"""The topics of posts are chosen by staff: a list is tried, and put into use, for all posts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import jobs
from accounts.models import AuditEvent, User
from jobs.models import Task
from jobs.testing import run_tasks
from reports.collection.analysis import analysing, topic_lists, topics
from reports.collection.analysis.actors import reassign_topics
from reports.collection.kinds.protocol import Item
from reports.collection.storing import store_items
from reports.errors import TopicListInUse, TopicListInvalid
from reports.models import Post, TopicList
from tests.reports.collecting import make_source
from tests.reports.factories import make_department, make_staff, make_user

pytestmark = pytest.mark.django_db

BICYCLES = "bicycles:\n  A bicycle lane for cyclists.\n\nroads:\n  A pothole in the road.\n"


@pytest.fixture
def administrator() -> User:
    return make_user(is_staff=True, is_superuser=True)


def make_list(text: str = BICYCLES) -> TopicList:
    return TopicList.objects.create(topics=topic_lists.parse(text))


def collect(*texts: str) -> None:
    items = [
        Item(external_id=str(number), text=text, posted_at=timezone.now())
        for number, text in enumerate(texts)
    ]
    with transaction.atomic():
        store_items(make_source(address="https://news.example.org/feed"), items)


def topics_of_posts() -> list[str]:
    return list(Post.objects.order_by("external_id").values_list("topic", flat=True))


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:reports_topiclist_{name}", args=args)


def test_a_list_is_written_as_text_and_read_again() -> None:
    listed = topic_lists.parse(BICYCLES)
    assert listed[0] == {"topic": "bicycles", "phrases": ["A bicycle lane for cyclists."]}
    packaged = topics.packaged()
    again = topic_lists.parse(topic_lists.as_text(packaged))
    assert {one["topic"]: one["phrases"] for one in again} == packaged


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no topic"),
        ("A pothole.", "Line 1: it comes before any topic"),
        ("Roads:\nA pothole.", "Line 1: it comes before any topic"),
        ("roads:\nA pothole.\nparks:\n", "parks has no phrase"),
        ("roads:\nA hole.\nroads:\nA hole.", "Line 3: there is a topic roads already"),
        ("other:\nAnything.", "Line 1: other stands for"),
        ("roads:\n" + "x" * 301, "Line 2 is longer"),
        ("roads:\n" + "A hole.\n" * 41, "Line 42: its topic has more"),
        ("\n".join(f"t{n}:\nWords." for n in range(61)), "more than 60 topics"),
    ],
)
def test_a_list_that_cannot_be_read_names_the_line(text: str, fault: str) -> None:
    with pytest.raises(TopicListInvalid, match=fault):
        topic_lists.parse(text)


def test_staff_try_a_list_and_put_it_into_use(administrator: User) -> None:
    collect("We need a bicycle lane for cyclists.", "There is a deep pothole in the road.")
    run_tasks()
    before = topics_of_posts()
    assert before[0] != "bicycles"
    client = Client()
    client.force_login(administrator)
    assert "roads:" in client.get(page("add")).content.decode()
    refused = client.post(page("add"), {"note": "", "text": "Nothing"})
    assert "comes before any topic" in refused.content.decode()
    assert client.post(page("add"), {"note": "bicycles", "text": BICYCLES}).status_code == 302
    listed = TopicList.objects.get()
    assert listed.created_by == administrator
    assert topics_of_posts() == before, "a list that is tried changes nothing"

    run_tasks()
    shown = client.get(page("change", listed.pk)).content.decode()
    assert "1 of the newest 2 posts" in shown
    assert f"{before[0]} → bicycles: 1" in shown

    assert client.post(page("use", listed.pk)).status_code == 302
    run_tasks()
    assert topics_of_posts() == ["bicycles", "roads"]
    assert AuditEvent.objects.filter(event="topiclist.used", actor_id=administrator.pk).exists()
    assert "in use already" in client.post(page("use", listed.pk), follow=True).content.decode()


def test_only_who_may_change_lists_puts_them_into_use() -> None:
    listed, clerk = make_list(), Client()
    clerk.force_login(make_staff(make_department()))
    for name in ("use", "preview"):
        assert clerk.post(page(name, listed.pk)).status_code == 403
    assert not Task.objects.filter(actor__in=("preview_topics", "reassign_topics")).exists()


def test_an_analysis_by_the_list_before_is_not_stored(administrator: User) -> None:
    collect("We need a bicycle lane for cyclists.")
    task = Task.objects.get(actor="analyse_posts")
    outcome = analysing.analyse(task.args[0])
    listed = make_list()
    topic_lists.put_into_use(listed.pk, by=administrator, send=lambda _: None)
    with pytest.raises(jobs.Postponed), transaction.atomic():
        analysing.record(outcome)
    run_tasks()
    assert topics_of_posts() == ["bicycles"]


def test_posts_get_their_topics_in_batches_and_where_it_was_left(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_lists, "BATCH_POSTS", 2)
    collect(*["We need a bicycle lane for cyclists."] * 5)
    run_tasks()
    listed = make_list()
    topic_lists.put_into_use(listed.pk, by=administrator, send=reassign_topics.send)
    done = Post.objects.order_by("pk")[1]
    Task.objects.filter(actor="reassign_topics").update(
        checkpoint={"last": str(done.pk), "changed": 2}
    )
    run_tasks()
    assert sorted(topics_of_posts()).count("bicycles") == 3
    assert Task.objects.get(actor="reassign_topics").result == {"changed": 5}


def test_an_earlier_list_can_come_back(administrator: User) -> None:
    first, second = make_list(), make_list("parks:\nA tree in the park.")
    for listed in (first, second, first):
        topic_lists.put_into_use(listed.pk, by=administrator, send=lambda _: None)
    assert topics.in_use() == first.pk
    with pytest.raises(TopicListInUse):
        topic_lists.put_into_use(first.pk, by=administrator, send=lambda _: None)
