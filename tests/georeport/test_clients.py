"""Programs that speak Open311: our own collector reads our own server by HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from georeport.models import ApiKey
from jobs.ledger import database
from reports.models import Post, SourceKind, StatusChange
from tests.georeport.asking import post
from tests.reports.collecting import collect, make_source
from tests.reports.desk import signed_in
from tests.reports.factories import make_category, make_report, make_user
from tests.reports.outside import Asked, Reply, outside_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(settings: Any) -> Iterator[str]:
    """Return the address of the interface on a server of loopback, which sees the test's rows."""
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.COLLECTION_FIRST_DAYS = 1
    connection.inc_thread_sharing()
    own = connections["default"]

    def answer(asked: Asked) -> Reply:
        connections["default"] = own
        given = Client().get(asked.path, asked.query)
        return Reply(given.content, given.status_code, dict(given.items()))

    with outside_server() as outside:
        for suffix in ("xml", "json"):
            outside.gives(f"/open311/v2/requests.{suffix}", answer)
        yield f"{outside.url}/open311/v2"
    connection.dec_thread_sharing()


@pytest.mark.parametrize("form", ["xml", "json"])
def test_our_collector_reads_our_server(address: str, form: str) -> None:
    now = database.now()
    report = make_report(category=make_category(), description="Tom's & <b>")
    StatusChange.objects.create(report=report, to_status="triaged", note="We come.", at=now)
    make_report(category=make_category(), created_at=now - timedelta(hours=20))
    make_report(category=make_category(), published_at=None)
    source = make_source(SourceKind.OPEN311, address, options={"format": form})
    assert collect(source).health == "ok"
    assert Post.objects.count() == 2
    stored = Post.objects.get(external_id=str(report.pk))
    assert (stored.title, stored.text) == ("Pothole", "Tom's & <b>\n\nWe come.")
    assert (stored.latitude, stored.longitude) == (41.3, -72.9)
    assert stored.posted_at == report.created_at.replace(microsecond=0)


def test_the_command_prints_a_key_that_works(capsys: Any) -> None:
    make_category()
    options = ["--organisation", "Ltd", "--held", "--requests-per-hour", "1"]
    call_command("create_open311_key", " App ", *options)
    key = capsys.readouterr().out.strip()
    stored = ApiKey.objects.get()
    assert (stored.name, stored.organisation, stored.is_vouched_for) == ("App", "Ltd", False)
    form: dict[str, Any] = {"api_key": key, "service_code": "pothole", "lat": 1, "long": 1}
    assert post("requests.json", **form).status_code == 201
    assert post("requests.json", **form).status_code == 429
    for wrong, match in [([""], "blank"), (["App", "--requests-per-hour", "0"], "greater")]:
        with pytest.raises(CommandError, match=match):
            call_command("create_open311_key", *wrong)


def test_the_desk_shows_a_new_key_once_and_revokes_it() -> None:
    make_category()
    desk = signed_in(make_user(is_staff=True, is_superuser=True))
    form = {"name": "App", "requests_per_hour": "10", "may_submit": "on", "is_vouched_for": "on"}
    answer = desk.post(reverse("admin:georeport_apikey_add"), form)
    assert (answer.status_code, "messages" in answer.cookies) == (200, False)
    assert "no-store" in answer["Cache-Control"]
    page = answer.content.decode()
    stored = ApiKey.objects.get()
    [key] = {word for word in page.replace("<", " ").split() if word.startswith("cl311_")}
    for again in (
        reverse("admin:georeport_apikey_changelist"),
        reverse("admin:georeport_apikey_change", args=[stored.pk]),
        reverse("admin:georeport_apikey_history", args=[stored.pk]),
    ):
        assert key not in desk.get(again).content.decode()
    assert key not in str([one.get_decoded() for one in Session.objects.all()])
    sent: dict[str, Any] = {"api_key": key, "service_code": "pothole", "lat": 1, "long": 1}
    assert post("requests.json", **sent).status_code == 201
    assert (
        "1970" not in desk.get(reverse("admin:georeport_sentrequest_changelist")).content.decode()
    )
    lists = reverse("admin:georeport_apikey_changelist")
    desk.post(lists, {"action": "revoke", "_selected_action": [stored.pk]}, follow=True)
    assert post("requests.json", **sent).status_code == 403
    events = AuditEvent.objects.filter(event__contains="key").values_list("event", "data")
    assert [event for event, _ in events] == ["apikey.added", "georeport_key.revoked"]
    assert key.split("_", 2)[2] not in str(list(events))
