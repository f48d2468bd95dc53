"""Save, change and delete views, within limits, with an event in the audit log."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import QueryDict

from accounts import audit
from accounts.models import User
from desk.models import SavedView
from desk.views.errors import NameTaken, NotYours, TooManyViews
from reports.models import Department

#: Of one owner, for the list and for the map apart.
VIEWS_MAXIMUM = 30


def save(view: SavedView, *, by: User) -> SavedView:
    """Store a new view, or the changes to one.

    Raises:
        NotYours: it belongs to somebody else, or to a team that this person does not manage.
        NameTaken: its owner has another view of this name.
        TooManyViews: its owner has VIEWS_MAXIMUM already.
    """
    is_new = view.pk is None
    try:
        with transaction.atomic():
            _lock_owner(view, by)
            same_owner = _of_the_same_owner(view)
            if is_new and same_owner.count() >= VIEWS_MAXIMUM:
                raise TooManyViews(TooManyViews.__doc__)
            if view.is_default:
                same_owner.exclude(pk=view.pk).filter(is_default=True).update(is_default=False)
            view.updated_at = Now()
            view.save()
            _record("added" if is_new else "edited", view, by)
    except IntegrityError as error:
        raise NameTaken(NameTaken.__doc__) from error
    return view


def delete(view: SavedView, *, by: User) -> None:
    """Delete a view. Raises NotYours."""
    with transaction.atomic():
        _lock_owner(view, by)
        _record("deleted", view, by)
        view.delete()


def _lock_owner(view: SavedView, by: User) -> None:
    """Lock whose view it is, so that two changes at once respect the limits; check who may."""
    if view.owner_id is not None:
        if view.owner_id != by.pk:
            raise NotYours(NotYours.__doc__)
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        return
    ids = [view.department_id]
    teams = Department.objects.all() if by.is_superuser else Department.objects.managed_by(by)
    if not teams.filter(pk__in=ids).exists():
        raise NotYours(NotYours.__doc__)
    Department.objects.select_for_update(no_key=True).filter(pk__in=ids).first()


def _of_the_same_owner(view: SavedView) -> Any:
    return SavedView.objects.filter(
        owner=view.owner_id, department=view.department_id, page=view.page
    )


def _record(what: str, view: SavedView, by: User) -> None:
    """Write the event, without the words that are searched for, which may be anything."""
    data: dict[str, Any] = {
        "page": view.page,
        "filters": sorted(QueryDict(view.query)),
        "is_default": view.is_default,
    }
    if view.department_id is not None:
        data |= {"department": view.department_id, "view": view.name}
    audit.record(f"savedview.{what}", actor_id=by.pk, subject=f"savedview:{view.pk}", data=data)
