"""Serializers of categories and departments, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports.catalogue.texts import preferred
from reports.models import Category, CategoryGroup, Department, Question


class InLanguageSerializer(serializers.ModelSerializer[Any]):
    """Shows texts in the language that the context's `accepted` (Accept-Language) prefers."""

    #: Fields that have translations.
    translated: tuple[str, ...] = ("name",)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        representation = super().to_representation(instance)
        for field in self.translated:
            text = instance.text(field, self.language_of(instance.translations))
            representation[field] = text
        return representation

    def language_of(self, translations: Mapping[str, Any]) -> str:
        return preferred(self.context["accepted"], translations, default=settings.LANGUAGE_CODE)


class ValueSerializer(serializers.Serializer[Any]):
    """One value that an answer may have."""

    key = serializers.CharField(help_text="The value to send in an answer.")
    name = serializers.CharField(help_text="The value in words, for people.")


class QuestionSerializer(InLanguageSerializer):
    """A question about reports of a category; an attribute of Open311 GeoReport v2."""

    translated = ("label", "help")
    required = serializers.BooleanField(  # type: ignore[assignment]
        source="is_required", help_text="Whether a report needs an answer."
    )
    values = serializers.SerializerMethodField(help_text="The values of a list, in order.")

    class Meta:
        model = Question
        fields = ("code", "version", "type", "label", "help", "required", "values")
        extra_kwargs: ClassVar = {
            "version": {"help_text": "Grows with each change of the question."},
            "type": {"help_text": "The type of an answer."},
            "label": {"help_text": "The question itself."},
            "help": {"help_text": "A hint on how to answer; may be empty."},
        }

    @extend_schema_field(ValueSerializer(many=True))
    def get_values(self, question: Question) -> list[dict[str, str]]:
        language = self.language_of(question.translations)
        return [
            {"key": value["key"], "name": _name_of(value, language)} for value in question.values
        ]


def _name_of(value: Mapping[str, Any], language: str) -> str:
    return str(value.get("translations", {}).get(language, {}).get("name") or value["name"])


class DepartmentSerializer(serializers.ModelSerializer[Department]):
    """A department of the city that deals with reports."""

    class Meta:
        model = Department
        fields = ("slug", "name")
        extra_kwargs: ClassVar = {
            "slug": {"help_text": "The name by which reports and categories refer to it."},
            "name": {"help_text": "Its name, for people."},
        }


class CategorySerializer(InLanguageSerializer):
    """A kind of problem that can be reported."""

    translated = ("name", "description")
    group = serializers.SerializerMethodField(help_text="The name of its group; empty without one.")
    group_slug = serializers.SlugRelatedField[CategoryGroup](
        source="group",
        slug_field="slug",
        read_only=True,
        help_text="Slug of its group; null without one.",
    )
    department = serializers.SlugRelatedField[Department](
        slug_field="slug", read_only=True, help_text="Slug of the department that deals with it."
    )
    languages = serializers.SerializerMethodField(
        help_text="Languages with a translation, besides the city's own."
    )
    questions = serializers.SerializerMethodField(
        help_text="Further questions to answer in such a report, in order."
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
        extra_kwargs: ClassVar = {
            "slug": {"help_text": "The name by which reports refer to it."},
            "name": {"help_text": "Its name, for people."},
            "description": {"help_text": "What belongs to it."},
            "keywords": {"help_text": "Words by which apps may find it."},
            "icon": {"help_text": "The name of its symbol; may be empty."},
        }

    def get_group(self, category: Category) -> str:
        group = category.group
        return group.text("name", self.language_of(group.translations)) if group else ""

    def get_languages(self, category: Category) -> list[str]:
        return sorted(category.translations)

    @extend_schema_field(QuestionSerializer(many=True))
    def get_questions(self, category: Category) -> Any:
        return QuestionSerializer(category.questions.all(), many=True, context=self.context).data
