"""Updates of service requests, as mySociety extends GeoReport v2: read them, send one.

Source: https://github.com/mysociety/FixMyStreet/wiki/Open311-FMS---Proposed-differences-to-Open311
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ValidationError

from georeport import keys, reading, repeating, searching
from georeport.answering import GeoReportView, form_of, query_of
from georeport.errors import BadRequest, NotFound
from georeport.models import SentUpdate
from georeport.parameters import Parameters
from georeport.searching import CLOSED, OPEN, Page
from georeport.showing import moment
from jobs.http.fields import ParagraphsField
from jobs.ledger.database import fetch
from reports.conversation import commenting
from reports.models import COMMENT_MAX_CHARACTERS, OPEN_STATUSES, Comment, Report
from reports.moderation.programs import Program

TEXT = ParagraphsField(max_length=COMMENT_MAX_CHARACTERS)

#: Public lines of the histories of public reports, and public comments on them, newest first; what
#: they say is read for the page alone. The status of a comment is the one that its report had then.
_UPDATES = """
WITH lines AS (
    SELECT line.at, line.id AS line_id, NULL::uuid AS comment_id
    FROM reports_statuschange AS line JOIN reports_report AS report ON report.id = line.report_id
    WHERE line.at BETWEEN {first} AND {last} AND {chosen}
      AND line.from_status <> '' AND report.published_at IS NOT NULL
      AND report.category_id IS NOT NULL
      AND (line.from_status <> line.to_status OR (line.note <> '' AND NOT line.is_internal))
    ORDER BY line.at DESC, line.id DESC LIMIT %(until)s
), comments AS (
    SELECT comment.published_at AS at, NULL::bigint AS line_id, comment.id AS comment_id
    FROM reports_comment AS comment JOIN reports_report AS report ON report.id = comment.report_id
    WHERE comment.published_at BETWEEN {first} AND {last} AND {chosen}
      AND comment.deleted_at IS NULL AND report.published_at IS NOT NULL
      AND report.category_id IS NOT NULL
    ORDER BY comment.published_at DESC, comment.id DESC LIMIT %(until)s
), page AS (
    SELECT * FROM (SELECT * FROM lines UNION ALL SELECT * FROM comments) AS updates
    ORDER BY at DESC, line_id DESC NULLS LAST, comment_id DESC OFFSET %(skipped)s LIMIT %(size)s
)
SELECT coalesce('s' || line.id, 'c' || comment.id), coalesce(line.report_id, comment.report_id),
       coalesce(line.to_status, (
           SELECT earlier.to_status FROM reports_statuschange AS earlier
           WHERE earlier.report_id = comment.report_id AND earlier.at <= page.at
           ORDER BY earlier.at DESC, earlier.id DESC LIMIT 1
       )),
       page.at, CASE WHEN line.is_internal THEN '' ELSE coalesce(line.note, comment.text) END
FROM page LEFT JOIN reports_statuschange AS line ON line.id = page.line_id
          LEFT JOIN reports_comment AS comment ON comment.id = page.comment_id
ORDER BY page.at DESC, page.line_id DESC NULLS LAST, page.comment_id DESC
"""


class UpdatesView(GeoReportView):
    """What happened to public requests; a new update, which is a comment."""

    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = query_of(request)
        return self.answer("service_request_updates", _updates(parameters))

    def post(self, request: HttpRequest) -> HttpResponse:
        parameters = form_of(request)
        key = keys.admitted(parameters.text("api_key"), to="update", is_test=self.is_test)
        report_id = parameters.text("service_request_id")
        if not report_id:
            raise BadRequest("service_request_id was not provided.")
        report = searching.report_with(report_id).first()
        if report is None:
            raise NotFound(f"service_request_id {report_id[:60]} was not found.")
        text = _text(parameters)
        program = reading.program_of(parameters, key)
        marks = {
            "idempotency_key": request.headers.get("Idempotency-Key", ""),
            "update_id": parameters.text("update_id") or parameters.text("update_id_ext"),
        }
        with transaction.atomic():
            comment = _comment(report, text, program, marks)
            if self.is_test:
                transaction.set_rollback(True)
        update = {"update_id": _id_of(comment), "account_id": parameters.text("account_id") or None}
        return self.answer("service_request_updates", [update], status=201)


def _text(parameters: Parameters) -> str:
    """Return what an update says.

    Raises:
        BadRequest, ValidationError: it says nothing, or too much.
    """
    text = parameters.text("description")
    if not text:
        raise BadRequest("description was not provided.")
    if len(text) > COMMENT_MAX_CHARACTERS:
        raise BadRequest(f"description may have at most {COMMENT_MAX_CHARACTERS:,} characters.")
    try:
        checked: str = TEXT.run_validation(text)
    except ValidationError as error:
        raise ValidationError({"description": error.detail}) from error
    return checked


def _comment(report: Report, text: str, program: Program, marks: dict[str, str]) -> Comment:
    """Return the comment that says this: a new one, or that of an update which comes again.

    `marks` are what `repeating.update_digest` takes.

    Raises as `commenting.comment`, and beside that:

    Raises:
        BadRequest: the Idempotency-Key came with other content.
    """
    digest = repeating.update_digest(report, text, program, **marks)
    is_numbered = any(marks.values())
    earlier = repeating.update_before(digest, is_numbered=is_numbered) if digest else None
    if earlier is None:
        comment = commenting.comment(report, text, author=None, program=program)
        if digest:
            SentUpdate.objects.create(comment=comment, digest=digest)
        return comment
    if (earlier.report_id, earlier.text) != (report.pk, text):
        raise BadRequest(repeating.OTHER_CONTENT)
    return earlier


def _id_of(comment: Comment) -> str:
    return f"c{comment.pk}"


def _updates(parameters: Parameters) -> list[dict[str, Any]]:
    page = Page.of(parameters)
    first, last = searching.moments(parameters)
    values: dict[str, Any] = {
        "first": first,
        "last": last,
        "ids": _ids(parameters),
        "skipped": page.rows.start,
        "until": page.rows.stop,
        "size": page.size,
    }
    statement = _UPDATES.format(
        first="%(first)s"
        if first
        else f"statement_timestamp() - interval '{searching.SPAN.days} days'",
        last="%(last)s" if last else "statement_timestamp()",
        chosen="TRUE" if values["ids"] is None else "report.id = ANY(%(ids)s)",
    )
    return [_update(*row) for row in fetch(statement, values)]


def _ids(parameters: Parameters) -> list[UUID] | None:
    ids = parameters.listed("service_request_id")
    return None if ids is None else searching.ids_of(ids)


def _update(update_id: str, report_id: UUID, status: str, at: Any, text: str) -> dict[str, Any]:
    return {
        "update_id": update_id,
        "service_request_id": str(report_id),
        "status": OPEN if status in OPEN_STATUSES else CLOSED,
        "updated_datetime": moment(at),
        "description": text or None,
        "media_url": None,
    }
