"""The errors of imports. The docstring of a class is its default message."""

from __future__ import annotations

from jobs.errors import DomainError


class ImportsError(DomainError):
    """The import could not be carried out."""


class ImportFileError(ImportsError):
    """The file cannot be imported."""


class RowRejected(ImportsError):
    """The row cannot be stored; the message says why."""
