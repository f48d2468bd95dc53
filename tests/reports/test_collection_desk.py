"""The desk of collection: sources with their health, posts, and drafts to accept or dismiss."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from jobs.models import Task
from jobs.urgency import Urgency
from reports.drafts import deciding
from reports.errors import DraftDecided, DraftWithoutPosts
from reports.models import DraftReport, DraftState, Post, PostRaw, Report, Source, SourceKind
from tests.reports.collecting import make_source, run_collecting
from tests.reports.factories import make_department, make_staff, make_user
from tests.reports.outside import Outside, Reply, atom, entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> User:
    return make_user(is_staff=True, is_superuser=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def add(client: Client, **values: Any) -> Any:
    fields = {"name": "News", "kind": "feed", "address": "https://news.example.org/feed"}
    fields |= {"options": "{}", "interval_minutes": "", "is_enabled": "on"} | values
    return client.post(reverse("admin:reports_source_add"), fields)


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:reports_{name}", args=args)


def test_an_address_is_read_by_one_source(administrator: User) -> None:
    client = signed_in(administrator)
    assert add(client).status_code == 302
    assert "There is a source with this address." in add(client, name="Again").content.decode()


def test_a_source_is_added_and_audited(administrator: User) -> None:
    assert add(signed_in(administrator)).status_code == 302
    source = Source.objects.get()
    assert (source.kind, source.interval()) == ("feed", timedelta(minutes=30))
    assert AuditEvent.objects.filter(event="source.added", actor_id=administrator.pk).exists()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"address": "news"}, "must be a URL"),
        ({"address": "file:///etc/passwd"}, "must be a URL"),
        ({"address": "http://exa mple.org/"}, "must be a URL"),
        ({"address": "https://me:secret@news.example.org/"}, "must hold no password"),
        ({"address": "http://169.254.169.254/latest"}, "not a public one"),
        ({"address": "http://[::ffff:10.0.0.1]/"}, "not a public one"),
        ({"options": "[1]"}, "must be an object"),
        ({"options": '{"format": "xml"}'}, "Unknown option"),
        ({"kind": "reddit", "address": "a b"}, "name"),
        ({"kind": "folder", "address": "../etc"}, "plain name of a folder"),
        ({"kind": "open311", "options": '{"format": "csv"}'}, "must be json or xml"),
        ({"kind": "open311", "options": '{"key": 1}'}, "Unknown option"),
        ({"kind": "folder", "address": "a", "options": '{"columns": {"x": "y"}}'}, "no fields x"),
        ({"kind": "webhook"}, "has no address"),
        ({"interval_minutes": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_source_that_cannot_work_is_refused(
    administrator: User, values: dict[str, str], fault: str
) -> None:
    answer = add(signed_in(administrator), **values)
    assert answer.status_code == 200
    assert fault in answer.content.decode()
    assert not Source.objects.exists()


def test_a_source_shows_its_health_and_is_tested(administrator: User, outside: Outside) -> None:
    outside.gives("/feed", Reply(atom(entry("a", "Lamps"))))
    source = make_source(
        address=f"{outside.url}/feed", failures=2, last_error="It answered 500.", name="News"
    )
    client = signed_in(administrator)
    listed = client.get(page("source_changelist")).content.decode()
    assert "failing" in listed
    assert "It answered 500." in listed
    answer = client.post(reverse("admin:reports_source_test", args=[source.pk]))
    assert answer.status_code == 302
    assert Task.objects.get(actor="test_source").urgency == Urgency.PERSON
    assert run_collecting() == 1
    shown = client.get(page("source_change", source.pk)).content.decode()
    assert "1 post<" in shown
    assert "urn:a" in shown
    assert not Post.objects.exists(), "a test stores nothing"
    outside.gives("/feed", Reply("no", 503))
    client.post(reverse("admin:reports_source_test", args=[source.pk]))
    run_collecting()
    assert "answered 503" in client.get(page("source_change", source.pk)).content.decode()
    client.post(reverse("admin:reports_source_fetch", args=[source.pk]))
    assert Task.objects.filter(actor="collect_source").exists()
    events = set(AuditEvent.objects.values_list("event", flat=True))
    assert {"source.tested", "source.fetched"} <= events


def test_a_webhook_that_is_tested_says_that_it_is_not_asked(administrator: User) -> None:
    source = make_source(SourceKind.WEBHOOK, name="Radio")
    client = signed_in(administrator)
    client.post(reverse("admin:reports_source_test", args=[source.pk]))
    assert run_collecting() == 1
    shown = client.get(page("source_change", source.pk)).content.decode()
    assert "its sender calls ours" in shown
    assert "0 posts" not in shown


def test_a_test_of_a_folder_moves_no_file(
    administrator: User, settings: LazySettings, tmp_path: Path
) -> None:
    settings.COLLECTION_FOLDER = tmp_path
    (tmp_path / "letters").mkdir()
    file = tmp_path / "letters" / "a.csv"
    file.write_text("external_id,text\n1,dark\n")
    os.utime(file, (1, 1))
    source = make_source(SourceKind.FOLDER, "letters")
    signed_in(administrator).post(reverse("admin:reports_source_test", args=[source.pk]))
    run_collecting()
    source.refresh_from_db()
    assert source.test_result["count"] == 1
    assert file.exists()


def test_the_secret_of_a_webhook_is_shown_and_replaced(administrator: User) -> None:
    source = make_source(SourceKind.WEBHOOK, name="Radio")
    client = signed_in(administrator)
    assert source.webhook_secret() in client.get(page("source_change", source.pk)).content.decode()
    client.post(reverse("admin:reports_source_secret", args=[source.pk]))
    shown = client.get(page("source_change", source.pk)).content.decode()
    assert source.webhook_secret() not in shown
    source.refresh_from_db()
    assert source.webhook_secret() in shown


def test_only_who_may_change_sources_tests_them(outside: Outside) -> None:
    source = make_source(address=f"{outside.url}/feed")
    clerk = signed_in(make_staff(make_department()))
    assert clerk.get(page("source_changelist")).status_code == 403
    for name in ("test", "fetch", "secret"):
        address = reverse(f"admin:reports_source_{name}", args=[source.pk])
        assert clerk.post(address).status_code == 403
    assert not Task.objects.exists()


def make_post(source: Source, number: int, **more: Any) -> Post:
    fields = {
        "external_id": str(number),
        "text": f"The hole on Oak Street, number {number}.",
        "posted_at": timezone.now() - timedelta(hours=number),
        "url": f"https://news.example.org/{number}",
        "latitude": 41.3,
        "longitude": -72.9,
        "precision": "street",
        "place_name": "Oak Street",
    } | more
    return Post.objects.create(source=source, **fields)


@pytest.fixture
def draft() -> DraftReport:
    draft = DraftReport.objects.create(
        title="Hole (Oak Street)", latitude=41.3, longitude=-72.9, place_name="Oak Street"
    )
    source = make_source(address="https://news.example.org/feed", name="Elm News")
    for number in range(1, 4):
        make_post(source, number, draft=draft)
    return draft


def test_posts_are_shown_to_staff_and_their_raw_form_to_superusers(
    administrator: User, draft: DraftReport
) -> None:
    post = Post.objects.earliest("pk")
    PostRaw.objects.create(post=post, content={"author": "Jane Roe"})
    clerk = signed_in(make_staff(make_department()))
    assert "Oak Street, number 1" in clerk.get(page("post_changelist")).content.decode()
    assert "Jane Roe" not in clerk.get(page("post_change", post.pk)).content.decode()
    shown = signed_in(administrator).get(page("post_change", post.pk)).content.decode()
    assert "Jane Roe" in shown
    assert signed_in(make_staff()).get(page("post_changelist")).status_code == 403


def act(client: Client, action: str, draft: DraftReport) -> str:
    answer = client.post(
        page("draftreport_changelist"),
        {"action": action, "_selected_action": [str(draft.pk)]},
        follow=True,
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_accepted_draft_becomes_a_report_that_names_its_posts(draft: DraftReport) -> None:
    clerk = make_staff(make_department())
    assert "Done with 1." in act(signed_in(clerk), "accept", draft)
    report = Report.objects.get()
    assert (report.title, report.address, report.reporter) == (draft.title, "Oak Street", clerk)
    assert report.published_at is not None
    for number in range(1, 4):
        assert f"https://news.example.org/{number}" in report.description
    assert "Elm News" in report.description
    assert report.post_links.filter(is_origin=True).count() == 3
    draft.refresh_from_db()
    assert (draft.state, draft.report, draft.decided_by) == (DraftState.ACCEPTED, report, clerk)
    event = AuditEvent.objects.get(event="draft.accepted")
    assert event.data == {"report": str(report.pk), "posts": 3}
    assert "already" in act(signed_in(clerk), "accept", draft)
    assert Report.objects.count() == 1


def test_a_dismissed_draft_stays_dismissed(draft: DraftReport) -> None:
    clerk = make_staff(make_department())
    act(signed_in(clerk), "dismiss", draft)
    draft.refresh_from_db()
    assert draft.state == DraftState.DISMISSED
    assert not Report.objects.exists()
    with pytest.raises(DraftDecided):
        deciding.accept(draft, by=clerk)


def test_a_draft_whose_posts_were_deleted_cannot_be_accepted(draft: DraftReport) -> None:
    Post.objects.update(deleted_at=timezone.now())
    with pytest.raises(DraftWithoutPosts), transaction.atomic():
        deciding.accept(draft, by=make_staff(make_department()))
    draft.refresh_from_db()
    assert draft.state == DraftState.OFFERED


def test_only_staff_of_departments_decide_about_drafts(draft: DraftReport) -> None:
    nobody = signed_in(make_staff())
    assert nobody.get(page("draftreport_changelist")).status_code == 403
