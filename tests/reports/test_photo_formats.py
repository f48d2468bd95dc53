"""What becomes of photos by their format and contents: taken, cleaned or refused."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from PIL import Image
from rest_framework.test import APIClient

from reports.imaging import conversion
from reports.models import Photo, PhotoFile, Refusal, Report
from tests.reports.photos import (
    content_of,
    corners,
    encoded,
    jpeg,
    opened,
    picture,
    processed,
    run_all,
    stored_files,
    upload,
    with_camera_notes,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("photo_storage"), pytest.mark.slow]
HEIC = Path(__file__).parents[1] / "data" / "corners.heic"
MADE_OF = {"small": 240, "medium": 320, "large": 320, "full": 320}


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
    assert photo["suggested_place"] == {"latitude": 41.31, "longitude": -72.925}
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
    "a WebP cut in its head": (lambda: encoded(picture(), "WEBP")[:20], Refusal.DAMAGED),
    "a HEIC cut in its head": (lambda: HEIC.read_bytes()[:60], Refusal.DAMAGED),
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
    "a video of a phone": (b"\0\0\0\x18ftypmp42" + bytes(200), Refusal.NOT_A_PHOTO),
    "another video": (b"\0\0\0\x18ftypisom" + bytes(40), Refusal.NOT_A_PHOTO),
    "a sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), Refusal.NOT_A_PHOTO),
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
