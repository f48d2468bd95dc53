"""The values that fields of a report choose from: its status, and where its facts come from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """The status of a report; `workflow.table.STEPS` says which may follow which."""

    NEW = "new", _("new")
    TRIAGED = "triaged", _("triaged")
    ASSIGNED = "assigned", _("assigned")
    IN_PROGRESS = "in_progress", _("in progress")
    WAITING = "waiting", _("waiting")
    RESOLVED = "resolved", _("resolved")
    CLOSED = "closed", _("closed")
    REJECTED = "rejected", _("rejected")
    DUPLICATE = "duplicate", _("duplicate")
    REOPENED = "reopened", _("reopened")


OPEN_STATUSES = (
    Status.NEW,
    Status.TRIAGED,
    Status.ASSIGNED,
    Status.IN_PROGRESS,
    Status.WAITING,
    Status.REOPENED,
)
#: Statuses in which nobody works on a report yet.
UNTOUCHED_STATUSES = (Status.NEW, Status.TRIAGED)


class WaitingFor(models.TextChoices):
    """Whom or what a report waits for."""

    REPORTER = "reporter", _("an answer of the reporter")
    CONTRACTOR = "contractor", _("a contractor")
    AUTHORITY = "authority", _("another authority")
    MATERIAL = "material", _("material or equipment")
    WEATHER = "weather", _("better weather")
    OTHER = "other", _("something else")


class CategorySource(models.TextChoices):
    """The origin of a report's category; the classifier never overrides anybody else's choice."""

    NONE = "", _("nobody yet")
    REPORTER = "reporter", _("reporter")
    CLASSIFIER = "classifier", _("classifier")
    STAFF = "staff", _("staff")
    IMPORT = "import", _("imported")


class SeveritySource(models.TextChoices):
    """The origin of a report's severity."""

    NONE = "", _("nobody")
    REPORTER = "reporter", _("reporter")
    CATEGORY = "category", _("the category's own")
    RULE = "rule", _("a rule of words")
    STAFF = "staff", _("staff")
    IMPORT = "import", _("imported")


class RoutedBy(models.TextChoices):
    """How a report came to its department."""

    NOBODY = "", _("not routed yet")
    RULE = "rule", _("a rule")
    CATEGORY = "category", _("its category")
    UNCERTAIN = "uncertain", _("triage: its category is not certain")
    BROKEN = "broken", _("triage: its rule cannot be evaluated")
    STAFF = "staff", _("staff")
