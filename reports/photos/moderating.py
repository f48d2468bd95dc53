"""Take a photo down, and bring it back, as staff."""

from __future__ import annotations

from django.db import transaction

from accounts import audit
from accounts.models import User
from reports.errors import PhotoStateChanged
from reports.models import Photo, PhotoState


def take_down(photo: Photo, *, reason: str, by: User) -> None:
    """Hide a ready photo from everybody but staff; its files stay, so that it can be restored.

    Raises:
        PhotoStateChanged: the photo is not ready.
    """
    with transaction.atomic():
        _move(photo, PhotoState.READY, PhotoState.TAKEN_DOWN, reason=reason)
        _record("photo.taken_down", photo, by=by, reason=reason)


def restore(photo: Photo, *, by: User) -> None:
    """Show a photo again that was taken down.

    Raises:
        PhotoStateChanged: the photo was not taken down.
    """
    with transaction.atomic():
        _move(photo, PhotoState.TAKEN_DOWN, PhotoState.READY, reason="")
        _record("photo.restored", photo, by=by)


def _move(photo: Photo, came_from: PhotoState, to: PhotoState, *, reason: str) -> None:
    # Two people may have the same photo open: only one of them moves it.
    present = Photo.objects.filter(pk=photo.pk, state=came_from)
    if not present.update(state=to, takedown_reason=reason):
        raise PhotoStateChanged(f"Only a photo that is {came_from.label} can become {to.label}.")
    photo.state, photo.takedown_reason = to, reason


def _record(event: str, photo: Photo, *, by: User, **facts: str) -> None:
    data = {"photo": str(photo.pk), **facts}
    audit.record(event, actor_id=by.pk, subject=f"report:{photo.report_id}", data=data)
