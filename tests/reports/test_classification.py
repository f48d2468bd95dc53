"""The category of a report: how good, how sure, from what it learns, and what it costs."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from embeddings.embedder import Vectors, get_embedder
from embeddings.errors import EmbedderInWebProcess
from reports.classification import classifier
from reports.classification.classifier import classify, classify_many, phrases_of, text_of
from reports.classification.text_model import Examples, TextModel, lexical_counts, quality
from reports.models import Category, CategorySource, Department, ExampleVector, Report
from tests.reports.classifying import TAXONOMY, best_category, examples_of, taught

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_learned_before")]


# --- What is answered --------------------------------------------------------------------------


def test_a_clear_report_gets_its_category_with_confidence(categories: dict[str, Category]) -> None:
    found = classify(
        "Dark street", "The street lamp in front of our house has been out for two weeks"
    )
    assert found.category == categories["street_light"]
    assert found.confidence > 0.7
    assert found.ranking[0] == ("street_light", found.confidence)


def test_the_ranking_holds_every_active_category_once_and_adds_up_to_one(
    categories: dict[str, Category],
) -> None:
    Category.objects.filter(slug="graffiti").update(is_active=False)
    ranking = classify("", "Snow on the road").ranking
    assert sorted(slug for slug, _ in ranking) == ["pothole", "snow", "street_light"]
    assert sum(probability for _, probability in ranking) == pytest.approx(1, abs=1e-5)
    assert [p for _, p in ranking] == sorted((p for _, p in ranking), reverse=True)


@pytest.mark.parametrize("description", ["", "   ", "\x00", "\ud83d"])
def test_a_report_that_says_nothing_is_as_unsure_as_can_be(
    categories: dict[str, Category], description: str
) -> None:
    assert classify("", description).confidence == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(
    "description", ["x" * 1_000_000, "😀" * 2000, "मेरी गली में गड्ढा है", "\u202e\u0301", "1234 !!"]
)
def test_odd_text_is_classified_with_a_finite_confidence(
    categories: dict[str, Category], description: str
) -> None:
    found = classify("", description)
    assert found.category is not None
    assert 0.25 <= found.confidence <= 1


def test_nonsense_is_less_sure_than_sense(categories: dict[str, Category]) -> None:
    assert (
        classify("", "asdf qwer zxcv").confidence
        < 0.5
        < classify("", "Deep pothole in the road").confidence
    )


def test_spanish_reports_are_understood(department: Department) -> None:
    for text in TAXONOMY:
        Category.objects.create(
            slug=text.slug,
            name=text.name,
            department=department,
            examples=text.examples,
            translations=text.translations,
            keywords=list(text.keywords),
        )
    assert best_category("El semáforo de la avenida no funciona desde ayer") == "signal"
    assert best_category("Hay un bache enorme en la calle") == "pothole"
    assert best_category("La luz de la calle está apagada, todo muy oscuro") == "street_light"


def test_many_reports_are_answered_in_order(categories: dict[str, Category]) -> None:
    texts = ["Pothole in the street", "Graffiti on a wall", "The street has not been plowed"] * 7
    found = classify_many([("", text) for text in texts])
    assert [c.category.slug for c in found if c.category] == ["pothole", "graffiti", "snow"] * 7


def test_without_an_active_category_there_is_none() -> None:
    found = classify("Pothole", "A pothole")
    assert (found.category, found.confidence, found.ranking) == (None, 0.0, [])
    assert found.suggestions == []


def test_one_category_without_description_or_examples_is_enough(department: Department) -> None:
    Category.objects.create(slug="only", name="Anything", department=department)
    assert best_category("A pothole") == "only"


@pytest.mark.parametrize(
    ("title", "description", "text"),
    [
        ("Pothole", "It is deep", "Pothole. It is deep"),
        ("Pothole", "", "Pothole"),
        ("", "It is deep", "It is deep"),
        ("It is", "It is deep", "It is deep"),
        (" ", " ", ""),
    ],
)
def test_title_and_description_are_read_together(title: str, description: str, text: str) -> None:
    assert text_of(title, description) == text


# --- From what it learns -----------------------------------------------------------------------


def test_a_changed_category_holds_from_the_next_report_on(categories: dict[str, Category]) -> None:
    text = "A heron is trapped in fishing line by the pond"
    assert best_category(text) in categories
    animals = Category.objects.create(
        slug="animals",
        name="Animals in need",
        examples=["An injured bird by the water", "A trapped animal needs rescue"],
        department=categories["snow"].department,
    )
    assert best_category(text) == "animals"
    Category.objects.filter(pk=animals.pk).update(is_active=False)
    assert best_category(text) != "animals"


def test_what_staff_chose_is_learned(categories: dict[str, Category]) -> None:
    text = "The zorblax by the fountain is gribbled again"
    before = dict(classify("", text).ranking)["graffiti"]
    for street in ("Elm Street", "Oak Street", "Main Street"):
        taught(categories["graffiti"], f"The zorblax on {street} is gribbled")
    classifier._fitted = None  # as if the pause between two lessons were over
    after = classify("", text)
    assert after.category == categories["graffiti"]
    assert after.confidence > before


class _Clock:
    """The classifier's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(classifier, "time", clock)
    return clock


