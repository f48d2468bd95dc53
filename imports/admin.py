"""The pages of the desk for imports: runs, and uploads with a preview before they are imported."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import File
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imports.errors import ImportFileError
from imports.importers import SOURCE_MAX_CHARACTERS, Importer, importers
from imports.mapping import columns_from
from imports.models import ImportRun, Upload
from imports.times import TIME_FORMATS, TimeReader
from imports.uploads import processing, receiving
from jobs.admin import ReadOnlyAdmin

State = Upload.State
REFRESH_SECONDS = 3


def targets_of(request: HttpRequest) -> list[type[Importer[Any]]]:
    """Return the importers whose rows this user may add."""
    return [importer for importer in importers() if request.user.has_perm(importer.permission)]


class UploadForm(forms.Form):
    """The form of an upload: a file, what it holds, and how to read it."""

    file = forms.FileField(help_text=_("CSV, JSON, GeoJSON or XML; also compressed as .gz."))
    target = forms.ChoiceField(label=_("What it holds"))
    source = forms.CharField(
        max_length=SOURCE_MAX_CHARACTERS,
        help_text=_(
            "The system that the rows come from. Use the same name for its later files: rows"
            " are recognised by this name and their ids."
        ),
    )
    format = forms.ChoiceField(
        required=False, help_text=_("The system whose column names the file uses.")
    )
    columns = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("FIELD=COLUMN, separated by commas, for columns of other names."),
    )
    encoding = forms.CharField(
        required=False, max_length=40, help_text=_("Such as cp1252; detected if empty.")
    )
    time_format = forms.CharField(
        initial="iso",
        max_length=60,
        help_text=format_lazy(
            _("{formats}, or a pattern such as %m/%d/%y %H:%M."), formats=", ".join(TIME_FORMATS)
        ),
    )
    time_zone = forms.CharField(
        required=False,
        max_length=60,
        help_text=_("The zone of times without an offset; TIME_ZONE if empty."),
    )
    ids_from_rows = forms.BooleanField(
        required=False,
        label=_("Make ids from the rows"),
        help_text=_(
            "For rows without an id. A row that is corrected later then counts as a new one."
        ),
    )
    is_live = forms.BooleanField(
        required=False,
        label=_("Live"),
        help_text=_("These reports are new: their reporters get messages about them."),
    )

    def __init__(self, *args: Any, targets: list[type[Importer[Any]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        formats = sorted({name for target in targets for name in target.formats})
        self._choices("target", [(target.target, target.target.capitalize()) for target in targets])
        self._choices(
            "format", [("", gettext("the fields' own")), *((name, name) for name in formats)]
        )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = choices

    def clean_file(self) -> File[bytes]:
        file: File[bytes] = self.cleaned_data["file"]
        if file.size > settings.IMPORT_UPLOAD_MAX_BYTES:
            raise ValidationError(_("At most %s bytes.") % f"{settings.IMPORT_UPLOAD_MAX_BYTES:,}")
        return file

    def clean_columns(self) -> dict[str, str]:
        try:
            return columns_from(self.cleaned_data["columns"])
        except ImportFileError as error:
            raise ValidationError(str(error)) from error

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name and name not in available_timezones():
            raise ValidationError(_("Expected a time zone such as Europe/Berlin."))
        return name

    def options(self) -> dict[str, Any]:
        """Return the options of ImportFile, as JSON."""
        names = (
            "format", "columns", "encoding", "time_format", "time_zone", "ids_from_rows", "is_live"
        )  # fmt: skip
        return {name: self.cleaned_data[name] for name in names}


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin[ImportRun]):
    """The list of imports and how far each has come, started at the desk or by a command."""

    list_display = (
        "source",
        "target",
        "rows",
        "created",
        "changed",
        "known",
        "rejected",
        "started_at",
        "updated_at",
        "finished_at",
    )
    list_filter = ("target",)
    search_fields = ("source",)
    ordering = ("-pk",)


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin[Upload]):
    """Uploads: add a file, look at its preview, and import it.

    Uploads hold other people's data: users who may not add the rows of an upload do not see it.
    """

    list_display = ("name", "target", "source", "state", "uploaded_by", "created_at")
    list_filter = ("target", "state")
    list_select_related = ("uploaded_by",)
    search_fields = ("name", "source")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        targets = [target.target for target in targets_of(request)]
        return super().get_queryset(request).filter(target__in=targets)

    def has_add_permission(self, request: HttpRequest) -> bool:
        may_add = request.user.has_perm("imports.add_upload")
        return may_add and bool(targets_of(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<uuid:pk>/start/", view(self.start_view), name="imports_upload_start"),
            path("<uuid:pk>/rejects/", view(self.rejects_view), name="imports_upload_rejects"),
        ]
        return own + super().get_urls()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Store the uploaded file, and redirect to its page, which waits for the check."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        data = (request.POST, request.FILES) if request.method == "POST" else ()
        form = UploadForm(*data, targets=targets_of(request))
        is_valid = request.method == "POST" and form.is_valid()
        if is_valid and (upload := self._received(request, form)):
            return HttpResponseRedirect(self._page(upload))
        context = self._context(request, gettext("Upload a file to import")) | {"form": form}
        return TemplateResponse(request, "admin/imports/upload/add.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the preview of an upload, or the counts of its import."""
        upload = self._upload(request, object_id)
        preview = upload.findings.get("shown", [])
        is_busy = upload.state in {State.CHECKING, State.IMPORTING}
        context = self._context(request, str(upload)) | {
            "upload": upload,
            "counts": upload.result or upload.findings.get("counts"),
            "fields": list(preview[0]) if preview else [],
            "rows": [list(row.values()) for row in preview],
            "is_busy": is_busy,
            "is_startable": upload.is_startable,
            "has_rejects": not is_busy and processing.rejects_path(upload).is_file(),
            "may_start": self.has_add_permission(request),
        }
        response = TemplateResponse(request, "admin/imports/upload/page.html", context)
        if is_busy:
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    def start_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Start the import of a checked file."""
        upload = self._upload(request, str(pk))
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        if not receiving.start(upload, by=cast("UUID", request.user.pk)):
            messages.warning(request, _("It is being imported already, or was not checked."))
        return HttpResponseRedirect(self._page(upload))

    def rejects_view(self, request: HttpRequest, pk: UUID) -> FileResponse:
        """Download the rows that cannot be imported, each with its reason."""
        upload = self._upload(request, str(pk))
        rejects = processing.rejects_path(upload)
        if not rejects.is_file():
            raise Http404
        return FileResponse(
            rejects.open("rb"),
            as_attachment=True,
            filename=f"{upload.source}.rejects.jsonl",
            content_type="application/jsonl",
        )

    def _received(self, request: HttpRequest, form: UploadForm) -> Upload | None:
        """Store and return the upload; None, with the reason in the form, if an option is wrong."""
        values = form.cleaned_data
        try:
            TimeReader.of(values["time_format"], values["time_zone"])
            return receiving.receive(
                values["file"],
                target=values["target"],
                source=values["source"],
                options=form.options(),
                by=cast("UUID", request.user.pk),
            )
        except ImportFileError as error:
            form.add_error("time_format", str(error))
        return None

    def _upload(self, request: HttpRequest, pk: str) -> Upload:
        upload = self.get_object(request, pk)
        if upload is None:
            raise Http404
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload

    def _page(self, upload: Upload) -> str:
        return reverse("admin:imports_upload_change", args=[upload.pk])

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {"title": title, "opts": self.opts}
