"""The city's figures as tables, each of which a script may draw as a chart.

Nothing is computed here: the figures are those of the public dashboard, its series over time and
the leaderboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from reports.figures import timeseries
from reports.leaderboard.ranking import Board
from reports.models import Department, LeaderboardPeriod, Status

#: How many rows a table shows where there may be many.
ROWS_MAXIMUM = 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers: its heading, and how a number is written."""

    title: str
    unit: str = ""  # "", "%", "h", or "±" for a sentiment from -1 to 1
    is_drawn: bool = True

    @property
    def heading(self) -> str:
        """Return the title, with the unit where it needs one."""
        return f"{self.title} ({self.unit})" if self.unit in ("%", "h") else self.title


@dataclass(frozen=True, slots=True)
class Figure:
    """A table whose first column names the rows; `kind` is how a chart draws it."""

    key: str
    title: str
    about: str
    label: str
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    kind: str = "bar"

    @property
    def is_empty(self) -> bool:
        """Return whether no row has a number other than zero."""
        return not any(value for _name, values in self.rows for value in values)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as objects, for an export."""
        names = [column.heading for column in self.columns]
        return [
            {self.label: name, **dict(zip(names, values, strict=True))}
            for name, values in self.rows
        ]


def over_time(points: Iterable[dict[str, Any]]) -> list[Figure]:
    """Return the figures of the chosen period, area, category and department."""
    lines = [(point["start"].isoformat(), point) for point in points]
    return [
        Figure(
            "volumes",
            _("Reports over time"),
            _("Received, ended, repaired and confirmed, by the day on which it happened."),
            _("From"),
            [
                Column(_("Received")),
                Column(_("Ended")),
                Column(_("Repaired")),
                Column(_("Confirmed")),
            ],
            [
                (start, [point[name] for name in ("received", "ended", "repaired", "confirmed")])
                for start, point in lines
            ],
            "line",
        ),
        Figure(
            "posts",
            _("Posts over time"),
            _("What is written at outside sources; they have no category and no department."),
            _("From"),
            [Column(_("Posts"))],
            [(start, [point["posts"]]) for start, point in lines],
            "line",
        ),
        Figure(
            "sentiment",
            _("Sentiment of posts over time"),
            _("From -1, negative, to 1, positive."),
            _("From"),
            [Column(_("Sentiment"), "±")],
            [(start, [point["sentiment"]]) for start, point in lines],
            "line",
        ),
    ]


def now(content: dict[str, Any], department: Department | None) -> list[Figure]:
    """Return the present figures of the city, or of one department where it has its own."""
    every = content["by_department"]
    chosen = [
        figures
        for figures in every
        if department is None or figures["department"] == department.slug
    ]
    days = content["period_days"]
    return [
        *_standing(content),
        *_service(chosen, days),
        *_listening(content["posts"]),
        *_forecast(content["forecast"]),
        _dates(content["dates"]),
    ]


def _standing(content: dict[str, Any]) -> list[Figure]:
    return [
        Figure(
            "status",
            _("Reports by status"),
            _("All reports of the city."),
            _("Status"),
            [Column(_("Reports"))],
            [(_status(count["status"]), [count["count"]]) for count in content["by_status"]],
        ),
        Figure(
            "category",
            _("Reports by category"),
            _("Those with the most open reports."),
            _("Category"),
            [Column(_("Open")), Column(_("All"))],
            [
                (one["name"] or _("No category"), [one["open"], one["total"]])
                for one in content["by_category"][:ROWS_MAXIMUM]
            ],
        ),
    ]


def _status(name: str) -> str:
    return str(capfirst(Status(name).label))


#: Reads the numbers of a row from the figures of its department.
ReadRow = Callable[[dict[str, Any]], Sequence[float | None]]
#: Makes a figure with a row for each department, from its key, title, text, columns and `ReadRow`.
MakeFigure = Callable[[str, str, str, Sequence[Column], ReadRow], Figure]


def _service(departments: list[dict[str, Any]], days: int) -> list[Figure]:
    """Return how quickly and how well each department works, with `days` as the period."""

    def by_department(
        key: str, title: str, about: str, columns: Sequence[Column], read: ReadRow
    ) -> Figure:
        rows = [(department["name"], read(department)) for department in departments]
        return Figure(key, title, about, _("Department"), columns, rows)

    return [*_speed(by_department, days), *_outcome(by_department, days)]


def _speed(by_department: MakeFigure, days: int) -> list[Figure]:
    """Return what is open, the times to answer and to repair, and how many deadlines were kept."""
    period = _("In the last %s days.") % days
    hours = [Column(_("Median"), "h"), Column(_("Nine of ten within"), "h")]
    return [
        by_department(
            "open",
            _("Open and overdue"),
            _("At present."),
            [Column(_("Open")), Column(_("Overdue"))],
            lambda figures: [figures["open"], figures["overdue"]],
        ),
        by_department(
            "response",
            _("Time to the first response"),
            period,
            hours,
            lambda figures: _hours(figures["first_response"]),
        ),
        by_department(
            "repair",
            _("Time to the repair"),
            period,
            hours,
            lambda figures: _hours(figures["repair"]),
        ),
        by_department(
            "deadlines",
            _("Deadlines kept"),
            period,
            [Column(_("First response"), "%"), Column(_("Repair"), "%")],
            lambda figures: [
                _percent(figures[name]["in_time"]) for name in ("first_response", "repair")
            ],
        ),
    ]


def _outcome(by_department: MakeFigure, days: int) -> list[Figure]:
    """Return how many repairs were confirmed, and how satisfied the reporters are."""
    return [
        by_department(
            "confirmed",
            _("Confirmed repairs"),
            _("Of the reports closed in the last %s days, and who confirmed them.") % days,
            [
                Column(_("Confirmed"), "%"),
                Column(_("By the reporter"), is_drawn=False),
                Column(_("By a neighbour"), is_drawn=False),
                Column(_("By a photo"), is_drawn=False),
            ],
            lambda figures: _confirmed(figures["confirmed_repairs"]),
        ),
        by_department(
            "satisfaction",
            _("Satisfaction"),
            _("Answers to the question whether it is repaired, in the last %s days.") % days,
            [
                Column(_("Yes"), "%"),
                Column(_("Answers yes"), is_drawn=False),
                Column(_("Answers no"), is_drawn=False),
            ],
            lambda figures: _satisfaction(figures["satisfaction"]),
        ),
    ]


def _hours(figures: dict[str, Any]) -> list[float | None]:
    return [figures["median_hours"], figures["p90_hours"]]


def _confirmed(figures: dict[str, Any]) -> list[float | None]:
    by = figures["by"]
    return [_percent(figures["share"]), by["reporter"], by["neighbour"], by["photo"]]


def _satisfaction(figures: dict[str, Any]) -> list[float | None]:
    return [_percent(figures["share"]), figures["yes"], figures["no"]]


def _listening(posts: dict[str, Any]) -> list[Figure]:
    topics = [Column(_("Last 7 days")), Column(_("Usual week")), Column(_("Sentiment"), "±", False)]

    def rows(chosen: list[dict[str, Any]]) -> list[tuple[str, list[float | None]]]:
        return [
            (one["topic"], [one["posts"], one["usual"], one["sentiment"]])
            for one in chosen[:ROWS_MAXIMUM]
        ]

    about = _("What is written at outside sources.")
    return [
        Figure("topics", _("Topics of posts"), about, _("Topic"), topics, rows(posts["topics"])),
        Figure(
            "rising",
            _("Rising topics"),
            _("Topics with more posts than chance explains."),
            _("Topic"),
            topics,
            rows(posts["rising_topics"]),
        ),
        Figure(
            "sources",
            _("Posts by source"),
            about,
            _("Source"),
            [
                Column(_("Last 7 days")),
                Column(_("The week before")),
                Column(_("Sentiment"), "±", False),
            ],
            [
                (
                    source["source"],
                    [source["posts"], source["posts_week_before"], source["sentiment"]],
                )
                for source in posts["by_source"][:ROWS_MAXIMUM]
            ],
        ),
    ]


def _forecast(forecast: dict[str, Any] | None) -> list[Figure]:
    if forecast is None:
        return []
    return [
        Figure(
            "forecast",
            _("Reports expected"),
            _("In each of the next weeks; four weeks of five lie between low and high."),
            _("Week from"),
            [Column(_("Expected")), Column(_("Low")), Column(_("High"))],
            [
                (str(week["begins_on"]), [week["expected"], week["low"], week["high"]])
                for week in forecast["weeks"]
            ],
            "interval",
        )
    ]


def _dates(dates: dict[str, Any]) -> Figure:
    everything = {"name": _("All")} | dates
    return Figure(
        "dates",
        _("Calibration of dates"),
        _("How many reports were done within the range forecast for them; %d%% are aimed at.")
        % round(dates["aim"] * 100),
        _("Category"),
        [
            Column(_("Within the range"), "%"),
            Column(_("Half of them within"), "h", is_drawn=False),
            Column(_("Reports done"), is_drawn=False),
        ],
        [
            (one["name"], [_percent(one["in_range"]), one["median_error_hours"], one["done"]])
            for one in [everything, *dates["by_category"][:ROWS_MAXIMUM]]
        ],
    )


def leaders(choice: timeseries.Choice) -> Figure:
    """Return the citizens who gained most reputation this month, in the area if one is chosen."""
    places = Board(LeaderboardPeriod.MONTH, choice.area).first(10)
    return Figure(
        "leaders",
        _("Leaderboard of the month"),
        _("Citizens who gained most reputation."),
        _("Citizen"),
        [Column(_("Points")), Column(_("Rank"), is_drawn=False)],
        [(place.name, [place.points, place.rank]) for place in places],
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 1)
