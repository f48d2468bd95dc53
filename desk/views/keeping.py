"""Read what a person has chosen for the list of reports."""

from __future__ import annotations

from django.db.models import F

from accounts.models import User
from desk.models import ReportColumns, SavedView, ViewPage


class KeptPreferences:
    """The columns and default views in the desk's tables."""

    def columns(self, user: User) -> list[str]:
        """Return the names of the columns that this person chose; [] for the usual ones."""
        names = ReportColumns.objects.filter(user=user).values_list("names", flat=True).first()
        return list(names or [])

    def opening(self, user: User) -> str:
        """Return the query with which the list opens for this person; "" for all reports."""
        return opening(user, ViewPage.LIST)


def opening(user: User, page: ViewPage) -> str:
    """Return the query of the person's default view of a page, else of their team's, else ""."""
    views = SavedView.objects.for_user(user).filter(page=page, is_default=True)
    if user.is_superuser:
        views = views.filter(owner=user)  # they work in every department, so no team is theirs
    view = views.order_by(F("department").asc(nulls_first=True), "pk").first()
    return view.get_absolute_url().partition("?")[2] if view else ""


def keep_columns(user: User, names: list[str]) -> None:
    """Store the columns that a person chose; [] gives them the usual ones again."""
    if names:
        ReportColumns.objects.update_or_create(user=user, defaults={"names": names})
    else:
        ReportColumns.objects.filter(user=user).delete()
