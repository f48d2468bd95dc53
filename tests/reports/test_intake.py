"""How a report enters."""

from __future__ import annotations

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.geography import boundary
from reports.intake.submission import NewReport, submit_report
from reports.models import Report, StatusChange
from tests.reports.factories import make_category, make_user

pytestmark = pytest.mark.django_db
HOLE = NewReport(title="Hole", description="Deep.", latitude=41.3, longitude=-72.9)


class Interrupted(Exception):
    """Something after the report failed."""


def submit_and_fail() -> None:
    with transaction.atomic():
        submit_report(HOLE, reporter=make_user())
        raise Interrupted


def test_a_rolled_back_report_leaves_no_task() -> None:
    with pytest.raises(Interrupted):
        submit_and_fail()
    assert not Report.objects.exists()
    assert not StatusChange.objects.exists()
    assert not Task.objects.exists()


def test_the_request_writes_all_rows_with_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    user = make_user(wants_sms=True)
    # savepoint; limits; words, with the lock for the credit; then report, history, follow, audit,
    # credit, delivery and two tasks; release
    boundary.kept.get()  # a process reads it once a minute
    with django_assert_num_queries(5):
        submit_report(HOLE, reporter=user)


def test_the_whole_chain_credits_and_notifies_once() -> None:
    category = make_category()
    user = make_user(wants_sms=True)
    submission = submit_report(
        NewReport(title="Hole", description="Deep.", latitude=1, longitude=2, category=category),
        reporter=user,
    )
    run_tasks()
    user.refresh_from_db()
    assert user.reputation == 5
    assert Delivery.objects.get().template == "report_received"
    assert submission.tracking_token is None
    assert set(Task.objects.values_list("state", flat=True)) == {"succeeded"}
