"""One object of each kind, with everybody who may ask for them, to test who gets what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver
from rest_framework.test import APIClient

from accounts import sessions
from accounts.models import User
from matching.models import Opportunity
from matching.runs import starting
from reports.figures import refreshing
from reports.following import areas
from reports.following.areas import Circle
from reports.models import ModerationCase, Photo, Report, SourceKind, Status, SubjectKind
from tests.accounts.factories import ORIGIN, make_access, make_user
from tests.jobs.factories import make_result
from tests.matching.factories import make_opportunity
from tests.reports.collecting import make_source
from tests.reports.dispatching import make_plan
from tests.reports.factories import (
    make_comment,
    make_department,
    make_finding,
    make_report,
    make_staff,
)
from tests.reports.photos import make_photo

ROLES = ("anonymous", "owner", "citizen", "other_staff", "staff", "superuser")


@dataclass
class World:
    """One of each, all the owner's; and a token and a client for each role."""

    clients: dict[str, APIClient]
    tokens: dict[str, str]
    users: dict[str, User]
    report: Report
    published: Report
    published_photo: Photo
    arguments: dict[str, list[Any]]


def routes(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    """The name of every route below, or its pattern where it has none."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        else:
            yield pattern.name or str(pattern.pattern)


def signed_in(token: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def make_world() -> World:
    """Create one of each, without clients."""
    users = people()
    tokens = {role: make_access(user) for role, user in users.items()}
    owner = users["owner"]
    report = make_report(reporter=owner, status=Status.REJECTED, published_at=None)
    published = make_report(reporter=owner)
    arguments = {
        **of_report(report),
        **of_conversation(report, owner),
        **of_jobs(owner, signed_in(tokens["owner"])),
        **of_opportunity(make_opportunity()),
        **of_plan(),
        "pattern-help-requests": [make_finding().pk],
        "webhook": [make_source(SourceKind.WEBHOOK).pk],
    }
    refreshing.refresh()
    return World({}, tokens, users, report, published, make_photo(published), arguments)


def people() -> dict[str, User]:
    streets, parks = make_department("streets"), make_department("parks")
    return {
        "owner": make_user(),
        "citizen": make_user(),
        "other_staff": make_staff(parks),
        "staff": make_staff(streets),
        "superuser": make_user(is_staff=True, is_superuser=True),
    }


def of_report(report: Report) -> dict[str, list[Any]]:
    """Return the arguments of the routes that lead to a report or its photo, by their names."""
    alone = (
        "report-detail", "report-contact", "report-status", "report-steps", "report-undo-step",
        "report-duplicates", "report-merge", "report-refuse-duplicate", "report-undo-duplicate",
        "report-photos", "report-confirmation", "report-flag", "report-follow", "report-me-too",
        "comment-list", "note-list", "reply-template-list", "reply-create",
        "report-help-requests", "report-complete-help", "report-withdraw-help",
    )  # fmt: skip
    photo = make_photo(report)
    of_photo = ("photo-detail", "photo-take-down", "photo-restore")
    return {
        **{name: [report.pk] for name in alone},
        **{name: [photo.pk] for name in of_photo},
        "photo-file": [photo.pk, "small"],
    }


def of_conversation(report: Report, owner: User) -> dict[str, list[Any]]:
    """Return the arguments of the routes that lead to a comment, its case and an area."""
    comment = make_comment(report, owner)
    case = ModerationCase.objects.create(
        report=report, kind=SubjectKind.COMMENT, subject_id=comment.pk
    )
    circle = Circle(latitude=41.3, longitude=-72.9, radius_metres=500)
    area = areas.subscribe(owner, name="Home", area=circle, categories=[], delivery="daily")
    of_comment = ("comment-detail", "comment-flag", "comment-hide")
    return {
        **{name: [report.pk, comment.pk] for name in of_comment},
        "moderation-approve": [case.pk],
        "moderation-reject": [case.pk],
        "area-subscription": [area.pk],
    }


def of_jobs(owner: User, client: APIClient) -> dict[str, list[Any]]:
    """Return the arguments of the routes to a session, a job, a result and a match run."""
    job = client.post("/api/v1/jobs/", {"job_type": "accounts.leaderboard", "payload": {}})
    session, _ = sessions.begin(owner, ORIGIN)
    with transaction.atomic():
        run = starting.start(owner, starting.RunRequest())
    result = make_result(
        job_type="accounts.leaderboard", created_by=owner.pk, result={"places": []}
    )
    return {
        **{f"job-result{part}": [result.pk] for part in ("", "-comparison", "-export")},
        "session": [session.pk],
        "job-detail": [job.data["id"]],
        "job-cancel": [job.data["id"]],
        "match-run-status": [run.task_id],
    }


def of_plan() -> dict[str, list[Any]]:
    """Return the arguments of the routes that lead to a plan of the streets department."""
    plan = make_plan()
    return {f"dispatch-plan-{name}": [plan.pk] for name in ("detail", "geojson", "apply", "undo")}


def of_opportunity(opportunity: Opportunity) -> dict[str, list[Any]]:
    """Return the arguments of the routes that lead to an opportunity."""
    names = ("detail", "apply", "save", "dismiss")
    return {
        **{f"opportunity-{name}": [opportunity.pk] for name in names},
        "partner-applicant-list": [opportunity.pk],
        "partner-opportunity": [opportunity.pk],
    }


def ask(client: APIClient, method: str, url: str) -> Any:
    """The answer to a request whose effects are undone."""
    savepoint = transaction.savepoint()
    answer = getattr(client, method.lower())(
        url, {} if method in {"POST", "PUT", "PATCH"} else None
    )
    transaction.savepoint_rollback(savepoint)
    return answer


def staff_client(user: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend="accounts.backends.StaffBackend")
    return client
