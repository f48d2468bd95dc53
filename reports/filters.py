"""Filters of the list of reports: the parameters of its query, and the reports that they choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from accounts.models import User
from jobs import numbers
from jobs.http.fields import LineField, MomentField, QueryBooleanField, QueryIntegerField
from jobs.http.queries import InvalidQuery, QuerySerializer
from reports.fields import BoundingBoxField, CategoryField, ListOfChoicesField
from reports.models import Crew, Department, Photo, Report, ReportQuerySet, Severity, Status

ASSIGNED = ("me", "my_crews", "nobody")
NEWEST, PRIORITY = ORDERS = ("newest", "priority")
CREW_MAXIMUM = 2**31 - 1
SOURCE_MAX_CHARACTERS = 80
#: What only staff may ask, of the reports on which they work.
FOR_STAFF = ("assigned", "crew", "imported", "source")

_CORNER = f"{numbers.LONGITUDE_PATTERN},{numbers.LATITUDE_PATTERN}"


def _list_of(choices: list[str]) -> str:
    """Return the pattern of a comma-separated list of these values."""
    one = f"({'|'.join(choices)})"
    return f"^{one}(,{one})*$"


PARAMETERS = [
    OpenApiParameter(
        "status",
        OpenApiTypes.STR,
        pattern=_list_of(Status.values),
        description=f"Reports with one of these, comma-separated: {', '.join(Status.values)}.",
    ),
    OpenApiParameter(
        "category", OpenApiTypes.STR, description="Reports of the category with this slug."
    ),
    OpenApiParameter(
        "department",
        OpenApiTypes.STR,
        description="Reports of the department with this slug and of those below it.",
    ),
    OpenApiParameter(
        "severity",
        OpenApiTypes.STR,
        pattern=_list_of(Severity.values),
        description=f"Reports with one of these, comma-separated: {', '.join(Severity.values)}.",
    ),
    OpenApiParameter(
        "bbox",
        OpenApiTypes.STR,
        pattern=f"^{_CORNER},{_CORNER}$",
        description="Reports within this box: `west,south,east,north` in degrees.",
    ),
    OpenApiParameter(
        "q",
        OpenApiTypes.STR,
        description="Reports with all these words, or words that begin with them, in title,"
        " description, address or external id.",
    ),
    OpenApiParameter(
        "created_after",
        OpenApiTypes.DATETIME,
        description="Reports made at this time or later, such as `2026-05-31T08:00:00Z`.",
    ),
    OpenApiParameter(
        "created_before", OpenApiTypes.DATETIME, description="Reports made before this time."
    ),
    OpenApiParameter(
        "due_before",
        OpenApiTypes.DATETIME,
        description="Open reports that are to be resolved before this time.",
    ),
    OpenApiParameter(
        "overdue",
        OpenApiTypes.BOOL,
        description="Open reports whose deadline has passed; `false`: all the others.",
    ),
    OpenApiParameter(
        "answer_overdue",
        OpenApiTypes.BOOL,
        description="Open reports that should have had their first answer by now; `false`: all the"
        " others.",
    ),
    OpenApiParameter(
        "has_photo",
        OpenApiTypes.BOOL,
        description="Reports with a photo that is ready; `false`: those without.",
    ),
    OpenApiParameter(
        "confirmed",
        OpenApiTypes.BOOL,
        description="Reports whose repair was confirmed; `false`: all the others.",
    ),
    OpenApiParameter(
        "mine", OpenApiTypes.BOOL, description="Only your own reports; needs you to be signed in."
    ),
    OpenApiParameter(
        "assigned",
        OpenApiTypes.STR,
        enum=ASSIGNED,
        description="For staff: reports assigned to you (`me`), to your crews, or open ones"
        " assigned to nobody.",
    ),
    OpenApiParameter(
        "ordering",
        OpenApiTypes.STR,
        enum=ORDERS,
        description="`newest`: the newest first. For staff `priority`: the open reports on which"
        " you work, in the order of the policy of triage in force; new ones show within a minute.",
    ),
    OpenApiParameter(
        "crew",
        {"type": "integer", "minimum": 1, "maximum": CREW_MAXIMUM},
        description="For staff: reports assigned to the crew with this id.",
    ),
    OpenApiParameter(
        "source",
        {"type": "string", "maxLength": SOURCE_MAX_CHARACTERS},
        description="For staff: reports imported from the system of this name.",
    ),
    OpenApiParameter(
        "imported",
        OpenApiTypes.BOOL,
        description="For staff: reports imported from other systems; `false`: those made here.",
    ),
]


class ReportFilterSerializer(QuerySerializer):
    """The query parameters of the list of reports."""

    status = ListOfChoicesField(choices=list(Status.values), required=False)
    category = CategoryField(required=False)
    department = serializers.SlugRelatedField[Department](
        slug_field="slug", queryset=Department.objects.all(), required=False
    )
    severity = ListOfChoicesField(choices=list(Severity.values), required=False)
    bbox = BoundingBoxField(required=False)
    q = LineField(required=False, max_length=200)
    created_after = MomentField(required=False)
    created_before = MomentField(required=False)
    due_before = MomentField(required=False)
    overdue = QueryBooleanField(required=False)
    answer_overdue = QueryBooleanField(required=False)
    has_photo = QueryBooleanField(required=False)
    confirmed = QueryBooleanField(required=False)
    mine = QueryBooleanField(required=False, default=False)
    assigned = serializers.ChoiceField(choices=ASSIGNED, required=False)
    ordering = serializers.ChoiceField(choices=ORDERS, default=NEWEST)
    crew = QueryIntegerField(required=False, min_value=1, max_value=CREW_MAXIMUM)
    source = LineField(required=False, max_length=SOURCE_MAX_CHARACTERS)  # type: ignore[assignment]
    imported = QueryBooleanField(required=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Reports for a list, and the fields that order them, as pagination has them."""

    reports: ReportQuerySet
    ordering: tuple[str, ...]


