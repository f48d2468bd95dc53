"""Where photos are kept: the settings are checked at start, and a bucket works as files do."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from rest_framework.test import APIClient

from config import photos
from jobs.testing import advance, run_tasks
from reports.actors import PURGE_DELAY
from tests.environment import read_settings
from tests.reports.factories import make_report, make_user
from tests.reports.photos import corners, jpeg, opened, upload


def test_settings_that_lead_nowhere_are_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="expected files or s3"):
        read_settings(monkeypatch, PHOTO_STORAGE="ftp")
    with pytest.raises(ImproperlyConfigured, match="PHOTO_S3_BUCKET names no bucket"):
        read_settings(monkeypatch, PHOTO_STORAGE="s3")
    read_settings(monkeypatch, PHOTO_S3_BUCKET="photos")


def test_a_bucket_without_its_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photos, "find_spec", lambda _name: None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-s3\.txt"):
        photos.storage("s3", folder=Path(), bucket={"bucket_name": "photos"})


class Bucket(BaseHTTPRequestHandler):
    """Just enough of S3 for one bucket: PUT, GET, HEAD and DELETE of objects."""

    objects: ClassVar[dict[str, bytes]] = {}

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _unchunked(body)
        self.objects[self._key] = body
        self._answer(200)

    def do_GET(self) -> None:
        content = self.objects.get(self._key)
        self._answer(200 if content is not None else 404, content or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.objects.pop(self._key, None)
        self._answer(204)

    @property
    def _key(self) -> str:
        return self.path.partition("?")[0].removeprefix("/photos/")

    def _answer(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        """Keep quiet."""


def _unchunked(body: bytes) -> bytes:
    content, stream = b"", BytesIO(body)
    while size := int(stream.readline().partition(b";")[0], 16):
        content += stream.read(size)
        stream.readline()
    return content


@pytest.fixture
def bucket(settings: LazySettings) -> Iterator[dict[str, bytes]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    Thread(target=server.serve_forever, daemon=True).start()
    options = {
        "bucket_name": "photos",
        "endpoint_url": f"http://127.0.0.1:{server.server_port}",
        "region_name": "us-east-1",
        "access_key": "key",
        "secret_key": "secret",
    }
    entry = photos.storage("s3", folder=Path(), bucket=options)
    settings.STORAGES = settings.STORAGES | {"photos": entry}
    Bucket.objects.clear()
    yield Bucket.objects
    storages["photos"].connection.meta.client.close()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
def test_photos_are_kept_in_a_bucket(bucket: dict[str, bytes]) -> None:
    client, report = APIClient(), make_report(reporter=make_user())
    client.force_authenticate(report.reporter)
    upload(client, report, jpeg())
    assert [name for name in bucket if name.startswith("incoming/")]
    run_tasks()
    advance(2 * PURGE_DELAY)
    run_tasks()
    [photo] = client.get(f"/api/v1/reports/{report.pk}/photos/").json()
    assert photo["state"] == "ready"
    assert len(bucket) == 4
    content = client.get(photo["urls"]["full"]).content
    assert corners(opened(content)) == ["red", "lime", "blue", "white"]
