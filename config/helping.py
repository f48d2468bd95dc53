"""Connect reports that neighbours could mend with the opportunities of matching.

Neither app may import the other; here both are known.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from matching.models import Kind, Opportunity
from matching.opportunities import endings, publishing
from matching.opportunities.endings import Ending
from reports.helping import board, ending
from reports.helping.board import Notice
from reports.models import HelpState


class Opportunities:
    """The board of `reports.helping`: notices become opportunities of volunteering."""

    def add(self, notice: Notice) -> UUID:
        return publishing.add({"kind": Kind.VOLUNTEERING, **asdict(notice)}).pk

    def take_down(
        self, opportunity_id: UUID, *, is_done: bool, by: User | None = None, note: str = ""
    ) -> None:
        with suppress(Opportunity.DoesNotExist):
            publishing.end(opportunity_id, is_done=is_done, by=by, note=note)

    def over(self, opportunity_ids: Collection[UUID]) -> set[UUID]:
        known = Opportunity.objects.filter(pk__in=opportunity_ids, is_active=True)
        past = known.over_on(timezone.localdate()).values_list("pk", flat=True)
        return set(opportunity_ids) - set(known.values_list("pk", flat=True)) | set(past)


def note_ending(one: Ending) -> None:
    """Note at the reports of an opportunity, if it has any, that it has ended."""
    state = HelpState.DONE if one.is_done else HelpState.WITHDRAWN
    ending.end(one.opportunity_id, state, by=one.by, note=one.note)


def connect() -> None:
    """Register each app's functions with the other."""
    board.register(Opportunities())
    endings.register(note_ending)
