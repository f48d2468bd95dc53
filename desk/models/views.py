"""Tables of what people choose for the lists of the desk."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.model_fields import LineField
from reports.models import Department

NAME_MAX_CHARACTERS = 60
QUERY_MAX_CHARACTERS = 2_000


class ViewPage(models.TextChoices):
    """The page that a view opens."""

    LIST = "list", _("list")
    MAP = "map", _("map")


_ADDRESSES = {ViewPage.LIST: "admin:reports_report_changelist", ViewPage.MAP: "admin:desk_map"}


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Queries that choose saved views."""

    def for_user(self, user: User) -> SavedViewQuerySet:
        """Return the person's own views and those of the departments where they work."""
        if user.is_superuser:
            return self.filter(Q(owner=user) | Q(department__isnull=False))
        mine = Department.objects.worked_in_by(user).values("pk")
        return self.filter(Q(owner=user) | Q(department__in=mine))

    def changeable_by(self, user: User) -> SavedViewQuerySet:
        """Return the person's own views and those of the departments that they manage."""
        if user.is_superuser:
            return self.filter(Q(owner=user) | Q(department__isnull=False))
        managed = Department.objects.managed_by(user).values("pk")
        return self.filter(Q(owner=user) | Q(department__in=managed))


class SavedView(models.Model):
    """Filters, search, order and columns of the list or the map of reports, under a name.

    It belongs to a person or to a department. Its query chooses among the reports that its reader
    may see; it never shows more of them.
    """

    owner = models.ForeignKey(
        User,
        null=True,
        on_delete=models.CASCADE,
        related_name="saved_views",
        db_index=False,
        help_text="Whose it is; empty for the view of a team.",
    )
    department = models.ForeignKey(
        Department,
        null=True,
        on_delete=models.CASCADE,
        related_name="saved_views",
        db_index=False,
        help_text="The department whose team has it; empty for the view of one person.",
    )
    page = models.CharField(max_length=4, choices=ViewPage.choices, help_text="What it opens.")
    name = LineField(max_length=NAME_MAX_CHARACTERS, help_text="As it stands above the list.")
    query = models.CharField(
        max_length=QUERY_MAX_CHARACTERS,
        blank=True,
        help_text="The query of the page's address, without question mark.",
    )
    is_default = models.BooleanField(
        default=False, db_default=False, help_text="Whether the page opens with it."
    )
    created_at = models.DateTimeField(db_default=Now(), help_text="When it was saved first.")
    updated_at = models.DateTimeField(db_default=Now(), help_text="When it last changed.")

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(owner__isnull=False, department__isnull=True)
                | Q(owner__isnull=True, department__isnull=False),
                name="desk_savedview_one_owner",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="desk_savedview_named"),
            models.CheckConstraint(
                condition=Q(page__in=ViewPage.values), name="desk_savedview_page"
            ),
            # These also find the views of a person or a department.
            models.UniqueConstraint(
                fields=["owner", "page", "name"], name="desk_savedview_owner_name"
            ),
            models.UniqueConstraint(
                fields=["department", "page", "name"], name="desk_savedview_team_name"
            ),
            models.UniqueConstraint(
                fields=["owner", "page"],
                condition=Q(is_default=True),
                name="desk_savedview_owner_default",
            ),
            models.UniqueConstraint(
                fields=["department", "page"],
                condition=Q(is_default=True),
                name="desk_savedview_team_default",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the page with this view."""
        start = reverse(_ADDRESSES[ViewPage(self.page)])
        return f"{start}?{self.query}{'&' if self.query else ''}view={self.pk}"


class ReportColumns(models.Model):
    """The columns of the list of reports that a person has chosen."""

    user = models.OneToOneField(
        User, primary_key=True, on_delete=models.CASCADE, related_name="report_columns"
    )
    names = ArrayField(models.CharField(max_length=40), help_text="In their order.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(names=[]), name="desk_reportcolumns_some")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {', '.join(self.names)}"
