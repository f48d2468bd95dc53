"""Exceptions of computing with Apache Spark. The docstring of a class is its default message."""

from __future__ import annotations

from jobs.errors import NotComputable


class SparkUnavailable(NotComputable):
    """USE_SPARK is on, but Apache Spark cannot be used here."""
