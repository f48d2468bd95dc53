"""Which reports are about the same problem: what was suggested, and what staff made of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.ledger.database import fetch
from reports.models.departments import Department
from reports.models.report import Report


class ReportVector(models.Model):
    """The sentence vector of a report's text, kept from its classification.

    Only a store of what can be computed again.
    """

    report = models.OneToOneField(
        Report, on_delete=models.CASCADE, primary_key=True, related_name="text_vector"
    )
    space = models.CharField(
        max_length=120,
        help_text=_("Embedder and version; vectors of two spaces are never compared."),
    )
    vector = models.BinaryField(help_text=_("float16, little-endian."))

    def __str__(self) -> str:
        return f"{self.report_id} in {self.space}"


class DuplicatePairQuerySet(models.QuerySet["DuplicatePair"]):
    """Queries that choose pairs."""

    def suggested(self) -> DuplicatePairQuerySet:
        """Return the pairs about which staff has still to decide."""
        return self.filter(state=DuplicatePair.State.SUGGESTED)

    def for_staff(self, user: User) -> DuplicatePairQuerySet:
        """Return the pairs of which this member of staff works on one, and may read the other."""
        if not (user.is_active and user.is_staff):
            return self.none()
        if user.is_superuser:
            return self.all()
        departments = list(Department.objects.worked_in_by(user).values_list("pk", flat=True))
        works_on = Q(earlier__department__in=departments) | Q(later__department__in=departments)
        pairs = self.filter(works_on)
        for side in ("earlier", "later"):
            pairs = pairs.filter(
                Q((f"{side}__published_at__isnull", False))
                | Q((f"{side}__reporter", user))
                | Q((f"{side}__department__in", departments))
            )
        return pairs


class DuplicatePair(models.Model):
    """Two reports that may be about one problem, and what staff decided. One row for each two."""

    class State(models.TextChoices):
        """What became of the suggestion."""

        SUGGESTED = "suggested", _("suggested")
        MERGED = "merged", _("merged")
        REFUSED = "refused", _("not the same")

    earlier = models.ForeignKey(
        Report,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text=_("The report that came first."),
    )
    later = models.ForeignKey(
        Report,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("The report that may repeat it."),
    )
    probability = models.FloatField(
        null=True, help_text=_("0 to 1; empty where staff put the two together themselves.")
    )
    reasons = models.JSONField(default=list, help_text=_("Sentences for staff."))
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.SUGGESTED,
        help_text=_("Whether it waits for a decision, or what was decided."),
    )
    created_at = models.DateTimeField(db_default=Now(), help_text=_("When it was suggested."))
    decided_at = models.DateTimeField(null=True, help_text=_("When it was decided."))
    decided_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("The member of staff who decided."),
    )

    objects = DuplicatePairQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Two workers that find the same two reports at once store one suggestion.
            models.UniqueConstraint(
                fields=["earlier", "later"], name="reports_duplicatepair_unique"
            ),
            models.CheckConstraint(
                condition=Q(earlier__lt=F("later")), name="reports_duplicatepair_order"
            ),
        ]
        indexes: ClassVar = [
            # The list of what staff has still to decide, newest first.
            models.Index(
                F("created_at").desc(),
                condition=Q(state="suggested"),
                name="duplicatepair_suggested",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.earlier} / {self.later}"


class MergeQuerySet(models.QuerySet["Merge"]):
    """Choosing merges that hold."""

    def standing(self) -> MergeQuerySet:
        return self.filter(undone_at__isnull=True)

    def between(self, report: Report, other: Report) -> Merge | None:
        """Return the merge of these two, whichever of them is the duplicate."""
        both = (report, other)
        return self.standing().filter(duplicate__in=both, original__in=both).first()

    def end(self, duplicate: Report, *, by: User | None) -> None:
        """Note that a report is a duplicate no more; the two are a suggestion again."""
        originals = list(
            self.standing().filter(duplicate=duplicate).values_list("original_id", flat=True)
        )
        self.standing().filter(duplicate=duplicate).update(undone_at=Now(), undone_by=by)
        DuplicatePair.objects.filter(
            Q(earlier=duplicate, later__in=originals) | Q(later=duplicate, earlier__in=originals)
        ).update(state=DuplicatePair.State.SUGGESTED, decided_at=Now(), decided_by=by)


class Merge(models.Model):
    """A report that was merged into another; both are kept. Undone merges stay on record."""

    duplicate = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="merges", db_index=False
    )
    original = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+", db_index=False)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = MergeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # A report is merged into one other at most.
            models.UniqueConstraint(
                fields=["duplicate"],
                condition=Q(undone_at__isnull=True),
                name="reports_merge_one_original",
            ),
        ]
        indexes: ClassVar = [
            # The reports that were merged into one, for whom its updates are too.
            models.Index("original", condition=Q(undone_at__isnull=True), name="merge_of_original"),
        ]

    def __str__(self) -> str:
        return f"{self.duplicate} into {self.original}"


def merged_into(report: Report) -> list[Report]:
    """Return the reports merged into this one, directly or through another.

    Their reporters and followers are notified of every step of the report.
    """
    ids = [row[0] for row in fetch(_MERGED_INTO, (report.pk,))]
    return list(Report.objects.filter(pk__in=ids).order_by("pk")) if ids else []


_MERGED_INTO = """
    WITH RECURSIVE merged AS (
        SELECT duplicate_id FROM reports_merge WHERE original_id = %s AND undone_at IS NULL
        UNION
        SELECT merge.duplicate_id
        FROM reports_merge merge JOIN merged ON merge.original_id = merged.duplicate_id
        WHERE merge.undone_at IS NULL
    )
    SELECT duplicate_id FROM merged
"""
