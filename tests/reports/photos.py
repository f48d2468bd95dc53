"""Photos to test with: files as phones and attackers make them, and rows that are ready."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from rest_framework.test import APIClient

from jobs.testing import advance, run_tasks
from reports.imaging import files
from reports.models import Photo, PhotoFile, PhotoState, Report

#: A picture whose four corners differ, so that a turned one is told from an upright one.
CORNERS = {"red": (0, 0), "lime": (1, 0), "blue": (0, 1), "white": (1, 1)}


def picture(width: int = 320, height: int = 200, mode: str = "RGB") -> Image.Image:
    """Return a picture with red, green, blue and white quarters, from the upper left on."""
    image = Image.new("RGB", (width, height))
    for colour, (column, row) in CORNERS.items():
        left, top = column * width // 2, row * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image.convert(mode)


def corners(image: Image.Image) -> list[str]:
    """Return the colours of the quarters by their nearest name, from the upper left on."""
    plain = image.convert("RGB")
    points = [(x * plain.width // 4, y * plain.height // 4) for y in (1, 3) for x in (1, 3)]
    return [_nearest(plain.getpixel(point)) for point in points]


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """Return the picture as a file of this kind."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(**options: Any) -> bytes:
    return encoded(picture(), **options)


def opened(content: bytes) -> Image.Image:
    """Return the picture in a file."""
    return Image.open(BytesIO(content))


def upload(
    client: APIClient,
    report: Report,
    content: bytes,
    *,
    name: str = "photo.jpg",
    fields: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Send a photo of the report."""
    file = SimpleUploadedFile(name, content, "image/jpeg")
    return client.post(
        f"/api/v1/reports/{report.pk}/photos/",
        {"photo": file, **(fields or {})},
        format="multipart",
        headers=headers,
    )


def make_photo(report: Report, **overrides: Any) -> Photo:
    """A photo that is ready, with its files."""
    fields = {
        "state": PhotoState.READY,
        "citizen": report.reporter,
        "width": 320,
        "height": 200,
    } | overrides
    photo = Photo.objects.create(report=report, **fields)
    rows = files.reserve(PhotoFile.SHOWN_SIZES)
    for row in rows:
        files.write(row, ContentFile(jpeg()))
    files.attach(rows, photo)
    return photo


def _nearest(pixel: Any) -> str:
    values = {
        "red": (255, 0, 0),
        "lime": (0, 255, 0),
        "blue": (0, 0, 255),
        "white": (255, 255, 255),
    }
    return min(
        values, key=lambda name: sum((a - b) ** 2 for a, b in zip(values[name], pixel, strict=True))
    )


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
