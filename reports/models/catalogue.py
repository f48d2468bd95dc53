"""Tables of the catalogue: categories with their deadlines and questions, rules of severity."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jobs.model_fields import LineField, ParagraphsField
from reports.catalogue.texts import InLanguages, TranslationsValidator
from reports.models.departments import (
    SLA_HOURS_MAXIMUM,
    Department,
    validate_holidays,
    validate_opening_hours,
)

# Migrations look for the validators of opening hours here.
__all__ = ["validate_holidays", "validate_opening_hours"]

SERVICE_MINUTES_MAXIMUM = 600
is_colour = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Expected a colour such as #2e7d32.")
is_icon = RegexValidator(r"^[a-z0-9-]+\Z", "Expected the name of an icon, such as street-light.")
is_code = RegexValidator(r"^[a-z][a-z0-9_]*\Z", "Expected a code such as pole_number.")


class Severity(models.TextChoices):
    """The severity of a problem; it shortens or lengthens the deadline (`catalogue.deadlines`)."""

    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")
    CRITICAL = "critical", _("critical")

    @classmethod
    def rank(cls, severity: str) -> int:
        """Return the position of a severity: 0 for the lowest."""
        return cls.values.index(severity)


#: The texts of a category, which are long: the classifier and the desk's form read them.
CATEGORY_TEXTS = ("description", "keywords", "examples", "translations")


class CategoryGroup(InLanguages, models.Model):
    """The upper level of categories, such as "Streets"."""

    slug = models.SlugField(
        max_length=50,
        unique=True,
        help_text=(
            _(
                "Its name in the API and in files of the catalogue, such as streets; keep it "
                "once it is used."
            )
        ),
    )
    name = LineField(max_length=80, help_text=_("As citizens read it, in English."))
    translations = models.JSONField(
        default=dict,
        blank=True,
        validators=[TranslationsValidator(("name",))],
        help_text=_('Such as {"es": {"name": …}}.'),
    )
    icon = models.CharField(
        max_length=40,
        blank=True,
        validators=[is_icon],
        help_text=_("The name of a picture in the app, such as street-light."),
    )
    colour = models.CharField(
        max_length=7, blank=True, validators=[is_colour], help_text=_("Such as #2e7d32.")
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text=_("Groups are listed from the lowest number up.")
    )

    class Meta:
        ordering: ClassVar = ["position", "slug"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.translations = self.translations or {}


class Category(InLanguages, models.Model):
    """A kind of problem. Its slug is public: the value in the API and the Open311 service code."""

    slug = models.SlugField(
        max_length=50,
        unique=True,
        help_text=(
            _(
                "Its name in the API and its service code in Open311, such as pothole; keep "
                "it once it is used."
            )
        ),
    )
    name = LineField(max_length=120, help_text=_("As citizens read it, in English."))
    group = models.ForeignKey(
        CategoryGroup,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="categories",
        help_text=_("The upper level under which it is listed."),
    )
    description = ParagraphsField(
        blank=True,
        help_text=(
            _(
                "What belongs here and what does not; citizens read it, and the classifier "
                "learns from it."
            )
        ),
    )
    keywords = ArrayField(
        LineField(max_length=80),
        default=list,
        blank=True,
        help_text=_(
            "Words that point to it, from which the classifier learns, separated by commas."
        ),
    )
    examples = ArrayField(
        LineField(max_length=300),
        default=list,
        blank=True,
        help_text=_("Sentences as a citizen would write them; the classifier learns from them."),
    )
    translations = models.JSONField(
        default=dict,
        blank=True,
        db_default=models.Value({}, models.JSONField()),
        validators=[TranslationsValidator(("name", "description", "examples"))],
        help_text=_('Such as {"es": {"name": …, "description": …, "examples": [ … ]}}.'),
    )
    icon = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        validators=[is_icon],
        help_text=_("The name of a picture in the app, such as street-light."),
    )
    colour = models.CharField(
        max_length=7,
        blank=True,
        db_default="",
        validators=[is_colour],
        help_text=_("Such as #2e7d32."),
    )
    department = models.ForeignKey(
        Department,
        on_delete=models.PROTECT,
        related_name="categories",
        help_text=_("Handles its reports where no rule of routing says otherwise."),
    )
    default_severity = models.CharField(
        max_length=10,
        choices=Severity.choices,
        default=Severity.MEDIUM,
        db_default=Severity.MEDIUM,
        help_text=_("The severity of a report whose reporter chose none."),
    )
    sla_hours = models.PositiveIntegerField(
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(SLA_HOURS_MAXIMUM)],
        help_text=(
            _("Hours until the deadline at medium severity. A change does not affect open reports.")
        ),
    )
    sla_in_working_hours = models.BooleanField(
        "in working hours",
        default=False,
        db_default=False,
        help_text=_("Count only the hours in which the department works."),
    )
    sla_version = models.PositiveIntegerField(
        default=1,
        db_default=1,
        editable=False,
        help_text=_("Grows by one with each change of the deadline's rule."),
    )
    response_hours = models.PositiveIntegerField(
        "hours until the first answer",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(SLA_HOURS_MAXIMUM)],
        help_text=_("At medium severity, counted as for the deadline. Empty: the department's."),
    )
    service_minutes = models.PositiveSmallIntegerField(
        "minutes at the place",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(SERVICE_MINUTES_MAXIMUM)],
        help_text=_(
            "How long a crew works on such a report, for the plans of its day. Empty:"
            " DISPATCH_SERVICE_MINUTES."
        ),
    )
    is_active = models.BooleanField(
        default=True, help_text=_("Whether citizens and the classifier can choose it.")
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text=_("Categories are listed from the lowest number up.")
    )

    class Meta:
        ordering: ClassVar = ["position", "slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """Save the category; a change of its deadline's rule gets a new version number."""
        self.sla_version = self._version_of_rule()
        if (fields := options.get("update_fields")) is not None:
            options["update_fields"] = {*fields, "sla_version"}
        super().save(*args, **options)

    def clean(self) -> None:
        self.translations = self.translations or {}
        if self.sla_in_working_hours and self.department_id and self.department.calendar() is None:
            raise ValidationError(
                {"sla_in_working_hours": f"{self.department} has no opening hours."}
            )

    def _version_of_rule(self) -> int:
        stored = Category.objects.filter(pk=self.pk).values_list(
            "sla_hours", "sla_in_working_hours", "response_hours", "sla_version"
        )
        for *rule, version in stored:
            present = [self.sla_hours, self.sla_in_working_hours, self.response_hours]
            return version if rule == present else version + 1
        return 1


