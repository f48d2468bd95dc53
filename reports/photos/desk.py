"""Photos on the page of a report at the desk: look at them, add those of the repair, and take
photos down or restore them.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from accounts.models import User
from jobs.admin.object_page import ObjectPage
from reports.errors import PhotoRefused, PhotoStateChanged, PhotoTooLarge, TooManyPhotos
from reports.models import Photo, PhotoKind, Report
from reports.models.photos import TAKEDOWN_REASON_MAX_CHARACTERS
from reports.photos import moderating, receiving
from reports.photos.serializers import shown


class TakedownForm(forms.Form):
    """Why a photo is taken down."""

    reason = forms.CharField(max_length=TAKEDOWN_REASON_MAX_CHARACTERS)


class PhotosOnPage(ObjectPage[Report]):
    """Adds the photos to a report's page, and the steps with them."""

    def get_urls(self) -> list[Any]:
        def post(address: str, view: Any, name: str) -> Any:
            guarded = self.admin_site.admin_view(require_POST(view))
            return path(f"<uuid:report_id>/photos/{address}", guarded, name=name)

        return [
            post("", self.add_photos_view, "reports_report_add_photos"),
            post("<uuid:photo_id>/", self.photo_view, "reports_report_photo"),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        photos = [shown(photo) for photo in row.photos.all()]
        return super().page_context(request, row) | {"photos": photos}

    def add_photos_view(self, request: HttpRequest, report_id: UUID) -> HttpResponse:
        """Add photos of the repair; those that are refused are named with the reason."""
        user = cast("User", request.user)
        report = get_object_or_404(Report.objects.for_staff(user), pk=report_id)
        uploads = request.FILES.getlist("photos")
        added = sum(self._add(request, report, upload, by=user) for upload in uploads)
        if not uploads:
            self.message_user(request, "Choose one or more photos.", messages.ERROR)
        if added:
            text = f"{added} sent; each is shown once it is processed, within seconds."
            self.message_user(request, text, messages.SUCCESS)
        return _back(report_id)

    def _add(self, request: HttpRequest, report: Report, upload: UploadedFile, *, by: User) -> bool:
        try:
            receiving.check(upload)
            with receiving.stored(upload) as original:
                receiving.accept(original, report, kind=PhotoKind.REPAIR, by=by)
        except (PhotoRefused, PhotoTooLarge, TooManyPhotos) as error:
            self.message_user(request, f"{upload.name}: {error}", messages.ERROR)
            return False
        return True

    def photo_view(self, request: HttpRequest, report_id: UUID, photo_id: UUID) -> HttpResponse:
        """Take a photo down, or restore it."""
        photo = get_object_or_404(
            Photo.objects.select_related("report"), pk=photo_id, report=report_id
        )
        user = cast("User", request.user)
        if not photo.report.may_be_changed_by(user):
            raise PermissionDenied
        try:
            self._decide(request, photo, by=user)
        except PhotoStateChanged as error:
            self.message_user(request, str(error), messages.WARNING)
        return _back(report_id)

    def _decide(self, request: HttpRequest, photo: Photo, *, by: User) -> None:
        if "restore" in request.POST:
            moderating.restore(photo, by=by)
            self.message_user(request, "The photo is shown again.", messages.SUCCESS)
            return
        form = TakedownForm(request.POST)
        if not form.is_valid():
            text = f"Say why the photo is taken down. {form.errors['reason'].as_text()}"
            self.message_user(request, text, messages.ERROR)
            return
        moderating.take_down(photo, reason=form.cleaned_data["reason"], by=by)
        self.message_user(request, "The photo is taken down.", messages.SUCCESS)


def _back(report_id: UUID) -> HttpResponse:
    page = reverse("admin:reports_report_change", args=[report_id])
    return HttpResponseRedirect(f"{page}#photos")
