"""The tables of vectors: of the texts of opportunities and profiles, by embedder."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from matching.models.opportunities import Opportunity
from matching.models.profiles import Profile


class VectorSpace(models.Model):
    """An embedding model whose vectors are stored; citizens are matched in the active space."""

    class State(models.TextChoices):
        BUILDING = "building", _("being filled")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")
        STOPPED = "stopped", _("not filled: its rebuild was stopped")

    label = models.CharField(max_length=200, unique=True, help_text=_("The model and its version."))
    dimensions = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.BUILDING)
    generation = models.PositiveIntegerField(
        default=1, help_text=_("Grows when its index is rebuilt and when it becomes active.")
    )
    retired_at = models.DateTimeField(
        null=True, editable=False, help_text=_("Its vectors are deleted a day later.")
    )
    task_id = models.UUIDField(
        null=True, editable=False, help_text=_("The newest rebuild that fills it.")
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="active"), name="matching_space_one_active"
            )
        ]

    def __str__(self) -> str:
        return self.label


class StoredVector(models.Model):
    """A text in a vector space: its embedding and its stems.

    The embedding is empty for an empty text. `terms` are packed by `matching.text.terms.Terms`.
    `version` is that of the text.
    """

    space = models.ForeignKey(VectorSpace, on_delete=models.CASCADE, related_name="+")
    embedding = VectorField(null=True)
    terms = models.BinaryField()
    version = models.PositiveIntegerField()

    class Meta:
        abstract = True


class OpportunityVector(StoredVector):
    """An opportunity in one vector space."""

    opportunity = models.ForeignKey(Opportunity, on_delete=models.CASCADE, related_name="vectors")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["opportunity", "space"], name="matching_opp_vector_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.opportunity_id} in {self.space_id}"


class ProfileVector(StoredVector):
    """A profile in a vector space; `facets` are the vectors of its skills, as float32 rows."""

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="vectors")
    facets = models.BinaryField(default=bytes)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "space"], name="matching_profile_vector_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} in {self.space_id}"


class TermStatistics(models.Model):
    """How rare each stem is in a sample of the opportunities; a table of one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    documents = models.PositiveIntegerField()
    frequencies = models.BinaryField(help_text=_("int32 for each bucket of matching.text.terms."))
    computed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"stems of {self.documents} opportunities"
