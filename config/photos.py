"""The storage of photos, as the settings choose it: files of this machine, or a bucket of S3."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def storage(kind: str, *, folder: Path, bucket: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry of Django's STORAGES; `bucket` has the options of S3Storage.

    Raises:
        ImproperlyConfigured: the storage is unknown, the bucket has no name, or what talks to it
            is not installed.
    """
    if kind == "files":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": folder,
                # A web server in front may be another user, of the same group.
                "file_permissions_mode": 0o640,
                "directory_permissions_mode": 0o750,
            },
        }
    if kind == "s3":
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _options(bucket)}
    raise ImproperlyConfigured(f"PHOTO_STORAGE is {kind!r}; expected files or s3.")


def _options(bucket: Mapping[str, str]) -> dict[str, Any]:
    if not bucket["bucket_name"]:
        raise ImproperlyConfigured("PHOTO_STORAGE is s3, but PHOTO_S3_BUCKET names no bucket.")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "PHOTO_STORAGE is s3, but django-storages is not installed: "
            "pip install -r requirements-s3.txt, or build the image with --build-arg S3=on."
        )
    # What is empty is for boto3 to find: the role of the machine, its own variables.
    return {name: value for name, value in bucket.items() if value} | {"file_overwrite": True}
