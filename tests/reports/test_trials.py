"""Trials of rules and texts at the desk: they say what would happen, and change nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils import timezone

from jobs.models import Task
from reports.models import (
    Area,
    Category,
    Escalation,
    EscalationRule,
    ReplyTemplate,
    SeverityRule,
)
from tests.accounts.factories import make_user
from tests.reports.factories import make_category, make_department, make_report, make_staff

pytestmark = pytest.mark.django_db
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[-73, 41], [-72, 41], [-72, 42], [-73, 42], [-73, 41]]],
}


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    return client


def tried(client: Client, model: str, row: Any = None, **values: Any) -> Any:
    """Return the trial of these values, or None with the page's text where they are refused."""
    query = f"?id={row.pk}" if row else ""
    answer = client.post(f"/admin/reports/{model}/trial/{query}", values)
    assert answer.status_code == 200, answer.content
    return answer.context["trial"] or answer.content.decode()


def test_a_rule_of_escalation_names_the_open_reports_that_it_concerns(desk: Client) -> None:
    now = timezone.now()
    past = make_report(title="late", due_at=now - timedelta(hours=5))
    soon = make_report(title="soon", due_at=now + timedelta(hours=3))
    make_report(title="far", due_at=now + timedelta(days=9))
    for report in (past, soon):
        type(report).objects.filter(pk=report.pk).update(created_at=now - timedelta(days=9))
    values = {"name": "Late", "hours": 1, "side": "after", "deadline": "repair", "addresses": ""}
    trial = tried(desk, "escalationrule", **values, to_department="on", is_active="on")
    assert trial.sentences[1] == "Past it now: 1. Reaching it within a day: 1."
    assert ["soon" in trial.rows[0][0], "late" in trial.rows[1][0]] == [True, True]
    assert not EscalationRule.objects.exists()
    assert not Escalation.objects.exists()
    assert not Task.objects.filter(actor__startswith="notify").exists()


def test_a_severity_rule_is_tried_on_the_newest_reports(desk: Client) -> None:
    make_report(title="Smell of gas, a gas leak", severity="medium")
    make_report(title="Gas leak again", severity="critical")
    make_report(title="A gasleak")
    values = {"name": "Gas", "phrases": "gas leak", "severity": "high", "is_active": "on"}
    trial = tried(desk, "severityrule", **values)
    assert trial.sentences[0].startswith("2 of the newest 3 reports")
    assert trial.sentences[1].startswith("1 of them would be raised")
    assert not SeverityRule.objects.exists()
    refused = tried(desk, "severityrule", **values | {"severity": "dire"})
    assert "cannot be saved" in refused


def test_a_reply_is_shown_as_it_would_be_sent(desk: Client) -> None:
    make_report(title="Hole {number}")
    stored = ReplyTemplate.objects.create(name="Thanks", body="old")
    body = "About {title}: thanks."
    values = {"name": "Thanks", "body": body, "translations": '{"es": {"body": "Sobre {title}"}}'}
    trial = tried(desk, "replytemplate", stored, **values)
    assert trial.text == "About Hole {number}: thanks."
    assert trial.rows == [("es", "Sobre Hole {number}")]
    stored.refresh_from_db()
    assert stored.body == "old"


def test_an_area_shows_how_many_reports_lie_inside(desk: Client) -> None:
    make_report(latitude=41.5, longitude=-72.5)
    make_report(latitude=45, longitude=-72.5)
    area = Area.objects.create(name="North", polygons=SQUARE)
    answer = desk.get(f"/admin/reports/area/trial/?id={area.pk}")
    assert answer.context["trial"].sentences == ["1 published report lies inside."]
    assert answer.content.decode().count("<circle") == 1


def test_a_category_shows_the_deadlines_before_and_after(desk: Client) -> None:
    category = make_category(name="Trees", slug="trees", sla_hours=48)
    make_report(category=category)
    form = desk.get(f"/admin/reports/category/{category.pk}/change/").context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    values = {name: value for name, value in shown.items() if not isinstance(value, bool | None)}
    values |= {"sla_hours": 100, "examples": "x", "translations": "{}"}
    trial = tried(desk, "category", category, **values)
    assert trial.sentences[0].startswith("1 open report has it")
    assert all(row[2] != row[3] for row in trial.rows)
    assert Category.objects.get(pk=category.pk).sla_hours == 48


def test_a_trial_is_for_those_who_may_change_and_shows_their_reports_alone(
    django_assert_max_num_queries: Any,
) -> None:
    mine, other = make_department(slug="mine"), make_department(slug="other")
    make_report(title="gas leak here", department=mine)
    make_report(title="gas leak there", department=other)
    user = make_staff(mine)
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    rule = SeverityRule.objects.create(name="Gas", phrases=["gas leak"], severity="critical")
    place = f"/admin/reports/severityrule/trial/?id={rule.pk}"
    assert client.get(place).status_code == 403
    user.user_permissions.set(
        Permission.objects.filter(codename__in=("change_severityrule", "view_severityrule"))
    )
    with transaction.atomic(), django_assert_max_num_queries(20):
        page = client.get(place).content.decode()
    assert "gas leak here" in page
    assert "gas leak there" not in page
    assert client.get("/admin/reports/severityrule/trial/?id=999").status_code == 404
    assert client.get("/admin/reports/severityrule/trial/").status_code in (403, 404)
