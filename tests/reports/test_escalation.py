"""Escalation: who is informed when a deadline comes near or has passed, once a stage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from jobs.ledger import database
from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.actors import escalate_reports
from reports.escalation import stages
from reports.models import (
    Crew,
    Deadline,
    DepartmentMembership,
    Escalation,
    EscalationRule,
    Report,
    Side,
    Status,
)
from tests.reports.factories import make_category, make_department, make_report, make_staff

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make_stage(name: str = "Late", **fields: Any) -> EscalationRule:
    """A rule at the deadline for the repair that has been on for a year."""
    rule = EscalationRule.objects.create(name=name, **{"to_department": True, **fields})
    EscalationRule.objects.filter(pk=rule.pk).update(since=database.now() - 365 * DAY)
    rule.refresh_from_db()
    return rule


def late(hours: float = 1, **fields: Any) -> Report:
    """An open report whose deadline passed some hours ago; a negative number: that is due."""
    now = database.now()
    return make_report(
        **{"created_at": now - 10 * DAY, "due_at": now - timedelta(hours=hours), **fields}
    )


def escalate() -> None:
    with transaction.atomic():
        escalate_reports.send()
    run_tasks()


@pytest.fixture(autouse=True)
def outbox(settings: Any) -> None:
    """Let emails go through the real channel to `mail.outbox`."""
    channels = {"email": "notifications.channels.email.send"}
    settings.NOTIFICATION_CHANNELS = settings.NOTIFICATION_CHANNELS | channels


@pytest.fixture
def streets() -> Any:
    department = make_department()
    department.email = "streets@example.org"
    department.save()
    return department


def test_the_department_gets_a_message_once(streets: Any) -> None:
    make_stage()
    report = late(address="Mill Lane 5")
    escalate()
    escalate()
    [message] = mail.outbox
    assert message.to == ["streets@example.org"]
    assert message.subject == "Late: at the deadline for the repair: Deep hole"
    assert f"/admin/reports/report/{report.pk}/change/" in message.body
    assert "Mill Lane 5" in message.body
    [escalation] = report.escalations.all()
    assert escalation.recipients == ["Streets"]
    line = report.history.last()
    assert line is not None
    assert line.note == "Late: at the deadline for the repair. Informed: Streets."
    assert line.is_internal


@pytest.mark.parametrize(
    ("stage", "hours", "reached"),
    [
        ({"hours": 24, "side": Side.BEFORE}, -23, True),
        ({"hours": 24, "side": Side.BEFORE}, -25, False),
        ({"hours": 24, "side": Side.AFTER}, 25, True),
        ({"hours": 24, "side": Side.AFTER}, 23, False),
        ({"hours": 0}, 0.1, True),
        ({"hours": 0}, -0.1, False),
    ],
)
def test_a_stage_is_reached_hours_before_or_after_the_deadline(
    streets: Any, stage: dict[str, Any], hours: float, reached: bool
) -> None:
    make_stage(**stage)
    report = late(hours)
    escalate()
    assert report.escalations.exists() is reached


@pytest.mark.parametrize(
    "fields",
    [
        {"status": Status.RESOLVED},
        {"status": Status.REJECTED},
        {"is_live": False},
        {"due_at": None},
        {"created_at": "now"},  # the stage came before the report
    ],
)
def test_other_reports_are_left_alone(streets: Any, fields: dict[str, Any]) -> None:
    make_stage(hours=48, side=Side.BEFORE)
    now = database.now()
    values = {"due_at": now + HOUR} | fields
    late(1, **{key: now if value == "now" else value for key, value in values.items()})
    escalate()
    assert not Escalation.objects.exists()


def test_the_first_answer_has_stages_of_its_own(streets: Any) -> None:
    make_stage("Silent", deadline=Deadline.RESPONSE)
    now = database.now()
    silent = late(-48, response_due_at=now - HOUR)
    late(-48, response_due_at=now - HOUR, responded_at=now - 2 * HOUR)
    escalate()
    assert [one.report for one in Escalation.objects.all()] == [silent]


def test_a_rule_is_for_its_category_and_department(streets: Any) -> None:
    parts = make_department("lanes", parent=streets)
    pothole = make_category("pothole", department=streets)
    make_stage("Streets", department=streets, category=pothole)
    reports = [
        late(category=pothole, department=parts),
        late(category=pothole, department=make_department("parks")),
        late(category=make_category("tree"), department=streets),
    ]
    escalate()
    assert [one.report for one in Escalation.objects.all()] == reports[:1]
    [message] = mail.outbox
    assert message.to == ["streets@example.org"]  # the department below has no address of its own


def test_assignees_crews_managers_and_addresses_are_informed(streets: Any) -> None:
    def staff(email: str, **fields: Any) -> User:
        return make_staff(email=email, email_verified_at=database.now(), **fields)

    boss, worker, digger = (staff(f"{name}@example.org") for name in ("boss", "worker", "digger"))
    DepartmentMembership.objects.create(user=boss, department=streets, is_manager=True)
    DepartmentMembership.objects.create(user=worker, department=streets)
    crew = Crew.objects.create(department=streets, name="Crew 1")
    crew.members.add(digger)
    make_stage(
        to_department=False,
        to_assignee=True,
        to_managers=True,
        addresses=["mayor@example.org", "mayor@example.org"],
    )
    late(assignee=worker)
    late(crew=crew)
    escalate()
    assert sorted(message.to[0] for message in mail.outbox) == [
        "boss@example.org",
        "boss@example.org",
        "digger@example.org",
        "mayor@example.org",
        "mayor@example.org",
        "worker@example.org",
    ]


def test_a_stage_that_reaches_nobody_is_recorded_all_the_same() -> None:
    make_stage()
    report = late()
    escalate()
    assert not mail.outbox
    line = report.history.last()
    assert line is not None
    assert "Informed: nobody: the rule leads to no address" in line.note


def test_another_deadline_has_its_stages_anew(streets: Any) -> None:
    make_stage()
    report = late()
    escalate()
    Report.objects.filter(pk=report.pk).update(due_at=database.now() - HOUR / 2)
    escalate()
    assert report.escalations.count() == 2


def test_a_new_rule_leaves_what_is_late_already(streets: Any) -> None:
    rule = EscalationRule.objects.create(name="New")
    report = late()
    escalate()
    assert not report.escalations.exists()
    EscalationRule.objects.filter(pk=rule.pk).update(since=database.now() - DAY)
    escalate()
    assert report.escalations.exists()


def test_a_rule_switched_on_or_moved_is_for_stages_from_then_on(streets: Any) -> None:
    rule, before = make_stage(), database.now()
    rule.name = "Other name"
    rule.save()
    assert rule.since < before
    rule.hours = 5
    rule.save()
    assert rule.since > before
    EscalationRule.objects.filter(pk=rule.pk).update(is_active=False, since=before - DAY)
    rule = EscalationRule.objects.get()
    rule.is_active = True
    rule.save()
    assert rule.since > before


def test_many_reports_are_taken_in_batches(streets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "BATCH_REPORTS", 2)
    make_stage()
    for _ in range(5):
        late()
    escalate()
    assert Escalation.objects.count() == len(mail.outbox) == 5


def test_a_round_that_ends_halfway_is_continued(streets: Any, monkeypatch: Any) -> None:
    """Killed between recording a stage and its messages: neither is stored."""
    from reports.escalation import informing

    def killed(*_arguments: Any) -> None:
        raise SystemExit

    make_stage()
    report = late()
    with monkeypatch.context() as patched:
        patched.setattr(informing, "inform", killed)
        with pytest.raises(SystemExit):
            escalate()
    assert not report.escalations.exists()
    Task.objects.all().delete()
    escalate()
    assert len(mail.outbox) == report.escalations.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_record_a_stage_once(streets: Any) -> None:
    rule = make_stage()
    late()
    with transaction.atomic():
        assert len(stages.reach(rule)) == 1
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                sql, parameters = stages.statement(rule)
                cursor.execute(sql, cast("Any", parameters))
                assert cursor.fetchall() == []  # the report is locked
                cursor.execute("COMMIT")
        finally:
            other.close()
    with transaction.atomic():
        assert stages.reach(rule) == []


def test_a_rule_without_recipients_is_refused() -> None:
    with pytest.raises(ValidationError, match="Say who gets the message"):
        EscalationRule(name="Nobody", to_department=False).full_clean()


def test_the_desk_shows_rules_and_stages(streets: Any, client: Client) -> None:
    make_stage(hours=2, to_managers=True, addresses=["mayor@example.org"])
    report = late(3)
    escalate()
    boss = make_staff(is_superuser=True)
    client.force_login(boss, backend="accounts.backends.StaffBackend")
    page = client.get("/admin/reports/escalationrule/").content.decode()
    assert "2 hours after the deadline for the repair" in page
    assert "department, managers, mayor@example.org" in page
    page = client.get(f"/admin/reports/report/{report.pk}/timeline/").content.decode()
    assert "Late: 2 hours after the deadline for the repair" in page


def test_messages_name_no_address_in_the_ledger(streets: Any) -> None:
    make_stage()
    late()
    escalate()
    [delivery] = Delivery.objects.all()
    assert delivery.contact == f"department:{streets.pk}"
    assert delivery.status == Delivery.Status.SENT
