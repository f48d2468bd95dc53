"""Official replies: fill templates in the reporter's language, and send them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import database
from reports.catalogue.texts import preferred
from reports.following import announcing
from reports.models import COMMENT_MAX_CHARACTERS, Comment, ReplyTemplate, Report
from reports.models.conversation import PLACEHOLDER

LANGUAGE = "en"  # of the texts that are not translated


@dataclass(frozen=True, slots=True)
class Preview:
    """A template as it would be sent about one report."""

    template: ReplyTemplate
    language: str
    text: str


def preview(template: ReplyTemplate, report: Report, *, language: str = "") -> Preview:
    """Fill a template for a report, in this language or else in its reporter's."""
    reader = report.reporter.locale if report.reporter else ""
    chosen = preferred(language or reader, template.translations, default=LANGUAGE)
    text = fill(template.text("body", chosen), report, language=chosen)
    return Preview(template, chosen, text[:COMMENT_MAX_CHARACTERS])


def fill(body: str, report: Report, *, language: str) -> str:
    """Replace the placeholders of a template by the report's own values.

    Only the template is read for placeholders: braces that a citizen wrote in a title stay as they
    are.
    """
    category, department = report.category, report.department
    values = {
        "number": str(report.pk),
        "title": report.title,
        "category": category.text("name", language) if category else "",
        "department": department.name if department else "",
        "status": report.get_status_display(),
        "address": report.address or f"{report.latitude:.5f}, {report.longitude:.5f}",
    }
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), body)


@transaction.atomic
def reply(report: Report, text: str, *, by: User) -> Comment:
    """Publish an official reply in the name of the report's department; notify the followers."""
    written = Comment.objects.create(
        report=report,
        author=by,
        text=text,
        is_official=True,
        department=report.department,
        published_at=database.now(),
    )
    record_audit_event.send(
        "report.replied", str(by.pk), f"report:{report.pk}", {"comment": str(written.pk)}
    )
    announcing.announce_reply(report, written)
    return written