class _Worker:
    """The memory of one worker process."""

    def __init__(self) -> None:
        self.fitted: classifier._Fitted | None = None

    def best(self, text: str) -> str:
        classifier._fitted = self.fitted
        try:
            return best_category(text)
        finally:
            self.fitted, classifier._fitted = classifier._fitted, None


def test_every_worker_learns_a_correction_within_a_minute(
    categories: dict[str, Category], clock: _Clock
) -> None:
    text, workers = "The zorblax is gribbled", [_Worker(), _Worker()]
    guess = workers[0].best(text)
    assert workers[1].best(text) == guess
    right = next(slug for slug in categories if slug != guess)
    for number in range(3):
        taught(categories[right], f"The zorblax by house {number} is gribbled")
    clock.now += 59
    assert [worker.best(text) for worker in workers] == [right, right]


def test_a_long_lesson_does_not_put_off_the_next_one_for_more_than_a_minute(
    categories: dict[str, Category], clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a slow machine, with many labelled reports."""
    fit = classifier._fit

    def slow(*arguments: Any) -> TextModel:
        clock.now += 8
        return fit(*arguments)

    monkeypatch.setattr(classifier, "_fit", slow)
    classify("", "x")
    taught(categories["snow"], "The zorblax by the school is gribbled")
    clock.now += 50
    assert best_category("The zorblax is gribbled") == "snow"


def test_a_correction_that_commits_after_a_later_one_is_learned_too(
    categories: dict[str, Category], clock: _Clock
) -> None:
    taught(categories["graffiti"], "A tag on the wall")
    classify("", "x")
    late = taught(categories["snow"], "The zorblax by the school is gribbled")
    Report.objects.filter(pk=late.pk).update(updated_at=late.updated_at - timedelta(seconds=30))
    clock.now += 59
    assert best_category("The zorblax is gribbled") == "snow"


def test_a_choice_that_staff_took_back_is_forgotten(
    categories: dict[str, Category], clock: _Clock
) -> None:
    before = classify("", "The zorblax is gribbled").ranking
    report = taught(categories["snow"], "The zorblax is gribbled")
    classifier._fitted = None
    assert best_category("The zorblax is gribbled") == "snow"
    report.delete()
    clock.now += 59
    assert classify("", "The zorblax is gribbled").ranking == before


def test_the_first_three_categories_have_reasons(categories: dict[str, Category]) -> None:
    report = taught(categories["graffiti"], "The zorblax by the fountain is gribbled")
    found = classify("", "The zorblax by the school is gribbled")
    assert [(one.category, one.confidence) for one in found.suggestions] == found.ranking[:3]
    [reason, *_] = found.suggestions[0].reasons
    assert (reason.phrase, reason.report_id) == (None, str(report.pk))
    clear = classify("", "Huge pothole in the middle of the road").suggestions[0]
    assert clear.reasons[0].phrase in phrases_of(categories["pothole"])
    assert clear.reasons[0].similarity > clear.reasons[1].similarity > 0.3


def test_a_report_that_says_nothing_has_suggestions_without_reasons(
    categories: dict[str, Category],
) -> None:
    assert [one.reasons for one in classify("", "").suggestions] == [[], [], []]


def test_what_citizens_or_the_classifier_chose_is_not_learned(
    categories: dict[str, Category],
) -> None:
    report = taught(categories["snow"], "The zorblax is gribbled")
    Report.objects.filter(pk=report.pk).update(category_source=CategorySource.CLASSIFIER)
    classify("", "x")
    assert not ExampleVector.objects.filter(
        digest=classifier.digest_of("The zorblax is gribbled")
    ).exists()


def test_vectors_of_examples_are_computed_once_for_all_workers(
    categories: dict[str, Category], monkeypatch: pytest.MonkeyPatch
) -> None:
    classify("", "Pothole")
    stored = ExampleVector.objects.count()
    assert stored == sum(len(classifier.phrases_of(category)) for category in categories.values())
    classifier._fitted = None  # as in a worker that has just started
    embedded: list[str] = []
    embedder = get_embedder()
    monkeypatch.setattr(classifier, "get_embedder", lambda: _Listening(embedded))
    classify("", "Pothole")
    assert embedded == ["Pothole"]
    assert embedder.dimensions == 384


class _Listening:
    """The real embedder, and a list of what it was asked."""

    def __init__(self, embedded: list[str]) -> None:
        self.embedded, self.real = embedded, get_embedder()
        self.name, self.version, self.dimensions, self.max_tokens = (
            self.real.name,
            self.real.version,
            384,
            256,
        )

    def embed(self, texts: list[str]) -> Vectors:
        self.embedded += texts
        return self.real.embed(texts)


def test_vectors_of_a_deleted_report_do_not_stay(categories: dict[str, Category]) -> None:
    report = taught(categories["snow"], "A private matter")
    digest = classifier.digest_of("A private matter")
    classify("", "x")
    assert ExampleVector.objects.filter(digest=digest).exists()
    report.delete()
    classifier._fitted = None
    classify("", "x")
    assert not ExampleVector.objects.filter(digest=digest).exists()


def test_vectors_of_another_embedder_are_not_used(categories: dict[str, Category]) -> None:
    classify("", "x")
    ExampleVector.objects.update(space="another@1", vector=np.zeros(3, dtype="<f4").tobytes())
    classifier._fitted = None
    assert best_category("Graffiti on the wall") == "graffiti"
    assert not ExampleVector.objects.filter(space="another@1").exists()


@pytest.mark.django_db(transaction=True)
def test_threads_that_start_together_learn_once(
    categories: dict[str, Category], monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons, learn = [], classifier._learn

    def counted(known: classifier._Fitted | None) -> classifier._Fitted:
        lessons.append(timezone.now())
        return learn(known)

    monkeypatch.setattr(classifier, "_learn", counted)
    answers: list[str] = []

    def work() -> None:
        try:
            answers.append(best_category("Pothole in the street"))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["pothole"] * 6
    assert len(lessons) == 1


def test_a_web_process_cannot_classify(
    categories: dict[str, Category], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIVICLENS_PROCESS", "web")
    with pytest.raises(EmbedderInWebProcess):
        classify("", "Pothole")


def test_a_known_model_costs_one_query_a_report(
    categories: dict[str, Category], django_assert_num_queries: object
) -> None:
    classify("", "x")
    with django_assert_num_queries(1):  # type: ignore[operator]
        classify("", "Pothole")


# --- The model -----------------------------------------------------------------------------------


def test_left_out_calibration_makes_unreliable_examples_less_sure() -> None:
    dice = np.random.default_rng(7)
    vectors = dice.normal(size=(400, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    clear = (vectors[:, 0] > 0).astype(np.intp)
    noise = dice.integers(0, 2, 400)
    reports = np.zeros(400, dtype=np.bool_)
    texts = [""] * 400
    sure = (
        TextModel.fit(Examples(texts, vectors, clear, reports), 2)
        .probabilities(texts, vectors)
        .max(axis=1)
    )
    unsure = (
        TextModel.fit(Examples(texts, vectors, noise, reports), 2)
        .probabilities(texts, vectors)
        .max(axis=1)
    )
    assert sure.mean() > unsure.mean() + 0.1


def test_quality_is_measured_as_defined() -> None:
    probabilities = np.array(
        [[0.9, 0.1, 0, 0], [0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]], dtype=np.float32
    )
    found = quality(probabilities, np.array([0, 1, 3]))
    assert (found.top1, found.top3) == pytest.approx((1 / 3, 2 / 3))
    assert found.ece == pytest.approx((0.1 + 0.8) / 3, abs=1e-6)


def test_lexical_counts_are_bounded_and_know_no_case() -> None:
    assert np.array_equal(lexical_counts(["Pot hole"]), lexical_counts(["POT HOLE!"]))
    assert lexical_counts([""]).sum() == 0


# --- What ships --------------------------------------------------------------------------------


def test_each_shipped_category_has_good_and_distinct_texts() -> None:
    phrases = [phrase for text in TAXONOMY for phrase in examples_of(text)]
    assert len({text.slug for text in TAXONOMY}) == 18
    assert len(set(phrases)) == len(phrases)
    for text in TAXONOMY:
        assert 25 <= len(examples_of(text)) <= 50
        assert text.description
        assert max(map(len, text.examples)) <= 300


def test_phrases_held_out_are_told_apart() -> None:
    """Every fifth shipped phrase is classified by the others."""
    phrases = [(phrase, i) for i, text in enumerate(TAXONOMY) for phrase in examples_of(text)]
    texts = [phrase for phrase, _ in phrases]
    labels = np.array([i for _, i in phrases], dtype=np.intp)
    vectors, held_out = get_embedder().embed(texts), np.arange(len(texts)) % 5 == 0
    known = Examples(
        [text for text, out in zip(texts, held_out, strict=True) if not out],
        vectors[~held_out],
        labels[~held_out],
        np.ones(int((~held_out).sum()), dtype=np.bool_),
    )
    unknown = [text for text, out in zip(texts, held_out, strict=True) if out]
    found = quality(
        TextModel.fit(known, len(TAXONOMY)).probabilities(unknown, vectors[held_out]),
        labels[held_out],
    )
    assert found.top1 > 0.73
    assert found.top3 > 0.90
