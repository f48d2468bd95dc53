"""Serializers that refuse unknown fields, or take their texts from a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import serializers

from jobs.http import periods
from jobs.http.fields import MomentField

M = TypeVar("M", bound=Model)


class PayloadSerializer(serializers.Serializer[Any]):
    """The payload of a job type, or another body; unknown fields are refused.

    Otherwise a misspelt optional field would be ignored without notice. The error names the known
    fields.
    """

    def to_internal_value(self, data: Any) -> Any:
        unknown = self._unknown(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**unknown, **error.detail}) from error  # type: ignore[dict-item]
        if unknown:
            raise serializers.ValidationError(unknown)
        return value

    def _unknown(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the error of each field that there is not."""
        expected = (
            f"Expected one of: {', '.join(sorted(self.fields))}"
            if self.fields
            else "None is expected"
        )
        refusal = serializers.ErrorDetail(f"Unknown field. {expected}.", code="unknown")
        return {name: [refusal] for name in sorted(set(data) - set(self.fields))}


class DescribedSerializer(serializers.ModelSerializer[M]):
    """A model's JSON; a declared field without a help text has that of the model's field."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        model: type[Model] = self.Meta.model
        texts = {field.name: field.help_text for field in model._meta.fields}  # noqa: SLF001 - documented
        for name, field in fields.items():
            field.help_text = field.help_text or texts.get(field.source or name)
        return fields


class PeriodSerializer(PayloadSerializer):
    """The payload of a job type that covers a period: see `jobs.http.periods`."""

    since = MomentField(
        required=False, help_text=f"{periods.LENGTH.days} days before `until` unless given."
    )
    until = MomentField(required=False, help_text="Now unless given.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"since": "Expected a time before `until`."})
        return attrs
