"""The statistics of patterns: plain functions, without a database."""

from __future__ import annotations

import random
from datetime import date

import pytest
from django.conf import settings

from reports.patterns import crowding, findings, seasonality, topics, words
from reports.patterns.crowding import Count, Window, scan
from reports.patterns.findings import CROWD, Outcome
from reports.patterns.recurrence import DAY_SECONDS, Event, returning
from reports.patterns.significance import (
    chi_square_tail,
    discoveries,
    exceedance,
    hypergeometric_tail,
)
from reports.patterns.topics import Sample
from reports.patterns.words import Words

FIRST = date(2025, 1, 1).toordinal()
SMALL = Window(permutations=99)
CROWD_OF_NINE = [(3, 5, FIRST + 100 + day, 1) for day in (0, 0, 0, 1, 1, 1, 2, 2, 2)]


def quiet_city(seed: int, reports: int = 300) -> list[Count]:
    """Reports of a year: busy in the middle of the city and in its first half, without crowds."""
    chance = random.Random(seed)
    return [
        (
            round(chance.gauss(0, 4)),
            round(chance.gauss(0, 4)),
            FIRST + int(365 * chance.random() ** 1.5),
            1,
        )
        for _ in range(reports)
    ]


def test_a_crowd_is_found_with_its_place_and_days() -> None:
    result = scan(quiet_city(1) + CROWD_OF_NINE, SMALL, seed=(7,))
    first = result.crowds[0]
    assert (first.box, first.days) == ((3, 5, 4, 6), (FIRST + 100, FIRST + 103))
    assert first.reports == 9
    assert first.expected < 1
    assert result.p_value == first.p_value < 0.001


def test_a_busy_place_and_a_busy_day_are_no_crowds() -> None:
    everywhere_at_once = [(y, x, FIRST + 50, 1) for y in range(-5, 5) for x in range(-5, 5)]
    always_at_one_place = [(8, 8, FIRST + day, 1) for day in range(0, 365, 3)]
    counts = quiet_city(2) + everywhere_at_once + always_at_one_place
    assert scan(counts, SMALL, seed=(7,)).p_value > 0.05


def test_the_order_of_the_counts_makes_no_difference_and_the_seed_does() -> None:
    counts = quiet_city(3) + CROWD_OF_NINE
    shuffled = random.Random(1).sample(counts, len(counts))
    assert scan(counts, SMALL, seed=(7, 1)) == scan(shuffled, SMALL, seed=(7, 1))
    assert scan(counts, SMALL, seed=(7, 1)) != scan(counts, SMALL, seed=(7, 2))


def test_counts_that_do_not_fit_into_the_table_are_searched_in_larger_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowding, "TABLE_MAXIMUM", 30_000)
    result = scan(quiet_city(1) + CROWD_OF_NINE, SMALL, seed=(7,))
    assert result.doublings == 1
    assert result.crowds[0].box == (1, 2, 2, 3)
    assert result.crowds[0].p_value < 0.001


def test_few_reports_are_not_searched() -> None:
    assert scan(CROWD_OF_NINE, SMALL, seed=(7,)) == crowding.Scan()
    assert scan([], SMALL, seed=(7,)) == crowding.Scan()


def test_shuffled_dates_bring_hardly_a_finding() -> None:
    """Of forty cities whose crowds were shuffled away, two may have a finding at a rate of .05."""
    counts = quiet_city(4) + CROWD_OF_NINE
    window = Window(permutations=39, rings=1, longest_days=7)
    p_values = []
    for number in range(40):
        days = [day for _, _, day, _ in counts]
        random.Random(number).shuffle(days)
        shuffled = [(y, x, day, n) for (y, x, _, n), day in zip(counts, days, strict=True)]
        p_values.append(scan(shuffled, window, seed=(number,)).p_value)
    assert sum(p <= 0.05 for p in p_values) <= 4
    assert sum(p <= 0.5 for p in p_values) == pytest.approx(20, abs=7)
    assert discoveries(p_values, 0.05) == 0


def test_what_stands_early_stands_at_the_end() -> None:
    """A search that has not been done counts as if it had found nothing."""
    row = {"p_value": 0.004, "strength": 2.0, "reports": 9, "first_day": "", "category_id": 1}
    sure = Outcome(kind=CROWD, p_value=0.004, findings=[row])
    nothing = Outcome(kind=CROWD, p_value=1.0)
    assert findings.standing([sure], searches=10, rate=0.05) == [row]
    assert findings.standing([sure, *[nothing] * 9], searches=10, rate=0.05) == [row]
    assert findings.standing([sure], searches=20, rate=0.05) == []
    assert findings.standing([sure, sure], searches=20, rate=0.05) == [row, row]


