"""The values that fields of a report choose from: its status, and where its facts come from."""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """The status of a report; `workflow.table.STEPS` says which may follow which."""

    NEW = "new", "new"
    TRIAGED = "triaged", "triaged"
    ASSIGNED = "assigned", "assigned"
    IN_PROGRESS = "in_progress", "in progress"
    WAITING = "waiting", "waiting"
    RESOLVED = "resolved", "resolved"
    CLOSED = "closed", "closed"
    REJECTED = "rejected", "rejected"
    DUPLICATE = "duplicate", "duplicate"
    REOPENED = "reopened", "reopened"


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

    REPORTER = "reporter", "an answer of the reporter"
    CONTRACTOR = "contractor", "a contractor"
    AUTHORITY = "authority", "another authority"
    MATERIAL = "material", "material or equipment"
    WEATHER = "weather", "better weather"
    OTHER = "other", "something else"


class CategorySource(models.TextChoices):
    """The origin of a report's category; the classifier never overrides anybody else's choice."""

    NONE = "", "nobody yet"
    REPORTER = "reporter", "reporter"
    CLASSIFIER = "classifier", "classifier"
    STAFF = "staff", "staff"
    IMPORT = "import", "imported"


class SeveritySource(models.TextChoices):
    """The origin of a report's severity."""

    NONE = "", "nobody"
    REPORTER = "reporter", "reporter"
    CATEGORY = "category", "the category's own"
    RULE = "rule", "a rule of words"
    STAFF = "staff", "staff"
    IMPORT = "import", "imported"


class RoutedBy(models.TextChoices):
    """How a report came to its department."""

    NOBODY = "", "not routed yet"
    RULE = "rule", "a rule"
    CATEGORY = "category", "its category"
    UNCERTAIN = "uncertain", "triage: its category is not certain"
    BROKEN = "broken", "triage: its rule cannot be evaluated"
    STAFF = "staff", "staff"
