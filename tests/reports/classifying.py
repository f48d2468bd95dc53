"""Categories and reports for the tests of the classifier."""

from __future__ import annotations

from reports.catalogue.documents import shipped_categories
from reports.classification.classifier import classify
from reports.models import Category, CategorySource, Department, Report

TAXONOMY = shipped_categories()


def examples_of(category: Category) -> list[str]:
    """Return the examples of a category in all its languages."""
    others = [texts["examples"] for texts in category.translations.values()]
    return [*category.examples, *(example for examples in others for example in examples)]


def add_category(department: Department, slug: str) -> Category:
    text = next(text for text in TAXONOMY if text.slug == slug)
    return Category.objects.create(
        slug=slug,
        name=text.name,
        description=text.description,
        keywords=list(text.keywords),
        examples=text.examples[:6],
        department=department,
    )


def taught(category: Category, description: str) -> Report:
    return Report.objects.create(
        title="",
        description=description,
        latitude=41.3,
        longitude=-72.9,
        category=category,
        category_source=CategorySource.STAFF,
    )


def best_category(description: str, title: str = "") -> str:
    found = classify(title, description).category
    assert found is not None
    return found.slug
