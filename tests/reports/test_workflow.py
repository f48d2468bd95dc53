"""The steps of a report."""

from __future__ import annotations

import pytest

from accounts.actors import record_audit_event
from jobs.models import Task
from jobs.testing import assert_sent
from reports.errors import StatusChangedMeanwhile, TransitionNotAllowed
from reports.models import OPEN_STATUSES, Report, Status
from reports.workflow import transitions
from tests.reports.factories import make_department, make_report, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("to", Status.values)
@pytest.mark.parametrize("came_from", Status.values)
def test_the_table_alone_decides(came_from: str, to: str) -> None:
    report, staff = make_report(status=came_from), make_staff(make_department())
    if to in transitions.TRANSITIONS[came_from]:
        transitions.change_status(report, to=to, by=staff)
        report.refresh_from_db()
        assert report.status == to
        assert (report.closed_at is None) is (to in OPEN_STATUSES)
    else:
        with pytest.raises(TransitionNotAllowed):
            transitions.change_status(report, to=to, by=staff)
        assert report.history.count() == 1


def test_of_two_who_saw_the_same_status_the_second_is_refused() -> None:
    first, staff = make_report(), make_staff(make_department())
    second = Report.objects.get(pk=first.pk)
    transitions.change_status(first, to=Status.IN_PROGRESS, by=staff)
    with pytest.raises(StatusChangedMeanwhile):
        transitions.change_status(second, to=Status.REJECTED, by=staff)
    second.refresh_from_db()
    assert second.status == Status.IN_PROGRESS
    assert second.history.count() == 2


def test_a_step_is_audited() -> None:
    report, staff = make_report(), make_staff(make_department())
    transitions.change_status(report, to=Status.RESOLVED, by=staff)
    facts = {"from": "triaged", "to": "resolved"}
    assert_sent(
        record_audit_event, "report.status_changed", str(staff.pk), f"report:{report.pk}", facts
    )


def test_old_imported_reports_notify_nobody() -> None:
    report, staff = make_report(reporter=make_user(), is_live=False), make_staff(make_department())
    transitions.change_status(report, to=Status.RESOLVED, by=staff)
    assert not Task.objects.filter(actor="notify_user").exists()


def test_a_rejected_report_is_withdrawn_and_comes_back_when_taken_up_again() -> None:
    report, staff = make_report(), make_staff(make_department())
    transitions.change_status(report, to=Status.REJECTED, by=staff)
    assert not Report.objects.published().exists()
    transitions.change_status(report, to=Status.TRIAGED, by=staff, is_publishing=True)
    assert Report.objects.published().exists()
