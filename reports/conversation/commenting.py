"""Comments of citizens, official replies and notes among staff: write, delete and hide them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import database
from reports.conversation import limits
from reports.following import follows
from reports.models import (
    Comment,
    ModerationCase,
    ModerationState,
    Report,
    StaffNote,
    SubjectKind,
)
from reports.moderation import cases, judging, repetition
from reports.moderation.programs import Program
from reports.moderation.repetition import Copies, Sent
from reports.moderation.subjects import Author, Subject


@transaction.atomic
def comment(
    report: Report, text: str, *, author: User | None, program: Program | None = None
) -> Comment:
    """Store a citizen's comment; it is public at once unless it has to wait for moderation.

    Its author follows the report from then on. Without an `author` it is the holder of the report's
    tracking token, whose comments always wait, or somebody whose comment a `program` sends.

    Raises:
        CommentRefused: the author has written too many for now.
        CommentRepeated: the author has sent the same words too often.
    """
    digest = None if author and author.is_staff else repetition.digest_of(text)
    sent = limits.spend(author, report, text, digest=digest, program=program)
    copies = _copies(digest, sent, author=author, report=report)
    reasons = judging.judge(
        text,
        author,
        is_repeated=sent.by_author > 1,
        is_vouched_for=program is not None and program.is_vouched_for,
        others=copies.reasons if copies else (),
    )
    written = Comment.objects.create(
        report=report,
        author=author,
        is_by_holder=author is None and program is None,
        text=text,
        text_digest=digest,
        published_at=None if reasons else database.now(),
    )
    if reasons:
        cases.hold(report, SubjectKind.COMMENT, written.pk, reasons)
    if copies is not None:
        repetition.queue_earlier(copies)
    if author is not None:
        follows.follow_from_the_start(report, author.pk)
    _record("comment.written", written, by=author)
    return written


def _copies(
    digest: int | None, sent: Sent, *, author: User | None, report: Report
) -> Copies | None:
    """Return copies of a comment that others wrote; None if there are few of them."""
    if digest is None or not repetition.are_too_many(sent.by_all):
        return None
    return repetition.comments_like(digest, author=author, report=report)


@transaction.atomic
def delete(comment: Comment, *, by: User | None) -> None:
    """Delete a comment as its author: its text is gone, and nobody has to moderate it any more."""
    Comment.objects.filter(pk=comment.pk, deleted_at=None).update(
        text="", text_digest=None, deleted_at=Now()
    )
    ModerationCase.objects.waiting().filter(kind=SubjectKind.COMMENT, subject_id=comment.pk).update(
        state=ModerationState.REJECTED, is_withheld=True, decided_at=Now(), decided_by=by
    )
    _record("comment.deleted", comment, by=by)


@transaction.atomic
def hide(comment: Comment, *, by: User, reason: str, note: str) -> ModerationCase:
    """Hide a comment from the public as staff; its author is notified of the reason."""
    case = cases.case_of(comment.report, SubjectKind.COMMENT, comment.pk)
    cases.reject(case, by=by, reason=reason, note=note, reconsiders=True)
    return case


@transaction.atomic
def note(report: Report, text: str, *, author: User) -> StaffNote:
    """Store a note among staff; nobody is notified of it."""
    written = StaffNote.objects.create(report=report, author=author, text=text)
    record_audit_event.send(
        "report.note_written", str(author.pk), f"report:{report.pk}", {"note": str(written.pk)}
    )
    return written


def _record(event: str, comment: Comment, *, by: User | None) -> None:
    who, subject = str(by.pk) if by else None, f"comment:{comment.pk}"
    record_audit_event.send(event, who, subject, {"report": str(comment.report_id)})


# --- Comments as things to moderate ------------------------------------------------------------


def _texts(comment_ids: Collection[UUID]) -> dict[UUID, str]:
    return dict(Comment.objects.filter(pk__in=comment_ids).values_list("pk", "text"))


def _author(comment_id: UUID) -> Author:
    written = Comment.objects.values_list("author_id", "is_by_holder").get(pk=comment_id)
    return Author(*written)


def _publish(comment_id: UUID, _by: User, since: datetime | None) -> None:
    Comment.objects.filter(pk=comment_id).update(published_at=since or Now())


def _withhold(comment_id: UUID) -> datetime | None:
    public_since = Comment.objects.values_list("published_at", flat=True).get(pk=comment_id)
    Comment.objects.filter(pk=comment_id).update(published_at=None)
    return public_since


def _reject(_comment_id: UUID, _by: User, _note: str) -> bool:
    return False  # withholding it is all


SUBJECT = Subject(
    kind=SubjectKind.COMMENT,
    texts=_texts,
    author=_author,
    publish=_publish,
    withhold=_withhold,
    reject=_reject,
)
