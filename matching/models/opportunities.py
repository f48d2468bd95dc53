"""The tables of opportunities, of partners, and of what citizens did with opportunities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.model_fields import LineField, ParagraphsField
from matching.models.places import PLACE_IS_NO_PLACE, place_is_whole

#: Minus signs with no word between them.
MINUS_SIGNS = re.compile(r"-(?:[^\w-]*-)+")
ENDS_BEFORE_START = "It ends before it starts."


class Kind(models.TextChoices):
    """The kinds of opportunities."""

    VOLUNTEERING = "volunteering", _("Volunteering")
    GRANT = "grant", _("Grant")
    JOB = "job", _("Job")
    EVENT = "event", _("Event")


class OpportunityQuerySet(models.QuerySet["Opportunity"]):
    """Choices of opportunities, and the count of their places."""

    def open_on(self, day: date) -> OpportunityQuerySet:
        """Return those that can be joined on that day: active, not full and not over."""
        without_end = Q(ends_on=None) & (
            ~Q(kind=Kind.EVENT) | Q(starts_on=None) | Q(starts_on__gte=day)
        )
        not_full = Q(capacity=None) | Q(places_taken__lt=F("capacity"))
        return self.filter(not_full, without_end | Q(ends_on__gte=day), is_active=True)

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> OpportunityQuerySet:
        """Return the active ones, and withdrawn ones with which the user has an interaction."""
        acted_on = Interaction.objects.filter(user=user.pk, opportunity=OuterRef("pk"))
        return self.filter(Q(is_active=True) | Exists(acted_on))

    def acted_on_by(self, user: AbstractBaseUser, kind: str) -> OpportunityQuerySet:
        """Return those with which the user has an interaction of this kind."""
        return self.filter(
            pk__in=Interaction.objects.filter(user=user.pk, kind=kind).values("opportunity")
        )

    def not_dismissed_by(self, user: AbstractBaseUser) -> OpportunityQuerySet:
        """Return those that the user has not dismissed."""
        dismissed = Interaction.objects.filter(
            user=user.pk, opportunity=OuterRef("pk"), kind=Interaction.Kind.DISMISS
        )
        return self.filter(~Exists(dismissed))

    def matching_text(self, words: str) -> OpportunityQuerySet:
        """Return those whose text has all of `words`, in the syntax of web search engines.

        Several minus signs before a word count as one: PostgreSQL refuses a few dozen of them.
        """
        text = MINUS_SIGNS.sub("-", words)
        return self.filter(search=SearchQuery(text, config="english", search_type="websearch"))

    def speaking(self, languages: Sequence[str]) -> OpportunityQuerySet:
        """Return those that require no language, or one of these."""
        return self.filter(Q(languages=[]) | Q(languages__overlap=languages))

    def in_box(self, box: tuple[float, float, float, float]) -> OpportunityQuerySet:
        """Return those between west, south, east and north; west > east crosses the date line."""
        west, south, east, north = box
        within = Q(longitude__gte=west) & Q(longitude__lte=east)
        beyond = Q(longitude__gte=west) | Q(longitude__lte=east)
        return self.filter(
            within if west <= east else beyond, latitude__gte=south, latitude__lte=north
        )

    def over_on(self, day: date) -> OpportunityQuerySet:
        """Return those whose last day was before that day."""
        is_past_event = Q(ends_on=None, kind=Kind.EVENT, starts_on__lt=day)
        return self.filter(Q(ends_on__lt=day) | is_past_event)

    def take_place(self, opportunity_id: UUID) -> bool:
        """Count one more participant; return False if it is full or closed.

        This is one conditional UPDATE, so that the last place is taken once.
        """
        not_full = Q(capacity=None) | Q(places_taken__lt=F("capacity"))
        return (
            self.filter(not_full, id=opportunity_id, is_active=True).update(
                places_taken=F("places_taken") + 1
            )
            == 1
        )

    def give_place_back(self, opportunity_id: UUID) -> None:
        """Count one participant less."""
        self.filter(id=opportunity_id, places_taken__gt=0).update(
            places_taken=F("places_taken") - 1
        )


class Partner(models.Model):
    """An organisation that manages its opportunities through the API."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = LineField(
        max_length=200, unique=True, help_text=_("The organisation of its opportunities.")
    )
    is_active = models.BooleanField(
        "active", default=True, help_text=_("Off: its keys are refused.")
    )
    created_at = models.DateTimeField(db_default=Now())

    is_machine = True  # no person waits for what its requests send

    def __str__(self) -> str:
        return self.name

    @property
    def is_authenticated(self) -> bool:
        """Return True: a partner is recognised by its key. Required by the REST framework."""
        return True


