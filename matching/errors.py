"""The errors of matching. The docstring of a class is its default message."""

from __future__ import annotations

from jobs.errors import DomainError, PermanentError


class MatchingError(DomainError):
    """Matching could not do what it was asked."""


class DimensionMismatch(MatchingError, PermanentError):
    """The embedder gives vectors of another length than its vector space has."""


class NothingEmbedded(MatchingError):
    """Nothing has been embedded yet, so there is no vector to look at."""


class OpportunityClosed(MatchingError):
    """This opportunity cannot be joined any more: it is full, over or withdrawn."""


class TooManyRequests(MatchingError):
    """You have done this as often as one person may within an hour; wait before doing it again."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class ExternalIdTaken(MatchingError):
    """Another opportunity of this source has that external id."""


class LanguageUnknown(MatchingError):
    """The language is unknown."""


class EvaluationFileError(MatchingError):
    """The file of opportunities or judgements cannot be used."""


class VectorIndexError(MatchingError):
    """The vector index could not be built, or is not good enough to be used."""


class IndexBuildRunning(VectorIndexError):
    """Another build of the vector indexes is running; wait until it has ended."""
