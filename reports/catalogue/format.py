"""The format of a catalogue file; docs/catalogue.md describes it for authors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rest_framework import serializers

from jobs.http.fields import LineField, ParagraphsField, StrictBooleanField
from jobs.http.payloads import PayloadSerializer
from reports.errors import CatalogueInvalid
from reports.models import Question, Severity
from reports.models.catalogue import SERVICE_MINUTES_MAXIMUM
from reports.models.departments import SLA_HOURS_MAXIMUM

POSITION_MAXIMUM = 32_767


class EntrySerializer(PayloadSerializer):
    """An entry of the file; what it does not mention stays as it is."""

    slug = serializers.SlugField(max_length=50)
    name = LineField(max_length=120, required=False)


class DepartmentSerializer(EntrySerializer):
    parent = serializers.SlugField(required=False, allow_null=True)  # type: ignore[assignment]
    email = serializers.EmailField(required=False, allow_blank=True)
    is_emailed = StrictBooleanField(required=False)
    is_triage = StrictBooleanField(required=False)
    opening_hours = serializers.DictField(required=False)
    holidays = serializers.CharField(required=False, allow_blank=True)
    closed_on = serializers.ListField(child=serializers.DateField(), required=False)
    answer_hours = serializers.IntegerField(
        source="response_hours",
        required=False,
        allow_null=True,
        min_value=1,
        max_value=SLA_HOURS_MAXIMUM,
    )


class GroupSerializer(EntrySerializer):
    name = LineField(max_length=80, required=False)
    icon = serializers.CharField(required=False, allow_blank=True)
    colour = serializers.CharField(required=False, allow_blank=True)
    position = serializers.IntegerField(required=False, min_value=0, max_value=POSITION_MAXIMUM)
    translations = serializers.DictField(required=False)


class DeadlineSerializer(PayloadSerializer):
    hours = serializers.IntegerField(min_value=1, max_value=SLA_HOURS_MAXIMUM)
    in_working_hours = StrictBooleanField(default=False)
    answer_hours = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=SLA_HOURS_MAXIMUM
    )


class QuestionSerializer(PayloadSerializer):
    code = serializers.CharField(max_length=50)
    type = serializers.ChoiceField(choices=Question.Type.choices)
    label = LineField(max_length=200)  # type: ignore[assignment]
    help = LineField(max_length=300, default="")
    values = serializers.ListField(child=serializers.DictField(), default=list)
    translations = serializers.DictField(default=dict)
    required = StrictBooleanField(default=False, source="is_required")  # type: ignore[assignment]


class CategorySerializer(GroupSerializer):
    name = LineField(max_length=120, required=False)
    group = serializers.SlugField(required=False, allow_null=True)
    department = serializers.SlugField(required=False)
    description = ParagraphsField(required=False, allow_blank=True)
    keywords = serializers.ListField(child=LineField(max_length=80), required=False)
    examples = serializers.ListField(child=LineField(max_length=300), required=False)
    default_severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    deadline = DeadlineSerializer(required=False)
    service_minutes = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=SERVICE_MINUTES_MAXIMUM
    )
    is_active = StrictBooleanField(required=False)
    questions = QuestionSerializer(many=True, required=False)

    def validate_questions(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        codes = [question["code"] for question in questions]
        if len(set(codes)) < len(codes):
            raise serializers.ValidationError("A code stands there twice.")
        return questions


class SeverityRuleSerializer(PayloadSerializer):
    name = LineField(max_length=80)
    phrases = serializers.ListField(
        child=LineField(max_length=80), required=False, allow_empty=False
    )
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    is_active = StrictBooleanField(required=False)


class DocumentSerializer(PayloadSerializer):
    """The whole file."""

    departments = DepartmentSerializer(many=True, default=list)
    groups = GroupSerializer(many=True, default=list)
    categories = CategorySerializer(many=True, default=list)
    severity_rules = SeverityRuleSerializer(many=True, default=list)


def refuse(faults: Sequence[str]) -> None:
    """Refuse a file for its faults, all at once.

    Raises:
        CatalogueInvalid: there are faults; the message has a line for each.
    """
    if faults:
        raise CatalogueInvalid("\n".join(faults))


def checked(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the contents of the document's entries without a fault, converted, and all faults.

    A fault is a line that names its place.
    """
    faults: list[str] = []
    serializer = DocumentSerializer(data=document)
    if not serializer.is_valid():
        faults += _faults(serializer.errors, "", document)
        serializer = DocumentSerializer(data=_without_faults(document, serializer.errors))
        serializer.is_valid(raise_exception=True)
    contents: dict[str, Any] = serializer.validated_data
    for plural in contents:
        names = Counter(names_in(document, plural))
        if twice := sorted(name for name, count in names.items() if count > 1):
            faults.append(f"{plural}: {', '.join(twice)} stands there twice.")
    return contents, faults


def names_in(document: Mapping[str, Any], plural: str) -> list[str]:
    """Return the slugs of the entries, or their names where they have none, faulty ones too."""
    entries = document.get(plural)
    named = (
        [entry for entry in entries if isinstance(entry, Mapping)]
        if isinstance(entries, list)
        else []
    )
    return [str(entry.get("slug") or entry.get("name")) for entry in named]


def _without_faults(document: Mapping[str, Any], errors: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without the entries that have a fault.

    `errors` has for each list the errors of its entries by their positions. What should be a list
    and is none is left out.
    """
    kept: dict[str, Any] = {}
    for plural in DocumentSerializer().fields.keys() & document.keys():
        faulty = errors.get(plural, {})
        if all(isinstance(position, int) for position in faulty):
            entries = enumerate(document[plural])
            kept[plural] = [entry for position, entry in entries if position not in faulty]
    return kept


def _faults(errors: Any, place: str, data: Any) -> Iterator[str]:
    """Yield nested errors as lines such as `categories pothole deadline hours: Expected …`."""
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        errors = dict(enumerate(errors))
    if isinstance(errors, Mapping):
        for key, inner in errors.items():
            yield from _faults(inner, f"{place} {_name(data, key)}".strip(), _at(data, key))
    else:
        yield from (f"{place}: {error}" if place else str(error) for error in errors)


def _name(data: Any, key: Any) -> str:
    """Return the name of a fault's place; an entry of a list goes by its slug, code or name."""
    if not isinstance(data, list):
        return "" if key == "non_field_errors" else str(key)
    entry = _at(data, key)
    named = (
        [entry.get(name) for name in ("slug", "code", "name")] if isinstance(entry, Mapping) else []
    )
    return str(next(filter(None, named), f"number {key + 1}"))


def _at(data: Any, key: Any) -> Any:
    try:
        return data[key]
    except (KeyError, IndexError, TypeError):
        return None
