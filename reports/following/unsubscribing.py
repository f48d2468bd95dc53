"""Links that end messages with one tap, without signing in."""

from __future__ import annotations

from uuid import UUID

from django.core import signing

from reports.following import contacts, follows
from reports.models import AreaSubscription, Role

#: Without a time: an email may be read years later.
_SIGNER = signing.Signer(salt="reports.unsubscribe")
REPORT, AREA, AREAS, CONTACT = "report", "area", "areas", "contact"


class LinkInvalid(ValueError):
    """The link was not made here."""


def path_for_report(user_id: UUID, report_id: UUID) -> str:
    """Return the path that ends the messages to a user about a report."""
    return _path(REPORT, user_id, report_id)


def path_for_area(user_id: UUID, subscription_id: UUID) -> str:
    """Return the path that ends one area subscription of a user."""
    return _path(AREA, user_id, subscription_id)


def path_for_daily_news(user_id: UUID) -> str:
    """Return the path that ends all daily messages to a user about areas."""
    return _path(AREAS, user_id, user_id)


def path_for_contact(report_id: UUID) -> str:
    """Return the path that deletes the contact details of an anonymous report."""
    return _path(CONTACT, report_id, report_id)


def unsubscribe(token: str) -> None:
    """End what the link's token names; a second time changes nothing.

    Raises:
        LinkInvalid: it was not made here.
    """
    kind, user_id, about = read(token)
    mine = AreaSubscription.objects.filter(user=user_id)
    if kind == REPORT:
        follows.unfollow(about, user_id)
    elif kind == AREA:
        mine.filter(pk=about).delete()
    elif kind == CONTACT:
        contacts.erase(about, by=None, role=Role.REPORTER)
    else:
        mine.filter(delivery=AreaSubscription.Delivery.DAILY).delete()


def read(token: str) -> tuple[str, UUID, UUID]:
    """Return what a token names: the kind of messages, the user, and the report or area.

    The token of a contact has the report's id in place of the user's too.

    Raises:
        LinkInvalid: it was not made here.
    """
    try:
        kind, user_id, about = _SIGNER.unsign_object(token)
        return str(kind), UUID(user_id), UUID(about)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise LinkInvalid from error


def _path(kind: str, user_id: UUID, about: UUID) -> str:
    return f"/unsubscribe/{_SIGNER.sign_object([kind, user_id.hex, about.hex])}"
