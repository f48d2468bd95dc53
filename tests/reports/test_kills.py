"""Web processes and workers killed between any two moments: nothing is lost or happens twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Task
from jobs.states import TERMINAL_STATES
from jobs.testing import advance, run_tasks
from notifications.models import Delivery
from reports.actors import purge_photo_files
from reports.helping import asking
from reports.imaging import files
from reports.models import Merge, Photo, PhotoFile, Report, Status
from tests.jobs.conftest import PATIENCE_SECONDS, QUICK, Workers, wait_until
from tests.reports.conftest import SignIn
from tests.reports.factories import make_clerk, make_report, make_user
from tests.reports.photos import encoded, picture, upload

pytestmark = pytest.mark.slow

#: Sends each request from processes of its own: the first is killed before the first statement that
#: changes something, the next before the second, until one gets through; that one ends after its
#: answer. Each looks first whether those before have left nothing. Prints how many were killed.
#: What a process does at its first request alone is done before, not in each child anew.
SENDER = """
import gc, json, os, signal, sys, traceback
import django
django.setup()
import config.urls  # once, not in each child
from django.db import connection
from rest_framework.test import APIClient
from accounts.models import User
from jobs.models import Task
from reports.models import Merge, Report, StatusChange

def traces(report_id):
    return [
        Report.objects.get(pk=report_id).status,
        StatusChange.objects.filter(report_id=report_id).count(),
        Merge.objects.standing().filter(duplicate_id=report_id).count(),
    ]

class Killing:
    def __init__(self, allowed):
        self.left = allowed
    def __call__(self, execute, sql, *arguments):
        if any(verb in sql for verb in ("INSERT ", "UPDATE ", "DELETE ")):
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, *arguments)

def send(request, allowed):
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=request["by"]))
    before = traces(request["report"])
    assert request["traces"] in (None, before), (before, request)
    assert request["tasks"] in (None, Task.objects.count()), request
    with connection.execute_wrapper(Killing(allowed)):
        answer = client.post(
            request["path"],
            request["body"],
            "json",
            headers={"Idempotency-Key": request["key"], "Host": "localhost"},
        )
    assert answer.status_code == 200, answer.content
    os._exit(0)

def status_of(request, allowed):
    child = os.fork()
    if not child:
        try:
            send(request, allowed)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    return os.waitpid(child, 0)[1]

requests = json.loads(sys.argv[1])
client = APIClient()
client.force_authenticate(User.objects.get(pk=requests[0]["by"]))
looked_up = client.get(f"/api/v1/reports/{requests[0]['report']}/", headers={"Host": "localhost"})
assert looked_up.status_code == 200, looked_up.content
connection.close()
gc.freeze()
for request in requests:
    allowed = 0
    while (status := status_of(request, allowed)) == signal.SIGKILL:
        allowed += 1
    assert status == 0, (request, allowed, status)
    print(allowed)
"""

FAULTS = QUICK | {
    "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
    "DEBUG": "on",
    "JOBS_TRANSPORT": "embedded",
    "RABBITMQ_URL": "",
}


def killed(environment: dict[str, str], requests: list[dict[str, Any]]) -> list[int]:
    """Send requests, each killed before every statement; return how often each was killed."""
    done = subprocess.run(
        [sys.executable, "-c", SENDER, json.dumps(requests)],
        env=environment | {"PYTHONPATH": str(Path.cwd()), "STEP_MESSAGE_GRACE_SECONDS": "0"},
        cwd=Path.cwd(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [int(line) for line in done.stdout.split()]


def request_of(report: Report, by: User, path: str, body: Mapping[str, str]) -> dict[str, Any]:
    """Return a request about a report; before it is sent, all must be as it is now."""
    traces = [
        report.status,
        report.history.count(),
        Merge.objects.standing().filter(duplicate=report).count(),
    ]
    return {
        "report": str(report.pk),
        "by": str(by.pk),
        "path": f"/api/v1/reports/{report.pk}/{path}/",
        "body": body,
        "key": f"{path}-{report.pk}",
        "traces": traces,
        "tasks": Task.objects.count(),
    }


def repeated(client: APIClient, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request again, as a client that got no answer does; return what it reads now."""
    answer = client.post(
        request["path"], request["body"], "json", headers={"Idempotency-Key": request["key"]}
    )
    assert answer.status_code == 200, answer.content
    read: dict[str, Any] = answer.json()
    return read


