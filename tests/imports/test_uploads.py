"""Uploading files at the desk: checked, shown, imported as a job, and pruned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from imports import carrying_out
from imports.actors import check_upload, prune_uploads
from imports.models import ImportRun, Upload
from imports.uploads import processing, receiving
from jobs.execution import mirrors
from jobs.models import Task
from jobs.operations import actions
from jobs.testing import run_tasks
from matching.models import Opportunity
from reports.models import Report
from tests.accounts.factories import make_user
from tests.jobs.conftest import QUICK, Workers, wait_until

pytestmark = pytest.mark.slow

ADD = "admin:imports_upload_add"
REPORTS = b"id,title,lat,lng\n1,Hole,41.3,-72.9\n2,Lamp,4_1.3,-72.9\n3,Tree,41.4,-72.8\n"
COLUMNS = "external_id=id,latitude=lat,longitude=lng"


@pytest.fixture(autouse=True)
def storage(settings: Any) -> Iterator[Path]:
    """Where uploads are; empty again afterwards."""
    root = Path(settings.STORAGES["imports"]["OPTIONS"]["location"])
    yield root
    shutil.rmtree(root, ignore_errors=True)


def staff(*permissions: str) -> User:
    user = make_user(is_staff=True)
    names = [one.partition(".")[2] for one in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def desk(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


@pytest.fixture
def clerk(db: None) -> Client:
    return desk(staff("imports.add_upload", "imports.view_upload", "reports.add_report"))


def upload(client: Client, content: bytes = REPORTS, **values: Any) -> Any:
    form = {"target": "reports", "source": "town", "time_format": "iso", "columns": COLUMNS}
    file = SimpleUploadedFile("town.csv", content)
    return client.post(reverse(ADD), form | values | {"file": file}, follow=True)


def page(client: Client) -> str:
    one = Upload.objects.get()
    url = reverse("admin:imports_upload_change", args=[one.pk])
    return client.get(url).content.decode()


def start(client: Client) -> None:
    url = reverse("admin:imports_upload_start", args=[Upload.objects.get().pk])
    assert client.post(url).status_code == 302


def test_an_upload_shows_what_it_would_do_and_then_does_it(clerk: Client, storage: Path) -> None:
    answer = upload(clerk)
    assert answer.headers["Refresh"]
    assert "being checked" in answer.content.decode()
    run_tasks()
    shown = page(clerk)
    assert "<td>Hole</td>" in shown
    assert "<td>Tree</td>" in shown
    assert "No column for created_at: every report gets the time of this import." in shown
    assert Report.objects.count() == ImportRun.objects.count() == 0
    one = Upload.objects.get()
    assert one.findings["counts"] == {
        "rows": 3, "created": 2, "changed": 0, "known": 0, "rejected": 1,
    }  # fmt: skip
    rejects = clerk.get(reverse("admin:imports_upload_rejects", args=[one.pk]))
    assert "attachment" in rejects.headers["Content-Disposition"]
    [line] = [json.loads(line) for line in b"".join(rejects).splitlines()]
    assert (line["row"], line["line"]) == (2, 3)
    assert line["reason"] == "latitude is not a number: 4_1.3"

    start(clerk)
    start(clerk)  # pressed twice
    run_tasks()
    assert sorted(Report.objects.values_list("title", flat=True)) == ["Hole", "Tree"]
    assert Task.objects.filter(actor="import_upload").count() == 1
    one.refresh_from_db()
    assert (one.state, one.result["created"]) == ("imported", 2)
    event = AuditEvent.objects.get(event="reports.imported")
    assert (event.actor_id, event.subject) == (one.uploaded_by_id, "import:town")
    assert "Download the rejected rows" in page(clerk)
    [file] = storage.glob("*/file")
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_known_is_counted_before_it_is_imported(clerk: Client) -> None:
    upload(clerk)
    run_tasks()
    start(clerk)
    run_tasks()
    Upload.objects.all().delete()
    upload(clerk, REPORTS + b"1,Hole,41.3,-72.9\n4,New,41.5,-72.7\n")
    run_tasks()
    counts = Upload.objects.get().findings["counts"]
    assert (counts["rows"], counts["created"], counts["known"], counts["rejected"]) == (5, 1, 3, 1)
    start(clerk)
    run_tasks()
    assert Upload.objects.get().result == counts


def test_opportunities_are_uploaded_too(db: None) -> None:
    client = desk(staff("imports.add_upload", "imports.view_upload", "matching.add_opportunity"))
    row = {"external_id": "1", "kind": "job", "title": "Nurse", "capacity": "10.0"}
    upload(client, json.dumps([row]).encode(), target="opportunities", columns="")
    run_tasks()
    assert "<td>Nurse</td>" in page(client)
    start(client)
    run_tasks()
    assert Opportunity.objects.get(source="town").capacity == 10


@pytest.mark.parametrize(
    ("content", "values", "sentence"),
    [
        (b"id,title\n1,Hole\n", {}, "The file has no column lat, lng. It has id, title."),
        (b"PK\x03\x04", {}, "The file is a ZIP archive or an Excel workbook; save it as CSV."),
        (REPORTS, {"columns": "latitude=lat,longitude=lng"}, "lacks a column for external_id"),
        (REPORTS, {"encoding": "utf-9"}, "is not a known encoding"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_in_a_sentence(
    clerk: Client, content: bytes, values: dict[str, Any], sentence: str
) -> None:
    upload(clerk, content, **values)
    run_tasks()
    one = Upload.objects.get()
    assert one.state == "refused"
    assert sentence in one.fault
    assert 'class="errornote"' in page(clerk)
    start(clerk)
    assert not Task.objects.filter(actor="import_upload").exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"columns": "title"}, "A map is FIELD=COLUMN"),
        ({"time_format": "%H"}, "is not a time format"),
        ({"time_zone": "Europe/Nowhere"}, "Expected a time zone"),
        ({"target": "opportunities"}, "Select a valid choice"),
        ({"source": "x" * 81}, "at most 80 characters"),
    ],
)
def test_options_that_cannot_work_are_refused_at_once(
    clerk: Client, values: dict[str, Any], sentence: str
) -> None:
    assert sentence in upload(clerk, **values).content.decode()
    assert not Upload.objects.exists()


def test_a_file_that_is_too_large_is_refused(clerk: Client, settings: Any) -> None:
    settings.IMPORT_UPLOAD_MAX_BYTES = 10
    assert "At most 10 bytes" in upload(clerk).content.decode()


def test_who_may_not_add_the_rows_sees_no_upload_of_them(clerk: Client) -> None:
    upload(clerk)
    run_tasks()
    one = Upload.objects.get()
    names = ("change", "start", "rejects")
    urls = [reverse(f"admin:imports_upload_{name}", args=[one.pk]) for name in names]
    others = {
        "without rights": staff(),
        "of opportunities": staff(
            "imports.add_upload", "imports.view_upload", "matching.add_opportunity"
        ),
        "without uploads": staff("reports.add_report"),
    }
    for name, user in others.items():
        client = desk(user)
        assert [client.post(url).status_code for url in urls[1:]] in ([404] * 2, [403] * 2), name
        assert client.get(urls[0]).status_code in {403, 404}, name
        assert client.get(urls[2]).status_code in {403, 404}, name
        listed = client.get(reverse("admin:imports_upload_changelist"))
        assert str(one.pk) not in listed.content.decode(), name
    reader = desk(staff("imports.view_upload", "reports.add_report"))
    assert reader.get(urls[0]).status_code == 200
    assert reader.post(urls[1]).status_code == 403
    assert reader.get(reverse(ADD)).status_code == 403
    assert Upload.objects.get().state == "checked"


def test_an_attempt_that_broke_off_is_gone_on_with(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 1)
    upload(clerk)
    run_tasks()
    start(clerk)
    advance, calls = carrying_out._advance, []

    def break_off_once(run: ImportRun, **progress: Any) -> None:
        calls.append(run.rows)
        if calls == [0, 1]:
            raise ConnectionError
        advance(run, **progress)

    monkeypatch.setattr(carrying_out, "_advance", break_off_once)
    Task.objects.exclude(actor="import_upload").delete()
    run_tasks(raise_errors=False)
    assert ImportRun.objects.get().rows == 1
    run_tasks(until_delay=False)
    assert calls == [0, 1, 1, 2, 3]
    assert Upload.objects.get().result["created"] == Report.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.faults
def test_a_killed_worker_loses_and_doubles_no_row(
    process_environment: dict[str, str], tmp_path: Path
) -> None:
    rows = [f"{number},Hole {number},41.3,-72.9" for number in range(1200)]
    file = SimpleUploadedFile("town.csv", "\n".join(["id,title,lat,lng", *rows, "bad"]).encode())
    columns = dict(pair.split("=") for pair in COLUMNS.split(","))
    one = receiving.receive(
        file,
        target="reports",
        source="town",
        options={"columns": columns},
        by=(by := make_user().pk),
    )
    run_tasks()
    with transaction.atomic():
        assert receiving.start(one, by=by)
    faults = QUICK | {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "DEBUG": "on",
        "JOBS_TRANSPORT": "embedded",
        "RABBITMQ_URL": "",
        "JOBS_FAILPOINTS": "after_effects=kill@2",
        "JOBS_FAILPOINTS_LOG": str(tmp_path / "hits"),
    }
    workers = Workers(process_environment | faults, tmp_path)
    try:
        workers.start(queues=("maintenance",))
        wait_until((tmp_path / "hits").exists, "the worker to be killed")
        assert Report.objects.count() == 1000
        workers.environment["JOBS_FAILPOINTS"] = ""
        workers.start(queues=("maintenance",))
        wait_until(lambda: Task.objects.get(actor="import_upload").is_terminal, "the import to end")
    finally:
        workers.stop_all()
    one.refresh_from_db()
    assert (one.state, one.result["rows"], one.result["created"]) == ("imported", 1201, 1200)
    assert (one.result["known"], one.result["rejected"]) == (0, 1)
    assert Report.objects.count() == 1200


def test_old_uploads_go_with_their_files(clerk: Client, storage: Path, settings: Any) -> None:
    upload(clerk)
    upload(clerk, source="village")
    run_tasks()
    old = Upload.objects.get(source="town")
    long_ago = timezone.now() - timedelta(days=settings.IMPORT_RETENTION_DAYS, minutes=1)
    Upload.objects.filter(pk=old.pk).update(created_at=long_ago)
    with transaction.atomic():
        prune_uploads.send()
    run_tasks()
    assert Upload.objects.get().source == "village"
    assert [one.name for one in storage.iterdir()] == [str(Upload.objects.get().pk)]


def test_an_upload_that_could_not_be_stored_leaves_no_file(
    clerk: Client, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(check_upload, "send_with_options", refuse)
    with pytest.raises(ConnectionError):
        upload(clerk)
    assert not list(storage.glob("*/file"))


def cancel_newest_task() -> UUID:
    """Cancel the task of the one upload, as an operator does."""
    task_id = Upload.objects.get().task_id
    assert task_id is not None
    actions.cancel([task_id], by=None)
    return task_id


def test_a_cancelled_check_shows_its_end_and_goes_on_when_replayed(clerk: Client) -> None:
    upload(clerk)
    task_id = cancel_newest_task()
    run_tasks()
    one = Upload.objects.get()
    assert (one.state, one.fault) == ("stopped", "The check was stopped. It was cancelled.")
    assert "being checked" not in page(clerk)
    start(clerk)
    assert Upload.objects.get().state == "stopped"  # nothing was checked
    Task.objects.filter(pk=task_id).update(state="dead")
    actions.replay([task_id], by=None)
    run_tasks()
    one = Upload.objects.get()
    assert (one.state, one.fault) == ("checked", "")


def test_an_import_that_died_shows_why_and_can_be_started_again(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(clerk)
    run_tasks()
    start(clerk)
    with monkeypatch.context() as broken:
        broken.setattr(processing, "import_file", lambda *_, **__: 1 / 0)
        Task.objects.filter(actor="import_upload").update(max_attempts=1)
        run_tasks(raise_errors=False)
    one, dead = Upload.objects.get(), Task.objects.get(actor="import_upload")
    assert (one.state, dead.state) == ("stopped", "dead")
    assert one.fault.startswith("The import was stopped. ZeroDivisionError")
    start(clerk)
    mirrors.show(str(dead.pk))  # comes late: the upload belongs to a later task by now
    assert Upload.objects.get().state == "importing"
    run_tasks()
    assert Upload.objects.get().state == "imported"
    assert Report.objects.count() == 2
