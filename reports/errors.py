"""The errors of reports. The docstring of a class is its default message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from jobs.errors import AsksForPause, DomainError, NotComputable, PermanentError


class ReportsError(DomainError):
    """The report could not be handled."""


class TransitionNotAllowed(ReportsError):
    """A report cannot go from its present status to this one."""


class StatusChangedMeanwhile(ReportsError):
    """Somebody else changed this report's status meanwhile; look at it again first."""


class CategoryUncertain(ReportsError):
    """Choose the category first: it decides who works on the report."""


class FiguresMissing(ReportsError):
    """The city's figures are being computed for the first time."""

    retry_after = 5


class StepForbidden(ReportsError):
    """You may not take this step."""


class StepIncomplete(ReportsError):
    """The step needs more, or something else."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = dict(faults)


class ReportChanged(ReportsError):
    """The report has changed since you read it; `changes` says what, by whom and when."""

    def __init__(self, report: Any, changes: Sequence[Any]) -> None:
        super().__init__()
        self.report, self.changes = report, changes


class HelpRefused(ReportsError):
    """Neighbours cannot be asked to mend this."""


class UndoRefused(ReportsError):
    """The last step cannot be undone any more."""


class GeocoderUnavailable(ReportsError, AsksForPause):
    """The geocoder did not answer; another attempt may succeed."""

    def __init__(self, message: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GeocoderRefused(ReportsError, PermanentError):
    """The geocoder refused the question; asking again will not help."""


class IntakeRefused(ReportsError):
    """The report is not taken now; wait before sending it again."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyReports(IntakeRefused):
    """You have sent as many reports as one person may for now; wait before sending more."""


class TooManyReportsHere(IntakeRefused):
    """Too many reports about this place have arrived for now; wait before sending more about it."""


class ReportRepeated(IntakeRefused):
    """You have sent this text before; say what is different, or wait before sending it again."""


class LikelyDuplicate(ReportsError):
    """Reports near by are probably about the same problem. Look at them; if yours is another one,
    send it again with the header X-Acknowledge-Duplicate: true.
    """

    def __init__(self, candidates: Sequence[Any]) -> None:
        super().__init__()
        self.candidates = candidates


class OutsideBoundary(ReportsError):
    """The place lies outside the area that this city serves."""

    def __init__(self, authority: str = "", url: str = "") -> None:
        where = f" {authority} serves it{f': {url}' if url else '.'}" if authority else ""
        super().__init__(f"{' '.join((self.__doc__ or '').split())}{where}")
        self.authority = {"name": authority, "url": url} if authority else None


class BoundaryInvalid(ReportsError):
    """The file of the boundary cannot be used."""


class PhotoRefused(ReportsError):
    """The photo is not taken."""


class TooManyPhotos(ReportsError):
    """The report has as many photos as it may have."""


class PhotoTooLarge(ReportsError):
    """The photo has more bytes than PHOTO_MAX_BYTES."""

    def __init__(self) -> None:
        most = f"{settings.PHOTO_MAX_BYTES / 1_000_000:g} MB"
        super().__init__(f"A photo may have at most {most}. Send it in a smaller size.")


class PhotoStateChanged(ReportsError):
    """The photo is not in a state that allows this; look at it again first."""


class PhotoFileMissing(ReportsError):
    """A file of the photo was deleted meanwhile; send the photo again."""


class ConversionBroke(ReportsError):
    """The converter of photos ended for a reason that is not in the photo."""


class MergeRefused(ReportsError):
    """These two reports cannot be merged."""


class WorkHasBegun(ReportsError):
    """Somebody works on this report already, or its work has ended; comment on it instead."""


class AlreadyDecided(ReportsError):
    """Moderation has decided about this already; look at it again first."""


class CommentRefused(IntakeRefused):
    """You have written as many comments as one person may for now; wait before writing more."""


class CommentRepeated(IntakeRefused):
    """You have sent this comment before."""


class TooManySubscriptions(ReportsError):
    """You subscribe to as many areas as one person may; delete one first."""


class WordListInvalid(ReportsError):
    """The file of blocked words cannot be used."""


class NoContact(ReportsError):
    """This report has no address at which you could be told of it; give one as you report."""


class LinkInvalid(ReportsError):
    """This link does not work; perhaps not all of it arrived."""


class NothingToConfirm(ReportsError):
    """The report is not resolved, or is being worked on again, so there is nothing to confirm."""


class ConfirmationOver(ReportsError):
    """The time to say whether the problem is repaired has passed; report it again if need be."""


class NotConcerned(ReportsError):
    """Only the report's reporter or a neighbour may say whether the problem is repaired."""


class EvaluationFileError(ReportsError):
    """The labelled reports cannot be used."""


class RulesChanged(ReportsError):
    """Somebody has changed the rules meanwhile, so their order was left as it is. Look at them
    again, and order them anew.
    """


class CatalogueInvalid(ReportsError):
    """The file of categories cannot be used."""


class WebhookRepeated(ReportsError):
    """This request was taken already; sign a new one with the present time."""


class DraftDecided(ReportsError):
    """Somebody has accepted or dismissed this draft already."""


class DraftWithoutPosts(ReportsError):
    """All posts of this draft were deleted at their source; dismiss it."""


class DispatchUnavailable(ReportsError, NotComputable):
    """Plans of a day cannot be made here, since OR-Tools is not installed. The operator installs it
    with `pip install -r requirements-dispatch.txt`, or builds the image with --build-arg
    DISPATCH=on.
    """


class SearchBroke(ReportsError):
    """The search for a plan ended for a reason that is not in the plan."""


class PlanRefused(ReportsError):
    """The plan cannot be applied or undone."""


class PlanAlreadyApplied(PlanRefused, NotComputable):
    """This plan has been applied already; start another one."""


class DiscoveryUnavailable(ReportsError, NotComputable):
    """Strategy discovery cannot run here."""


class HistoryTooShort(ReportsError, NotComputable):
    """The history has too few reports to compare policies."""


class PolicyNotApplicable(ReportsError):
    """This policy cannot be applied."""


class PolicyChanged(ReportsError):
    """Another policy was applied meanwhile; look at it again first."""


class NothingToRevert(ReportsError):
    """No policy is in force here that could be taken back."""


class TopicListInvalid(ReportsError):
    """The list of topics cannot be read."""


class TopicListInUse(ReportsError):
    """This list of topics is in use already."""
