"""What is learned from cases: when open ones are likely to be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from reports.catalogue.working_hours import holidays_of
from reports.dates import storing
from reports.dates.calibration import calibrated
from reports.dates.cases import DAY, HOUR, Floats
from reports.dates.model import Model
from reports.dates.working_days import HOLIDAY, SATURDAY, WorkingDays
from tests.reports.dating import EAST, MONDAY, WEST, make_cases, no_holiday, waves


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def likely_days(model: Model, created: Floats, **facts: Any) -> Floats:
    """Return after how many days new cases are likely to be done."""
    cases, _ = make_cases(created, np.zeros(len(created)), **facts)
    ranges = model.ranges(cases, model.done_by(cases, no_holiday))
    return (ranges.likely - cases.created) / DAY


def test_open_cases_make_a_forecast_later_than_the_done_ones_alone_would() -> None:
    """Of ten cases three are done the next day, seven after a month: most of those are open yet."""
    number = np.arange(400)
    created = MONDAY + number / 12 * DAY
    lasted = np.where(number % 10 < 3, DAY, 30 * DAY)
    cases, names = make_cases(created, lasted, until=MONDAY + 36 * DAY)
    assert 0.3 < cases.is_done.mean() < 0.5
    model = Model.learn(cases, names, no_holiday)
    assert likely_days(model, created[-1:] + DAY)[0] > 25
    dropped = Model.learn(cases[cases.is_done], names, no_holiday)
    assert likely_days(dropped, created[-1:] + DAY)[0] < 3


def test_a_case_that_is_still_open_is_not_expected_in_the_past() -> None:
    number = np.arange(300)
    created = MONDAY + number / 5 * DAY + 9 * HOUR
    cases, names = make_cases(created, np.where(number % 4 == 0, 20, 2) * DAY)
    model = Model.learn(cases, names, no_holiday)
    new, _ = make_cases([MONDAY + 70 * DAY], [0.0])
    done_by = model.done_by(new, no_holiday)
    at_first = model.ranges(new, done_by)
    since = new.created + 8 * DAY
    later = model.ranges(new, done_by, since)
    assert at_first.likely[0] - new.created[0] < 4 * DAY
    assert later.earliest[0] >= since[0]
    assert later.likely[0] - new.created[0] > 15 * DAY
    assert at_first.spent[0] < 0.05
    assert later.spent[0] > 0.6


def test_work_that_would_fall_on_a_holiday_moves_to_the_next_days() -> None:
    """New Year 2018 was a Monday."""
    first = day_number(date(2017, 12, 25))
    days = WorkingDays(first, first + 21, holidays_of("US"))
    week = np.arange(first + 7, first + 14)
    assert days.kind(week).tolist() == [HOLIDAY, 1, 2, 3, 4, SATURDAY, 6]
    assert days.round(week).tolist() == [HOLIDAY, 0, 1, 2, 3, 4, 6]
    assert days.round(week + 7).tolist() == [0, 1, 2, 3, 4, 5, 6]
    friday, next_wednesday = np.array([first + 4]), np.array([first + 9])
    assert days.between(friday, next_wednesday).tolist() == [2]


def test_each_part_of_the_city_has_its_day_of_the_week() -> None:
    """In the west things are done on Tuesdays, in the east on Fridays, both at noon."""
    number = np.arange(600)
    created = MONDAY + number / 10 * DAY
    place = np.where(number % 2, EAST, WEST)
    target = np.where(number % 2, 4, 1)
    day = np.floor((created - MONDAY) / DAY)
    wait = (target - day % 7 - 1) % 7 + 1
    done = MONDAY + (day + wait) * DAY + 12 * HOUR
    cases, names = make_cases(created, done - created, longitude=place)
    model = Model.learn(cases, names, no_holiday)
    on_monday = np.array([MONDAY + 63 * DAY + 10 * HOUR] * 2)
    new, _ = make_cases(on_monday, [0.0, 0.0], longitude=[WEST, EAST])
    ranges = model.ranges(new, model.done_by(new, no_holiday))
    weekdays = np.floor((ranges.likely - MONDAY) / DAY) % 7
    assert weekdays.tolist() == [1, 4]


def test_a_longer_queue_makes_a_later_date() -> None:
    cases, names = make_cases(*waves())
    model = Model.learn(cases, names, no_holiday)
    new, _ = make_cases([MONDAY + 280 * DAY], [0.0])
    categories = names.size("category")
    likely = [
        model.ranges(
            new,
            model.done_by(
                new,
                no_holiday,
                model.queues.levels_now(np.full(categories, waiting), np.full(categories, 84.0)),
            ),
        ).likely[0]
        for waiting in (1.0, 80.0)
    ]
    assert likely[1] - likely[0] > 5 * DAY


def test_ranges_hold_about_eight_of_ten_later_cases() -> None:
    rng = np.random.default_rng(5)
    created = MONDAY + np.sort(rng.uniform(0, 120, 1_500)) * DAY
    cases, names = make_cases(created, rng.lognormal(1.0, 0.9, 1_500) * DAY)
    earlier, later = cases[:1_000], cases[1_000:]
    model = calibrated(Model.learn(earlier, names, no_holiday), earlier, names, no_holiday)
    ranges = model.ranges(later, model.done_by(later, no_holiday))
    assert 0.75 < ranges.hold(later).mean() < 0.87


def test_learning_again_gives_the_same_model_and_storing_keeps_it() -> None:
    cases, names = make_cases(*waves(120))
    first, second = (Model.learn(cases, names, no_holiday) for _ in range(2))
    kept = storing.unpack(storing.pack(replace(first, reach=0.37)))
    assert kept is not None
    assert kept.reach == 0.37
    expected = first.done_by(cases, no_holiday)
    assert np.array_equal(expected, second.done_by(cases, no_holiday))
    assert np.array_equal(expected, kept.done_by(cases, no_holiday))
