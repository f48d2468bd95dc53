"""What can go wrong with a report. The docstring of a class is its default message."""

from __future__ import annotations


class ReportsError(Exception):
    """The report could not be handled."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or ""))


class TransitionNotAllowed(ReportsError):
    """A report cannot go from its present status to this one."""


class StatusChangedMeanwhile(ReportsError):
    """Somebody else changed this report's status meanwhile; look at it again first."""


class ImportFileError(ReportsError):
    """The file cannot be imported."""


class EvaluationFileError(ReportsError):
    """The labelled reports cannot be used."""
