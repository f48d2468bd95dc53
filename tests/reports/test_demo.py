"""The demo city."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import AuditEvent, User
from jobs.models import Task
from jobs.testing import run_tasks
from reports.catalogue import documents
from reports.confirmation import answering
from reports.demo import city, past, photos, pictures, stories, texts
from reports.demo.city import City
from reports.errors import OutsideBoundary
from reports.escalation import rounds
from reports.geography import boundary
from reports.models import (
    AreaSubscription,
    Comment,
    Confirmation,
    Department,
    DuplicatePair,
    Flag,
    ModerationCase,
    Photo,
    PhotoKind,
    Report,
    ReportContact,
    RoutedBy,
    RoutingRule,
    Severity,
    Status,
    StatusChange,
)
from reports.routing import assignment, rules
from tests import databases
from tests.reports.photos import opened

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SHIPPED = documents.read(documents.SHIPPED)
STORIES = texts.read("stories")


@pytest.fixture(scope="module")
def reports_of_the_past(django_db_setup: None, django_db_blocker: Any) -> Iterator[int]:
    """The reports of the last two months, loaded once; how many there are."""
    yield from databases.shared(lambda: past.load(city.load()), django_db_blocker)


@pytest.fixture
def elm_harbor(reports_of_the_past: int, db: None) -> City:
    """The city and its reports of the last two months."""
    assert reports_of_the_past == past.REPORT_COUNT
    return city.load()


# --- The last two months --------------------------------------------------------------------------


def test_the_past_is_complete_and_consistent(elm_harbor: City) -> None:
    assert Department.objects.count() == len(SHIPPED["departments"])
    assert set(elm_harbor.categories) == {entry["slug"] for entry in SHIPPED["categories"]}
    statuses = set(Report.objects.values_list("status", flat=True))
    assert statuses == set(Status.values) - {Status.DUPLICATE}
    assert not Report.objects.filter(created_at__gt=timezone.now()).exists()
    for report in Report.objects.prefetch_related("history"):
        history = list(report.history.all())
        assert history[-1].to_status == report.status
        assert history[-1].version == report.version == len(history)
        assert [line.at for line in history] == sorted(line.at for line in history)
        assert all(later.from_status == earlier.to_status for earlier, later in pairwise(history))


def test_the_past_notifies_nobody_and_reputation_equals_its_ledger(elm_harbor: City) -> None:
    Task.objects.filter(actor="classify_report").delete()
    run_tasks()
    for citizen in User.objects.filter(is_staff=False):
        points = citizen.reputation_entries.aggregate(points=Sum("points"))["points"]
        assert citizen.reputation == (points or 0)
    assert not Task.objects.filter(actor="notify_user").exists()


def test_the_past_shows_rules_answers_talk_and_late_reports(elm_harbor: City) -> None:
    _check_rules()
    _check_answers()
    _check_talk()
    _check_escalation()
    _check_boundary()


def _check_rules() -> None:
    routed = set(Report.objects.values_list("routed_by", flat=True))
    assert routed >= {RoutedBy.RULE, RoutedBy.CATEGORY, RoutedBy.BROKEN}
    broken = [one for one in RoutingRule.objects.all() if rules.compiled(one).faults]
    assert [one.name for one in broken] == ["Winter sand near the station"]


def _check_answers() -> None:
    assert set(Confirmation.objects.values_list("is_fixed", flat=True)) == {True, False}
    confirmed = Report.objects.filter(confirmed_at__isnull=False)
    assert confirmed.count() == Confirmation.objects.filter(is_fixed=True).count()
    for report in confirmed:
        answer = answering.answer_to(report)
        assert answer is not None
        assert answer.is_fixed
    assert StatusChange.objects.filter(step="expire").exists()  # closed without an answer


def _check_talk() -> None:
    assert Comment.objects.public().filter(is_official=True).exists()
    assert all("{" not in text for text in Comment.objects.values_list("text", flat=True))
    assert not Comment.objects.filter(created_at__gt=timezone.now()).exists()


def _check_escalation() -> None:
    assert rounds.escalate(transaction.atomic) > 0
    late = Report.objects.filter(escalations__isnull=False).distinct()
    assert 5 < late.count() < past.REPORT_COUNT // 3


def _check_boundary() -> None:
    for report in Report.objects.all():
        boundary.require_inside(report.latitude, report.longitude)
    with pytest.raises(OutsideBoundary) as refused:
        boundary.require_inside(41.31, -73.05)
    assert "Westbrook County" in str(refused.value)


# --- The stories of today -------------------------------------------------------------------------


def test_the_stories_show_what_citizens_and_staff_do(elm_harbor: City) -> None:
    assert stories.load(elm_harbor) == len(STORIES)
    Task.objects.filter(actor__in=("classify_report", "credit_reputation")).delete()
    assignment.route(str(stories.report_of("gas").pk))
    run_tasks()
    _check_steps()
    _check_moderation()
    _check_details()


def _check_steps() -> None:
    status = {story["name"]: stories.report_of(story["name"]).status for story in STORIES}
    assert status["pothole"] == Status.IN_PROGRESS
    assert status["pothole again"] == Status.DUPLICATE
    assert status["lamp"] == Status.WAITING
    assert status["burst pipe"] == status["graffiti"] == Status.CLOSED
    assert status["fallen tree"] == Status.REOPENED
    assert status["litter"] == Status.RESOLVED
    assert status["mistake"] == Status.CLOSED
    assert status["advertisement"] == status["private drive"] == Status.REJECTED
    assert set(status.values()) == set(Status.values)
    waiting = stories.report_of("lamp")
    assert Task.objects.filter(actor="wake_report", args=[str(waiting.pk)]).exists()
    assert stories.report_of("dumping").department.slug == "sanitation"  # type: ignore[union-attr]
    handed_over = StatusChange.objects.filter(step="hand_over")
    assert all(line.note and line.from_department for line in handed_over)
    given = Confirmation.objects.filter(report__client_id__isnull=False)
    assert set(given.values_list("source", "is_fixed")) == {
        ("reporter", True),
        ("reporter", False),
        ("neighbour", True),
    }


def _check_moderation() -> None:
    waiting = ModerationCase.objects.waiting()
    codes = {reason["code"] for case in waiting for reason in case.reasons}
    assert codes == {"anonymous", "blocked_words", "links", "repeated", "reputation", "flagged"}
    assert set(ModerationCase.objects.values_list("state", flat=True)) == {
        "waiting",
        "approved",
        "rejected",
    }
    assert Flag.objects.count() == 3
    assert ReportContact.objects.count() == 2
    audited = set(AuditEvent.objects.values_list("event", flat=True))
    assert audited >= {"report.merged", "report.status_changed", "moderation.rejected"}


def _check_details() -> None:
    states = Counter(DuplicatePair.objects.values_list("state", flat=True))
    assert set(states) == {"suggested", "merged", "refused"}
    gas = stories.report_of("gas")
    assert (gas.severity, gas.severity_rule) == (Severity.CRITICAL, "Gas")
    assert stories.report_of("winter sand").routed_by == RoutedBy.BROKEN
    lamp = stories.report_of("lamp")
    assert {one.value for one in lamp.answers.all()} == {"OH-114", "out"}
    assert stories.report_of("slabs").history.filter(note__startswith="Corrected").exists()
    assert AreaSubscription.objects.count() == len(texts.read("city")["subscriptions"])


# --- Photos ---------------------------------------------------------------------------------------


def test_every_scene_of_the_texts_can_be_drawn_and_varies_by_its_seed() -> None:
    named = {scene for story in STORIES for scene in story.get("pictures", [])}
    named |= {scene for story in STORIES for scene in story.get("repairs", [])}
    named |= set(texts.read("past")["scenes"].values())
    assert named == set(pictures.SCENES)
    for scene in named:
        first = pictures.draw(scene, "1").pixels()
        assert first == pictures.draw(scene, "1").pixels()
        assert first != pictures.draw(scene, "2").pixels()


@pytest.mark.usefixtures("photo_storage")
def test_photos_are_converted_and_offer_their_place(elm_harbor: City) -> None:
    stories.load(elm_harbor)
    added = photos.load(elm_harbor)
    assert added == Photo.objects.count() > len(STORIES)
    assert photos.load(elm_harbor) == 0
    report = stories.report_of("burst pipe")
    shown = report.photos.get(kind=PhotoKind.REPAIR)
    Task.objects.exclude(args=[str(shown.pk)]).delete()
    run_tasks()
    shown.refresh_from_db()
    assert shown.state == "ready"
    assert (shown.width, shown.height) == opened(pictures.draw("mended_road", "1").jpeg()).size
    assert shown.latitude == pytest.approx(report.latitude, abs=0.0001)