def chosen(request: Request) -> Chosen:
    """Return the reports that a request for the list asks for, and that its sender may read.

    Raises:
        InvalidQuery: a parameter is not valid.
        NotAuthenticated, PermissionDenied: a parameter is for people who are signed in, or staff.
    """
    criteria = ReportFilterSerializer.read(request)
    ordering = criteria["ordering"]
    reports = _readable(request, criteria)
    for name, value in criteria.items():
        if name not in {"mine", "ordering"}:
            reports = _NARROWED[name](reports, value, request.user)
    if ordering == PRIORITY:
        return Chosen(reports.in_queue(), ("queue_place__at", "queue_place__report"))
    return Chosen(reports, ("-created_at", "-id"))


def _readable(request: Request, criteria: dict[str, Any]) -> ReportQuerySet:
    """Return the reports among which the list chooses.

    Those that only staff can ask for are reports on which they work.
    """
    user = request.user
    restricted = [name for name in FOR_STAFF if name in criteria]
    if criteria["ordering"] == PRIORITY:
        restricted.append("ordering")
    if not isinstance(user, User):
        if restricted or criteria["mine"]:
            raise NotAuthenticated(f"Sign in to ask for {(restricted or ['mine'])[0]}.")
        return Report.objects.published()
    if restricted and not user.is_staff:
        raise PermissionDenied(f"Only staff can ask for {restricted[0]}.")
    reports = Report.objects.for_staff(user) if restricted else Report.objects.all()
    if criteria["mine"]:
        return reports.filter(reporter=user)
    if restricted:
        return reports
    return reports.visible_to(user) if user.is_staff else reports.published()


def with_photo(reports: ReportQuerySet, has_photo: bool) -> ReportQuerySet:
    """Return the reports that have a photo which all their readers see, or those that have none."""
    shown = Exists(Photo.objects.public().filter(report=OuterRef("pk")))
    return reports.filter(shown if has_photo else ~shown)


def _of_department(reports: ReportQuerySet, department: Department, _user: Any) -> ReportQuerySet:
    return reports.filter(department__in=Department.objects.below(department).values("pk"))


def _of_crew(reports: ReportQuerySet, crew: int, _user: Any) -> ReportQuerySet:
    """Return the reports of a crew; that there is one is looked up for staff alone."""
    if not Crew.objects.filter(pk=crew).exists():
        raise InvalidQuery({"crew": ["There is no crew with this id."]})
    return reports.filter(crew=crew)


def _assigned(reports: ReportQuerySet, whose: str, user: Any) -> ReportQuerySet:
    match whose:
        case "me":
            return reports.assigned_to(user)
        case "my_crews":
            return reports.assigned_to_crews_of(user)
    return reports.unassigned()


#: How each parameter narrows the list: from the reports, its value and the reader.
_NARROWED: dict[str, Any] = {
    "status": lambda reports, values, _: reports.filter(status__in=values),
    "category": lambda reports, category, _: reports.filter(category=category),
    "department": _of_department,
    "severity": lambda reports, values, _: reports.filter(severity__in=values),
    "bbox": lambda reports, box, _: reports.in_box(box),
    "q": lambda reports, text, _: reports.with_words(text),
    "created_after": lambda reports, moment, _: reports.filter(created_at__gte=moment),
    "created_before": lambda reports, moment, _: reports.filter(created_at__lt=moment),
    "due_before": lambda reports, moment, _: reports.overdue(moment),
    "overdue": lambda reports, is_so, _: reports.overdue() if is_so else reports.not_overdue(),
    "answer_overdue": lambda reports, is_so, _: (
        reports.answer_overdue() if is_so else reports.not_answer_overdue()
    ),
    "has_photo": lambda reports, is_so, _: with_photo(reports, is_so),
    "confirmed": lambda reports, is_so, _: reports.filter(confirmed_at__isnull=not is_so),
    "assigned": _assigned,
    "crew": _of_crew,
    "source": lambda reports, source, _: reports.filter(source=source).exclude(source=""),
    "imported": lambda reports, is_so, _: (
        reports.exclude(source="") if is_so else reports.filter(source="")
    ),
}
