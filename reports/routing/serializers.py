"""The JSON of routing: its rules, and their trial on past reports."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import QueryBooleanField, QueryIntegerField
from jobs.http.queries import QuerySerializer
from reports.models import RoutedBy, RoutingRule
from reports.routing import rules
from reports.routing.trying import REPORTS_MAXIMUM, Move, Trial


class RoutingRuleSerializer(serializers.ModelSerializer[RoutingRule]):
    """A rule of routing."""

    sentence = serializers.SerializerMethodField(help_text="The rule in words.")
    category = serializers.SlugRelatedField[Any](
        slug_field="slug", read_only=True, allow_null=True, help_text="Slug of its category."
    )
    group = serializers.SlugRelatedField[Any](
        slug_field="slug",
        read_only=True,
        allow_null=True,
        help_text="Slug of the group whose categories it takes.",
    )
    area = serializers.SlugRelatedField[Any](
        slug_field="name",
        read_only=True,
        allow_null=True,
        help_text="Name of the area in which reports must lie.",
    )
    min_severity = serializers.CharField(help_text="The lowest severity that it takes; empty: any.")
    on_holidays = serializers.CharField(
        help_text="What it makes of holidays: `never`, `all_day` or `only`; empty: nothing."
    )
    department = serializers.SlugRelatedField[Any](
        slug_field="slug",
        read_only=True,
        allow_null=True,
        help_text="Slug of the department that gets the reports; null: that of their category.",
    )
    crew = serializers.SlugRelatedField[Any](
        slug_field="name",
        read_only=True,
        allow_null=True,
        help_text="Name of the crew to which the reports are assigned.",
    )
    is_broken = serializers.SerializerMethodField(
        help_text="Whether it cannot be evaluated; then its reports go to triage."
    )
    faults = serializers.SerializerMethodField(help_text="Why it cannot be evaluated.")

    class Meta:
        model = RoutingRule
        fields = (
            "id",
            "position",
            "name",
            "sentence",
            "is_active",
            "is_broken",
            "faults",
            "category",
            "group",
            "area",
            "min_severity",
            "times",
            "holidays",
            "on_holidays",
            "active_from",
            "active_until",
            "takes_uncertain",
            "department",
            "crew",
            "deadline_hours",
            "deadline_in_working_hours",
        )
        read_only_fields = fields

    def get_sentence(self, rule: RoutingRule) -> str:
        return rules.compiled(rule).sentence()

    def get_is_broken(self, rule: RoutingRule) -> bool:
        return bool(rules.compiled(rule).faults)

    def get_faults(self, rule: RoutingRule) -> list[str]:
        return rules.compiled(rule).faults


class TrialQuerySerializer(QuerySerializer):
    """The options of a trial of the rules."""

    last = QueryIntegerField(
        min_value=1,
        max_value=REPORTS_MAXIMUM,
        default=1_000,
        help_text="How many of the newest reports to look at.",
    )
    drafts = QueryBooleanField(
        required=False, default=False, help_text="Also try rules that are switched off."
    )


class MoveSerializer(serializers.Serializer[Move]):
    """A report that would go elsewhere, or get another deadline."""

    report_id = serializers.UUIDField(source="report.pk", help_text="Identifier of the report.")
    title = serializers.CharField(source="report.title", help_text="Title of the report.")
    created_at = serializers.DateTimeField(
        source="report.created_at", help_text="When it was reported."
    )
    department = serializers.SlugField(
        source="report.department.slug",
        allow_null=True,
        default=None,
        help_text="Slug of the department that has it now.",
    )
    to = serializers.SlugField(
        source="to.slug",
        allow_null=True,
        default=None,
        help_text="Slug of the department to which the rules would send it.",
    )
    deadline_hours = serializers.IntegerField(
        allow_null=True, help_text="The deadline that it would get; null: the same as now."
    )
    routed_by = serializers.ChoiceField(
        source="decision.routed_by",
        choices=[choice for choice in RoutedBy.choices if choice[0]],
        help_text="What would decide.",
    )
    reason = serializers.CharField(
        source="decision.reason", help_text="The rule with its conditions."
    )


class WaySerializer(serializers.Serializer[Any]):
    """How many reports would go from one department to another."""

    department = serializers.CharField(help_text="Name of the department that has them now.")
    to = serializers.CharField(help_text="Name of the department that would get them.")
    reports = serializers.IntegerField(help_text="Number of reports.")


class RuleCountSerializer(serializers.Serializer[Any]):
    """To how many reports a rule applies."""

    rule = serializers.CharField(help_text="Position and name of the rule.")
    reports = serializers.IntegerField(help_text="Number of reports.")


class TrialSerializer(serializers.Serializer[Trial]):
    """What the rules would do with past reports."""

    reports = serializers.IntegerField(help_text="Number of reports looked at.")
    elsewhere = serializers.IntegerField(help_text="Of these, how many would go elsewhere.")
    other_deadline = serializers.IntegerField(help_text="How many would get another deadline.")
    broken = serializers.IntegerField(
        help_text="How many would go to triage because their rule cannot be evaluated."
    )
    ways = serializers.SerializerMethodField(help_text="Where they would go, the commonest first.")
    by_rule = serializers.SerializerMethodField(help_text="To how many reports each rule applies.")
    rows = MoveSerializer(many=True, help_text="The first 200 that would change.")

    @extend_schema_field(WaySerializer(many=True))
    def get_ways(self, trial: Trial) -> list[dict[str, Any]]:
        return [
            {"department": came_from, "to": to, "reports": count}
            for (came_from, to), count in trial.ways.most_common()
        ]

    @extend_schema_field(RuleCountSerializer(many=True))
    def get_by_rule(self, trial: Trial) -> list[dict[str, Any]]:
        return [{"rule": rule, "reports": count} for rule, count in trial.by_rule.most_common()]
