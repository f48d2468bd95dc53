"""A new service request: what a program sends, as the intake of reports takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict

from accounts import phones
from accounts.errors import PhoneInvalid
from georeport.errors import BadRequest
from georeport.models import ApiKey
from georeport.parameters import Parameters, Place
from georeport.services import service_of
from jobs import numbers
from jobs.plain_text import one_line
from reports.intake.serializers import NewReportSerializer
from reports.intake.submission import NewReport
from reports.models import Category, Question
from reports.moderation.programs import Program

DESCRIPTION_MAX_CHARACTERS = 4_000
TITLE_CHARACTERS = 80
MEDIA_URLS_MAXIMUM, URL_MAX_CHARACTERS = 5, 2_000
#: The parameters of a person, of which the first that is there stands for them in limits.
PERSON = ("account_id", "device_id", "email", "phone")
#: Attributes that FixMyStreet adds by itself, whether a service asks for them or not; they say
#: again what stands elsewhere, so those that no question asks for are left out.
UNASKED = {
    "closest_address", "description", "easting", "email", "email_alerts_requested", "external_id",
    "first_name", "fixmystreet_id", "group", "last_name", "northing", "public_anonymity_required",
    "report_title", "report_url", "requested_datetime", "service_request_id_ext", "title",
}  # fmt: skip
_MEDIA_URL = re.compile(r"media_url(\[\d{0,4}\])?", re.ASCII)
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,50})\](\[\d{0,4}\])?", re.ASCII)
_URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)


def new_report(
    parameters: Parameters, place: Place, *, language: str, client_id: UUID | None
) -> NewReport:
    """Return the report that a program describes, at this place (latitude, longitude).

    Raises:
        BadRequest, ValidationError: a parameter is missing or not valid.
        NotFound: there is no such service.
    """
    category = _service(parameters)
    description = _description(parameters)
    body = {
        "title": parameters.text("title") or title_of(description) or category.name,
        "description": description or category.name,
        "latitude": place[0],
        "longitude": place[1],
        "category": category.slug,
        "address": parameters.text("address_string"),
        "answers": _answers(parameters, category),
        "contact": _contact(parameters),
        "client_id": str(client_id) if client_id else None,
    }
    serializer = NewReportSerializer(data=body, context={"locale": language})
    serializer.is_valid(raise_exception=True)
    return serializer.new_report()


def place_of(parameters: Parameters) -> Place | None:
    """Return where the problem is, in degrees; None if only an address says it.

    Raises:
        BadRequest: nothing says it, or an address does and the city has no geocoder.
    """
    if (place := parameters.place()) is not None:
        return place
    if parameters.text("address_string"):
        if settings.GEOCODER:
            return None
        raise BadRequest("Addresses cannot be looked up here: send lat and long too.")
    if parameters.text("address_id"):
        raise BadRequest("There are no address_ids here: send lat and long.")
    raise BadRequest("A location was not provided: send lat and long, or address_string.")


def media_urls(parameters: Parameters) -> list[str]:
    """Return the addresses of photos to fetch.

    Raises:
        BadRequest: one is no address of the web, or there are too many.
    """
    names = sorted(filter(_MEDIA_URL.fullmatch, parameters.names()))
    urls = list(dict.fromkeys(url.strip() for name in names for url in parameters.every(name)))
    if len(urls) > MEDIA_URLS_MAXIMUM:
        raise BadRequest(f"There may be at most {MEDIA_URLS_MAXIMUM} different media_urls.")
    if not all(_URL.fullmatch(url) and len(url) <= URL_MAX_CHARACTERS for url in urls):
        raise BadRequest("media_url must be an address with http or https.")
    return urls


def program_of(parameters: Parameters, key: ApiKey) -> Program:
    """Return the program that sends this, and for whom, as far as it says that."""
    person = next((f"{one}:{text}" for one in PERSON if (text := parameters.text(one))), "")
    return Program(name=f"georeport:{key.pk}", person=person, is_vouched_for=key.is_vouched_for)


def as_sent(parameters: Parameters) -> dict[str, list[str]]:
    """Return every parameter but the api_key, to store until the place is known."""
    names = sorted(parameters.names() - {"api_key"})
    return {name: parameters.every(name) for name in names}


def read_again(sent: Mapping[str, Sequence[str]]) -> Parameters:
    """Return parameters that were stored by `as_sent`."""
    form = QueryDict(mutable=True)
    for name, values in sent.items():
        form.setlist(name, list(values))
    return Parameters(form)


def title_of(description: str) -> str:
    """Return the first line of a description, or as many of its words as a title takes."""
    first = one_line(next((line for line in description.splitlines() if line.strip()), ""))
    if len(first) <= TITLE_CHARACTERS:
        return first
    cut = first[: TITLE_CHARACTERS - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


def has_unreachable_phone(parameters: Parameters) -> bool:
    """Return whether a phone number came that no message can reach, such as one without country."""
    return bool(parameters.text("phone")) and not _reachable_phone(parameters)


def _reachable_phone(parameters: Parameters) -> str:
    try:
        return phones.normalise(parameters.text("phone"))
    except PhoneInvalid:
        return ""


def _service(parameters: Parameters) -> Category:
    code = parameters.text("service_code")
    if not code:
        raise BadRequest("service_code was not provided.")
    return service_of(code)


def _description(parameters: Parameters) -> str:
    description = parameters.text("description")
    if len(description) > DESCRIPTION_MAX_CHARACTERS:
        raise BadRequest(f"description may have at most {DESCRIPTION_MAX_CHARACTERS:,} characters.")
    return description


def _contact(parameters: Parameters) -> dict[str, str] | None:
    """Return how messages reach the person; what reaches nobody is not stored."""
    email, phone = parameters.text("email"), _reachable_phone(parameters)
    if not (email or phone):
        return None
    name = " ".join(filter(None, map(parameters.text, ("first_name", "last_name"))))
    return {"name": name[:100], "email": email, "phone": phone}


def _answers(parameters: Parameters, category: Category) -> dict[str, Any]:
    """Return the attributes by code, each as its question takes it."""
    sent: dict[str, list[str]] = {}
    for name in sorted(parameters.names()):
        if match := _ATTRIBUTE.fullmatch(name):
            sent.setdefault(match[1], []).extend(parameters.every(name))
    asked = category.questions.filter(retired_at=None).values_list("code", "type")
    types = dict(asked) if sent else {}
    return {
        code: _value(types.get(code, ""), values)
        for code, values in sent.items()
        if code in types or code not in UNASKED
    }


def _value(kind: str, values: list[str]) -> Any:
    if kind == Question.Type.MULTIPLE:
        return [part.strip() for value in values for part in value.split(",") if part.strip()]
    if len(values) > 1:
        return values
    if kind == Question.Type.NUMBER:
        with suppress(ValueError):
            return numbers.decimal(values[0])
    return values[0].strip()
