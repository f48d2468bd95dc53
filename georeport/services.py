"""The services of the city, its active categories, and the attributes of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse

from georeport.answering import KEPT_SECONDS, GeoReportView, query_of
from georeport.errors import NotFound
from reports.catalogue.texts import preferred
from reports.models import Category, Question


class ServiceListView(GeoReportView):
    """Everything that can be reported."""

    kept_seconds = KEPT_SECONDS

    def get(self, request: HttpRequest) -> HttpResponse:
        query_of(request)
        questions = Question.objects.filter(category=OuterRef("pk"), retired_at=None)
        categories = Category.objects.filter(is_active=True).select_related("group")
        categories = categories.defer("examples").annotate(has_questions=Exists(questions))
        services = [_service(one, accepted_by(request)) for one in categories]
        return self.answer("services", services, is_translated=True)


class ServiceView(GeoReportView):
    """The attributes of a service: what a request of it is asked beyond its description."""

    kept_seconds = KEPT_SECONDS

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        query_of(request)
        category = service_of(code)
        questions = category.questions.filter(retired_at=None).order_by("position", "code")
        accepted = accepted_by(request)
        attributes = [_attribute(one, order, accepted) for order, one in enumerate(questions, 1)]
        definition = {"service_code": category.slug, "attributes": attributes}
        return self.answer("service_definition", definition, is_translated=True)


def service_of(code: str) -> Category:
    """Return the active category that is the service of this code.

    Raises:
        NotFound: there is none.
    """
    category = Category.objects.filter(slug=code, is_active=True).first()
    if category is None:
        raise NotFound(f"service_code {code[:50]} was not found.")
    return category


def accepted_by(request: HttpRequest) -> str:
    """Return the languages that the client reads, best first: its Accept-Language."""
    return request.headers.get("Accept-Language", "")


def language_of(translations: Mapping[str, Any], accepted: str) -> str:
    """Return the language that suits the client best, of those in which a text exists."""
    return preferred(accepted, translations, default=settings.LANGUAGE_CODE)


def _service(category: Category, accepted: str) -> dict[str, Any]:
    language, group = language_of(category.translations, accepted), category.group
    return {
        "service_code": category.slug,
        "service_name": category.text("name", language),
        "description": category.text("description", language) or None,
        "metadata": category.has_questions,  # type: ignore[attr-defined]  # annotated
        "type": "realtime",
        "keywords": ", ".join(category.keywords) or None,
        "group": group.text("name", language_of(group.translations, accepted)) if group else None,
    }


def _attribute(question: Question, order: int, accepted: str) -> dict[str, Any]:
    language = language_of(question.translations, accepted)
    attribute: dict[str, Any] = {
        "variable": True,
        "code": question.code,
        "datatype": question.type,
        "required": question.is_required,
        "datatype_description": question.text("help", language) or None,
        "order": order,
        "description": question.text("label", language),
    }
    if question.values:
        attribute["values"] = [_value(one, accepted) for one in question.values]
    return attribute


def _value(value: Mapping[str, Any], accepted: str) -> dict[str, str]:
    translations: Mapping[str, Any] = value.get("translations") or {}
    name = translations.get(language_of(translations, accepted), {}).get("name")
    return {"key": str(value["key"]), "name": str(name or value["name"])}
