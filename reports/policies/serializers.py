"""The JSON of policies: the search for one, versions, applying and taking back."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from jobs.http.fields import IntegerField, LineField, MomentField, NumberField, StrictBooleanField
from jobs.http.payloads import DescribedSerializer, PayloadSerializer
from reports.models import Department, Policy
from reports.models.policies import POLICY_NOTE_MAX_CHARACTERS
from reports.policies import access
from reports.policies.rules import SEVERITIES

SEED_MAXIMUM = 2**31 - 1
VERSION_MAXIMUM = 2**31 - 1


def _department_field(**options: Any) -> serializers.SlugRelatedField[Department]:
    return serializers.SlugRelatedField[Department](
        slug_field="slug", queryset=Department.objects.all(), **options
    )


class DiscoveryPayloadSerializer(PayloadSerializer):
    """What to search: where, in which period, and for what aim."""

    department = _department_field(
        required=False,
        allow_null=True,
        help_text="Slug of the department whose policy is searched, with those below it. You must"
        " manage it; without one, the whole city's, for superusers.",
    )
    since = MomentField(required=False, help_text="A year before `until` unless given.")
    until = MomentField(required=False, help_text="Now unless given.")
    trials = IntegerField(
        min_value=4, max_value=500, default=40, help_text="How many policies are tried."
    )
    seed = IntegerField(
        min_value=0,
        max_value=SEED_MAXIMUM,
        default=1,
        help_text="Where the random numbers begin; the same seed finds the same policy.",
    )
    objective = serializers.ChoiceField(
        choices=["hours", "lateness"],
        default="hours",
        help_text="What is made small, weighted by severity: the mean hours until a report is done,"
        " or the mean hours after its deadline.",
    )
    hold_out_share = NumberField(
        min_value=0.1,
        max_value=0.5,
        default=0.25,
        help_text="The share of the reports, the last ones, on which the policy is judged.",
    )
    draws = IntegerField(
        min_value=1, max_value=10, default=2, help_text="How often the times of work are drawn."
    )
    busy = NumberField(
        min_value=0.1,
        max_value=5,
        required=False,
        help_text="The share of their hours in which crews were busy; above 1 work piles up. Unless"
        " given, so much that a replay takes as long as the reports really did.",
    )
    moves_crews = StrictBooleanField(
        default=False,
        help_text="Also search for another split of the crews, and when departments help each"
        " other. That part of a policy is advice: people decide where crews work.",
    )
    crews = serializers.DictField(
        child=IntegerField(min_value=1, max_value=1000),
        required=False,
        help_text="Numbers of crews by the slug of a department, instead of its active crews.",
    )
    fairness_limit = NumberField(
        required=False,
        min_value=1,
        max_value=100,
        help_text="How much longer one area may wait than another, as a ratio. Unless given, a"
        " tenth more than under the policy in force.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"since": "Expected a time before `until`."})
        known = Department.objects.filter(slug__in=attrs.get("crews", {}))
        unknown = set(attrs.get("crews", {})) - set(known.values_list("slug", flat=True))
        if unknown:
            raise serializers.ValidationError(
                {"crews": f"Unknown departments: {', '.join(sorted(unknown))}."}
            )
        self._require_right(attrs.get("department"))
        return attrs

    def _require_right(self, department: Department | None) -> None:
        """Refuse a department of others to managers; who manages none gets 403 from the view."""
        request = self.context.get("request")
        if request is None or not access.decides_somewhere(request.user):
            return
        if not access.may_decide(request.user, department):
            where = f"manage {department.slug}" if department else "are a superuser"
            raise serializers.ValidationError({"department": f"Only if you {where}."})


class RulesSerializer(serializers.Serializer[Any]):
    """The parameters of a policy. Weights are in hours of waiting."""

    deadline_share = serializers.FloatField(
        help_text="0: the time of arrival counts; 1: the deadline; between: both by this share."
    )
    severity_hours = serializers.FloatField(help_text="How many hours a step of severity counts.")
    neighbour_hours = serializers.FloatField(
        help_text="How many hours it counts when twice as many people have the problem."
    )
    urgent_from = serializers.ChoiceField(
        choices=["", *SEVERITIES],
        help_text="Reports of this severity or above come before all others; empty: none do.",
    )
    escalate_after_hours = serializers.FloatField(
        allow_null=True,
        help_text="How long after its deadline a report is escalated; null: never.",
    )
    escalation_hours = serializers.FloatField(help_text="How many hours an escalation counts.")
    crew_shift = serializers.FloatField(
        help_text="Advice: 0: crews stay where they are; 1: they are split as the work is."
    )
    help_above = serializers.FloatField(
        allow_null=True,
        help_text="Advice: from how many waiting reports per crew idle crews of other departments"
        " help; null: never.",
    )


class AreaFiguresSerializer(serializers.Serializer[Any]):
    """How long reports of an area took."""

    area = serializers.CharField(
        help_text="Name of the area, or a cell of the H3 grid where the city has none."
    )
    reports = serializers.IntegerField(help_text="How many reports were counted.")
    hours = serializers.FloatField(help_text="The mean hours until they were done.")


class PolicyFiguresSerializer(serializers.Serializer[Any]):
    """What a policy would have achieved in a period."""

    reports = serializers.IntegerField(help_text="How many reports were counted.")
    hours = serializers.FloatField(
        help_text="The mean hours until a report was done, weighted by severity."
    )
    lateness = serializers.FloatField(
        help_text="The mean hours after the deadline, weighted by severity."
    )
    kept = serializers.FloatField(help_text="The share of deadlines kept, weighted by severity.")
    fairness = serializers.FloatField(
        help_text="The mean hours of the area that waits longest, divided by those of the area that"
        " waits least."
    )
    areas = AreaFiguresSerializer(many=True, help_text="The areas that were compared.")


class BestPolicySerializer(serializers.Serializer[Any]):
    """The best policy of a search."""

    trial = serializers.IntegerField(help_text="The number of its trial.")
    rules = RulesSerializer(help_text="Its parameters.")
    cost = serializers.FloatField(
        help_text="What the search made small: the objective, raised where areas differ too much."
    )
    search = PolicyFiguresSerializer(help_text="What it achieved in the period of the search.")
    hold_out = PolicyFiguresSerializer(
        allow_null=True,
        help_text="What it achieved in the later period; null until the search has ended.",
    )


class GapSerializer(serializers.Serializer[Any]):
    """A mean with its 95 % interval."""

    mean = serializers.FloatField(help_text="In hours; below 0 the best policy is better.")
    low = serializers.FloatField(help_text="The lower end of the interval.")
    high = serializers.FloatField(help_text="The upper end of the interval.")


class ComparedPolicySerializer(serializers.Serializer[Any]):
    """Another policy in the later period, beside the best one."""

    policy = serializers.ChoiceField(
        choices=["in_force", "by_arrival", "by_deadline"], help_text="Which policy."
    )
    figures = PolicyFiguresSerializer(help_text="What it achieved in the later period.")
    difference = GapSerializer(help_text="The objective of the best policy less that of this one.")


class DiscoverySerializer(serializers.Serializer[Any]):
    """The result of a search for a better policy."""

    reports = serializers.IntegerField(help_text="Reports in the period of the search.")
    reports_held_out = serializers.IntegerField(help_text="Reports in the later period.")
    held_out_from = serializers.DateTimeField(help_text="When the later period begins.")
    trials = serializers.IntegerField(help_text="How many policies were tried.")
    best = BestPolicySerializer(allow_null=True, help_text="The best policy so far.")
    compared = ComparedPolicySerializer(
        many=True, help_text="Others beside it; empty until the search has ended."
    )
    is_better = serializers.BooleanField(
        help_text="Whether it is better than the policy in force with 95 % confidence."
    )


class PolicySerializer(DescribedSerializer[Policy]):
    """A version of a policy."""

    department = serializers.SlugRelatedField[Any](
        slug_field="slug",
        read_only=True,
        allow_null=True,
        help_text="Slug of the department for whose reports it is; null: the whole city.",
    )
    rules = RulesSerializer(read_only=True, help_text="Its parameters.")
    result = serializers.UUIDField(
        source="result_id",
        read_only=True,
        allow_null=True,
        help_text="The id of the search that found it.",
    )
    reverts = serializers.IntegerField(
        source="reverts.version",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The version that this one takes back.",
    )
    applied_by = serializers.SlugRelatedField[Any](
        slug_field="name", read_only=True, allow_null=True, help_text="Name of who applied it."
    )

    class Meta:
        model = Policy
        fields = (
            "id",
            "department",
            "version",
            "rules",
            "note",
            "result",
            "trial",
            "reverts",
            "applied_by",
            "applied_at",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar = {"id": {"help_text": "The number of the row."}}


class AppliedPolicySerializer(PayloadSerializer):
    """The policy to apply: one that a search has tried."""

    result = serializers.UUIDField(help_text="The id of the search.")
    trial = IntegerField(
        required=False,
        min_value=0,
        max_value=10_000,
        help_text="The number of the trial; the best one unless given.",
    )
    note = LineField(
        required=False,
        allow_blank=True,
        default="",
        max_length=POLICY_NOTE_MAX_CHARACTERS,
        help_text="Why it is applied.",
    )
    seen = IntegerField(
        required=False,
        min_value=0,
        max_value=VERSION_MAXIMUM,
        help_text="The version that you saw in force, 0 for none; another one answers 409.",
    )


class RevertedPolicySerializer(PayloadSerializer):
    """The policy to take back: that in force."""

    department = _department_field(
        required=False, allow_null=True, help_text="Slug of the department; the city unless given."
    )
    note = LineField(
        required=False,
        allow_blank=True,
        default="",
        max_length=POLICY_NOTE_MAX_CHARACTERS,
        help_text="Why it is taken back.",
    )
    seen = IntegerField(
        required=False,
        min_value=0,
        max_value=VERSION_MAXIMUM,
        help_text="The version that you saw in force; another one answers 409.",
    )
