"""What can go wrong with embeddings and matching."""

from __future__ import annotations

from jobs.errors import PermanentError


class MatchingError(Exception):
    """Matching could not do what it was asked."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__class__.__doc__)


class EmbedderInWebProcess(MatchingError):
    """A web process asked for the embedding model; send a task and let a worker embed."""


class EmbedderMisconfigured(MatchingError):
    """The embedder cannot be loaded as it is configured."""


class EmbeddingUnavailable(MatchingError):
    """The embedding service did not answer; the same call may succeed later."""


class EmbeddingFailed(EmbeddingUnavailable):
    """The embedding service failed over these texts; it may be in trouble, or one of them may be the cause."""


class EmbeddingRefused(MatchingError, PermanentError):
    """The embedding service refused the call; the same call will be refused again, so its task dies at once."""


class TextRefused(EmbeddingRefused):
    """The embedding service refused one of these texts; it takes the others."""


class DimensionMismatch(MatchingError, PermanentError):
    """The embedder gives vectors of another length than its vector space has."""


class NothingEmbedded(MatchingError):
    """Nothing has been embedded yet, so there is no vector to look at."""


class OpportunityClosed(MatchingError):
    """This opportunity takes nobody any more: it is full, over or withdrawn."""


class ExternalIdTaken(MatchingError):
    """Another opportunity of this source has that external id."""


class LanguageUnknown(MatchingError):
    """This names no language that is known here."""


class ImportFileError(MatchingError):
    """The file cannot be imported."""


class EvaluationFileError(MatchingError):
    """The opportunities or judgements cannot be used."""


class VectorIndexError(MatchingError):
    """The vector index could not be built, or is not good enough to be used."""


class IndexBuildRunning(VectorIndexError):
    """Another build of the vector indexes is running; wait until it has ended."""
