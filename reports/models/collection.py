"""Tables of collection: sources, the posts collected from them, and drafts of reports."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.ledger.database import execute
from jobs.model_fields import LineField, ParagraphsField
from reports.models.catalogue import Category
from reports.models.geography import Area
from reports.models.place import CellField, cells_around
from reports.models.report import TITLE_MAX_CHARACTERS, Report

POST_TEXT_MAX_CHARACTERS = 10_000
EXTERNAL_ID_MAX_CHARACTERS = 300
URL_MAX_CHARACTERS = 1_000
#: After this many failures in a row a source is broken: it is tried at its longest pause only.
BROKEN_AFTER = 5
#: A source whose fetch began within this time is left out of the next cycle.
JUST_BEGUN = timedelta(seconds=30)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)


class SourceKind(models.TextChoices):
    """The kinds of sources; `reports.collection.kinds` has a module for each."""

    REDDIT = "reddit", _("subreddit")
    FEED = "feed", _("RSS or Atom feed")
    OPEN311 = "open311", _("Open311 of another city")
    FOLDER = "folder", _("drop folder")
    WEBHOOK = "webhook", _("webhook")


class Health(models.TextChoices):
    """How the last fetches of a source went."""

    OFF = "off", _("switched off")
    NEW = "new", _("not fetched yet")
    OK = "ok", _("well")
    FAILING = "failing", _("failing")
    BROKEN = "broken", _("failing for long")


class SourceQuerySet(models.QuerySet["Source"]):
    """Choosing sources."""

    def fetched(self) -> SourceQuerySet:
        """Return the enabled sources that are asked; a webhook sends by itself."""
        return self.filter(is_enabled=True).exclude(kind=SourceKind.WEBHOOK)

    def due(self, *, with_all_of_cycle: bool) -> SourceQuerySet:
        """Return the sources to fetch now, the one that has waited longest first.

        These are the ones whose time has come and, `with_all_of_cycle`, all that have no interval
        of their own, unless they were begun a moment ago. None is asked within the pause that it,
        or its failures, asked for.
        """
        its_time = Q(next_fetch_at__isnull=True) | Q(next_fetch_at__lte=Now())
        if with_all_of_cycle:
            interval = timedelta(minutes=settings.COLLECTION_INTERVAL_MINUTES)
            is_older = Q(next_fetch_at__lte=Now() + interval - JUST_BEGUN)
            its_time |= Q(interval_minutes__isnull=True) & is_older
        rested = Q(paused_until__isnull=True) | Q(paused_until__lte=Now())
        return self.fetched().filter(its_time & rested).order_by(F("next_fetch_at").asc(), "pk")

    def begin(self) -> list[UUID]:
        """Return the ids of these sources, unless another cycle takes them at this moment.

        Their next time is set, so that the next cycle does not take them too. In the caller's
        transaction.
        """
        begun = list(self.select_for_update(skip_locked=True).values_list("pk", flat=True))
        execute(
            "UPDATE reports_source SET next_fetch_at = statement_timestamp()"
            " + make_interval(mins => coalesce(interval_minutes, %s)) WHERE id = ANY(%s)",
            (settings.COLLECTION_INTERVAL_MINUTES, begun),
        )
        return begun

    def failing(self) -> SourceQuerySet:
        return self.filter(is_enabled=True, failures__gt=0)


class Source(models.Model):
    """A place outside from which posts are collected, and how its last fetches went."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = LineField(
        max_length=80, unique=True, help_text=_("As staff know it, such as Radio or r/newhaven.")
    )
    kind = models.CharField(
        max_length=10, choices=SourceKind.choices, help_text=_("How the source is read.")
    )
    address = models.CharField(
        max_length=500,
        blank=True,
        help_text=_(
            "Of a feed its URL; of Open311 the URL before /requests.json; of Reddit the "
            "subreddit's name; of a drop folder its name in COLLECTION_FOLDER; of a webhook "
            "nothing."
        ),
    )
    options = models.JSONField(
        default=dict,
        blank=True,
        help_text=_(
            "Open311: format (json or xml), jurisdiction_id. Drop folder: columns (field: "
            "column), time_format, time_zone."
        ),
    )
    is_enabled = models.BooleanField(
        "enabled", default=True, help_text=_("Off: it is left alone, and its posts stay.")
    )
    interval_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(60 * 24 * 30)],
        help_text=_("Empty: COLLECTION_INTERVAL_MINUTES."),
    )
    cursor = models.JSONField(
        default=dict, editable=False, help_text=_("Up to where the source was read.")
    )
    fetches = models.PositiveBigIntegerField(
        default=0, editable=False, help_text=_("Grows with each write of the cursor.")
    )
    key_version = models.PositiveIntegerField(
        default=1, editable=False, help_text=_("Of a webhook's secret; a new one replaces the old.")
    )
    fetched_at = models.DateTimeField("last success", null=True, editable=False)
    next_fetch_at = models.DateTimeField("next fetch", null=True, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Failed fetches in a row.")
    )
    last_error = models.CharField(max_length=500, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    test_result = models.JSONField(
        default=dict, editable=False, help_text=_("What the last test of the source showed.")
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = SourceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # SUBREDDIT_LIST adds a subreddit once.
            models.UniqueConstraint(
                fields=["kind", "address"],
                condition=~Q(kind="webhook"),
                name="reports_source_unique",
                violation_error_message="There is a source with this address.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def health(self) -> Health:
        if not self.is_enabled:
            return Health.OFF
        if self.failures >= BROKEN_AFTER:
            return Health.BROKEN
        if self.failures:
            return Health.FAILING
        return Health.OK if self.fetched_at else Health.NEW

    def interval(self) -> timedelta:
        minutes: int = self.interval_minutes or settings.COLLECTION_INTERVAL_MINUTES
        return timedelta(minutes=minutes)

    def pause_after_failures(self) -> timedelta:
        """Return the pause before the next attempt; it doubles with each failure in a row."""
        doublings = min(max(self.failures - 1, 0), 16)
        seconds = FIRST_PAUSE.total_seconds() * float(2**doublings)
        return min(timedelta(seconds=seconds), LONGEST_PAUSE)

    def webhook_secret(self) -> str:
        """Return the secret with which the sender of a webhook signs; it is stored nowhere."""
        text = f"webhook:{self.pk}:{self.key_version}".encode()
        return hmac.digest(settings.COLLECTION_KEY.encode(), text, "sha256").hex()


class CollectionCycle(models.Model):
    """One round over the sources: when it ran and what it brought."""

    is_whole = models.BooleanField(
        help_text=_(
            "Whether it went over all sources, not only those with an interval of their own."
        )
    )
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    sources = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0, help_text=_("Sources that could not be read."))
    new_posts = models.PositiveIntegerField(default=0)
    edited_posts = models.PositiveIntegerField(default=0)
    deleted_posts = models.PositiveIntegerField(default=0)
    too_old_posts = models.PositiveIntegerField(
        default=0, help_text=_("Posts older than posts are kept, which were not stored.")
    )

    class Meta:
        constraints: ClassVar = [
            # A cycle never overlaps the one before.
            models.UniqueConstraint(
                fields=["is_whole"],
                condition=Q(finished_at__isnull=True),
                name="reports_collectioncycle_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"cycle of {self.started_at:%Y-%m-%d %H:%M}"


class Sentiment(models.TextChoices):
    """The tone of a post."""

    UNKNOWN = "", _("unknown")
    POSITIVE = "positive", _("positive")
    NEUTRAL = "neutral", _("neutral")
    NEGATIVE = "negative", _("negative")


class Precision(models.TextChoices):
    """How exactly the place of a post is known."""

    UNKNOWN = "", _("no place")
    EXACT = "exact", _("given by the source")
    CROSSING = "crossing", _("a crossing that the text names")
    PLACE = "place", _("a building or square that the text names")
    STREET = "street", _("a street that the text names")
    AREA = "area", _("a part of the city that the text names")


class PostQuerySet(models.QuerySet["Post"]):
    """Choosing posts."""

    def standing(self) -> PostQuerySet:
        """Return the posts that were not deleted at their source."""
        return self.filter(deleted_at__isnull=True)

    def around(
        self, latitude: float, longitude: float, *, since: datetime, until: datetime
    ) -> PostQuerySet:
        """Return the posts about places within 150 m, and some beyond."""
        return self.standing().filter(
            cell__in=cells_around(latitude, longitude), posted_at__range=(since, until)
        )


class Post(models.Model):
    """What somebody wrote at a source, without personal data, and what the analysis made of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="posts")
    external_id = models.CharField(max_length=EXTERNAL_ID_MAX_CHARACTERS)
    title = LineField(max_length=TITLE_MAX_CHARACTERS, blank=True)
    text = ParagraphsField(max_length=POST_TEXT_MAX_CHARACTERS, blank=True)
    url = models.CharField(max_length=URL_MAX_CHARACTERS, blank=True)
    author_hash = models.CharField(
        max_length=32, blank=True, help_text=_("Keyed hash of the author's handle.")
    )
    digest = models.CharField(max_length=64, help_text=_("Of the content, to notice an edit."))
    revision = models.PositiveIntegerField(default=1, help_text=_("Grows with each edit."))
    posted_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True, help_text=_("When the deletion was noticed."))
    collected_at = models.DateTimeField(db_default=Now())

    analysed_at = models.DateTimeField(null=True, help_text=_("Empty until the analysis is done."))
    language = models.CharField(max_length=8, blank=True, help_text=_("ISO 639-1; empty: unknown."))
    sentiment = models.CharField(
        max_length=8, choices=Sentiment.choices, blank=True, default=Sentiment.UNKNOWN
    )
    sentiment_score = models.FloatField(null=True, help_text=_("-1 (bad) to 1 (good)."))
    topic = models.SlugField(max_length=40, blank=True)
    category = models.ForeignKey(Category, null=True, on_delete=models.SET_NULL, related_name="+")
    category_confidence = models.FloatField(null=True)
    place_name = LineField(max_length=200, blank=True)
    precision = models.CharField(
        max_length=8, choices=Precision.choices, blank=True, default=Precision.UNKNOWN
    )
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    cell = CellField()
    area = models.ForeignKey(Area, null=True, on_delete=models.SET_NULL, related_name="+")
    draft = models.ForeignKey(
        "DraftReport", null=True, on_delete=models.SET_NULL, related_name="posts"
    )
    reports: models.ManyToManyField[Report, PostLink] = models.ManyToManyField(
        Report, through="PostLink", related_name="posts"
    )

    objects = PostQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Each post is stored once, whoever fetches it and however often.
            models.UniqueConstraint(
                fields=["source", "external_id"], name="reports_post_external_unique"
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="reports_post_place",
            ),
        ]
        indexes: ClassVar = [
            # Volumes, sentiment and topics over time; the newest posts at the desk.
            models.Index(fields=["-posted_at", "-id"], name="post_newest"),
            # The recent posts of a source, whose edits and deletions are followed.
            models.Index("source", F("posted_at").desc(), name="post_of_source"),
            # Topics over time, and rising ones.
            models.Index("topic", F("posted_at").desc(), name="post_topic"),
            # What is said about a part of the city.
            models.Index("area", F("posted_at").desc(), name="post_area"),
            # Posts about one place.
            models.Index("cell", "posted_at", condition=Q(cell__isnull=False), name="post_cell"),
            # What the figures of the city have still to count: the latest collected first.
            models.Index(fields=["-collected_at"], name="post_collected"),
            # Posts that were not analysed yet.
            models.Index(
                "collected_at", condition=Q(analysed_at__isnull=True), name="post_unanalysed"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.text[:80] or self.external_id


class PostRaw(models.Model):
    """A post as its source gave it, kept for COLLECTION_RAW_DAYS."""

    post = models.OneToOneField(
        Post, on_delete=models.CASCADE, primary_key=True, related_name="raw"
    )
    content = models.JSONField()
    stored_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return str(self.post_id)


class PostVector(models.Model):
    """The sentence vector of a post. Only a store of what can be computed again."""

    post = models.OneToOneField(
        Post, on_delete=models.CASCADE, primary_key=True, related_name="text_vector"
    )
    space = models.CharField(
        max_length=120,
        help_text=_("Embedder and version; vectors of two spaces are never compared."),
    )
    vector = models.BinaryField(help_text=_("float16, little-endian."))

    def __str__(self) -> str:
        return f"{self.post_id} in {self.space}"


class PostLink(models.Model):
    """A report that a post is probably about, or that was made from it."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="links", db_index=False)
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="post_links")
    is_origin = models.BooleanField(
        default=False, help_text=_("Whether the report was made from the post.")
    )
    probability = models.FloatField(null=True, help_text=_("0 to 1; empty where a person decided."))
    reasons = models.JSONField(default=list, help_text=_("Sentences for staff."))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["post", "report"], name="reports_postlink_unique")
        ]

    def __str__(self) -> str:
        return f"{self.post_id} about {self.report_id}"


class DraftState(models.TextChoices):
    """What staff made of a draft."""

    OFFERED = "offered", _("offered")
    ACCEPTED = "accepted", _("accepted")
    DISMISSED = "dismissed", _("dismissed")


class DraftReport(models.Model):
    """A report that several posts about one problem at one place suggest.

    A post belongs to one draft at most. Posts that come later join it, also once it was dismissed:
    so it is not offered again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    title = LineField(max_length=TITLE_MAX_CHARACTERS)
    latitude = models.FloatField()
    longitude = models.FloatField()
    place_name = LineField(max_length=200, blank=True)
    precision = models.CharField(max_length=8, choices=Precision.choices, blank=True)
    category = models.ForeignKey(Category, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=DraftState.choices, default=DraftState.OFFERED)
    report = models.ForeignKey(Report, null=True, on_delete=models.SET_NULL, related_name="drafts")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes: ClassVar = [
            # What staff has still to decide, newest first.
            models.Index(
                F("created_at").desc(), condition=Q(state="offered"), name="draftreport_offered"
            )
        ]

    def __str__(self) -> str:
        return self.title


class NamedPlace(models.Model):
    """A street or another place by its name, for finding places in texts (a gazetteer)."""

    class Kind(models.TextChoices):
        STREET = "street", _("street")
        PLACE = "place", _("building or square")
        AREA = "area", _("part of the city")

    name = LineField(max_length=200)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    geometry = models.JSONField(help_text=_("A GeoJSON geometry in WGS 84."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "kind"], name="reports_namedplace_unique")
        ]

    def __str__(self) -> str:
        return self.name


class WebhookReceipt(models.Model):
    """A request of a webhook that was taken: the same one is refused until it is too old anyway."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+", db_index=False)
    signature = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "signature"], name="reports_webhookreceipt_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id} at {self.at}"
