"""The rules by which values are read, the same for reports and opportunities."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from imports.errors import ImportFileError, RowRejected
from imports.reading.records import Record
from imports.rows import Row
from imports.times import TimeReader


def row(time_format: str = "iso", zone: str = "America/New_York", **values: Any) -> Row:
    return Row(Record(values), {name: name for name in values}, TimeReader.of(time_format, zone))


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("41.30", "-72.9", (41.3, -72.9)),
        (" 41.30 ", "+72", (41.3, 72.0)),
        (41.3, -72, (41.3, -72.0)),
        ("41,30", "-72,9", (41.3, -72.9)),
        ("4.13e1", ".5", (41.3, 0.5)),
        ("", None, None),
        ([41.3], ["-72.9"], (41.3, -72.9)),
        (0, 7, (0.0, 7.0)),
    ],
)
def test_a_place_is_read(latitude: Any, longitude: Any, place: Any) -> None:
    assert row(latitude=latitude, longitude=longitude).place() == place


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        ("4_1.30", "-72.9", "latitude is not a number: 4_1.30"),
        ("４１", "-72.9", "latitude is not a number"),
        ("٤١", "-72.9", "latitude is not a number"),
        ("1,041.3", "-72.9", "latitude is not a number"),
        ("nan", "-72.9", "latitude is not a number"),
        ("0x29", "-72.9", "latitude is not a number"),
        ("41.3 N", "-72.9", "latitude is not a number"),
        ("1e999", "1", "latitude is not a number"),
        (10**400, 1, "latitude is not a number"),
        (True, 1, "latitude is true or false, not text"),
        ([41.3, 41.4], 1, "latitude is a list, not text"),
        ({"x": 1}, 1, "latitude is an object, not text"),
        (91, 1, "latitude is out of range: 91"),
        (1, -180.1, "longitude is out of range"),
        (1, "", "longitude is missing"),
        (None, 1, "latitude is missing"),
        ("0", "-0.0", "latitude and longitude are both 0"),
    ],
)
def test_what_is_no_place_is_rejected(latitude: Any, longitude: Any, reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        row(latitude=latitude, longitude=longitude).place()


@pytest.mark.parametrize(
    ("time_format", "text", "moment"),
    [
        ("iso", "2024-05-01", "2024-05-01T04:00:00+00:00"),
        ("iso", "2024-05-01 13:30", "2024-05-01T17:30:00+00:00"),
        ("iso", "2024-05-01T13:30:15.25Z", "2024-05-01T13:30:15.250000+00:00"),
        ("iso", "2024-05-01T13:30:15 Z", "2024-05-01T13:30:15+00:00"),
        ("iso", "2024-05-01T13:30:15+05:30", "2024-05-01T08:00:15+00:00"),
        ("iso", "20240501T133015", "2024-05-01T17:30:15+00:00"),
        ("us", "5/1/2024", "2024-05-01T04:00:00+00:00"),
        ("us", "05/01/2024 01:30:15 PM", "2024-05-01T17:30:15+00:00"),
        ("us", "05/01/2024, 12:05 a.m.", "2024-05-01T04:05:00+00:00"),
        ("day-first", "1/5/2024 13:30", "2024-05-01T17:30:00+00:00"),
        ("day-first", "01.05.2024", "2024-05-01T04:00:00+00:00"),
        ("excel", "45413.5625", "2024-05-01T17:30:00+00:00"),
        ("unix", "1714584600", "2024-05-01T17:30:00+00:00"),
        ("unix", "1714584600000", "2024-05-01T17:30:00+00:00"),
        ("%m/%d/%y %H:%M", "05/01/24 13:30", "2024-05-01T17:30:00+00:00"),
        ("%Y-%m-%d %H:%M:%S %z", "2024-05-01 13:30:00 +0000", "2024-05-01T13:30:00+00:00"),
        # The hour that the clocks repeat: the first of both.
        ("iso", "2024-11-03 01:30", "2024-11-03T05:30:00+00:00"),
    ],
)
def test_a_time_is_read(time_format: str, text: str, moment: str) -> None:
    read = row(time_format, at=text).moment("at")
    assert read is not None
    assert read.isoformat() == moment


@pytest.mark.parametrize(
    ("time_format", "text", "reason"),
    [
        ("iso", "2024-05-01garbage", "at is not a time of the format iso: 2024-05-01garbage"),
        ("iso", "2024-05-01x13:30", "not a time"),
        ("iso", "2024-02-30", "not a time"),
        ("iso", "2024-W18-3", "not a time"),
        ("iso", "05/01/2024", "not a time of the format iso"),
        ("iso", "２０２４-05-01", "not a time"),
        ("iso", "2024-03-10 02:30", "does not exist: the clocks of America/New_York skipped"),
        ("iso", "0001-01-01T00:00:00+14:00", "outside of 1900 to 2999"),
        ("iso", "9999-12-31T23:59:59-14:00", "outside of 1900 to 2999"),
        ("us", "13/01/2024", "not a time of the format us"),
        ("us", "05/01/24", "not a time of the format us"),
        ("us", "05/01/2024 13:30 PM", "not a time of the format us"),
        ("day-first", "01/13/2024", "not a time of the format day-first"),
        ("day-first", "01/05.2024", "not a time of the format day-first"),
        ("excel", "12", "not a time of the format excel"),
        ("excel", "1e300", "not a time of the format excel"),
        ("unix", "4_1", "not a time of the format unix"),
        ("unix", "1e30", "not a time of the format unix"),
        ("%d.%m.%Y", "1.5.2024 junk", "not a time of the format %d.%m.%Y"),
    ],
)
def test_what_is_no_time_is_rejected(time_format: str, text: str, reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        row(time_format, at=text).moment("at")


def test_an_end_in_the_repeated_hour_is_not_before_its_begin() -> None:
    values = row(begin="2024-11-03 01:50", end="2024-11-03 01:10")
    begin = values.moment("begin")
    end = values.moment("end", not_before=begin)
    assert begin is not None
    assert end is not None
    assert end > begin


@pytest.mark.parametrize("pattern", ["%H:%M", "%Y", "%d %B", "yesterday", "%Q", "%Y-%m"])
def test_a_pattern_needs_a_whole_date(pattern: str) -> None:
    with pytest.raises(ImportFileError, match="is not a time format"):
        TimeReader.of(pattern, "UTC")


def test_a_date_is_the_one_that_is_written() -> None:
    assert row(on="2024-05-01T23:30:00-08:00").day("on") == date(2024, 5, 1)
    assert row("us", on="05/01/2024").day("on") == date(2024, 5, 1)
    with pytest.raises(RowRejected, match="on is not a time"):
        row(on="2024-05-01garbage").day("on")


@pytest.mark.parametrize(("value", "count"), [("10.0", 10), ("1e1", 10), (10.0, 10), ("", None)])
def test_a_count_is_read(value: Any, count: int | None) -> None:
    assert row(count=value).count("count") == count


@pytest.mark.parametrize("value", ["10.5", "-1", "1_0", "3000000000", "many", True])
def test_what_is_no_count_is_rejected(value: Any) -> None:
    with pytest.raises(RowRejected, match="count is"):
        row(count=value).count("count")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\0b", "title contains a NUL character"),
        ("Stra\ufffde", "title contains U\\+FFFD, the trace of characters lost before"),
        ("\ud83d", "title contains half a character"),
        ("x" * 11, "title is longer than 10 characters"),
    ],
)
def test_text_that_cannot_be_stored_whole_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        row(title=text).text("title", longest=10)


def test_a_list_of_texts_is_read() -> None:
    assert row(skills=["first aid", "trees"]).texts("skills") == ["first aid", "trees"]
    assert row(skills="trees").texts("skills") == ["trees"]
    assert row(skills=None).texts("skills") == []
    with pytest.raises(RowRejected, match="skills is not a list of texts"):
        row(skills=["trees", 1]).texts("skills")
    with pytest.raises(RowRejected, match="skills contains a NUL character"):
        row(skills=["tr\0ees"]).texts("skills")


def test_an_id_is_never_cut_and_only_made_when_asked_for() -> None:
    with pytest.raises(RowRejected, match="external_id is longer than 120 characters"):
        row(external_id="x" * 121).external_id(longest=120, otherwise=())
    with pytest.raises(RowRejected, match="external_id is missing"):
        row(external_id=" ").external_id(longest=120, otherwise=())
    made = row(external_id="", title="Hole").external_id(longest=120, otherwise=("title",))
    assert made == row(title="Hole").external_id(longest=120, otherwise=("title",))
    assert made != row(title="Lamp").external_id(longest=120, otherwise=("title",))
