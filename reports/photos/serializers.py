"""Photos in the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, cast

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import ParagraphsField
from jobs.http.kept import Kept
from reports.models import Photo, PhotoFile, PhotoKind, PhotoState, Refusal
from reports.models.photos import TAKEDOWN_REASON_MAX_CHARACTERS


class PhotoUrlsSerializer(serializers.Serializer[Any]):
    """The addresses of a photo's sizes, each a JPEG: a path on this host."""

    full = serializers.CharField(help_text="At most 4096 pixels wide and high.")
    large = serializers.CharField(help_text="At most 1280.")
    medium = serializers.CharField(help_text="At most 640.")
    small = serializers.CharField(help_text="At most 240.")


class PhotoSerializer(serializers.ModelSerializer[Photo]):
    """A photo as everybody sees it."""

    urls = serializers.SerializerMethodField(help_text="Null while there is nothing to see.")

    class Meta:
        model = Photo
        fields: tuple[str, ...] = ("id", "kind", "state", "width", "height", "created_at", "urls")
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "kind": {
                "help_text": "`before` shows the problem, `repair` what was done about it, "
                "`unrepaired` what is still wrong: only its sender and staff see that."
            },
            "state": {"help_text": "How far it is; everybody sees those that are `ready`."},
            "width": {"help_text": "Of the full size, in pixels; null until it is ready."},
            "height": {"help_text": "Of the full size, in pixels; null until it is ready."},
            "created_at": {"help_text": "When it was sent."},
        }

    @extend_schema_field(PhotoUrlsSerializer(allow_null=True))
    def get_urls(self, photo: Photo) -> dict[str, str] | None:
        shown = (
            {PhotoState.READY, PhotoState.TAKEN_DOWN}
            if self.context.get("is_staff")
            else {PhotoState.READY}
        )
        return addresses(photo) if photo.state in shown else None


_PHOTOS = Kept(PhotoSerializer)


class PlaceSerializer(serializers.Serializer[Any]):
    """A place in degrees (WGS 84)."""

    latitude = serializers.FloatField(help_text="Degrees north.")
    longitude = serializers.FloatField(help_text="Degrees east.")


class PhotoRefusalSerializer(serializers.Serializer[Any]):
    """Why a photo was not taken."""

    code = serializers.ChoiceField(choices=Refusal.choices, help_text="The reason, for programs.")
    detail = serializers.CharField(help_text="The reason in a sentence, for people.")


class PhotoDetailSerializer(PhotoSerializer):
    """A photo with what only the report's sender and staff see, null for others.

    The context says who reads it: `is_staff`, `is_sender`.
    """

    refusal = serializers.SerializerMethodField(help_text="Null unless it was refused.")
    takedown_reason = serializers.SerializerMethodField(help_text="Null unless it was taken down.")
    taken_at = serializers.SerializerMethodField(
        help_text="When it was taken, by the camera's clock. For the report's sender and staff."
    )
    suggested_place = serializers.SerializerMethodField(
        help_text="Where it was taken, by the camera. For the report's sender and staff."
    )

    class Meta(PhotoSerializer.Meta):
        fields = (
            *PhotoSerializer.Meta.fields,
            "refusal",
            "takedown_reason",
            "taken_at",
            "suggested_place",
        )
        read_only_fields = fields

    @extend_schema_field(PhotoRefusalSerializer(allow_null=True))
    def get_refusal(self, photo: Photo) -> dict[str, str] | None:
        if not photo.refusal:
            return None
        return {"code": photo.refusal, "detail": str(Refusal(photo.refusal).label)}

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_takedown_reason(self, photo: Photo) -> str | None:
        return photo.takedown_reason if photo.state == PhotoState.TAKEN_DOWN else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_taken_at(self, photo: Photo) -> str | None:
        if photo.taken_at is None or not self._is_insider():
            return None
        return serializers.DateTimeField().to_representation(photo.taken_at)

    @extend_schema_field(PlaceSerializer(allow_null=True))
    def get_suggested_place(self, photo: Photo) -> dict[str, float] | None:
        if photo.latitude is None or photo.longitude is None or not self._is_insider():
            return None
        return {"latitude": photo.latitude, "longitude": photo.longitude}

    def _is_insider(self) -> bool:
        return bool(self.context.get("is_staff") or self.context.get("is_sender"))


class NewPhotoSerializer(serializers.Serializer[Any]):
    """A photo to add; the form is `multipart/form-data`."""

    photo = serializers.FileField(
        allow_empty_file=True, help_text="A JPEG, PNG, WebP or HEIC, of at most 20 MB by default."
    )
    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (PhotoKind.BEFORE, PhotoKind.REPAIR)],
        default=PhotoKind.BEFORE,
        help_text="`before` shows the problem; `repair`, from staff alone, what was done about it.",
    )


class TakedownSerializer(serializers.Serializer[Any]):
    """Why staff take a photo down."""

    reason = ParagraphsField(
        max_length=TAKEDOWN_REASON_MAX_CHARACTERS,
        help_text="Whoever sent the report can read it.",
    )


def addresses(photo: Photo) -> dict[str, str]:
    """Return the address of each size of the photo, a path on this host."""
    largest, *_ = PhotoFile.SHOWN_SIZES
    folder, _, ending = reverse("photo-file", args=[photo.pk, largest]).rpartition(largest)
    return {size.value: f"{folder}{size}{ending}" for size in PhotoFile.SHOWN_SIZES}


def shown(photo: Photo) -> dict[str, Any]:
    """Return what the desk shows of a photo."""
    has_picture = photo.state in {PhotoState.READY, PhotoState.TAKEN_DOWN}
    return {"photo": photo, "urls": addresses(photo) if has_picture else None}


def ready(photos: Iterable[Photo]) -> list[dict[str, Any]]:
    """Return the public ones of a report's photos as everybody sees them."""
    return [_PHOTOS.shown(photo, {}) for photo in photos if photo.is_public]


def detailed(photos: Iterable[Photo], *, is_staff: bool, is_sender: bool) -> list[dict[str, Any]]:
    """Return the photos of a report that its reader may see: all to its sender and staff.

    Everybody else sees the public ones.
    """
    chosen = [photo for photo in photos if is_staff or is_sender or photo.is_public]
    context = {"is_staff": is_staff, "is_sender": is_sender}
    return cast(
        "list[dict[str, Any]]", PhotoDetailSerializer(chosen, many=True, context=context).data
    )
