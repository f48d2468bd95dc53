"""The city's figures in the API."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from jobs.http.fields import DayField, QueryIntegerField
from jobs.http.queries import QuerySerializer
from reports.figures.timeseries import Choice, Interval, Span
from reports.models import Area, Category, Department, Status

DAYS_MAXIMUM = 1_100
DAYS_DEFAULT = 30
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
CHOSEN_BY = ("area", "category", "department", "topic", "source")
_TONE = "Mean sentiment of the posts, from -1 (bad) to 1 (good); null where it is not known."
_NULL = "Null where a parameter of the query does not apply to them."
_SHARE = "a share from 0 to 1; null of nothing"


class VolumesSerializer(serializers.Serializer[Any]):
    """How many reports came in."""

    last_day = serializers.IntegerField(help_text="In the last 24 hours.")
    last_7_days = serializers.IntegerField(help_text="In the last 7 days.")
    last_30_days = serializers.IntegerField(help_text="In the last 30 days.")
    previous_30_days = serializers.IntegerField(help_text="In the 30 days before these.")


class PostsSerializer(serializers.Serializer[Any]):
    """What was written at outside sources in the last 7 days."""

    posts = serializers.IntegerField(help_text="Posts of the last 7 days.")
    sentiment = serializers.FloatField(allow_null=True, help_text=_TONE)
    posts_week_before = serializers.IntegerField(help_text="Posts of the 7 days before.")
    sentiment_week_before = serializers.FloatField(
        allow_null=True, help_text="Mean sentiment of the posts of the 7 days before."
    )


class SourcePostsSerializer(PostsSerializer):
    """What was written at one source in the last 7 days."""

    source = serializers.CharField(  # type: ignore[assignment]
        help_text="The source's name."
    )
    kind = serializers.CharField(help_text="Its kind, such as `reddit` or `feed`.")


class TopicSerializer(serializers.Serializer[Any]):
    """How much was written about a topic in the last 7 days."""

    topic = serializers.CharField(help_text="The topic's slug.")
    posts = serializers.IntegerField(help_text="Posts of the last 7 days.")
    usual = serializers.FloatField(help_text="Posts a week in the four weeks before, on average.")
    sentiment = serializers.FloatField(allow_null=True, help_text=_TONE)


class ListeningSerializer(PostsSerializer):
    """What was written at all outside sources in the last 7 days, and about what."""

    by_source = SourcePostsSerializer(many=True, help_text="The sources in use, by name.")
    topics = TopicSerializer(many=True, help_text="The 20 largest topics, the largest first.")
    rising_topics = TopicSerializer(
        many=True,
        help_text="Topics with more posts than chance explains (Poisson, 1 in 100 weeks).",
    )


class StatusCountSerializer(serializers.Serializer[Any]):
    """The reports of one status."""

    status = serializers.ChoiceField(choices=Status.choices, help_text="The status.")
    count = serializers.IntegerField(help_text="Reports that have it now.")


class CategoryCountSerializer(serializers.Serializer[Any]):
    """The reports of one category."""

    category = serializers.CharField(
        allow_null=True, help_text="The category's slug; null for reports without one."
    )
    name = serializers.CharField(help_text="The category's name.")
    open = serializers.IntegerField(help_text="Its open reports.")
    total = serializers.IntegerField(help_text="All its reports.")


class FirstResponseSerializer(serializers.Serializer[Any]):
    """How soon reporters got a first answer."""

    answered = serializers.IntegerField(help_text="Reports of the period with a first answer.")
    unanswered = serializers.IntegerField(help_text="Reports of the period without one yet.")
    median_hours = serializers.FloatField(allow_null=True, help_text="Half took at most so long.")
    p90_hours = serializers.FloatField(allow_null=True, help_text="Nine of ten took at most that.")
    in_time = serializers.FloatField(
        allow_null=True,
        help_text="How many of those with a deadline for it were answered by then: "
        f"{_SHARE}. Unanswered ones count once their deadline has passed.",
    )


class RepairSerializer(serializers.Serializer[Any]):
    """How soon problems were repaired."""

    repaired = serializers.IntegerField(help_text="Reports resolved within the period.")
    median_hours = serializers.FloatField(allow_null=True, help_text="Half took at most so long.")
    p90_hours = serializers.FloatField(allow_null=True, help_text="Nine of ten took at most that.")
    in_time = serializers.FloatField(
        allow_null=True,
        help_text="How many of those with a deadline were resolved by then: "
        f"{_SHARE}. Open reports that are overdue count as late.",
    )


class ConfirmedBySerializer(serializers.Serializer[Any]):
    """Who or what confirmed the repairs."""

    reporter = serializers.IntegerField(help_text="Repairs that the reporter confirmed.")
    neighbour = serializers.IntegerField(help_text="Repairs that a neighbour confirmed.")
    photo = serializers.IntegerField(help_text="Repairs that a photo of the repair confirmed.")


class ConfirmedRepairsSerializer(serializers.Serializer[Any]):
    """How many closed reports somebody or something confirmed as repaired."""

    closed = serializers.IntegerField(help_text="Reports closed within the period.")
    confirmed = serializers.IntegerField(help_text="Of these, the confirmed ones.")
    share = serializers.FloatField(allow_null=True, help_text=f"Confirmed of closed: {_SHARE}.")
    by = ConfirmedBySerializer(help_text="Who or what confirmed them.")


class SatisfactionSerializer(serializers.Serializer[Any]):
    """What citizens answered to the question whether the problem is repaired."""

    yes = serializers.IntegerField(help_text="Answers that it is.")
    no = serializers.IntegerField(help_text="Answers that it is not.")
    share = serializers.FloatField(allow_null=True, help_text=f"Yes of all answers: {_SHARE}.")


class ServiceSerializer(serializers.Serializer[Any]):
    """How soon and how well problems are dealt with."""

    open = serializers.IntegerField(help_text="Reports that are open now.")
    overdue = serializers.IntegerField(help_text="Of these, those past their deadline.")
    first_response = FirstResponseSerializer(help_text="How soon a first answer came.")
    repair = RepairSerializer(help_text="How soon problems were repaired.")
    confirmed_repairs = ConfirmedRepairsSerializer(help_text="Closing is not repairing.")
    satisfaction = SatisfactionSerializer(help_text="What citizens say of the repairs.")


class DepartmentServiceSerializer(ServiceSerializer):
    """How soon and how well a department deals with problems."""

    department = serializers.CharField(help_text="The department's slug.")
    name = serializers.CharField(help_text="The department's name.")


class ExpectedReportsSerializer(serializers.Serializer[Any]):
    """How many reports are expected in one week."""

    category = serializers.CharField(
        allow_null=True, help_text="The slug of the category; null for all."
    )
    begins_on = serializers.DateField(help_text="The first day of the seven.")
    expected = serializers.FloatField(help_text="Reports expected.")
    low = serializers.IntegerField(help_text="Four weeks of five bring at least so many.")
    high = serializers.IntegerField(help_text="Four weeks of five bring at most so many.")


class ArrivalsSerializer(serializers.Serializer[Any]):
    """How many reports are expected in the next four weeks."""

    begins_on = serializers.DateField(help_text="The first day of the forecast.")
    method = serializers.CharField(
        help_text="How it was made; the simplest method that won the backtest."
    )
    error = serializers.FloatField(
        help_text="Its errors in the backtest as a share of the reports: mean of weeks and days."
    )
    coverage = serializers.FloatField(
        help_text="The share of weeks of the backtest within their intervals; .8 is aimed at."
    )
    weeks = ExpectedReportsSerializer(many=True, help_text="Of the city, week by week.")
    by_category = ExpectedReportsSerializer(many=True, help_text="Of each category.")


class DateQualitySerializer(serializers.Serializer[Any]):
    """How well the dates forecast for reports came true."""

    done = serializers.IntegerField(
        help_text="Reports done within the period that had a forecast when they came."
    )
    in_range = serializers.FloatField(
        allow_null=True, help_text=f"How many of these were done within their range: {_SHARE}."
    )
    median_error_hours = serializers.FloatField(
        allow_null=True,
        help_text="Half of them were done at most so many hours before or after the likely time.",
    )


class CategoryDateQualitySerializer(DateQualitySerializer):
    """How well the dates forecast for reports of one category came true."""

    category = serializers.CharField(help_text="The category's slug.")
    name = serializers.CharField(help_text="The category's name.")


class DatesSerializer(DateQualitySerializer):
    """How well the dates forecast for reports came true, in the city and by category."""

    aim = serializers.FloatField(help_text="The share that ranges are made to hold.")
    open_with_forecast = serializers.IntegerField(help_text="Open reports that have a forecast.")
    open_past_range = serializers.IntegerField(
        help_text="Open reports that are past the range forecast when they came; not in `done`."
    )
    by_category = CategoryDateQualitySerializer(many=True, help_text="The most reports first.")


class DashboardSerializer(serializers.Serializer[Any]):
    """The city's figures."""

    computed_at = serializers.DateTimeField(help_text="When they were computed.")
    period_days = serializers.IntegerField(
        help_text="The length of the period, up to now, that times and shares are about."
    )
    reports = VolumesSerializer(help_text="How many reports came in.")
    forecast = ArrivalsSerializer(
        allow_null=True,
        help_text="How many reports are expected; null while the city has too short a history.",
    )
    dates = DatesSerializer(
        help_text="How well forecasts of dates came true. How many deadlines were kept is another "
        "question: see `in_time`."
    )
    posts = ListeningSerializer(help_text="What is written at outside sources.")
    by_status = StatusCountSerializer(many=True, help_text="All reports, by status.")
    by_category = CategoryCountSerializer(many=True, help_text="The most open ones first.")
    city = ServiceSerializer(help_text="The whole city.")
    by_department = DepartmentServiceSerializer(many=True, help_text="By name.")


