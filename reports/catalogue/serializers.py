"""What the API says of categories, in the language that the reader prefers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports.catalogue.texts import preferred
from reports.models import Category, CategoryGroup, Department, Question


class InLanguageSerializer(serializers.ModelSerializer[Any]):
    """A row whose texts are in the language that suits the context's `accepted` best, an Accept-Language header."""

    #: Fields that have translations.
    translated: tuple[str, ...] = ("name",)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        for field in self.translated:
            shown[field] = instance.text(field, self.language_of(instance.translations))
        return shown

    def language_of(self, translations: Mapping[str, Any]) -> str:
        return preferred(self.context["accepted"], translations, default=settings.LANGUAGE_CODE)


class ValueSerializer(serializers.Serializer[Any]):
    """One value of a list."""

    key = serializers.CharField(help_text="What an answer carries.")
    name = serializers.CharField()


class QuestionSerializer(InLanguageSerializer):
    """An attribute in the sense of Open311 GeoReport v2."""

    translated = ("label", "help")
    required = serializers.BooleanField(source="is_required")  # type: ignore[assignment]
    values = serializers.SerializerMethodField(help_text="Of a list, in order.")

    class Meta:
        model = Question
        fields = ("code", "version", "type", "label", "help", "required", "values")

    @extend_schema_field(ValueSerializer(many=True))
    def get_values(self, question: Question) -> list[dict[str, str]]:
        language = self.language_of(question.translations)
        return [
            {"key": value["key"], "name": _name_of(value, language)} for value in question.values
        ]


def _name_of(value: Mapping[str, Any], language: str) -> str:
    return str(value.get("translations", {}).get(language, {}).get("name") or value["name"])


class DepartmentSerializer(serializers.ModelSerializer[Department]):
    class Meta:
        model = Department
        fields = ("slug", "name")


class CategorySerializer(InLanguageSerializer):
    translated = ("name", "description")
    group = serializers.SerializerMethodField(help_text="The name of its group; empty without one.")
    group_slug = serializers.SlugRelatedField[CategoryGroup](
        source="group", slug_field="slug", read_only=True
    )
    department = serializers.SlugRelatedField[Department](slug_field="slug", read_only=True)
    languages = serializers.SerializerMethodField(
        help_text="Others than that of the city in which it is described."
    )
    questions = serializers.SerializerMethodField(
        help_text="What else is asked about such a report, in order."
    )

    class Meta:
        model = Category
        fields = (
            "slug",
            "name",
            "group",
            "group_slug",
            "description",
            "keywords",
            "icon",
            "colour",
            "department",
            "default_severity",
            "sla_hours",
            "sla_in_working_hours",
            "languages",
            "questions",
        )

    def get_group(self, category: Category) -> str:
        group = category.group
        return group.text("name", self.language_of(group.translations)) if group else ""

    def get_languages(self, category: Category) -> list[str]:
        return sorted(category.translations)

    @extend_schema_field(QuestionSerializer(many=True))
    def get_questions(self, category: Category) -> Any:
        return QuestionSerializer(category.questions.all(), many=True, context=self.context).data
