"""The JSON of the health report."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

LEVELS = ["ok", "degraded", "down"]


class DatabaseHealthSerializer(serializers.Serializer[Any]):
    """Whether PostgreSQL answers."""

    status = serializers.ChoiceField(LEVELS, help_text="`ok` or `down`.")


class LedgerHealthSerializer(serializers.Serializer[Any]):
    """Whether background tasks start in time."""

    status = serializers.ChoiceField(LEVELS, help_text="`degraded` while due tasks wait too long.")
    lag_seconds = serializers.FloatField(
        allow_null=True,
        help_text="How long the oldest due task has waited; null while PostgreSQL is away.",
    )


class DiskHealthSerializer(serializers.Serializer[Any]):
    """Whether PostgreSQL can write."""

    status = serializers.ChoiceField(LEVELS, help_text="`ok` or `down`.")


class BrokerHealthSerializer(serializers.Serializer[Any]):
    """Whether RabbitMQ answers; without it tasks run late."""

    status = serializers.ChoiceField(LEVELS, help_text="`ok` or `degraded`.")
    state = serializers.ChoiceField(
        ["up", "down", "embedded"], help_text="`embedded`: this installation uses no RabbitMQ."
    )


class HealthChecksSerializer(serializers.Serializer[Any]):
    """The result of each check."""

    database = DatabaseHealthSerializer()
    ledger = LedgerHealthSerializer()
    disk = DiskHealthSerializer()
    broker = BrokerHealthSerializer()


class HealthSerializer(serializers.Serializer[Any]):
    """Whether this installation works."""

    status = serializers.ChoiceField(LEVELS, help_text="The worst of all checks.")
    checks = HealthChecksSerializer()