class TimeseriesQuerySerializer(QuerySerializer):
    """The query parameters of a series of figures."""

    since = DayField(required=False, help_text="The first day; 29 days before the last by default.")
    until = DayField(required=False, help_text="The last day; today by default.")
    interval = serializers.ChoiceField(
        choices=[(interval.value, interval.value) for interval in Interval],
        default=Interval.DAY.value,
        help_text="The length of a period. Weeks begin on Monday.",
    )
    area = serializers.PrimaryKeyRelatedField[Area](
        queryset=Area.objects.all(),
        pk_field=QueryIntegerField(min_value=1),
        required=False,
        help_text="The id of an area: only reports from there and posts about it.",
    )
    category = serializers.SlugRelatedField[Category](
        slug_field="slug",
        queryset=Category.objects.all(),
        required=False,
        help_text="The slug of a category, also of one that is no longer in use.",
    )
    department = serializers.SlugRelatedField[Department](
        slug_field="slug",
        queryset=Department.objects.all(),
        required=False,
        help_text="The slug of a department.",
    )
    source = serializers.CharField(  # type: ignore[assignment]
        required=False,
        max_length=80,
        help_text="The name of the system from which reports were imported or posts collected; "
        "`own` for reports made here.",
    )
    topic = serializers.SlugField(
        required=False, max_length=40, help_text="The topic of posts, such as `traffic`."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until: date = attrs.get("until") or timezone.localdate()
        if not FIRST_DAY <= until <= LAST_DAY:
            raise serializers.ValidationError({"until": "Expected a day from 1970 to 2999."})
        since: date = attrs.get("since") or until - timedelta(days=DAYS_DEFAULT - 1)
        if until < since:
            raise serializers.ValidationError({"until": "The last day is before the first one."})
        if (until - since).days >= DAYS_MAXIMUM:
            raise serializers.ValidationError({"since": f"At most {DAYS_MAXIMUM} days at once."})
        attrs["span"] = Span(since=since, until=until, interval=Interval(attrs["interval"]))
        attrs["choice"] = Choice(
            **{name: attrs[name] for name in CHOSEN_BY if name in attrs},
        )
        return attrs


class PointSerializer(serializers.Serializer[Any]):
    """The figures of one period."""

    start = serializers.DateField(
        help_text="Its first day; of the first period it may be before `since`, whose days alone "
        "are counted."
    )
    received = serializers.IntegerField(allow_null=True, help_text=f"Reports that came in. {_NULL}")
    ended = serializers.IntegerField(
        allow_null=True,
        help_text=f"Reports on which work ended, and that were not opened again since. {_NULL}",
    )
    repaired = serializers.IntegerField(
        allow_null=True,
        help_text=f"Of `ended`, those repaired: neither rejected nor duplicates. {_NULL}",
    )
    confirmed = serializers.IntegerField(
        allow_null=True, help_text=f"Of `repaired`, the confirmed ones. {_NULL}"
    )
    posts = serializers.IntegerField(allow_null=True, help_text=f"Posts collected. {_NULL}")
    sentiment = serializers.FloatField(allow_null=True, help_text=f"{_TONE} {_NULL}")


class TimeseriesSerializer(serializers.Serializer[Any]):
    """Figures over time."""

    since = serializers.DateField(help_text="The first day.")
    until = serializers.DateField(help_text="The last day.")
    interval = serializers.CharField(help_text="The length of a period.")
    points = PointSerializer(many=True, help_text="One for each period, the earliest first.")