class Question(InLanguages, models.Model):
    """A question about reports of one category, an attribute in Open311 GeoReport v2.

    A row never changes. Another wording or type is a new row with the next version, and the earlier
    row is retired, so that earlier answers keep their meaning.
    """

    class Type(models.TextChoices):
        """The form of an answer; the names are Open311's."""

        STRING = "string", _("a line of text")
        NUMBER = "number", _("a number")
        DATETIME = "datetime", _("a date and time")
        TEXT = "text", _("a longer text")
        SINGLE = "singlevaluelist", _("one of a list")
        MULTIPLE = "multivaluelist", _("several of a list")

    category = models.ForeignKey(
        Category,
        on_delete=models.CASCADE,
        related_name="questions",
        help_text=_("Asked about reports of this category."),
    )
    code = models.CharField(
        max_length=50,
        validators=[is_code],
        help_text=_("The attribute's code in Open311; do not change it."),
    )
    version = models.PositiveIntegerField(
        default=1, editable=False, help_text=_("Grows by one with each change of the wording.")
    )
    type = models.CharField(
        max_length=16,
        choices=Type.choices,
        default=Type.STRING,
        help_text=_("What an answer may be."),
    )
    label = LineField("question", max_length=200, help_text=_("As citizens read it, in English."))
    help = LineField(
        max_length=300, blank=True, help_text=_("A line below the question, in English.")
    )
    values = models.JSONField(
        default=list,
        blank=True,
        help_text=_('The values of a list: [{"key": "out", "name": "It is out"}, …].'),
    )
    translations = models.JSONField(
        default=dict,
        blank=True,
        validators=[TranslationsValidator(("label", "help"))],
        help_text=_('Such as {"es": {"label": …, "help": …}}.'),
    )
    is_required = models.BooleanField(
        "required", default=False, help_text=_("Whether a report of this category needs an answer.")
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text=_("Questions are asked from the lowest number up.")
    )
    created_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text=_("Since when it is asked.")
    )
    retired_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("Since when it is not asked any more.")
    )

    class Meta:
        ordering: ClassVar = ["position", "code", "version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["category", "code", "version"], name="reports_question_version"
            ),
            models.UniqueConstraint(
                fields=["category", "code"],
                condition=Q(retired_at=None),
                name="reports_question_current",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        self.translations, self.values = self.translations or {}, self.values or []
        if (self.type in LIST_TYPES) != bool(self.values):
            raise ValidationError({"values": "A list needs values, and only a list has them."})
        if not isinstance(self.values, list) or not all(map(_is_value, self.values)):
            raise ValidationError({"values": 'Expected [{"key": "out", "name": "It is out"}, …].'})
        keys = [value["key"] for value in self.values]
        if len(set(keys)) < len(keys):
            raise ValidationError({"values": "A key is there twice."})


def _is_value(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) - {"key", "name", "translations"}:
        return False
    try:
        TranslationsValidator(("name",))(value.get("translations", {}))
    except ValidationError:
        return False
    return all(isinstance(value.get(name), str) and value[name].strip() for name in ("key", "name"))


LIST_TYPES = (Question.Type.SINGLE, Question.Type.MULTIPLE)


class SeverityRule(models.Model):
    """Words that give a report at least this severity, whatever its reporter chose."""

    name = LineField(
        max_length=80, unique=True, help_text=_("Shown on reports whose severity this rule raised.")
    )
    phrases = ArrayField(
        LineField(max_length=80),
        help_text=_('Whole words in upper or lower case, such as "gas leak" or "live wire".'),
    )
    severity = models.CharField(
        max_length=10,
        choices=Severity.choices,
        default=Severity.HIGH,
        help_text=_("The least severity of a report with one of these phrases."),
    )
    is_active = models.BooleanField(
        default=True, help_text=_("Off: it is kept, but applies to no further report.")
    )

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