def test_discoveries_follow_benjamini_and_hochberg() -> None:
    # The example of their paper, table 1: fifteen p-values, four discoveries at .05.
    p_values = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert discoveries(p_values, 0.05) == 4
    assert discoveries(p_values[:4], 0.05, tests=15) == 4
    assert discoveries([], 0.05) == 0


def test_tails_are_those_of_the_tables() -> None:
    for value, degrees in ((12.592, 6), (19.675, 11), (35.172, 23)):
        assert chi_square_tail(value, degrees) == pytest.approx(0.05, abs=1e-4)
    assert chi_square_tail(0, 6) == 1
    # Drawing 10 of 50 of which 5 are marked: the probabilities are those of any textbook.
    assert hypergeometric_tail(1, 10, 5, 50) == pytest.approx(1 - 658008 / 2118760, abs=1e-9)
    assert hypergeometric_tail(5, 10, 5, 50) == pytest.approx(252 / 2118760)
    assert hypergeometric_tail(0, 10, 5, 50) == 1


def test_a_maximum_beyond_all_simulated_has_a_small_p_value() -> None:
    maxima = [5 + number % 7 for number in range(99)]
    assert exceedance(8, maxima) == pytest.approx((sum(one >= 8 for one in maxima) + 1) / 100)
    assert exceedance(12, maxima) <= 0.01
    assert exceedance(40, maxima) < 1e-6
    assert exceedance(9, [5.0] * 99) == 0.01


# --- What comes back ---------------------------------------------------------------------------


def event(day: float, repaired: float | None, metres_north: float = 0.0) -> Event:
    end = None if repaired is None else repaired * DAY_SECONDS
    return 41.3 + metres_north / 111_320, -72.9, day * DAY_SECONDS, end


def test_a_place_is_reported_again_after_repairs() -> None:
    events = [
        event(0, 5),
        event(3, 5, 20),  # before the repair: the same time round
        event(5.5, 9),  # about the repair itself
        event(30, 31, -30),
        event(60, 70, 10),
        event(65, None, 40_000),  # elsewhere
    ]
    (place,) = returning(events, meters=50, least_returns=2)
    assert (place.reports, place.returns) == (5, 2)
    assert place.pauses == [pytest.approx(21), pytest.approx(29)]
    assert place.median_pause_days == pytest.approx(25)


def test_what_was_never_repaired_cannot_come_back() -> None:
    assert (
        returning([event(0, None), event(99, None), event(200, 201)], meters=50, least_returns=1)
        == []
    )


def test_a_report_belongs_to_the_nearest_place_across_the_borders_of_cells() -> None:
    far_north = [
        (69.6500 + step / 111_320, 18.9553, step * 100.0, step * 100.0) for step in (0, 45, 90)
    ]
    assert returning([far_north[0], far_north[1]], meters=50, least_returns=0)[0].reports == 2
    assert len(returning([far_north[0], far_north[2]], meters=50, least_returns=0)) == 2


# --- Topics ------------------------------------------------------------------------------------

USUAL = ["a pothole in the road", "the street light is dark", "trash on the corner"] * 100


def rising(recent: list[str], earlier: list[str]) -> list[topics.Topic]:
    before, now = Sample.of(earlier), Sample.of(recent)
    found = topics.rising(now, before, rate=0.05)
    return topics.grouped(found, recent, before)


def test_words_that_rise_together_name_one_topic() -> None:
    new = ["swarms of lanternflies on the maple", "lanternflies in our maple again"] * 6
    first, *others = rising(USUAL[:60] + new, USUAL)
    assert {"lanternflies", "maple"} <= set(first.words)
    assert first.reports == 12
    assert first.expected < 3
    assert not any("pothole" in topic.words for topic in others)


def test_the_same_talk_as_ever_is_no_topic() -> None:
    assert rising(USUAL[:90], USUAL) == []
    assert rising([], USUAL) == []
    assert rising(USUAL[:90], []) == []


def test_words_are_counted_once_a_report_in_any_script_and_numbers_are_not() -> None:
    assert Words.of("Trash, TRASH! 1200 Elm St. 4b गड्ढा Straße").every == {
        "trash", "elm", "गड्ढा", "straße"
    }  # fmt: skip