def reachable(number: int) -> User:
    """Return a citizen who gets messages by email."""
    return make_user(email=f"citizen{number}@example.org", email_verified_at=timezone.now())


def deliveries(user: User) -> list[str]:
    """Return what a user was told, by the templates of the messages."""
    rows = Delivery.objects.filter(user=user).order_by("created_at")
    return list(rows.values_list("template", flat=True))


def audited(report: Report) -> int:
    sent = Task.objects.filter(actor="record_audit_event")
    return sum(f"report:{report.pk}" in task.args for task in sent)


@pytest.mark.django_db(transaction=True)
def test_killed_requests_are_repeated_without_loss_or_repetition(
    process_environment: dict[str, str], as_user: SignIn
) -> None:
    clerk, reporter, follower, other = make_clerk(), *map(reachable, range(3))
    report = make_report(reporter=reporter, status=Status.RESOLVED, closed_at=timezone.now())
    report.follows.create(user=follower)
    original, duplicate = make_report(), make_report(reporter=other)
    into = {"other": str(original.pk)}
    mended = make_report(reporter=reachable(4))
    asking.ask(mended, asking.Wish(), by=clerk)
    requests = [
        request_of(report, clerk, "steps", {"step": "reopen", "note": "Still there."}),
        request_of(duplicate, clerk, "merge", into) | {"tasks": None},
        request_of(duplicate, clerk, "undo-duplicate", into) | {"traces": None, "tasks": None},
        request_of(mended, clerk, "help-requests/complete", {}) | {"tasks": None},
    ]
    assert min(killed(process_environment, requests)) > 5
    reopened, merged, separated, _ = (repeated(as_user(clerk), request) for request in requests)
    assert (reopened["status"], merged["state"], separated["state"]) == (
        "reopened",
        "merged",
        "suggested",
    )
    assert [line.step for line in report.history.all()] == ["", "reopen"]
    assert [line.step for line in duplicate.history.all()] == ["", "merge", "separate"]
    assert [line.step for line in mended.history.all()] == ["", "", "mend"]
    assert mended.help_requests.get().state == "done"
    assert not Merge.objects.standing().exists()
    run_tasks()
    assert (audited(report), audited(duplicate)) == (1, 4)  # each decision, and each step
    assert audited(mended) == 3  # asked, the step, and ended
    assert deliveries(mended.reporter) == ["report_status_changed"]  # type: ignore[arg-type]
    assert deliveries(reporter) == ["report_status_changed"]
    assert deliveries(follower) == ["followed_report_status_changed"]
    assert deliveries(other) == 2 * ["report_status_changed"]


