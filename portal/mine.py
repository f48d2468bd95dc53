"""The page of whoever is signed in: their reports, what they follow, their reputation."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException

from accounts.models import User
from portal.home import prepare_cards
from portal.listing import in_words, page_of_reports
from portal.pages import lead_to, page, show
from reports.models import Report

#: Followed reports on the page; the API has them all.
FOLLOWED = 12


@require_safe
@page
def mine_page(request: HttpRequest) -> HttpResponse:
    """Show a citizen what is theirs; whoever is not signed in is asked to sign in first."""
    user = request.user
    if not isinstance(user, User):
        query = urlencode({"next": request.get_full_path()})
        return lead_to(f"{reverse('portal-sign-in')}?{query}")
    context = {"person": user, "followed": _followed(user)}
    status = HTTPStatus.OK
    try:
        context |= page_of_reports(request, _own(request), user=user)
    except APIException as error:  # a cursor of another list
        context["fault"], status = in_words(error), HTTPStatus.BAD_REQUEST
    return show(request, "mine.html", context, status=status)


def _own(request: HttpRequest) -> QueryDict:
    """Return the query of the API's list for one's own reports."""
    query = QueryDict("mine=true", mutable=True)
    if cursor := request.GET.get("cursor"):
        query["cursor"] = cursor
    return query


def _followed(user: User) -> list[Report]:
    """Return the newest reports of others that a person follows."""
    followed = Report.objects.visible_to(user).filter(
        follows__user=user, follows__ended_at__isnull=True
    )
    others = followed.exclude(reporter=user).with_related().with_photos()
    reports = list(others.order_by("-created_at", "-id")[:FOLLOWED])
    prepare_cards(reports)
    return reports
