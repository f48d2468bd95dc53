"""Static files under names with a hash of their content, compressed once."""

from __future__ import annotations

from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Storage of files that `collectstatic` hashed and compressed; without that, plain names."""

    def url(self, name: str | None, force: bool = False) -> str:
        """Return the address of a file, with its hash if `collectstatic` ran."""
        if not self.hashed_files:
            return FileSystemStorage.url(self, name)
        return str(super().url(name, force))