@pytest.mark.django_db(transaction=True)
def test_work_whose_workers_are_killed_is_done_once(
    process_environment: dict[str, str],
    as_user: SignIn,
    settings: LazySettings,
    photo_storage: Path,
    tmp_path: Path,
) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 1
    clerk, reporter, follower = make_clerk(), reachable(1), reachable(2)
    report = make_report(reporter=reporter, status=Status.RESOLVED, closed_at=timezone.now())
    report.follows.create(user=follower)
    original, duplicate = make_report(), make_report(reporter=reachable(3))
    workers = Workers(process_environment | FAULTS | {"DATA_DIR": str(tmp_path)}, tmp_path)
    staff = as_user(clerk)
    try:
        upload(as_user(reporter), report, encoded(picture(5000, 4000)))
        process = workers.start()
        kill_the_worker_of(stopped_converter(tmp_path))
        workers.kill(process)
        repeated(staff, request_of(report, clerk, "steps", {"step": "reopen", "note": "Still."}))
        other = {"other": str(original.pk)}
        repeated(staff, request_of(duplicate, clerk, "merge", other))
        log = tmp_path / "hits"
        workers.environment["JOBS_FAILPOINTS_LOG"] = str(log)
        workers.environment["JOBS_FAILPOINTS"] = "after_commit=kill@2"
        process = workers.start()
        wait_until(lambda: hurried() and log.exists(), "a worker to die between two tasks")
        workers.kill(process)
        repeated(staff, request_of(duplicate, clerk, "undo-duplicate", other))
        workers.environment["JOBS_FAILPOINTS"] = ""
        workers.start()
        wait_until(lambda: hurried() and is_drained(), "every task to end")
        assert_photo_is_ready_once(report, photo_storage)
    finally:
        workers.stop_all()
        for left in converters(tmp_path):  # where the test has failed
            os.kill(left, signal.SIGKILL)
    assert_reopened_once(report, reporter, follower)
    assert_merge_was_undone_once(duplicate)


def assert_reopened_once(report: Report, reporter: User, follower: User) -> None:
    assert Report.objects.get(pk=report.pk).status == Status.REOPENED
    assert audited(report) == 2  # the photo and the step
    assert deliveries(reporter) == ["report_status_changed"]
    assert deliveries(follower) == ["followed_report_status_changed"]


def assert_merge_was_undone_once(duplicate: Report) -> None:
    """Check that a merge was undone; people hear of both, or of none if nothing had been sent."""
    assert Report.objects.get(pk=duplicate.pk).status == Status.TRIAGED
    assert audited(duplicate) == 4  # each decision, and each step
    of_both = 2 * ["report_status_changed"]
    assert deliveries(duplicate.reporter) in ([], of_both)  # type: ignore[arg-type]


def stopped_converter(folder: Path) -> int:
    """Return the process that decodes a photo in `folder`, stopped, as if it took very long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for pid in filter(has_limits, converters(folder)):
            os.kill(pid, signal.SIGSTOP)
            return pid
    raise AssertionError("No converter was started.")


def has_limits(pid: int) -> bool:
    """Return whether a converter has begun with its work, of which its limits are the first."""
    with suppress(OSError):
        return str(settings.PHOTO_MEMORY_BYTES) in Path(f"/proc/{pid}/limits").read_text()
    return False


def kill_the_worker_of(converter: int) -> None:
    """Kill the worker alone that waits for a converter; the converter must end with it."""
    status = Path(f"/proc/{converter}/status").read_text()
    [parent] = [line.split()[1] for line in status.splitlines() if line.startswith("PPid:")]
    folder = Path(f"/proc/{converter}/cwd").readlink()
    os.kill(int(parent), signal.SIGKILL)
    wait_until(lambda: not converters(folder), "the converter to end with its worker")


def converters(folder: Path) -> list[int]:
    """Return the processes that convert a photo in a folder or below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_converter = b"converter.py" in (entry / "cmdline").read_bytes()
            if is_converter and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
    return found


def hurried() -> bool:
    """Let all that waits come due."""
    advance(timedelta(minutes=1))
    return True


def is_drained() -> bool:
    return not Task.objects.exclude(state__in=TERMINAL_STATES).exists()


def assert_photo_is_ready_once(report: Report, folder: Path) -> None:
    """Check that the photo has its four files, and that a purge leaves no others."""
    photo = Photo.objects.get(report=report)
    assert (photo.state, photo.files.count()) == ("ready", 4)
    PhotoFile.objects.filter(photo=None).update(created_at=timezone.now() - 2 * files.GRACE)
    with transaction.atomic():
        purge_photo_files.send()
    wait_until(lambda: hurried() and is_drained(), "the purge to end")
    stored = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert stored == set(photo.files.values_list("name", flat=True))
    assert PhotoFile.objects.count() == 4
