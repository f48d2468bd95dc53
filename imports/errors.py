"""The errors of imports. The docstring of a class is its default message."""

from __future__ import annotations


class ImportsError(Exception):
    """The import could not be carried out."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or ""))


class ImportFileError(ImportsError):
    """The file cannot be imported."""


class RowRejected(ImportsError):
    """The row cannot be stored; the message says why."""
