"""The JSON of plans: the payload and the result of the job, and plans as they are read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar, cast

from django.utils import timezone
from rest_framework import serializers

from accounts.models import User
from jobs.http.fields import DayField, IntegerField, StrictTextField
from jobs.http.payloads import DescribedSerializer, PayloadSerializer
from jobs.http.queries import QuerySerializer
from reports.dispatch import gathering, improving
from reports.dispatch.gathering import Assigned
from reports.fields import CategoryField
from reports.models import (
    Department,
    DispatchLeftOut,
    DispatchPlan,
    DispatchRoute,
    DispatchStop,
    LeftOutReason,
)

DAYS_AHEAD = 60
CREWS_MAXIMUM = 50
REPORTS_MAXIMUM = 600
#: The hours of a shift that can be kept free.
RESERVE_MINUTES_MAXIMUM = 480
SEED_MAXIMUM = 2**31 - 1


class PlanPayloadSerializer(PayloadSerializer):
    """What to plan: whose day, for which reports, and how long to search for the best plan."""

    department = StrictTextField(
        max_length=50,
        help_text="The slug of a department in which you work. Its crews and reports are planned,"
        " with those of the departments below it.",
    )
    day = DayField(
        required=False, help_text="The day to plan, in the city's time zone. Default: today."
    )
    crews = serializers.ListField(
        child=IntegerField(min_value=1),
        max_length=CREWS_MAXIMUM,
        default=list,
        help_text="The ids of the crews to plan. Default: all active ones.",
    )
    categories = serializers.ListField(
        child=CategoryField(),
        max_length=100,
        default=list,
        help_text="Only reports of these categories, by their slugs. Default: of all.",
    )
    assigned = serializers.ChoiceField(
        choices=[choice.value for choice in Assigned],
        default=Assigned.KEEP.value,
        help_text="What becomes of reports that a crew has already: `keep` plans them for that"
        " crew, `move` for any crew unless work has begun, and `leave` does not plan them.",
    )
    reports_maximum = IntegerField(
        min_value=1,
        max_value=REPORTS_MAXIMUM,
        default=300,
        help_text="So many reports are considered, the most severe and most urgent first.",
    )
    reserve_minutes = IntegerField(
        min_value=0,
        max_value=RESERVE_MINUTES_MAXIMUM,
        allow_null=True,
        default=None,
        help_text="Minutes at the end of each crew's shift that stay free for urgent reports that"
        " are still to come. Default: as many as the forecast of arrivals asks for; none without"
        " one.",
    )
    rounds = IntegerField(
        min_value=1,
        max_value=200,
        default=10,
        help_text="Rounds of the search. With the same seed as many rounds give the same plan.",
    )
    seconds = IntegerField(
        min_value=1,
        max_value=900,
        default=120,
        help_text="The longest that the search may take. A plan that this ends is not repeatable.",
    )
    seed = IntegerField(
        min_value=0,
        max_value=SEED_MAXIMUM,
        default=1,
        help_text="Where the random numbers of the search begin.",
    )

    def validate_department(self, slug: str) -> str:
        user = cast("User", self.context["request"].user)
        mine = Department.objects.all()
        mine = mine if user.is_superuser else mine.worked_in_by(user)
        if not user.is_staff or not mine.filter(slug=slug).exists():
            raise serializers.ValidationError("There is no such department in which you work.")
        return slug

    def validate_day(self, day: date) -> date:
        today = timezone.localdate()
        if not today <= day <= today + timedelta(days=DAYS_AHEAD):
            raise serializers.ValidationError(
                f"Expected today, {today}, or a day of the next {DAYS_AHEAD}."
            )
        return day

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        improving.require_ortools()
        attrs.setdefault("day", timezone.localdate())
        department = Department.objects.get(slug=attrs["department"])
        crews = gathering.crews_of(department, attrs["crews"])
        if unknown := sorted(set(attrs["crews"]) - {crew.pk for crew in crews}):
            numbers = ", ".join(map(str, unknown))
            raise serializers.ValidationError(
                {"crews": f"{department} has no active crew with the number {numbers}."}
            )
        if not any(gathering.works_on(crew, attrs["day"]) for crew in crews):
            raise serializers.ValidationError(
                {"day": f"No crew of {department} works on {attrs['day']}."}
            )
        return attrs


class TravelSerializer(serializers.Serializer[Any]):
    """Where the travel times come from."""

    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["great_circle", "osrm"],
        help_text="`osrm`: of a server, on streets. `great_circle`: estimated by the distance.",
    )
    fault = serializers.CharField(
        allow_blank=True, help_text="Why the server was not used, where there is one."
    )
    estimated_pairs = serializers.IntegerField(
        help_text="Pairs of places without a road at the server, which are estimated."
    )


class PlannedRouteSerializer(serializers.Serializer[Any]):
    """The day of one crew in short."""

    crew = serializers.IntegerField(help_text="The crew's id.")
    name = serializers.CharField(help_text="The crew's name.")
    begins_at = serializers.DateTimeField(help_text="When it sets out.")
    ends_at = serializers.DateTimeField(help_text="When it is back.")
    metres = serializers.IntegerField(help_text="How far it drives.")
    reports = serializers.ListField(
        child=serializers.UUIDField(), help_text="The ids of its reports, in their order."
    )


class PlanResultSerializer(serializers.Serializer[Any]):
    """A plan in figures; `/api/v1/dispatch-plans/` has it whole, under the id of the job."""

    department = serializers.CharField(help_text="The department's slug.")
    day = serializers.DateField(help_text="The day that is planned.")
    reserve_minutes = serializers.IntegerField(
        help_text="Minutes at the end of each shift that stay free."
    )
    reports = serializers.IntegerField(help_text="Reports that the crews do.")
    left_out = serializers.DictField(
        child=serializers.IntegerField(), help_text="Reports left out, by the reason."
    )
    not_considered = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Open reports that cannot be given to a crew now, by their status.",
    )
    metres = serializers.IntegerField(help_text="How far all crews drive.")
    travel_minutes = serializers.IntegerField(help_text="How long they drive in all.")
    deadlines_kept = serializers.IntegerField(
        help_text="Reports with a deadline during the shifts that are done before it."
    )
    deadlines_missed = serializers.IntegerField(
        help_text="Such reports that are done later, or left out."
    )
    routes = PlannedRouteSerializer(many=True, help_text="One for each crew that works.")
    travel = TravelSerializer(help_text="Where the travel times come from.")
    rounds = serializers.IntegerField(help_text="Rounds of the search that were done.")
    solutions = serializers.IntegerField(help_text="Plans that the search compared.")
    is_repeatable = serializers.BooleanField(
        help_text="Whether the same seed gives the same plan, while crews and reports stay as they"
        " are. Not if the time was over before the rounds, or the server of travel times failed."
    )


class DispatchStopSerializer(DescribedSerializer[DispatchStop]):
    """A report on a route."""

    report = serializers.UUIDField(source="report_id", help_text="The report's id.")
    title = serializers.CharField(source="report.title", help_text="The report's title.")
    category = serializers.SlugRelatedField[Any](
        source="report.category",
        slug_field="slug",
        read_only=True,
        help_text="The slug of its category; null for none.",
    )
    severity = serializers.CharField(source="report.severity", help_text="How bad it is.")
    address = serializers.CharField(source="report.address", help_text="The place in words.")
    is_in_time = serializers.BooleanField(
        allow_null=True,
        read_only=True,
        help_text="Whether the work ends before the deadline; null without one.",
    )

    class Meta:
        model = DispatchStop
        fields = (
            "position",
            "report",
            "title",
            "category",
            "severity",
            "address",
            "latitude",
            "longitude",
            "arrives_at",
            "begins_at",
            "ends_at",
            "travel_seconds",
            "metres",
            "due_at",
            "is_in_time",
            "state",
            "note",
        )
        read_only_fields = fields


class DispatchRouteSerializer(DescribedSerializer[DispatchRoute]):
    """The day of one crew."""

    crew = serializers.IntegerField(source="crew_id", help_text="The crew's id.")
    name = serializers.CharField(source="crew.name", help_text="The crew's name.")
    stops = DispatchStopSerializer(many=True, help_text="Its reports, in their order.")

    class Meta:
        model = DispatchRoute
        fields = (
            "crew",
            "name",
            "begins_at",
            "ends_at",
            "pause_begins_at",
            "pause_minutes",
            "metres",
            "travel_seconds",
            "stops",
        )
        read_only_fields = fields


class LeftOutSerializer(serializers.ModelSerializer[DispatchLeftOut]):
    """A report that the plan considered and left out."""

    report = serializers.UUIDField(source="report_id", help_text="The report's id.")
    title = serializers.CharField(source="report.title", help_text="The report's title.")
    reason = serializers.ChoiceField(choices=LeftOutReason.choices, help_text="Why, for programs.")
    sentence = serializers.CharField(source="get_reason_display", help_text="Why, for people.")

    class Meta:
        model = DispatchLeftOut
        fields = ("report", "title", "reason", "sentence")
        read_only_fields = fields


class DispatchPlanSummarySerializer(DescribedSerializer[DispatchPlan]):
    """A plan without its routes."""

    id = serializers.UUIDField(
        source="result_id", help_text="Its id, which is also that of its job."
    )
    department = serializers.SlugRelatedField[Department](
        slug_field="slug", read_only=True, help_text="The slug of its department."
    )
    state = serializers.ChoiceField(
        choices=["proposed", "applied", "undone"],
        read_only=True,
        help_text="Whether its reports were assigned, and whether that was undone.",
    )
    is_partial = serializers.BooleanField(
        source="result.is_partial",
        help_text="Whether it is the best so far of a job that goes on or was cancelled.",
    )
    created_at = serializers.DateTimeField(
        source="result.created_at", help_text="When it was asked for."
    )

    class Meta:
        model = DispatchPlan
        fields: ClassVar[Any] = (
            "id",
            "department",
            "day",
            "state",
            "is_partial",
            "created_at",
            "applied_at",
            "undone_at",
        )
        read_only_fields = fields


class DispatchPlanSerializer(DispatchPlanSummarySerializer):
    """A plan with its routes, and the reports that it leaves out."""

    result = PlanResultSerializer(source="result.result", help_text="Its figures.")
    routes = DispatchRouteSerializer(many=True, help_text="Of the crews that have stops.")
    left_out = LeftOutSerializer(many=True, help_text="Each with the reason.")

    class Meta(DispatchPlanSummarySerializer.Meta):
        fields = (*DispatchPlanSummarySerializer.Meta.fields, "result", "routes", "left_out")
        read_only_fields = fields


class DispatchPlanFilterSerializer(QuerySerializer):
    """The query parameters of the list of plans."""

    department = serializers.SlugRelatedField[Department](
        slug_field="slug",
        queryset=Department.objects.all(),
        required=False,
        help_text="Only plans of the department with this slug.",
    )
    day = DayField(required=False, help_text="Only plans of this day.")


class LeftStopSerializer(serializers.ModelSerializer[DispatchStop]):
    """A report that was left as it was."""

    report = serializers.UUIDField(source="report_id", help_text="The report's id.")
    reason = serializers.CharField(source="note", help_text="Why.")

    class Meta:
        model = DispatchStop
        fields = ("report", "reason")
        read_only_fields = fields


class OutcomeSerializer(serializers.Serializer[Any]):
    """What came of applying or undoing a plan."""

    done = serializers.IntegerField(help_text="Reports that were changed, or are so already.")
    left = LeftStopSerializer(many=True, help_text="Reports that were left as they were.")
