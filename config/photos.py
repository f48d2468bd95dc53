"""The storage of photos, as the settings choose it: files of this machine, or a bucket of S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


def storage(kind: str, *, folder: Path, env: environ.Env) -> dict[str, Any]:
    """Return the entry of Django's STORAGES.

    Raises:
        ImproperlyConfigured: the storage is unknown, or the bucket has no name.
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
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _bucket(env)}
    raise ImproperlyConfigured(f"PHOTO_STORAGE is {kind!r}; expected files or s3.")


def _bucket(env: environ.Env) -> dict[str, Any]:
    name = env.str("PHOTO_S3_BUCKET", default="")
    if not name:
        raise ImproperlyConfigured("PHOTO_STORAGE is s3, but PHOTO_S3_BUCKET names no bucket.")
    options = {
        "bucket_name": name,
        "endpoint_url": env.str("PHOTO_S3_ENDPOINT_URL", default=""),
        "region_name": env.str("PHOTO_S3_REGION", default=""),
        "access_key": env.str("PHOTO_S3_ACCESS_KEY", default=""),
        "secret_key": env.str("PHOTO_S3_SECRET_KEY", default=""),
    }
    # What is empty is for boto3 to find: the role of the machine, its own variables.
    return {name: value for name, value in options.items() if value} | {"file_overwrite": True}