#: A sentence in each language, and the words of it that may name a topic.
SENTENCES = {
    "en": ("There are lanternflies on all of our maples again, please", "lanternflies maples"),
    "es": ("También hay una plaga de ratas en nuestro mercado, por favor", "plaga ratas mercado"),
    "pt": ("Também há uma praga de ratos no nosso mercado, por favor", "praga ratos mercado"),
    "fr": ("Il y a beaucoup de rats dans notre marché, aidez-nous", "rats marché aidez"),
    "de": ("Auf unserem Markt sind wieder sehr viele Ratten, bitte", "markt ratten"),
    "it": ("Anche nel nostro mercato ci sono molti topi, grazie", "mercato topi"),
    "nl": (
        "Er zijn weer heel veel ratten op onze markt, alstublieft",
        "heel ratten markt alstublieft",
    ),
    "pl": ("Na naszym targu jest bardzo dużo szczurów, proszę", "naszym targu szczurów"),
    "ru": ("На нашем рынке снова очень много крыс, пожалуйста", "нашем рынке крыс"),
    "uk": ("На ринку знову дуже багато щурів, будь ласка", "ринку знову щурів будь ласка"),
    "tr": ("Bizim pazarda yine çok fazla fare var, lütfen", "pazarda fazla fare"),
    "ar": ("يوجد في هذا السوق الكثير من الفئران مرة أخرى", "السوق الكثير الفئران"),
    "hi": ("हमारे बाजार में बहुत चूहे हैं, कृपया और नहीं", "बाजार चूहे"),
    "zh": ("我们的市场有很多老鼠,请你们处理", "市场 老鼠 处理"),
    "ja": ("この市場にはとても多くの鼠とゴキブリがいます", "市場 ゴキブリ"),
    "ko": ("우리 시장에는 쥐들이 정말 많은 것이 있습니다", "시장에는 쥐들이"),
    "vi": ("Trong khu chợ của chúng tôi có rất nhiều chuột", "khu chuột"),
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_topic_is_named_by_none_of_the_function_words_of_its_language(language: str) -> None:
    sentence, names = SENTENCES[language]
    (topic,) = rising(USUAL[:60] + [sentence] * 12, USUAL)
    assert set(topic.words) == set(names.split())


def test_the_function_words_of_every_language_that_is_told_apart_are_known() -> None:
    assert set(SENTENCES) == set(words.languages()) == set(settings.COLLECTION_LANGUAGES)


def test_a_word_names_a_topic_although_another_language_has_it_as_a_function_word() -> None:
    new = ["A car hit the door of our bin"] * 8 + ["Le car est dans notre rue"]
    (topic,) = rising(USUAL[:60] + new, USUAL)
    assert {"car", "door", "bin"} <= set(topic.words)
    assert not {"the", "our"} & set(topic.words)


def test_words_that_many_reports_have_name_no_topic_in_a_language_that_is_not_known() -> None:
    usual = ["shimo katika barabara", "taka", "taa katika mtaa", "maji"] * 40
    new = ["nyoka katika bustani"] * 12
    (topic,) = rising(usual[:20] + new, usual)
    assert set(topic.words) == {"nyoka", "bustani"}


def test_words_that_accompany_any_word_of_a_topic_belong_to_it() -> None:
    new = ["snow ice"] * 11 + ["snow"] * 7 + ["ice slippery"] * 7
    (topic,) = rising(USUAL + new, USUAL * 3)
    assert topic.words == ("ice", "snow", "slippery")
    assert topic.reports == 25


def test_counting_only_some_words_gives_their_counts() -> None:
    assert Sample.of(USUAL, only=frozenset({"pothole"})).words == {"pothole": 100}


# --- Seasons -----------------------------------------------------------------------------------

TWO_YEARS = {"first": date(2024, 1, 1), "last": date(2025, 12, 31)}


def test_a_weekly_rhythm_is_found_with_its_peak() -> None:
    first = TWO_YEARS["first"].toordinal()
    counts = [(first + day, 9, 3 if day % 7 == 0 else 1) for day in range(731)]
    by_cycle = {one.cycle: one for one in seasonality.seasons(counts, **TWO_YEARS)}
    assert by_cycle["weekday"].peak == 0  # 1 January 2024 was a Monday
    assert by_cycle["weekday"].shares[0] == pytest.approx(3 / 9, abs=0.01)
    assert by_cycle["weekday"].p_value < 1e-6
    assert by_cycle["hour"].peak == 9
    assert by_cycle["hour"].strength == pytest.approx(1)
    assert by_cycle["month"].p_value > 0.5
    assert sum(by_cycle["month"].shares) == pytest.approx(1, abs=1e-4)


def test_one_storm_is_no_season() -> None:
    first = TWO_YEARS["first"].toordinal()
    storm = [(first + 300, 12, 200)]
    calm = [(first + day, day % 24, 1) for day in range(731)]
    weekday = next(
        one for one in seasonality.seasons(storm + calm, **TWO_YEARS) if one.cycle == "weekday"
    )
    assert weekday.strength > 0.1
    assert weekday.p_value > 0.05


def test_a_short_period_says_nothing_about_months_and_few_reports_nothing_at_all() -> None:
    first, last = date(2025, 3, 1), date(2025, 6, 30)
    counts = [(first.toordinal() + day, 8, 1) for day in range(100)]
    cycles = [one.cycle for one in seasonality.seasons(counts, first=first, last=last)]
    assert cycles == ["weekday", "hour"]
    assert seasonality.seasons(counts[:20], first=first, last=last) == []
