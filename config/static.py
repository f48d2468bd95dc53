"""Static files under names with a hash of their content, compressed once."""

from __future__ import annotations

from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashed and compressed by `collectstatic`; a checkout in which it never ran has plain names."""

    def url(self, name: str | None, force: bool = False) -> str:
        """Return the address of a file, with its hash where there is a manifest."""
        if not self.hashed_files:
            return FileSystemStorage.url(self, name)
        return str(super().url(name, force))
