"""Imports: how far each has come, and the files uploaded at the desk."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7


class ImportRun(models.Model):
    """How far the import of one source has come; an interrupted import continues from this row."""

    target = models.CharField(
        max_length=40, help_text=_("What is imported: reports, opportunities.")
    )
    source = models.CharField(max_length=80)
    fingerprint = models.CharField(
        max_length=64, help_text=_("SHA-256 over the file's content and how it is read.")
    )
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    known = models.BigIntegerField(
        default=0, help_text=_("Rows that add nothing: stored before, or repeated in the file.")
    )
    rejected = models.BigIntegerField(default=0)
    rejects_bytes = models.BigIntegerField(
        default=0, help_text=_("The length of the file of rejects after these rows.")
    )
    rejects_path = models.TextField(
        blank=True, default="", help_text=_("Where the file of rejects is.")
    )
    started_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "source"], name="imports_run_unique"),
            # Every row is counted: none is lost without notice.
            models.CheckConstraint(
                condition=Q(rows=F("created") + F("changed") + F("known") + F("rejected")),
                name="imports_run_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.rows} rows"

    @property
    def summary(self) -> str:
        """Return the counts of the rows, in one line."""
        changed = f"{self.changed} changed, " if self.changed else ""
        return (
            f"{self.source}: {self.rows} rows, {self.created} new, {changed}"
            f"{self.known} known before, {self.rejected} rejected"
        )


def upload_storage() -> Storage:
    """Return the storage of uploaded files, which no URL serves."""
    return storages["imports"]


def upload_path(upload: Upload, _name: str) -> str:
    """Return the path of an upload's file in the storage; the name at the sender plays no part."""
    return f"{upload.pk}/file"


class Upload(models.Model):
    """A file that a member of staff uploaded, first to be checked and then to be imported."""

    class State(models.TextChoices):
        CHECKING = "checking", _("being checked")
        CHECKED = "checked", _("checked")
        IMPORTING = "importing", _("being imported")
        IMPORTED = "imported", _("imported")
        REFUSED = "refused", _("refused")
        STOPPED = "stopped", _("stopped")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    target = models.CharField(max_length=40)
    source = models.CharField(max_length=80, help_text=_("The system that the rows come from."))
    name = models.CharField(max_length=255, help_text=_("The file's name when it was uploaded."))
    file = models.FileField(storage=upload_storage, upload_to=upload_path)
    options: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    fault = models.TextField(
        blank=True, help_text=_("Why the file was refused, or what stopped its task.")
    )
    findings: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text=_("What the check found: notes, counts, the first rows.")
    )
    result: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text=_("What the import did: the counts of its run.")
    )
    task_id = models.UUIDField(null=True, editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            # Pruning by age.
            models.Index(fields=["created_at"], name="imports_upload_age"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.source}"

    @property
    def is_startable(self) -> bool:
        """Return whether its import may start: the file was checked, and no import goes on."""
        return self.state == self.State.CHECKED or (
            self.state == self.State.STOPPED and bool(self.findings)
        )
