"""Opening a file as bytes: plain, or compressed by gzip up to a bound."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from typing_extensions import Buffer

from imports.errors import ImportFileError

_GZIP = b"\x1f\x8b"
#: The first bytes of unsupported types of files: what such a file is, and what to do.
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as CSV",
    b"%PDF": "a PDF",
    b"BZh": "compressed by bzip2; compress it by gzip or not at all",
    b"\xfd7zXZ": "compressed by xz; compress it by gzip or not at all",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; compress it by gzip or not at all",
}


@contextmanager
def opened(path: Path) -> Iterator[tuple[io.BufferedReader, BinaryIO]]:
    """Open the file; yield its content, and the file itself, whose position shows the progress.

    Raises:
        ImportFileError: the content is of no supported type, the archive is damaged, or it exceeds
            IMPORT_DECOMPRESSED_MAX_BYTES.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            file.seek(0)
            for mark, kind in _OTHERS.items():
                if start.startswith(mark):
                    raise ImportFileError(f"The file is {kind}.")
            raw = _Decompressed(file) if start.startswith(_GZIP) else file
            yield io.BufferedReader(cast("io.RawIOBase", raw), 64 * 1024), file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImportFileError(f"The file is damaged: {error}.") from error


class _Decompressed(io.RawIOBase):
    """The decompressed content of a gzip file, up to IMPORT_DECOMPRESSED_MAX_BYTES."""

    def __init__(self, file: BinaryIO) -> None:
        self._content = gzip.GzipFile(fileobj=file)
        self._left = settings.IMPORT_DECOMPRESSED_MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        count = self._content.readinto(view)
        self._left -= count
        if self._left < 0:
            raise ImportFileError(
                "The file is larger than "
                f"{settings.IMPORT_DECOMPRESSED_MAX_BYTES:,} bytes when decompressed "
                "(IMPORT_DECOMPRESSED_MAX_BYTES)."
            )
        return count
