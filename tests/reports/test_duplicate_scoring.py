"""How likely two reports are about the same problem."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from reports.duplicates.scoring import SUGGESTED_FROM, Facts, compare
from reports.duplicates.vocabulary import parse, vocabulary, words_of

NOON = datetime.fromisoformat("2026-05-04T12:00:00+00:00")
LATITUDE, LONGITUDE = 41.31, -72.92
METRE = 1 / 111_195  # degrees of latitude


def facts(text: str, *, metres: float = 0, later: timedelta = timedelta(), **more: Any) -> Facts:
    return Facts.of(
        text,
        latitude=LATITUDE + metres * METRE,
        longitude=LONGITUDE,
        created_at=NOON + later,
        **more,
    )


def chance(a: Facts, b: Facts) -> float:
    return compare(a, b).probability


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("The traffic light is bent", {"traffic light", "bent"}),
        ("The street light flickers", {"street light", "flickering"}),
        ("Huge potole", {"pothole"}),
        ("Un bache en la calle", {"pothole"}),
        ("Stronk naast de stoep", {"stump", "sidewalk"}),
        ("सड़क में गड्ढा", {"pothole"}),
        ("Árbol", {"tree"}),
        ("It is changing", set()),
        ("", set()),
    ],
)
def test_a_text_names_its_subjects_in_any_language(text: str, subjects: set[str]) -> None:
    assert vocabulary().subjects_of(words_of(text)) == subjects


def test_a_star_stands_for_the_ending_of_one_word() -> None:
    small = parse("[things]\nsign | sign*\n[faults]\nsign down | sign_down*")
    assert small.subjects_of(words_of("signs at the corner")) == {"sign"}
    assert small.subjects_of(words_of("sign downhill")) == {"sign down"}


def test_every_word_of_the_vocabulary_is_found_again() -> None:
    known = vocabulary()
    for spellings in (known.whole, known.beginnings):
        for spelling in spellings:
            assert known.subjects_of(words_of(spelling)), spelling


def test_the_same_hole_in_two_languages_is_suggested() -> None:
    english = facts("Deep pothole in front of 1771 Grand Avenue by the bus stop")
    spanish = facts("Hay un hueco hondo frente al 1771, junto a la parada", metres=20)
    assert chance(english, spanish) >= SUGGESTED_FROM


def test_the_lamp_of_another_number_is_not() -> None:
    lamp = facts("Street lamp out, pole 2701")
    same = facts("Street lamp out, pole 2701", metres=20, later=timedelta(days=1))
    other = facts("Street lamp out, pole 3537", metres=20, later=timedelta(days=1))
    assert chance(lamp, other) < SUGGESTED_FROM <= chance(lamp, same)


def test_another_fault_at_the_same_place_is_not() -> None:
    pothole, couch = facts("Pothole at the corner"), facts("Couch dumped at the corner")
    assert chance(pothole, couch) < SUGGESTED_FROM


def test_the_other_side_speaks_against() -> None:
    north = facts("Storm drain clogged, northeast corner")
    south = facts("Storm drain clogged, southwest corner")
    assert chance(north, south) < chance(north, facts("Storm drain clogged, corner"))


def test_a_series_of_one_hand_is_many_problems_and_two_people_at_once_are_one() -> None:
    words, soon = "Raised sidewalk, roots of the tree", timedelta(minutes=5)
    first, second = uuid4(), uuid4()
    mine = facts(words, reporter_id=first)
    assert chance(mine, facts(words, metres=40, later=soon, reporter_id=first)) < SUGGESTED_FROM
    assert chance(mine, facts(words, metres=40, later=soon, reporter_id=second)) >= SUGGESTED_FROM


@pytest.mark.parametrize(("metres", "days"), [(151, 0), (0, 91)])
def test_what_is_far_away_in_place_or_time_is_never_the_same(metres: int, days: int) -> None:
    far = facts("Pothole", metres=metres, later=timedelta(days=days))
    assert chance(facts("Pothole"), far) == 0


def test_the_order_of_two_reports_does_not_matter() -> None:
    a, b = facts("Pothole by 12 Elm St"), facts("Hole at 12 Elm St", metres=30)
    assert chance(a, b) == chance(b, a)


def test_reasons_are_sentences_for_staff() -> None:
    a, b = facts("Pothole at 12 Elm St"), facts("Hole at 12 Elm St", metres=20)
    assert compare(a, b).reasons == [
        "Both speak of pothole.",
        "Both name 12.",
        "20 m apart, 0 days between them.",
    ]


@pytest.mark.parametrize(
    ("hours", "days"), [(0.1, "0 days"), (-0.1, "0 days"), (25, "1 day"), (-25, "1 day")]
)
def test_reasons_count_whole_days_whichever_report_is_earlier(hours: float, days: str) -> None:
    a, b = facts("Pothole"), facts("Pothole", later=timedelta(hours=hours))
    assert compare(a, b).reasons[-1] == f"0 m apart, {days} between them."


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "🕳️" * 3000, "x" * 100_000, "12345" * 50])
def test_any_text_can_be_compared(text: str) -> None:
    assert 0 <= chance(facts(text), facts(text)) <= 1


# --- The command ---------------------------------------------------------------------------------


def line(a: str, b: str, *, label: int, kind: str, metres: float = 10) -> str:
    def side(text: str, north: float) -> dict[str, Any]:
        return {
            "title": text,
            "description": text,
            "latitude": LATITUDE + north * METRE,
            "longitude": LONGITUDE,
            "created_at": NOON.isoformat(),
        }

    return json.dumps({"a": side(a, 0), "b": side(b, metres), "label": label, "kind": kind})


PAIRS = [
    line("Pothole on Elm", "Big pothole, Elm", label=1, kind="short"),
    line("Mattress by the gate", "Colchón frente a la puerta", label=1, kind="language"),
    line("Pothole on Oak", "Graffiti on a wall", label=0, kind="other"),
    line("Lamp out, pole 2701", "Lamp out, pole 3537", label=0, kind="number"),
    line("Snow not plowed", "Snow not plowed", label=0, kind="far", metres=900),
    line("Fallen tree", "Nothing in common", label=1, kind="hopeless"),
]


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(PAIRS), "utf-8")
    return path


def run(*arguments: Any, capsys: pytest.CaptureFixture[str]) -> str:
    call_command("evaluate_duplicates", *arguments)
    return capsys.readouterr().out


@pytest.mark.parametrize("options", [(), ("--by-words",)])
def test_the_command_prints_flat_json(
    pairs_file: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(run(pairs_file, "--json", *options, capsys=capsys))
    assert found["precision"] == 1
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(0.8)
    assert found["by_kind"]["number"] == {"pairs": 1, "right": 1}
    assert found["by_kind"]["hopeless"] == {"pairs": 1, "right": 0}


def test_the_command_prints_a_table_and_cross_validates(
    pairs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run(pairs_file, "--by-words", "--cross-validate", capsys=capsys)
    assert "cross-validated" in text
    assert "hopeless" in text


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"a": 1, "b": 2, "label": 1}', "\x00", '{"a": {}, "b": {}}']
)
def test_a_file_that_is_none_is_refused_with_a_reason(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(CommandError, match=r"bad\.jsonl"):
        call_command("evaluate_duplicates", path, "--by-words")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("not json", "Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a": {}, "b": {}}', "'latitude' is missing"),
        ("[]", "it is no object with `a`, `b` and `label`"),
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, second: str, reason: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(f"{PAIRS[0]}\n{second}\n", "utf-8")
    with pytest.raises(CommandError) as refused:
        call_command("evaluate_duplicates", path, "--by-words")
    assert str(refused.value) == f"{path}, line 2 is no judged pair: {reason}."


def test_a_missing_file_and_too_few_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("evaluate_duplicates", tmp_path / "none.jsonl")
    few = tmp_path / "few.jsonl"
    few.write_text(PAIRS[0], "utf-8")
    with pytest.raises(CommandError, match="Cross-validation needs"):
        call_command("evaluate_duplicates", few, "--by-words", "--cross-validate")
