"""The constraints of the table of reports, and its indexes, each with the lists that it serves."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from reports.models.catalogue import Severity
from reports.models.choices import OPEN_STATUSES, Status

CONSTRAINTS = [
    models.CheckConstraint(
        condition=Q(latitude__range=(-90, 90)), name="reports_report_latitude_range"
    ),
    models.CheckConstraint(
        condition=Q(longitude__range=(-180, 180)), name="reports_report_longitude_range"
    ),
    models.CheckConstraint(
        condition=Q(category_confidence__isnull=True) | Q(category_confidence__range=(0, 1)),
        name="reports_report_confidence_range",
    ),
    # An import adds a report once; reports of our own have no external id, and NULLs never collide.
    models.UniqueConstraint(
        fields=["source", "external_id"], name="reports_report_external_unique"
    ),
    models.CheckConstraint(
        condition=Q(assignee__isnull=True) | Q(crew__isnull=True),
        name="reports_report_one_assignee",
    ),
    # A client that sends a report again gets the first one; the anonymous share one space.
    models.UniqueConstraint(
        fields=["client_id", "reporter"],
        nulls_distinct=False,
        condition=Q(client_id__isnull=False),
        name="reports_report_client_unique",
    ),
]

INDEXES = [
    # The public list and the whole desk, newest first; also those in a box of many, of
    # which the others are passed over without being read.
    models.Index(
        F("created_at").desc(),
        F("id").desc(),
        F("latitude"),
        F("longitude"),
        name="report_newest_placed",
    ),
    # What other programs ask for: the public reports that changed since a time.
    models.Index(
        F("updated_at").desc(),
        condition=Q(published_at__isnull=False),
        name="report_updated",
    ),
    # The public list of one category.
    models.Index("category", F("created_at").desc(), name="report_category"),
    # The public list of one status.
    models.Index("status", F("created_at").desc(), name="report_status"),
    # The maps, of the public and of the desk: everything inside a bounding box.
    models.Index("latitude", "longitude", name="report_at_place"),
    # "My reports".
    models.Index("reporter", F("created_at").desc(), name="report_mine"),
    # The desk of a department, by status.
    models.Index("department", "status", F("created_at").desc(), name="report_desk"),
    # The lists of open reports, newest first: overdue, without an answer, unassigned; also
    # those in a box.
    models.Index(
        F("created_at").desc(),
        F("id").desc(),
        F("latitude"),
        F("longitude"),
        condition=Q(status__in=OPEN_STATUSES),
        name="report_open_placed",
    ),
    # The queue of a department, by deadline.
    models.Index(
        "department",
        "due_at",
        condition=Q(status__in=OPEN_STATUSES),
        name="report_department_due",
    ),
    # Open reports whose deadline has passed or is near.
    models.Index("due_at", condition=Q(status__in=OPEN_STATUSES), name="report_due"),
    # Open reports whose first answer is late or due soon.
    models.Index(
        "response_due_at",
        condition=Q(status__in=OPEN_STATUSES, responded_at__isnull=True),
        name="report_response_due",
    ),
    # Resolved reports about which nobody has answered.
    models.Index("closed_at", condition=Q(status=Status.RESOLVED), name="report_unanswered"),
    # "Mine" and "my crews" at the desk.
    models.Index(
        "assignee",
        F("created_at").desc(),
        condition=Q(assignee__isnull=False),
        name="report_assignee",
    ),
    models.Index(
        "crew",
        F("created_at").desc(),
        condition=Q(crew__isnull=False),
        name="report_crew",
    ),
    # What may be the same problem: the open reports around a place.
    models.Index(
        "cell",
        "created_at",
        condition=Q(status__in=OPEN_STATUSES),
        name="report_open_cell",
    ),
    # The same words from several people lately.
    models.Index(
        "text_digest",
        "created_at",
        condition=Q(text_digest__isnull=False),
        name="report_same_text",
    ),
    # The list of confirmed repairs, newest first.
    models.Index(
        F("created_at").desc(),
        F("id").desc(),
        condition=Q(confirmed_at__isnull=False),
        name="report_confirmed",
    ),
    # The list of serious reports: few among many, newest first.
    models.Index(
        "severity",
        F("created_at").desc(),
        condition=Q(severity__in=(Severity.HIGH, Severity.CRITICAL)),
        name="report_serious",
    ),
    # The list of what was imported from one system.
    models.Index(
        "source",
        F("created_at").desc(),
        condition=~Q(source=""),
        name="report_source",
    ),
    # The reports of a rule; also serves the deletion of a rule.
    models.Index(
        "routing_rule",
        condition=Q(routing_rule__isnull=False),
        name="report_routing_rule",
    ),
    # The classifier's examples: the newest reports whose category staff chose.
    models.Index(
        F("updated_at").desc(), condition=Q(category_source="staff"), name="report_taught"
    ),
]
