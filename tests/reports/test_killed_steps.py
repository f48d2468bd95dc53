"""A process killed between any two moments of a step: nothing is lost, nothing happens twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.models import Report, Status
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_report, make_staff, make_user

#: Where a process may end while it reopens a report; the last one, after the commit.
POINTS = ("step.stored", "step.written", "step.audited", "step.announced", "answered")

#: Sends one request for each fail point from a process of its own, which the fail point kills.
SENDER = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from django.conf import settings
from jobs import failpoints
from rest_framework.test import APIClient
from accounts.models import User

def send(point, report_id, user_id):
    failpoints._active = failpoints.Plan(f"{point}=kill@1", seed="", log=Path(os.devnull))
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=user_id))
    client.post(
        f"/api/v1/reports/{report_id}/steps/",
        {"step": "reopen", "note": "Still there."},
        "json",
        headers={"Idempotency-Key": point, "Host": "localhost"},
    )
    os.kill(os.getpid(), signal.SIGKILL)

user_id, *pairs = sys.argv[1:]
for pair in pairs:
    point, report_id = pair.split("=")
    child = os.fork()
    if not child:
        send(point, report_id, user_id)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_reopening_is_repeated_without_loss_or_repetition(
    process_environment: dict[str, str], as_user: SignIn, tmp_path: Path
) -> None:
    clerk = make_staff(make_department())
    reports = {
        point: make_report(
            reporter=make_user(email=f"{number}@example.org", email_verified_at=timezone.now()),
            status=Status.RESOLVED,
            closed_at=timezone.now(),
        )
        for number, point in enumerate(POINTS)
    }
    pairs = [f"{point}={report.pk}" for point, report in reports.items()]
    environment = process_environment | {"STEP_MESSAGE_GRACE_SECONDS": "0"}
    subprocess.run(
        [sys.executable, "-c", SENDER, str(clerk.pk), *pairs],
        env=environment | {"PYTHONPATH": str(Path.cwd())},
        cwd=Path.cwd(),
        check=True,
    )
    for point, report in reports.items():
        is_committed = point == "answered"
        status = Report.objects.get(pk=report.pk).status
        assert status == ("reopened" if is_committed else "resolved"), point
        assert report.history.count() == (2 if is_committed else 1)
        assert tasks_about(report) == (2 if is_committed else 0)
    client: APIClient = as_user(clerk)
    for point, report in reports.items():
        answer = client.post(
            f"/api/v1/reports/{report.pk}/steps/",
            {"step": "reopen", "note": "Still there."},
            "json",
            headers={"Idempotency-Key": point},
        )
        assert answer.status_code == 200
        assert answer.json()["status"] == "reopened"
    run_tasks()
    for report in reports.values():
        assert [line.step for line in report.history.all()] == ["", "reopen"]
        assert tasks_about(report) == 2
        assert Delivery.objects.filter(context__report_id=str(report.pk)).count() == 1


def tasks_about(report: Report) -> int:
    """The tasks that record and announce its steps."""
    sent = Task.objects.filter(actor__in=("record_audit_event", "notify_user"))
    return sum(str(report.pk) in str(task.args) for task in sent)
