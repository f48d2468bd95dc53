"""Exceptions of embedding. The docstring of a class is its default message."""

from __future__ import annotations

from jobs.errors import DomainError, PermanentError


class EmbeddingsError(DomainError):
    """Texts could not be turned into vectors."""


class EmbedderInWebProcess(EmbeddingsError):
    """A web process asked for the embedding model; send a task and let a worker embed."""


class EmbedderMisconfigured(EmbeddingsError):
    """The embedder cannot be loaded as it is configured."""


class EmbeddingUnavailable(EmbeddingsError):
    """The embedding service did not answer; the same call may succeed later."""


class EmbeddingFailed(EmbeddingUnavailable):
    """The embedding service failed over these texts; it may be in trouble, or one of them may be
    the cause.
    """


class EmbeddingRefused(EmbeddingsError, PermanentError):
    """The embedding service refused the call; the same call will be refused again, so its task dies
    at once.
    """


class TextRefused(EmbeddingRefused):
    """The embedding service refused one of these texts; it takes the others."""
