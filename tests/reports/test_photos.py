"""Photos of reports, from their arrival to their picture, through the API."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from jobs import failpoints
from jobs.failpoints import Plan, ThreadKilled
from jobs.models import Task
from jobs.operations import actions
from jobs.testing import advance, run_tasks
from jobs.worker import heartbeat
from reports.actors import purge_photo_files
from reports.errors import ConversionBroke
from reports.imaging import conversion, files, processing
from reports.imaging.conversion import Converted
from reports.imaging.processing import Outcome
from reports.models import Photo, PhotoFile, Refusal, Report, Status, new_tracking_token
from reports.models.report import hash_tracking_token
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_report, make_staff, make_user
from tests.reports.photos import corners, encoded, jpeg, make_photo, opened, picture, upload

pytestmark = pytest.mark.django_db
HEIC = Path(__file__).parents[1] / "data" / "corners.heic"
MADE_OF = {"small": 240, "medium": 320, "large": 320, "full": 320}


@pytest.fixture(autouse=True)
def _own_storage(settings: LazySettings, tmp_path: Path) -> None:
    options = settings.STORAGES["photos"]["OPTIONS"] | {"location": tmp_path / "photos"}
    settings.STORAGES = settings.STORAGES | {
        "photos": settings.STORAGES["photos"] | {"OPTIONS": options}
    }


@pytest.fixture
def report() -> Report:
    return make_report(reporter=make_user())


@pytest.fixture
def owner(report: Report, as_user: SignIn) -> APIClient:
    assert report.reporter is not None
    return as_user(report.reporter)


def stored_files() -> set[str]:
    folder = Path(storages["photos"].path(""))
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def processed(client: APIClient, report: Report, content: bytes, **options: Any) -> dict[str, Any]:
    """Send a photo, let it be processed, and return what its sender reads then."""
    answer = upload(client, report, content, **options)
    assert answer.status_code == 202, answer.content
    run_all()
    read: dict[str, Any] = client.get(answer.headers["Location"]).json()
    return read


def run_all() -> None:
    """Run the tasks, the deletion of originals too."""
    run_tasks()
    advance(timedelta(minutes=1))
    run_tasks()


def fetched(client: APIClient, photo: dict[str, Any], size: str = "full") -> Any:
    answer = client.get(photo["urls"][size])
    assert answer.status_code == 200
    return answer


def content_of(client: APIClient, photo: dict[str, Any], size: str = "full") -> bytes:
    content: bytes = fetched(client, photo, size).content
    return content


def with_camera_notes() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Phone of Ann"
    camera = exif.get_ifd(0x8769)
    camera[0x9003], camera[0x9011] = "2026:05:04 12:30:00", "-04:00"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (IFDRational(41), IFDRational(18), IFDRational(36))
    gps[3], gps[4] = "W", (IFDRational(72), IFDRational(55), IFDRational(30))
    return jpeg(exif=exif, comment=b"written by Ann", xmp=b"<x:xmpmeta>Ann's home</x:xmpmeta>")


def test_a_photo_is_taken_at_once_and_shown_in_every_size(
    owner: APIClient, report: Report, api: APIClient
) -> None:
    answer = upload(owner, report, encoded(picture(5000, 3000)))
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert answer.json()["urls"] is None
    assert api.get(f"/api/v1/reports/{report.pk}/photos/").json() == []
    run_all()
    [photo] = api.get(f"/api/v1/reports/{report.pk}/").json()["photos"]
    assert (photo["state"], photo["width"], photo["height"]) == ("ready", 4096, 2458)
    for size, edge in {"full": 4096, "large": 1280, "medium": 640, "small": 240}.items():
        image = opened(content_of(api, photo, size))
        assert (image.format, image.mode, image.width) == ("JPEG", "RGB", edge)
        assert corners(image) == ["red", "lime", "blue", "white"]
    assert len(stored_files()) == 4
    assert api.get("/api/v1/reports/").json()["results"][0]["photos"][0]["id"] == photo["id"]


def test_nothing_of_the_original_but_its_pixels_is_kept(
    owner: APIClient, report: Report, api: APIClient
) -> None:
    photo = processed(owner, report, with_camera_notes() + b"<script>alert(1)</script>")
    assert photo["taken_at"] == "2026-05-04T16:30:00Z"
    assert photo["suggested_place"] == {
        "latitude": pytest.approx(41.31),
        "longitude": pytest.approx(-72.925),
    }
    for size in ("full", "large", "medium", "small"):
        content = content_of(owner, photo, size)
        assert not opened(content).getexif()
        assert not {"exif", "comment", "xmp", "icc_profile"} & opened(content).info.keys()
        for trace in (b"Exif", b"Ann", b"xmpmeta", b"script"):
            assert trace not in content
    # The original, which told all that, is gone.
    assert not [name for name in stored_files() if name.startswith("incoming")]
    public = api.get(f"/api/v1/reports/{report.pk}/photos/").json()[0]
    assert (public["taken_at"], public["suggested_place"]) == (None, None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_turned_back(owner: APIClient, report: Report, orientation: int) -> None:
    """The picture is stored as the camera would store it, then has to look as it was."""
    stored_as = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = picture() if stored_as is None else picture().transpose(stored_as)
    photo = processed(owner, report, encoded(turned, exif=exif))
    assert (photo["width"], photo["height"]) == (320, 200)
    assert corners(opened(content_of(owner, photo))) == ["red", "lime", "blue", "white"]


def png_of(width: int, height: int) -> bytes:
    """A PNG of some KB that decodes to width × height × 3 bytes."""
    return encoded(Image.new("1", (width, height)), "PNG")


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def zip_behind_a_jpeg() -> bytes:
    buffer = BytesIO(jpeg())
    buffer.seek(0, os.SEEK_END)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("evil.js", "alert(1)")
    return buffer.getvalue()


def sixteen_bits() -> bytes:
    return encoded(
        picture().convert("L").convert("I").point(lambda v: v * 257).convert("I;16"), "PNG"
    )


#: What is taken, although it is unusual; the corners are looked at in each.
TAKEN: dict[str, Callable[[], bytes]] = {
    "a PNG with transparency": lambda: encoded(picture(mode="RGBA"), "PNG"),
    "a PNG with a palette": lambda: encoded(picture(mode="P"), "PNG"),
    "a WebP": lambda: encoded(picture(), "WEBP", lossless=True),
    "a CMYK JPEG": lambda: encoded(picture(mode="CMYK")),
    "an MPO of a phone": lambda: encoded(
        picture(), "MPO", save_all=True, append_images=[picture(80, 60)]
    ),
    "a HEIC": HEIC.read_bytes,
    "a JPEG with a ZIP behind it": zip_behind_a_jpeg,
    "a JPEG with HTML behind it": lambda: jpeg() + b"<html><script>alert(1)</script></html>",
    "a JPEG with a broken EXIF": lambda: jpeg(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\xff" + b"\xff" * 40),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_photo_is_taken_from_any_camera(owner: APIClient, report: Report, kind: str) -> None:
    photo = processed(owner, report, TAKEN[kind](), name="photo.dat")
    assert (photo["state"], photo["refusal"]) == ("ready", None)
    content = content_of(owner, photo)
    assert corners(opened(content)) == ["red", "lime", "blue", "white"]
    assert b"alert" not in content


def test_greys_of_16_bits_keep_their_shades(owner: APIClient, report: Report) -> None:
    image = opened(content_of(owner, processed(owner, report, sixteen_bits())))
    assert _shades(image) == pytest.approx(_shades(picture()), abs=6)


def _shades(image: Image.Image) -> list[int]:
    grey = image.convert("L")
    return [grey.tobytes()[y * grey.width + x] for x in (80, 240) for y in (50, 150)]


#: What is refused by the worker, and why.
REFUSED: dict[str, tuple[Callable[[], bytes], Refusal]] = {
    "a PNG of 20 KB that decodes to 800 MB": (
        lambda: png_of(16_700, 16_000),
        Refusal.TOO_MANY_PIXELS,
    ),
    "a truncated JPEG": (lambda: jpeg()[:2000], Refusal.DAMAGED),
    "a PNG cut in its head": (lambda: encoded(picture(), "PNG")[:20], Refusal.DAMAGED),
    "an animated WebP": (lambda: animation("WEBP"), Refusal.ANIMATED),
    "an animated PNG": (lambda: animation("PNG"), Refusal.ANIMATED),
    "a RIFF that is a sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), Refusal.NOT_A_PHOTO),
    "a video of a phone": (lambda: b"\0\0\0\x18ftypmp42" + bytes(200), Refusal.DAMAGED),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_photo_that_cannot_be_shown_is_refused_with_a_sentence(
    owner: APIClient, report: Report, api: APIClient, kind: str
) -> None:
    make, refusal = REFUSED[kind]
    content = make()
    photo = processed(owner, report, content)
    assert photo["state"] == "refused"
    assert photo["refusal"] == {"code": refusal.value, "detail": refusal.label}
    assert photo["urls"] is None
    assert stored_files() == set()
    assert api.get(f"/api/v1/reports/{report.pk}/photos/").json() == []


#: What is refused before anything is stored.
TURNED_AWAY = {
    "an empty file": (b"", Refusal.EMPTY),
    "an SVG with a script": (
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        Refusal.NOT_A_PHOTO,
    ),
    "a GIF": (encoded(picture(), "GIF"), Refusal.NOT_A_PHOTO),
    "a page": (b"<!doctype html><script>alert(1)</script>", Refusal.NOT_A_PHOTO),
}


@pytest.mark.parametrize("kind", TURNED_AWAY)
def test_what_is_no_photo_at_the_first_look_is_turned_away(
    owner: APIClient, report: Report, kind: str
) -> None:
    content, refusal = TURNED_AWAY[kind]
    answer = upload(owner, report, content)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/photo-refused")
    assert answer.json()["detail"] == refusal.label
    assert (stored_files(), PhotoFile.objects.count(), Photo.objects.count()) == (set(), 0, 0)


def test_a_photo_that_is_too_large_is_refused_with_the_limit(
    owner: APIClient, report: Report, settings: LazySettings
) -> None:
    settings.PHOTO_MAX_BYTES = 1_000_000
    answer = upload(owner, report, jpeg() + bytes(1_000_000))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")
    assert answer.json()["detail"] == "A photo may have at most 1 MB. Send it in a smaller size."
    assert stored_files() == set()


def test_a_photo_that_takes_too_much_memory_or_time_ends_its_converter_alone(
    owner: APIClient, report: Report, settings: LazySettings
) -> None:
    settings.PHOTO_MEMORY_BYTES = 200_000_000
    photo = processed(owner, report, encoded(Image.new("RGB", (6000, 6000)), "PNG"))
    assert photo["refusal"]["code"] == "too_complex"


#: What a hostile file may make the converter do, and how the photo ends.
ENDS = {
    "never end": ("while True: pass", "too_complex"),
    "crash": ("import ctypes; ctypes.string_at(0)", "damaged"),
}


@pytest.mark.parametrize("what", ENDS)
def test_a_converter_that_is_ended_refuses_the_photo(
    what: str,
    owner: APIClient,
    report: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, code = ENDS[what]
    hostile = tmp_path / "hostile.py"
    hostile.write_text(
        f"import runpy\nconverter = runpy.run_path({str(conversion.CONVERTER)!r})\n"
        f"converter['_limit_resources'](10**9, 1)\n{program}\n"
    )
    monkeypatch.setattr(conversion, "CONVERTER", hostile)
    assert processed(owner, report, jpeg())["refusal"]["code"] == code


def test_the_converter_sees_none_of_the_secrets_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import json, os; print(json.dumps({'refusal': 'damaged'})); print(dict(os.environ))"
    )
    monkeypatch.setattr(conversion, "CONVERTER", spy)
    monkeypatch.setenv("SECRET_KEY", "very secret")
    assert "secret" not in conversion._run(tmp_path).stdout


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "1970:01:01 00:00:00", "2999:01:01 00:00:00", "x"]
)
def test_the_time_of_a_camera_that_was_never_set_is_not_offered(
    owner: APIClient, report: Report, taken: str
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = taken
    photo = processed(owner, report, jpeg(exif=exif))
    assert (photo["state"], photo["taken_at"]) == ("ready", None)


# --- Who may --------------------------------------------------------------------------------------


def test_an_anonymous_reporter_adds_photos_with_the_tracking_token(api: APIClient) -> None:
    token = new_tracking_token()
    report = make_report(published_at=None, tracking_token_hash=hash_tracking_token(token))
    assert upload(api, report, jpeg()).status_code == 404
    photo = processed_with_token(api, report, token)
    assert api.get(photo["urls"]["small"]).status_code == 404
    answer = api.get(photo["urls"]["small"], headers={"X-Tracking-Token": token})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-cache")
    Report.objects.filter(pk=report.pk).update(published_at=datetime.now(UTC))
    fetched(api, photo, "small")


def processed_with_token(api: APIClient, report: Report, token: str) -> dict[str, Any]:
    answer = upload(api, report, jpeg(), headers={"X-Tracking-Token": token})
    assert answer.status_code == 202
    run_tasks()
    headers = {"X-Tracking-Token": token}
    read: dict[str, Any] = api.get(answer.headers["Location"], headers=headers).json()
    assert read["state"] == "ready"
    return read


def test_photos_of_the_repair_come_from_staff_alone(
    owner: APIClient, report: Report, as_user: SignIn
) -> None:
    assert upload(owner, report, jpeg(), fields={"kind": "repair"}).status_code == 403
    staff = as_user(make_staff(make_department()))
    photo = processed(staff, report, jpeg(), fields={"kind": "repair"})
    assert (photo["kind"], photo["state"]) == ("repair", "ready")
    assert Photo.objects.get().citizen is None
    event = AuditEvent.objects.get(event="photo.added")
    assert (event.subject, event.data) == (f"report:{report.pk}", {"photo": photo["id"]})


def test_a_report_has_ten_photos_and_refused_ones_do_not_count(
    owner: APIClient, report: Report
) -> None:
    Photo.objects.create(report=report, state="refused", refusal="damaged")
    for _ in range(9):
        Photo.objects.create(report=report)
    assert upload(owner, report, jpeg()).status_code == 202
    answer = upload(owner, report, jpeg())
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-photos")
    assert answer.json()["detail"] == "A report may have 10 photos."
    assert len(stored_files()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_last_photos_at_once_one_is_refused(report: Report, as_user: SignIn) -> None:
    for _ in range(9):
        Photo.objects.create(report=report)
    assert report.reporter is not None
    start, statuses = Barrier(4), []

    def send(client: APIClient) -> None:
        start.wait()
        statuses.append(upload(client, report, jpeg()).status_code)
        connection.close()

    threads = [Thread(target=send, args=(as_user(report.reporter),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202, 409, 409, 409]
    assert (report.photos.count(), len(stored_files())) == (10, 1)


def test_a_repeated_request_adds_one_photo(owner: APIClient, report: Report) -> None:
    content, key = jpeg(), {"Idempotency-Key": "0b6c1f4e-photo"}
    first, second = (upload(owner, report, content, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (Photo.objects.count(), len(stored_files())) == (1, 1)
    other = encoded(picture(100, 100))
    assert upload(owner, report, other, headers=key).status_code == 422


def test_a_sender_of_very_many_photos_has_to_wait(
    owner: APIClient, report: Report, settings: LazySettings
) -> None:
    settings.PHOTOS_PER_SENDER_HOUR = 2
    assert [upload(owner, report, jpeg()).status_code for _ in range(3)] == [202, 202, 429]


# --- The picture ----------------------------------------------------------------------------------


def test_a_public_picture_is_cached_for_long_and_cannot_run_as_anything_else(
    report: Report, api: APIClient
) -> None:
    photo = make_photo(report)
    url = f"/api/v1/photos/{photo.pk}/small.jpg"
    answer = api.get(url, headers={"Accept": "image/*"})
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("inline;")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "public, max-age=31536000, s-maxage=600, immutable"
    again = api.get(url, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for missing in ("original", "huge", ".."):
        assert api.get(f"/api/v1/photos/{photo.pk}/{missing}.jpg").status_code == 404


def test_a_web_server_in_front_can_send_the_picture(
    report: Report, api: APIClient, settings: LazySettings
) -> None:
    settings.PHOTO_ACCEL_PREFIX = "/photo-files/"
    photo = make_photo(report)
    answer = api.get(f"/api/v1/photos/{photo.pk}/small.jpg")
    name = photo.files.get(size="small").name
    assert (answer["X-Accel-Redirect"], answer.content) == (f"/photo-files/{name}", b"")
    assert answer["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("status", [Status.REJECTED])
def test_the_photos_of_a_withdrawn_report_are_hidden(
    report: Report, api: APIClient, owner: APIClient, status: str
) -> None:
    url = f"/api/v1/photos/{make_photo(report).pk}/small.jpg"
    Report.objects.filter(pk=report.pk).update(status=status, published_at=None)
    assert api.get(url).status_code == 404
    owner.get(url)
    assert owner.get(url)["Cache-Control"] == "private, no-cache"


def test_staff_take_a_photo_down_and_restore_it(
    report: Report, api: APIClient, owner: APIClient, as_user: SignIn
) -> None:
    member = make_staff(make_department())
    staff, photo = as_user(member), make_photo(report)
    url = f"/api/v1/photos/{photo.pk}"
    assert staff.post(f"{url}/take-down/", {}).status_code == 400
    assert staff.post(f"{url}/restore/").status_code == 409
    answer = staff.post(f"{url}/take-down/", {"reason": "A face is to be seen."})
    assert (answer.status_code, answer.json()["state"]) == (200, "taken_down")
    assert staff.post(f"{url}/take-down/", {"reason": "Again."}).status_code == 409
    for client in (api, owner):
        assert client.get(f"{url}/small.jpg").status_code == 404
    assert api.get(f"/api/v1/reports/{report.pk}/").json()["photos"] == []
    [own] = owner.get(f"/api/v1/reports/{report.pk}/").json()["photos"]
    assert (own["state"], own["takedown_reason"]) == ("taken_down", "A face is to be seen.")
    staff.get(answer.json()["urls"]["small"])
    assert staff.post(f"{url}/restore/").json()["state"] == "ready"
    api.get(f"{url}/small.jpg")
    events = AuditEvent.objects.filter(subject=f"report:{report.pk}").order_by("id")
    assert [(one.event, one.actor_id) for one in events] == [
        ("photo.taken_down", member.pk),
        ("photo.restored", member.pk),
    ]


def test_the_desk_shows_photos_and_takes_them_down(report: Report, client: Client) -> None:
    photo = make_photo(report)
    Photo.objects.create(report=report, state="refused", refusal="damaged")
    client.force_login(make_staff(make_department()), backend="accounts.backends.StaffBackend")
    page, step = (
        reverse("admin:reports_report_change", args=[report.pk]),
        reverse("admin:reports_report_photo", args=[report.pk, photo.pk]),
    )
    content = client.get(page).content.decode()
    assert f"/api/v1/photos/{photo.pk}/medium.jpg" in content
    assert Refusal.DAMAGED.label in content
    client.post(step, {"reason": " "})
    photo.refresh_from_db()
    assert photo.state == "ready"
    client.post(step, {"reason": "A face."})
    photo.refresh_from_db()
    assert (photo.state, photo.takedown_reason) == ("taken_down", "A face.")
    assert "A face." in client.get(page).content.decode()
    client.post(step, {"restore": "1"})
    photo.refresh_from_db()
    assert (photo.state, photo.takedown_reason) == ("ready", "")
    client.force_login(
        make_staff(make_department("parks")), backend="accounts.backends.StaffBackend"
    )
    assert client.post(step, {"reason": "Not mine."}).status_code == 403


def test_the_list_reads_the_photos_of_all_reports_at_once(api: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            api.get("/api/v1/reports/")
        return len(captured)

    make_photo(make_report())
    few = queries()
    for _ in range(3):
        make_photo(make_report())
    assert queries() == few


# --- Nothing lost, nothing twice ------------------------------------------------------------------

UPLOAD_STEPS = ("photo_file_written", "photo_accepted")
WORKER_STEPS = ("photo_converted", "photo_file_written", "photo_files_written", "after_call")


def break_at(monkeypatch: pytest.MonkeyPatch, point: str, log: Path) -> None:
    monkeypatch.setattr(failpoints, "_active", Plan(f"{point}=raise@1", seed="", log=log))


@pytest.mark.parametrize("point", UPLOAD_STEPS)
@pytest.mark.django_db(transaction=True)
def test_an_upload_that_broke_off_leaves_no_photo_and_no_file_for_long(
    point: str, report: Report, owner: APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    break_at(monkeypatch, point, tmp_path / "hits")
    monkeypatch.setattr(
        files, "discard_unused", lambda _row: None
    )  # a killed process tidies nothing
    with pytest.raises(ThreadKilled):
        upload(owner, report, jpeg())
    assert (Photo.objects.count(), Task.objects.count()) == (0, 0)
    assert len(stored_files()) == PhotoFile.objects.count() == 1
    purge()
    assert len(stored_files()) == 1  # it might be one that is still being written
    PhotoFile.objects.update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    purge()
    assert (stored_files(), PhotoFile.objects.count()) == (set(), 0)


@pytest.mark.parametrize("point", WORKER_STEPS)
@pytest.mark.django_db(transaction=True)
def test_a_photo_whose_processing_broke_off_is_processed_once(
    point: str, report: Report, owner: APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upload(owner, report, jpeg())
    break_at(monkeypatch, point, tmp_path / "hits")
    with pytest.raises(ThreadKilled):
        run_tasks()
    assert Photo.objects.get().state == "pending"
    heartbeat.rescue()
    run_tasks(until_delay=False)
    photo = Photo.objects.get()
    assert (photo.state, photo.files.count()) == ("ready", 4)
    PhotoFile.objects.filter(photo=None).update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    purge()
    assert stored_files() == set(photo.files.values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_purge_that_broke_off_is_finished_by_the_next(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    photo = make_photo(report)
    kept = make_photo(report)
    photo.delete()
    PhotoFile.objects.filter(photo=None).update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    break_at(monkeypatch, "photo_files_deleted", tmp_path / "hits")
    with pytest.raises(ThreadKilled):
        purge()
    assert PhotoFile.objects.filter(photo=None).count() == 4
    purge()
    assert stored_files() == set(kept.files.values_list("name", flat=True))
    assert PhotoFile.objects.filter(photo=None).count() == 0


def test_the_slower_of_two_attempts_changes_nothing(report: Report, owner: APIClient) -> None:
    """A worker that was taken for dead may still end its call after its successor."""
    upload(owner, report, jpeg())
    slow = written_by_a_slow_worker()
    run_tasks()
    photo = Photo.objects.get()
    before = set(photo.files.values_list("name", flat=True))
    assert processing.record(slow, str(photo.pk))
    photo.refresh_from_db()
    assert set(photo.files.values_list("name", flat=True)) == before
    purge()
    assert stored_files() == before


def written_by_a_slow_worker() -> Any:
    rows = files.reserve(PhotoFile.SHOWN_SIZES)
    for row in rows:
        files.write(row, ContentFile(b"slow"))
    return Outcome(Converted(width=1, height=1), rows)


def test_a_task_that_died_refuses_the_photo_and_a_replay_brings_it_back(
    report: Report, owner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(owner, report, jpeg())
    plain = conversion.convert

    def broken(folder: Path) -> Any:
        raise ConversionBroke

    monkeypatch.setattr(conversion, "convert", broken)
    Task.objects.filter(actor="process_photo").update(max_attempts=1)
    run_tasks(raise_errors=False)
    photo = Photo.objects.get()
    assert (photo.state, photo.refusal) == ("refused", "failed")
    monkeypatch.setattr(conversion, "convert", plain)
    actions.replay([Task.objects.get(actor="process_photo").pk], by=None)
    run_tasks()
    photo.refresh_from_db()
    assert (photo.state, photo.refusal) == ("ready", "")


@pytest.mark.parametrize("what", ["photo", "report", "citizen"])
def test_the_files_go_with_their_photo_its_report_and_its_citizen(
    what: str, report: Report
) -> None:
    photo = make_photo(report)
    {"photo": photo, "report": report, "citizen": photo.citizen}[what].delete()  # type: ignore[union-attr]
    assert not Photo.objects.exists()
    PhotoFile.objects.update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    purge()
    assert (stored_files(), PhotoFile.objects.count()) == (set(), 0)


def purge() -> None:
    with transaction.atomic():
        purge_photo_files.send()
    advance(timedelta(minutes=1))
    run_tasks()
