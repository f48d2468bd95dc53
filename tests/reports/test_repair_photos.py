"""Photos of the repair confirm it where nobody answers; a "no" may carry a photo of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs import failpoints
from jobs.failpoints import Plan, ThreadKilled
from jobs.ledger import database
from jobs.testing import run_tasks
from reports.confirmation import answering, links
from reports.confirmation.answering import Answer
from reports.models import (
    Confirmation,
    ConfirmedBy,
    Photo,
    PhotoFile,
    Report,
    Role,
    Status,
    new_tracking_token,
)
from reports.models.tracking import hash_tracking_token
from reports.photos import moderating
from reports.workflow import clock, transitions, undoing
from reports.workflow.actors import close_unconfirmed
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.reports.conftest import SignIn
from tests.reports.desk import LIST, signed_in
from tests.reports.factories import make_department, make_report, make_staff, make_user
from tests.reports.photos import jpeg, make_photo, upload
from tests.reports.racing import in_a_thread, wait_until_blocked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("photo_storage")]


@pytest.fixture
def reporter() -> User:
    return make_user()


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.fixture
def report(reporter: User, clerk: User) -> Report:
    """Just resolved by staff."""
    report = make_report(reporter=reporter, status=Status.IN_PROGRESS)
    step(report, "resolve", by=clerk)
    return report


def step(report: Report, name: str, *, by: User, note: str = "") -> None:
    transitions.take(report, name, by=by, roles=roles_in(report, by), inputs=Inputs(note=note))


def let_window_pass(report: Report, settings: Any) -> None:
    past = database.now() - timedelta(days=settings.CONFIRMATION_WINDOW_DAYS, minutes=1)
    Report.objects.filter(pk=report.pk).update(closed_at=past)


def close() -> None:
    with transaction.atomic():
        close_unconfirmed.send()
    run_tasks()


def stored(report: Report) -> Report:
    return Report.objects.get(pk=report.pk)


# --- The window ends ------------------------------------------------------------------------------


def test_without_an_answer_a_photo_of_the_repair_confirms_it(
    report: Report, clerk: User, as_user: SignIn, settings: Any
) -> None:
    assert upload(as_user(clerk), report, jpeg(), fields={"kind": "repair"}).status_code == 202
    run_tasks()
    close()
    assert stored(report).status == Status.RESOLVED  # the window is open
    let_window_pass(report, settings)
    close()
    now = stored(report)
    assert (now.status, now.confirmed_at is not None) == (Status.CLOSED, True)
    confirmation = Confirmation.objects.get()
    assert (confirmation.source, confirmation.is_fixed) == (ConfirmedBy.PHOTO, True)
    assert (confirmation.photo, confirmation.user) == (Photo.objects.get(), None)
    line = report.history.last()
    assert line is not None
    assert (line.step, line.role, line.by) == ("confirm", Role.SYSTEM, None)
    answer = as_user(make_user()).get(f"/api/v1/reports/{report.pk}/").json()
    assert answer["history"][-1]["note"] == "Confirmed by a photo of the repair."
    close()
    assert (Confirmation.objects.count(), report.history.count()) == (1, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "before"},
        {"kind": "unrepaired"},
        {"kind": "repair", "state": "taken_down"},
        {"kind": "repair", "state": "refused", "refusal": "damaged"},
    ],
)
def test_other_photos_confirm_nothing(report: Report, settings: Any, fields: Any) -> None:
    Photo.objects.create(report=report, **({"state": "ready"} | fields))
    let_window_pass(report, settings)
    close()
    assert (stored(report).status, stored(report).confirmed_at) == (Status.CLOSED, None)
    assert not Confirmation.objects.exists()


def test_a_photo_from_before_the_last_reopening_confirms_nothing(
    report: Report, reporter: User, clerk: User, settings: Any
) -> None:
    make_photo(report, kind="repair")
    step(report, "deny", by=reporter)
    step(report, "resolve", by=clerk)
    let_window_pass(report, settings)
    close()
    assert (stored(report).status, stored(report).confirmed_at) == (Status.CLOSED, None)


def test_a_photo_taken_since_the_last_reopening_confirms_the_second_repair(
    report: Report, reporter: User, clerk: User, settings: Any
) -> None:
    make_photo(report, kind="repair")
    step(report, "deny", by=reporter)
    Photo.objects.update(created_at=database.now() - timedelta(hours=1))
    second = make_photo(report, kind="repair", created_at=database.now() + timedelta(seconds=1))
    step(report, "resolve", by=clerk)
    let_window_pass(report, settings)
    close()
    assert Confirmation.objects.get().photo == second


def test_a_reopening_that_was_undone_changes_neither_photo_nor_link(
    report: Report, clerk: User, client: Client, settings: Any
) -> None:
    resolution = answering.resolution_of(report)
    assert resolution is not None
    path = links.path_of(f"{report.pk}:{resolution.change_id}")
    make_photo(report, kind="repair")
    settings.STEP_MESSAGE_GRACE_SECONDS = 30
    step(report, "start", by=clerk)
    undoing.undo(report, by=clerk, roles=roles_in(report, clerk))
    assert "Is the problem fixed?" in client.get(path).content.decode()
    let_window_pass(report, settings)
    close()
    assert Confirmation.objects.get().resolution == resolution.change_id


def test_a_photo_that_is_still_being_processed_is_waited_for(
    report: Report, clerk: User, as_user: SignIn, settings: Any
) -> None:
    upload(as_user(clerk), report, jpeg(), fields={"kind": "repair"})
    let_window_pass(report, settings)
    with transaction.atomic():
        assert clock.close_unanswered() == 0
    run_tasks()
    close()
    assert Confirmation.objects.get().source == ConfirmedBy.PHOTO


@pytest.mark.django_db(transaction=True)
def test_a_photo_that_is_taken_down_as_the_window_ends_confirms_nothing(
    report: Report, clerk: User, settings: Any
) -> None:
    photo = make_photo(report, kind="repair")
    let_window_pass(report, settings)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            moderating.take_down(photo, reason="Another street.", by=clerk)
            closing = threads.submit(in_a_thread, close_unanswered)
            wait_until_blocked("reports_photo")
        assert closing.result() == 1
    assert (stored(report).status, stored(report).confirmed_at) == (Status.CLOSED, None)


@pytest.mark.django_db(transaction=True)
def test_a_no_that_arrives_as_the_window_ends_is_the_answer(
    report: Report, reporter: User, settings: Any
) -> None:
    make_photo(report, kind="repair")
    resolution = answering.resolution_of(report)
    assert resolution is not None
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        given = Answer(is_fixed=False, source=ConfirmedBy.REPORTER, by=reporter)
        answering.answer(resolution, given)
        settings.CONFIRMATION_WINDOW_DAYS = 0
        assert threads.submit(in_a_thread, close_unanswered).result() == 0
    assert close_unanswered() == 0
    assert stored(report).status == Status.REOPENED


@transaction.atomic
def close_unanswered() -> int:
    return clock.close_unanswered()


@pytest.mark.django_db(transaction=True)
def test_a_closing_that_was_killed_between_is_done_once(
    report: Report, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_photo(report, kind="repair")
    let_window_pass(report, settings)
    for point in ("step.stored", "step.written", "confirmed_by_photo"):
        break_at(monkeypatch, point, tmp_path / "hits")
        with pytest.raises(ThreadKilled), transaction.atomic():
            clock.close_unanswered()
        assert (stored(report).status, Confirmation.objects.count()) == (Status.RESOLVED, 0), point
    monkeypatch.undo()
    close()
    assert (stored(report).status, Confirmation.objects.count()) == (Status.CLOSED, 1)


def break_at(monkeypatch: pytest.MonkeyPatch, point: str, log: Path) -> None:
    monkeypatch.setattr(failpoints, "_active", Plan(f"{point}=raise@1", seed="", log=log))


def test_many_photos_of_the_problem_keep_none_of_the_repair_out(
    report: Report, clerk: User, reporter: User, as_user: SignIn
) -> None:
    for _ in range(10):
        Photo.objects.create(report=report)
    assert upload(as_user(reporter), report, jpeg()).status_code == 409
    assert upload(as_user(clerk), report, jpeg(), fields={"kind": "repair"}).status_code == 202


# --- "No", with a photo ---------------------------------------------------------------------------


def deny(
    client: APIClient, report: Report, content: bytes = b"", headers: Any = None, **fields: str
) -> Any:
    photo = SimpleUploadedFile("still.jpg", content or jpeg(), "image/jpeg")
    body = {"is_fixed": "false", "photo": photo} | fields
    path = f"/api/v1/reports/{report.pk}/confirmation/"
    return client.post(path, body, format="multipart", headers=headers)


def test_a_no_carries_a_photo_that_staff_and_its_sender_alone_see(
    report: Report, reporter: User, clerk: User, as_user: SignIn, api: APIClient
) -> None:
    answer = deny(as_user(reporter), report, note="Still deep.")
    assert (answer.status_code, answer.json()["status"]) == (200, "reopened")
    run_tasks()
    photo = Photo.objects.get()
    assert (photo.kind, photo.state, photo.citizen) == ("unrepaired", "ready", reporter)
    assert answer.json()["photo"] == str(photo.pk)
    assert Confirmation.objects.get().photo == photo
    picture = f"/api/v1/photos/{photo.pk}/full.jpg"
    for insider in (as_user(reporter), as_user(clerk)):
        assert insider.get(picture).status_code == 200
        assert insider.get(f"/api/v1/photos/{photo.pk}/").json()["kind"] == "unrepaired"
        [listed] = insider.get(f"/api/v1/reports/{report.pk}/photos/").json()
        assert listed["urls"]["full"] == picture
    elsewhere = as_user(make_staff(make_department("parks")))
    for stranger in (api, as_user(make_user()), elsewhere):
        assert stranger.get(picture).status_code == 404
        assert stranger.get(f"/api/v1/photos/{photo.pk}/").status_code == 404
        assert stranger.get(f"/api/v1/reports/{report.pk}/photos/").json() == []
        assert stranger.get(f"/api/v1/reports/{report.pk}/").json()["photos"] == []
    [in_list] = api.get("/api/v1/reports/").json()["results"]
    assert in_list["photos"] == []


def test_the_holder_of_the_tracking_token_sees_the_photo_of_the_no(
    api: APIClient, clerk: User
) -> None:
    token = new_tracking_token()
    report = make_report(status=Status.IN_PROGRESS, tracking_token_hash=hash_tracking_token(token))
    step(report, "resolve", by=clerk)
    headers = {"X-Tracking-Token": token}
    assert deny(api, report, headers=headers).status_code == 200
    run_tasks()
    picture = f"/api/v1/photos/{Photo.objects.get().pk}/small.jpg"
    assert api.get(picture).status_code == 404
    assert api.get(picture, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("content", "fields", "status", "problem"),
    [
        (b"", {"is_fixed": "true"}, 400, "validation-error"),
        (b"GIF89a", {}, 400, "photo-refused"),
        (b"<svg onload='alert(1)'/>", {}, 400, "photo-refused"),
        (b"\xff\xd8\xff" + b"0" * 3_000, {}, 413, "body-too-large"),
        (b"", {"note": "x" * 2_001}, 400, "validation-error"),
        (b"", {"is_fixed": "perhaps"}, 400, "validation-error"),
    ],
)
def test_a_photo_that_is_none_gives_no_answer(
    report: Report, reporter: User, as_user: SignIn, settings: Any, content: bytes, fields: Any,
    status: int, problem: str,
) -> None:  # fmt: skip
    settings.PHOTO_MAX_BYTES = 2_500
    answer = deny(as_user(reporter), report, content, **fields)
    assert answer.status_code == status, answer.content
    assert answer.json()["type"] == f"/problems/{problem}"
    assert stored(report).status == Status.RESOLVED
    assert (Photo.objects.count(), PhotoFile.objects.count()) == (0, 0)


def test_a_repeated_no_adds_its_photo_once(report: Report, reporter: User, as_user: SignIn) -> None:
    headers = {"Idempotency-Key": "no-1"}
    first, second = (deny(as_user(reporter), report, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (Photo.objects.count(), PhotoFile.objects.count()) == (1, 1)


def test_strangers_cannot_leave_photos(report: Report, as_user: SignIn, api: APIClient) -> None:
    assert deny(as_user(make_user()), report).status_code == 403
    assert deny(api, report).status_code == 401
    assert deny(api, report, token="x").status_code == 404
    assert PhotoFile.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_no_that_was_killed_between_is_none(
    report: Report, reporter: User, as_user: SignIn, monkeypatch: Any, tmp_path: Path
) -> None:
    for point in ("step.stored", "photo_accepted"):
        break_at(monkeypatch, point, tmp_path / "hits")
        with pytest.raises(ThreadKilled):
            deny(as_user(reporter), report)
        assert (stored(report).status, Photo.objects.count()) == (Status.RESOLVED, 0), point
    monkeypatch.undo()
    assert deny(as_user(reporter), report).json()["status"] == "reopened"


@pytest.fixture
def page(report: Report) -> Callable[..., Any]:
    """Answer on the page of the link: `page(answer=…, photo=…)`."""
    resolution = answering.resolution_of(report)
    assert resolution is not None
    path = links.path_of(f"{report.pk}:{resolution.change_id}")

    def answer(content: bytes | None = None, **fields: Any) -> Any:
        photo = {"photo": SimpleUploadedFile("p.jpg", content)} if content is not None else {}
        return Client(enforce_csrf_checks=True).post(path, fields | photo)

    return answer


def test_the_page_of_the_link_takes_a_photo(
    report: Report, reporter: User, page: Callable[..., Any]
) -> None:
    assert "open again" in page(jpeg(), answer="no", note="Deep.").content.decode()
    photo = Photo.objects.get()
    assert (photo.kind, photo.citizen) == ("unrepaired", reporter)
    confirmation = Confirmation.objects.get()
    assert (confirmation.photo, confirmation.user, confirmation.note) == (photo, None, "Deep.")


def test_the_page_says_what_is_wrong_with_a_photo_and_keeps_the_text(
    report: Report, page: Callable[..., Any], settings: Any
) -> None:
    answer = page(b"GIF89a", answer="no", note="Still deep.")
    assert answer.status_code == 400
    assert "This file is no photo." in answer.content.decode()
    assert "Still deep.</textarea>" in answer.content.decode()
    assert "The file is empty." in page(b"", answer="no").content.decode()
    settings.PHOTO_MAX_BYTES = 100
    assert "at most 0.0001 MB" in page(jpeg(), answer="no").content.decode()
    assert (stored(report).status, PhotoFile.objects.count()) == (Status.RESOLVED, 0)
    assert page(jpeg(), answer="yes").status_code == 200  # it would show what is still wrong
    assert (stored(report).status, PhotoFile.objects.count()) == (Status.CLOSED, 0)


def test_one_address_sends_the_page_so_many_photos(
    report: Report, page: Callable[..., Any], settings: Any
) -> None:
    settings.PHOTOS_PER_SENDER_HOUR = 0
    assert "Too many photos" in page(jpeg(), answer="no").content.decode()
    assert page(answer="no").status_code == 200


# --- The desk -------------------------------------------------------------------------------------


def add_at_desk(user: User, report: Report, *contents: bytes) -> Any:
    photos = [SimpleUploadedFile(f"{n}.jpg", content) for n, content in enumerate(contents)]
    return signed_in(user).post(f"{LIST}{report.pk}/photos/", {"photos": photos}, follow=True)


def test_staff_add_photos_of_the_repair_at_the_desk(report: Report, clerk: User) -> None:
    page = add_at_desk(clerk, report, jpeg(), b"GIF89a", jpeg()).content.decode()
    assert "2 sent" in page
    assert "1.jpg: This file is no photo." in page
    assert [(one.kind, one.citizen) for one in Photo.objects.all()] == [("repair", None)] * 2
    assert "Choose one or more photos." in add_at_desk(clerk, report).content.decode()


def test_other_departments_and_citizens_add_none(report: Report, reporter: User) -> None:
    elsewhere = make_staff(make_department("parks"))
    assert add_at_desk(elsewhere, report, jpeg()).status_code == 404
    add_at_desk(reporter, report, jpeg())
    assert not Photo.objects.exists()


def test_the_page_at_the_desk_says_that_an_answer_has_a_photo(
    report: Report, reporter: User, clerk: User, as_user: SignIn
) -> None:
    deny(as_user(reporter), report, note="Deep.")
    run_tasks()
    timeline = signed_in(clerk).get(f"{LIST}{report.pk}/timeline/").content.decode()
    assert "Deep. With a photo." in timeline
    page = signed_in(clerk).get(f"{LIST}{report.pk}/change/").content.decode()
    assert "What is still wrong, sent" in page
