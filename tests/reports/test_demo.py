"""The demo city."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from jobs.models import Task
from jobs.testing import run_tasks
from reports import demo
from reports.catalogue import documents
from reports.confirmation import answering
from reports.models import (
    Category,
    Comment,
    Confirmation,
    Department,
    Follow,
    MeToo,
    ModerationCase,
    Report,
    RoutedBy,
    RoutingRule,
    Status,
)
from reports.routing import rules

pytestmark = pytest.mark.django_db
SHIPPED = documents.read(documents.SHIPPED)


def test_the_city_is_complete_and_consistent() -> None:
    assert demo.load() == demo.REPORT_COUNT
    assert Department.objects.count() == len(SHIPPED["departments"])
    assert set(Category.objects.values_list("slug", flat=True)) == {
        entry["slug"] for entry in SHIPPED["categories"]
    }
    assert set(Report.objects.values_list("status", flat=True)) == set(Status.values)
    assert not Report.objects.filter(created_at__gt=timezone.now()).exists()
    for report in Report.objects.prefetch_related("history"):
        history = list(report.history.all())
        assert history[-1].to_status == report.status
        assert [line.at for line in history] == sorted(line.at for line in history)
        assert all(later.from_status == earlier.to_status for earlier, later in pairwise(history))


def test_loading_twice_adds_nothing_and_keeps_edits() -> None:
    demo.load()
    Category.objects.filter(slug="pothole").update(name="Hole in the road")
    tasks = Task.objects.count()
    assert demo.load() == 0
    assert Report.objects.count() == demo.REPORT_COUNT
    assert Task.objects.count() == tasks
    assert Category.objects.get(slug="pothole").name == "Hole in the road"


def test_reputation_equals_its_ledger_and_nobody_is_notified() -> None:
    demo.load()
    Task.objects.filter(actor="classify_report").delete()
    run_tasks()
    for citizen in User.objects.filter(is_staff=False):
        assert citizen.reputation == 5 * citizen.reports.count()
    assert not Task.objects.filter(actor="notify_user").exists()


def test_the_administrator_signs_in_with_the_printed_password(client: Client) -> None:
    demo.load()
    form = {"username": demo.ADMIN_LOGIN, "password": demo.ADMIN_PASSWORD}
    assert client.post("/admin/login/", form).status_code == 302


def test_it_is_refused_outside_development(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=on"):
        call_command("load_demo")


def test_the_city_talks_and_has_something_to_moderate(client: Client) -> None:
    demo.load()
    assert Comment.objects.public().filter(is_official=True).exists()
    assert Follow.objects.exists()
    assert MeToo.objects.exists()
    waiting = ModerationCase.objects.waiting()
    codes = {reason["code"] for case in waiting for reason in case.reasons}
    assert codes == {"anonymous", "blocked_words", "links", "repeated", "flagged"}
    assert all("{" not in text for text in Comment.objects.values_list("text", flat=True))
    assert not Comment.objects.filter(created_at__gt=timezone.now()).exists()


def test_the_city_has_rules_and_shows_what_came_of_them() -> None:
    demo.load()
    assert not any(rules.compiled(rule).faults for rule in RoutingRule.objects.all())
    assert Report.objects.filter(routed_by=RoutedBy.RULE, routing_rule__isnull=False).exists()
    late = Report.objects.filter(escalations__isnull=False).distinct()
    assert late
    assert all(report.is_overdue for report in late)
    confirmed = Report.objects.filter(confirmed_at__isnull=False)
    assert confirmed.count() == Confirmation.objects.count() > 0
    for confirmation in Confirmation.objects.all():
        assert answering.answer_to(confirmation.report) == confirmation
