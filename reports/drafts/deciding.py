"""Accept a draft as a report that names its posts, or dismiss it for good."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import User
from jobs.failpoints import failpoint
from reports.errors import DraftDecided, DraftWithoutPosts
from reports.intake.submission import NewReport, submit_report
from reports.models import DraftReport, DraftState, Post, PostLink, Report

QUOTED_POSTS, QUOTED_CHARACTERS = 10, 600


@transaction.atomic
def accept(draft: DraftReport, *, by: User) -> Report:
    """Make a report of the draft, as if the member of staff had reported it, and return it.

    The report names the posts as its sources and is linked to them.

    Raises:
        DraftDecided: somebody else was faster.
        DraftWithoutPosts: its posts were deleted meanwhile.
        OutsideBoundary: the city does not serve the place.
    """
    _decide(draft, DraftState.ACCEPTED, by)
    posts = list(
        draft.posts.standing().select_related("source").select_for_update(of=("self",))
        .order_by("posted_at")
    )  # fmt: skip
    if not posts:
        raise DraftWithoutPosts
    new = NewReport(
        title=draft.title,
        description=describe(posts),
        latitude=draft.latitude,
        longitude=draft.longitude,
        address=draft.place_name,
    )
    report = submit_report(new, reporter=by).report
    _link(posts, report)
    DraftReport.objects.filter(pk=draft.pk).update(report=report)
    failpoint("draft.accepted")
    audit.record(
        "draft.accepted", actor_id=by.pk, subject=f"draft:{draft.pk}",
        data={"report": str(report.pk), "posts": len(posts)},
    )  # fmt: skip
    return report


@transaction.atomic
def dismiss(draft: DraftReport, *, by: User) -> None:
    """Dismiss the draft; posts that say the same later join it, so it is not offered again.

    Raises:
        DraftDecided: somebody else was faster.
    """
    _decide(draft, DraftState.DISMISSED, by)
    audit.record("draft.dismissed", actor_id=by.pk, subject=f"draft:{draft.pk}", data={})


def _decide(draft: DraftReport, state: DraftState, by: User) -> None:
    offered = DraftReport.objects.filter(pk=draft.pk, state=DraftState.OFFERED)
    if not offered.update(state=state, decided_at=Now(), decided_by=by):
        raise DraftDecided


def describe(posts: Sequence[Post]) -> str:
    """Return the description of a report: what each post says, where and when it was posted."""
    quotes = [_quote(post) for post in posts[:QUOTED_POSTS]]
    more = len(posts) - len(quotes)
    rest = [f"And {more} more."] if more else []
    opening = f"Collected from {len(posts)} {'post' if len(posts) == 1 else 'posts'}."
    return "\n\n".join([opening, *quotes, *rest])


def _quote(post: Post) -> str:
    said = post.text or post.title
    text = said if len(said) <= QUOTED_CHARACTERS else f"{said[: QUOTED_CHARACTERS - 1]}…"
    origin = f"{post.source.name}, {post.posted_at:%Y-%m-%d %H:%M} UTC"
    return f"“{text}”\n({origin}{f', {post.url}' if post.url else ''})"


def _link(posts: Sequence[Post], report: Report) -> None:
    PostLink.objects.bulk_create(
        [PostLink(post=post, report=report, is_origin=True) for post in posts],
        update_conflicts=True,
        unique_fields=["post", "report"],
        update_fields=["is_origin"],
    )
