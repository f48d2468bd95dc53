"""The times of the week that texts name."""

from __future__ import annotations

from datetime import date

import pytest

from matching.text.times import in_words, times_of, times_within


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weekends", "weekends"),
        ("Saturdays and some Sundays free", "weekends"),
        ("Tuesday and Thursday afternoons", "Tuesday, Thursday, afternoon"),
        ("mornings or early evenings", "every day, morning or evening"),
        ("evenings on Saturday", "Saturday, evening"),
        ("Monday to Friday, 9am-5pm", "weekdays, morning or afternoon"),
        ("Mon-Fri", "weekdays"),
        ("Tue & Thu 6:30 pm - 8 pm", "Tuesday, Thursday, evening"),
        ("Fri-Mon", "Monday, Friday, Saturday, Sunday"),
        ("not on weekends", "weekdays"),
        ("weekdays only, no Fridays", "Monday, Tuesday, Wednesday, Thursday"),
        ("Sunday, July 17, 2011 (7:00 a.m. to Noon)", "Sunday, morning"),
        ("10 am to 1 pm on Saturdays", "Saturday, morning or afternoon"),
        ("after school tutoring", "weekdays, afternoon"),
        ("from 5 pm", "every day, evening"),
        ("before noon", "every day, morning"),
        ("sábados por la mañana", "Saturday, morning"),
        ("शनिवार और रविवार", "weekends"),
        ("शाम को", "every day, evening"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, words: str) -> None:
    assert in_words(times_of(text)) == words


def test_parts_of_the_day_belong_to_the_days_they_stand_beside() -> None:
    times = times_of("weekday evenings and weekends")
    assert times == times_of("weekday evenings") | times_of("weekends")
    assert not times & times_of("Monday mornings")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "five years of full-time experience",
        "from 3 to 5 years of experience",
        "until 5 people have signed up",
        "one day a week",
        "I sat on the bench in the sun",
    ],
)
def test_a_text_that_names_no_time_has_none(text: str) -> None:
    assert times_of(text) == 0


def test_what_happens_on_one_day_is_on_that_day_of_the_week() -> None:
    sunday, monday = date(2026, 11, 29), date(2026, 11, 30)
    assert in_words(times_within("Join us.", sunday, sunday)) == "Sunday"
    assert in_words(times_within("From 9am to noon.", monday, monday)) == "Monday, morning"
    assert in_words(times_within("We met last Friday.", monday, monday)) == "Monday"
    assert in_words(times_within("On Fridays.", sunday, monday)) == "Friday"
    assert times_within("Join us.", sunday, None) == 0
