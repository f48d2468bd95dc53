"""Actors that classify, route and analyse reports."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from typing import Any
from uuid import UUID

import jobs
from accounts.models import User
from embeddings.embedder import get_embedder, space_of
from jobs.ledger.database import fetch
from reports.acknowledging import acknowledge
from reports.classification import classifier
from reports.collection import actors as collection_actors  # noqa: F401 - its tasks are known so
from reports.dates import actors as dates_actors  # noqa: F401 - its tasks are known so
from reports.dispatch import actors as dispatch_actors  # noqa: F401 - its tasks are known so
from reports.duplicates import suggesting, vectors
from reports.escalation import rounds
from reports.figures import refreshing
from reports.following import actors as following_actors  # noqa: F401 - its tasks are known so
from reports.following import announcing
from reports.forecasting import actors as forecasting_actors  # noqa: F401 - as above
from reports.geography import actors as geography_actors  # noqa: F401 - as above
from reports.helping import actors as helping_actors  # noqa: F401 - as above
from reports.imaging import files, processing
from reports.leaderboard import actors as leaderboard_actors  # noqa: F401 - as above
from reports.models import Report
from reports.patterns import actors as patterns_actors  # noqa: F401 - as above
from reports.patterns import hotspots
from reports.patterns.serializers import HotspotsPayloadSerializer, HotspotsSerializer
from reports.policies import actors as policies_actors  # noqa: F401 - as above
from reports.routing import assignment
from reports.workflow import actors as workflow_actors  # noqa: F401 - it registers its actors

HOUR, SECONDS = timedelta(hours=1), timedelta(seconds=1)
PURGE_DELAY = timedelta(seconds=5)  # so that one task deletes the originals of many photos


@jobs.before_ready("default")
def learn_categories() -> None:
    """Train the classifier before a report needs it; in a new city that takes seconds."""
    classifier.prepare()


# Up to version 0.2 every report sent it; a ledger may still hold some.
@jobs.actor(queue_name="default", outlasts=HOUR)
def acknowledge_report(report_id: str, reporter_id: str | None, title: str) -> None:
    """Audit a new report, credit its reporter and notify them that it arrived."""
    user_id = UUID(reporter_id) if reporter_id else None
    reporter = User.objects.filter(pk=user_id).first() if user_id else None
    acknowledge(UUID(report_id), title, reporter_id=user_id, reporter=reporter)


# Long enough for a restart of the embeddings' server. After a longer outage the report goes to the
# desk, where a person chooses the category.
@jobs.actor(queue_name="default", kind="external", delivery="at_least_once", outlasts=HOUR)
def classify_report(report_id: str) -> dict[str, Any]:
    """Return the category that the classifier proposes; no transaction is open meanwhile."""
    title, description, version = _words_of(report_id)
    proposal = classifier.classify(title, description, categories_version=version)
    return {
        "category_id": proposal.category.pk if proposal.category else None,
        "confidence": proposal.confidence,
        "suggestions": proposal.suggestions_as_json(),
        "vector": vectors.packed(proposal.vector),
        "space": space_of(get_embedder()),
    }


def _words_of(report_id: str) -> tuple[str, str, str | None]:
    """Return the title and the description of a report, and the version of the categories.

    Raises:
        Report.DoesNotExist: it was deleted.
    """
    rows = fetch(_WORDS, (report_id,), is_prepared=True)
    if not rows:
        raise Report.DoesNotExist
    return rows[0][0], rows[0][1], rows[0][2]


_WORDS = f"""
    SELECT title, description, ({classifier.CATEGORIES_VERSION})
    FROM reports_report WHERE id = %s
"""  # noqa: S608 - constants


@classify_report.record
def record_classification(outcome: dict[str, Any], report_id: str) -> None:
    """Store the proposed category and route the report."""
    report = assignment.apply_outcome(report_id, outcome)
    vector, space = b64decode(outcome["vector"]), outcome["space"]
    vectors.keep(report_id, vector, space=space)
    suggesting.suggest_for(report, vectors.unpacked(vector), space=space)
    announcing.announce_report(report)


@classify_report.mirror
def route_unclassified(standing: jobs.Standing, report_id: str) -> None:
    """Route a report without a category once its classification has failed for good."""
    if standing.has_ended:
        route_report.send(report_id)


# It needs nothing but our own database.
@jobs.actor(queue_name="default", outlasts=HOUR)
def route_report(report_id: str) -> None:
    """Give the report a department and a deadline."""
    assignment.route(report_id)
    suggesting.suggest(report_id)
    announcing.announce_report(Report.objects.select_related("category").get(pk=report_id))


# Long enough for a storage on another machine that is down for some hours.
@jobs.actor(
    queue_name="default", kind="external", delivery="at_least_once", outlasts=timedelta(hours=12)
)
def process_photo(photo_id: str) -> processing.Outcome | None:
    """Convert a photo and store its sizes as new files; no transaction is open meanwhile."""
    return processing.process(photo_id)


@process_photo.record
def record_photo(outcome: processing.Outcome | None, photo_id: str) -> None:
    """Store what became of the photo, and have what was sent deleted."""
    if processing.record(outcome, photo_id):
        purge_photo_files.send_with_options(unique_key="purge-photo-files", delay=PURGE_DELAY)


@process_photo.mirror
def show_photo(standing: jobs.Standing, photo_id: str) -> None:
    """Refuse a photo whose task ended without success, until it is replayed."""
    processing.show_standing(standing, photo_id)


# The next photo, or the next hour, deletes what this one left.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=HOUR)
def purge_photo_files() -> dict[str, int]:
    """Delete the files that belong to no photo any more."""
    return {"purged": files.purge()}


@jobs.job_type("reports.hotspots", payload=HotspotsPayloadSerializer, result=HotspotsSerializer)
# It outlasts no outage: a person waits, and can start it again.
@jobs.actor(queue_name="analytics", kind="long", outlasts=SECONDS)
def find_hotspots(**payload: Any) -> dict[str, Any]:
    """Find where open public reports crowd within a box and a period: the centre, size and
    commonest category.
    """
    task = jobs.current_task()
    return hotspots.find(
        hotspots.Search.of(**payload),
        lambda fraction, stage, cells: task.progress(fraction, stage, cells=cells),
    )


# The next round takes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def escalate_reports() -> dict[str, int]:
    """Inform those responsible for reports whose deadline is near or has passed.

    Return the number of stages that reports have reached as `escalated`. Each batch is a
    transaction of its own.
    """
    return {"escalated": rounds.escalate(jobs.current_task().effects)}


# The next tick computes everything anew.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=SECONDS)
def refresh_figures() -> dict[str, int]:
    """Compute the city's figures anew; return how many rows of days changed as `changed`."""
    return {"changed": refreshing.refresh_when_due()}
