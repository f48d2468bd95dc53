"""Forms with a file (`multipart/form-data`), read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ValidationError
from rest_framework.parsers import DataAndFiles, MultiPartParser


class OneFileParser(MultiPartParser):
    """Parse a form with one file, in which no field occurs twice.

    Of two values, or two files, one would be dropped without notice. `parse` raises ValidationError
    and ParseError.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> DataAndFiles[Any, Any]:
        form = super().parse(stream, media_type, parser_context)
        sent = [*form.data.lists(), *form.files.lists()]
        names = [name for name, values in sent for _ in values]
        errors = {name: ["It was sent twice."] for name in names if names.count(name) > 1}
        files = [name for name, uploads in form.files.lists() for _ in uploads]
        if len(files) > 1:
            errors |= {name: ["Send one file in each request."] for name in files}
        if errors:
            raise ValidationError(errors)
        return form
