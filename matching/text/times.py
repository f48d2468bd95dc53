"""The times of the week that a text names, such as "weekday evenings" or "Saturdays, 9 am-1 pm".

Times are a bit mask of 28 parts of the week: the morning, afternoon, evening and night of each day.
English, Spanish and Hindi are read. A text that names no time has no mask, which means that nothing
is known, not that every time suits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce

from matching.text.glossary import fold

#: Parts of the week as bits, from Monday's morning to Sunday's night.
Times = int

PARTS = ("morning", "afternoon", "evening", "night")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: The hour at which each part ends; the night lasts until the next morning.
_PART_ENDS = (12, 17, 22, 29)
_DAY_BEGINS = 5
_EVERY_DAY, _EVERY_PART = (1 << len(DAYS)) - 1, (1 << len(PARTS)) - 1
ALWAYS: Times = (1 << len(DAYS) * len(PARTS)) - 1
_WORK_DAYS, _WEEKEND = 0b0011111, 0b1100000
_MORNING, _AFTERNOON, _EVENING, _NIGHT = 1, 2, 4, 8

#: Beginning or whole of a word, or phrase → days, parts.
_WORDS: dict[str, tuple[int, int]] = {
    r"mondays?|lunes|सोमवार": (0b0000001, 0),
    r"tuesdays?|martes|मंगलवार": (0b0000010, 0),
    r"wednesdays?|miercoles|बुधवार": (0b0000100, 0),
    r"thursdays?|jueves|गुरुवार": (0b0001000, 0),
    r"fridays?|viernes|शुक्रवार": (0b0010000, 0),
    r"saturdays?|sabados?|शनिवार": (0b0100000, 0),
    r"sundays?|domingos?|रविवार": (0b1000000, 0),
    r"week-?days?|work(?:ing)? days?|week ?nights?|entre semana": (_WORK_DAYS, 0),
    r"week-?ends?|fin(?:es)? de semana|सप्ताहांत": (_WEEKEND, 0),
    r"after[ -]school": (_WORK_DAYS, _AFTERNOON),
    r"after[ -]work": (_WORK_DAYS, _EVENING),
    r"mornings?|mananas?|सुबह": (0, _MORNING),
    r"afternoons?|tardes?|दोपहर": (0, _AFTERNOON),
    r"evenings?|शाम": (0, _EVENING),
    r"nights?|overnight|noches?|रात": (0, _EVENING | _NIGHT),
    r"daytime|during the day|(?:business|office) hours": (0, _MORNING | _AFTERNOON),
    r"any ?time|any day|every day|daily|always|flexible|siempre|todos los dias": (
        _EVERY_DAY,
        _EVERY_PART,
    ),
}
#: A query of full text search for texts that may name a time; with it most need not be read.
NAMES_OF_TIMES = (
    "monday | tuesday | wednesday | thursday | friday | saturday | sunday | weekday | weekend"
    " | weeknight | school | morning | afternoon | evening | night | overnight | daytime | pm"
    " | mon | fri | lunes | martes | miércoles | jueves | viernes | sábado | sábados | domingo"
    " | domingos | semana | mañana | mañanas | tarde | tardes | noche | noches | सोमवार | मंगलवार"
    " | बुधवार | गुरुवार | शुक्रवार | शनिवार | रविवार | सप्ताहांत | सुबह | दोपहर | शाम | रात"
)
_HOUR = r"(?:\d{1,2}(?::\d\d)?\s*(?:[ap]\.?m\b\.?)?|noon|midnight)"
_MARKED_HOUR = r"(?:\d{1,2}(?::\d\d)?\s*[ap]\.?m\b\.?|\d{1,2}:\d\d|noon|midnight)"
_SPAN = rf"(?:from\s+)?(?P<start>{_HOUR})\s*(?:-|–|to|until|till)\s*(?P<end>{_MARKED_HOUR})"
#: An hour without `am` or `pm` may also be a number of years or people, so it must end its phrase.
_OPEN = (
    rf"(?P<bound>after|from|before|until)\s+"
    rf"(?P<hour>{_MARKED_HOUR}|\d{{1,2}}(?=\s*(?:$|[,.;)]|(?:and|or|on|every)\b)))"
)
_SHORT = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHORT_DAY = r"(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)(?!\w)\.?"
_TO = r"\s*(?:-|–|to|thru|through|until|a|से)\s*"
#: Short names of days are also words (sat, sun), so they need another one, or an hour, beside them.
_SHORT_DAYS = (
    rf"(?P<short>{_SHORT_DAY}(?:(?:{_TO}|\s*(?:[/&,]|and|or)\s*){_SHORT_DAY})+"
    rf"|{_SHORT_DAY}(?=\s*\d))"
)
_NAMED = "|".join(rf"(?P<w{i}>{words})" for i, words in enumerate(_WORDS))
_MENTION = re.compile(rf"(?<!\w)(?:{_NAMED}|{_SHORT_DAYS}|{_SPAN}|{_OPEN})(?!\w)")
_MEANINGS = list(_WORDS.values())
_RANGE = re.compile(_TO)
_JOINED = re.compile(r"\s*(?:on|of|every|each|los|el)?\s*(?:the|all)?\s*")
_NEGATED = re.compile(
    r"(?:\bnot?|\bexcept|\bnever|\bbut not|\bexcepto)(?:\s+(?:on|in|at|the|for))*\s*$"
)
_APART_CHARACTERS = 40


@dataclass(slots=True)
class _Mention:
    """A time named in a text: from `start` to `end`, with its days and its parts of the day."""

    start: int
    end: int
    days: int
    parts: int


def times_of(text: str) -> Times:
    """Return the parts of the week that a text names; 0 if it names none."""
    if not text:
        return 0
    folded = fold(text)
    named, excluded = 0, 0
    for group in _groups(folded):
        times = _times(_days_of(group, folded), reduce(lambda a, b: a | b.parts, group, 0))
        if _NEGATED.search(folded[: group[0].start]):
            excluded |= times
        else:
            named |= times
    return (named or (ALWAYS if excluded else 0)) & ~excluded


def times_within(text: str, first: date | None, last: date | None) -> Times:
    """Return the times that a text names, on the day of the week if it all happens on one day."""
    named = times_of(text)
    if first is None or first != last:
        return named
    on_the_day = _times(1 << first.weekday(), 0)
    return named & on_the_day or on_the_day


def in_words(times: Times) -> str:
    """Return the days of the times in words, and the parts if they are the same on all days."""
    by_day = [times >> len(PARTS) * i & _EVERY_PART for i in range(len(DAYS))]
    days = sum(1 << i for i, parts in enumerate(by_day) if parts)
    names = {_EVERY_DAY: "every day", _WORK_DAYS: "weekdays", _WEEKEND: "weekends"}.get(days)
    names = names or ", ".join(day for i, day in enumerate(DAYS) if days >> i & 1)
    parts = {parts for parts in by_day if parts}
    if len(parts) != 1 or parts == {_EVERY_PART}:
        return names
    [part] = parts
    return f"{names}, {' or '.join(name for i, name in enumerate(PARTS) if part >> i & 1)}"


def _times(days: int, parts: int) -> Times:
    """Return the given parts of the given days; 0 stands for all of them."""
    days, parts = days or _EVERY_DAY, parts or _EVERY_PART
    return sum(parts << len(PARTS) * i for i in range(len(DAYS)) if days >> i & 1)


def _groups(text: str) -> Iterator[list[_Mention]]:
    """Yield mentions that belong together: days with the parts that follow or stand before `on`."""
    group: list[_Mention] = []
    for mention in _mentions(text):
        if group and not _belongs(mention, group, text):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _belongs(mention: _Mention, group: list[_Mention], text: str) -> bool:
    gap = text[group[-1].end : mention.start]
    if len(gap) > _APART_CHARACTERS or re.search(r"[.;\n]\s", gap) or _NEGATED.search(gap):
        return False
    has_parts = any(other.parts for other in group)
    return not (has_parts and mention.days) or bool(_JOINED.fullmatch(gap))


def _mentions(text: str) -> Iterator[_Mention]:
    for match in _MENTION.finditer(text):
        name = match.lastgroup or ""
        if name == "short":
            days, parts = _short_days(match.group()), 0
        elif name.startswith("w"):
            days, parts = _MEANINGS[int(name[1:])]
        else:
            days, parts = 0, _parts_of_hours(match.groupdict())
        yield _Mention(match.start(), match.end(), days, parts)


def _short_days(text: str) -> int:
    """Return the days of short names, such as `mon-fri` or `tue & thu`."""
    days, before, end = 0, 0, 0
    for match in re.finditer(_SHORT_DAY, text):
        day = 1 << _SHORT.index(match.group()[:3])
        is_range = before and _RANGE.fullmatch(text[end : match.start()])
        days |= _days_between(before, day) if is_range else day
        before, end = day, match.end()
    return days


def _days_of(group: list[_Mention], text: str) -> int:
    """Return the days of the mentions, with those between two that a range joins."""
    days = 0
    for before, one in zip([None, *group], group, strict=False):
        days |= one.days
        if before and before.days and one.days and _RANGE.fullmatch(text[before.end : one.start]):
            days |= _days_between(before.days, one.days)
    return days


def _days_between(first: int, last: int) -> int:
    start, end = first.bit_length() - 1, last.bit_length() - 1
    count = (end - start) % len(DAYS) + 1
    return sum(1 << (start + i) % len(DAYS) for i in range(count))


def _parts_of_hours(groups: dict[str, str | None]) -> int:
    """Return the parts of the day between two hours, or on one side of an hour."""
    if groups["start"] and groups["end"]:
        end = _hour(groups["end"])
        start = _hour(groups["start"], before=end)
        return _parts_between(start, end if end > start else end + 24)
    hour = _hour(groups["hour"] or "")
    if groups["bound"] in {"after", "from"}:
        return _parts_between(hour, max(hour + 1, _PART_ENDS[2]))
    return _parts_between(_DAY_BEGINS, hour)


def _parts_between(start: float, end: float) -> int:
    begins = (_DAY_BEGINS, *_PART_ENDS[:-1])
    return sum(
        1 << i
        for i, (begin, until) in enumerate(zip(begins, _PART_ENDS, strict=True))
        if start < until and end > begin
    )


def _hour(text: str, before: float | None = None) -> float:
    """Return the hour of the day; one to eight without `am` or `pm` are of the afternoon."""
    if text in {"noon", "midnight"}:
        return 12.0 if text == "noon" else 24.0
    digits, _, minutes = re.sub(r"[^\d:]", "", text).partition(":")
    hour = int(digits) + int(minutes or 0) / 60
    if "p" in text:
        return hour % 12 + 12
    if "a" in text or hour >= 9:
        return hour % 24
    is_morning = before is not None and before <= 12
    return hour if is_morning else hour + 12