class PartnerKey(models.Model):
    """An API key of a partner, stored only as its SHA-256."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="keys")
    label = LineField(max_length=80, blank=True)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.partner} {self.label}".strip()


class Opportunity(models.Model):
    """Something a citizen can take part in. `version` grows when its text changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=Kind, help_text=_("What sort of thing it is."))
    title = LineField(max_length=300, help_text=_("What it is, in a few words."))
    description = ParagraphsField(
        max_length=20_000, blank=True, help_text=_("What somebody would do, get or see.")
    )
    organisation = LineField(max_length=200, blank=True, help_text=_("Who offers it."))
    category = LineField(
        max_length=120, blank=True, help_text=_("Its field, such as Housing or Education.")
    )
    requirements = ParagraphsField(
        max_length=5000, blank=True, help_text=_("What somebody must be able to do, or have.")
    )
    languages = ArrayField(
        models.CharField(max_length=12),
        default=list,
        blank=True,
        help_text=_("Empty means any language."),
    )
    starts_on = models.DateField(
        null=True, blank=True, help_text=_("Its first day; empty means that it has begun.")
    )
    ends_on = models.DateField(
        null=True, blank=True, help_text=_("Its last day, or the last day to apply; empty: no end.")
    )
    latitude = models.FloatField(
        null=True, blank=True, help_text=_("Degrees north (WGS 84), from -90 to 90.")
    )
    longitude = models.FloatField(
        null=True, blank=True, help_text=_("Degrees east (WGS 84), from -180 to 180.")
    )
    is_remote = models.BooleanField(
        "remote", default=False, help_text=_("Whether it can be done from anywhere.")
    )
    capacity = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Empty means unlimited.")
    )
    places_taken = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("How many people have applied.")
    )
    is_active = models.BooleanField(
        "active", default=True, help_text=_("Off: it is withdrawn, and listed no more.")
    )
    done_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When somebody said that what it asks for is done; it is withdrawn then."),
    )
    partner = models.ForeignKey(
        Partner,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="opportunities",
        help_text=_("The organisation that manages it through the API."),
    )
    source = models.CharField(
        max_length=80, blank=True, help_text=_("The system it was imported from.")
    )
    external_id = models.CharField(
        max_length=200, blank=True, help_text=_("Its id in that system.")
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="english")
        + SearchVector("organisation", "category", weight="B", config="english")
        + SearchVector("description", "requirements", weight="C", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = OpportunityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "opportunities"
        constraints = [
            place_is_whole("matching_opportunity_place"),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="matching_opportunity_dates",
                violation_error_message=ENDS_BEFORE_START,
            ),
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=~Q(external_id=""),
                name="matching_opportunity_once",
                violation_error_message="Another opportunity of this source has that external id.",
            ),
        ]
        indexes = [
            # Full text search and the full text candidates of a match run.
            GinIndex(fields=["search"], name="matching_opp_search", fastupdate=False),
            # Candidates near a place.
            models.Index(
                fields=["latitude", "longitude"],
                condition=Q(is_active=True),
                name="matching_opp_active_place",
            ),
            # Candidates of a kind that are not over.
            models.Index(
                fields=["kind", "ends_on"],
                condition=Q(is_active=True),
                name="matching_opp_active_kind",
            ),
            # Candidates of a category, and the list of one, however it is spelt.
            models.Index(
                Upper("category"), condition=Q(is_active=True), name="matching_opp_active_topic"
            ),
            # The list, newest first; the lists by organisation, by start, and of remote ones.
            models.Index(fields=["-created_at", "-id"], name="matching_opp_newest"),
            models.Index(Upper("organisation"), name="matching_opp_organisation"),
            models.Index(fields=["starts_on"], name="matching_opp_starts"),
            models.Index(
                fields=["-created_at", "-id"],
                condition=Q(is_remote=True),
                name="matching_opp_remote",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Check the fields that depend on each other.

        Raises:
            ValidationError: it ends before it starts, or has half a place.
        """
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": ENDS_BEFORE_START})
        if (self.latitude is None) != (self.longitude is None):
            raise ValidationError({"longitude": PLACE_IS_NO_PLACE})

    @property
    def last_day(self) -> date | None:
        """Return its last day; None if it has no end.

        An event without an end lasts until the day on which it starts.
        """
        return self.ends_on or (self.starts_on if self.kind == Kind.EVENT else None)

    @property
    def text(self) -> str:
        """Return the text that is embedded and compared."""
        return ". ".join(
            part
            for part in (self.title, self.category, self.description, self.requirements)
            if part
        )


class Interaction(models.Model):
    """That a citizen applied for, saved or dismissed an opportunity; it affects later matches."""

    class Kind(models.TextChoices):
        APPLY = "apply", _("applied")
        SAVE = "save", _("saved")
        DISMISS = "dismiss", _("dismissed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    opportunity = models.ForeignKey(
        Opportunity, on_delete=models.CASCADE, related_name="interactions"
    )
    kind = models.CharField(
        max_length=10, choices=Kind, help_text=_("What the citizen did with the opportunity.")
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "opportunity", "kind"], name="matching_interaction_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.opportunity_id}"
