"""What happens to opportunities: they are added, changed and closed, and citizens act on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from matching import generation
from matching.actors import embed_opportunities, send_refresh, send_reverse
from matching.errors import OpportunityClosed
from matching.models import Interaction, Match, Opportunity, Partner
from matching.profiles import debounce

#: A change of these is a change of what is embedded.
TEXT_FIELDS = frozenset({"title", "category", "description", "requirements"})
#: A change of these is a change of whom it suits.
SUITING_FIELDS = frozenset(
    {"kind", "languages", "ends_on", "latitude", "longitude", "is_remote", "capacity", "is_active"}
)
EMBEDDED_TOGETHER = 64


def add(fields: Mapping[str, Any], *, partner: Partner | None = None) -> Opportunity:
    """A new opportunity; its vector and the citizens it suits follow in the background."""
    with transaction.atomic():
        opportunity = Opportunity(partner=partner, **fields)
        opportunity.save()
        generation.advance()
        announce([opportunity.pk])
    return opportunity


def publish(partner: Partner, fields: Mapping[str, Any]) -> tuple[Opportunity, bool]:
    """A partner's new opportunity, or the one it published under that external id before; and whether it is new."""
    told = {"organisation": partner.name, **fields, "source": f"partner:{partner.pk}"}
    external_id = told.get("external_id")
    with transaction.atomic():
        if external_id:
            lock(f"publish {partner.pk} {external_id}")
            known = Opportunity.objects.filter(source=told["source"], external_id=external_id).defer("search").first()
            if known is not None:
                return change(known, fields), False
        return add(told, partner=partner), True


def change(opportunity: Opportunity, fields: Mapping[str, Any]) -> Opportunity:
    """Save the changed fields; its vector and the citizens it suits follow in the background."""
    changed = {name: value for name, value in fields.items() if getattr(opportunity, name) != value}
    if not changed:
        return opportunity
    is_new_text = not TEXT_FIELDS.isdisjoint(changed)
    for name, value in changed.items():
        setattr(opportunity, name, value)
    opportunity.updated_at = timezone.now()
    with transaction.atomic():
        opportunity.save(update_fields=[*changed, "updated_at"])
        generation.advance()
        if is_new_text:
            Opportunity.objects.filter(pk=opportunity.pk).update(version=F("version") + 1)
        announce_changes({opportunity.pk: changed})
    return opportunity


def announce_changes(changes: Mapping[UUID, Collection[str]]) -> None:
    """Have opportunities, of which these fields changed, embedded anew and matched anew, as far as that needs it."""
    texts = [pk for pk, names in changes.items() if not TEXT_FIELDS.isdisjoint(names)]
    others = [pk for pk, names in changes.items() if TEXT_FIELDS.isdisjoint(names)]
    if texts:
        announce(texts)
    if suiting := [pk for pk in others if not SUITING_FIELDS.isdisjoint(changes[pk])]:
        send_reverse(suiting)


def lock(subject: str) -> None:
    """Others that lock the same subject wait until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [subject])


def announce(ids: Sequence[UUID]) -> None:
    """Have new or changed opportunities embedded: one in one task that later changes join, many in batches."""
    if len(ids) == 1:
        embed_opportunities.send_with_options(args=([str(ids[0])],), unique_key=f"opportunity:{ids[0]}:embed")
        return
    batches = [ids[start : start + EMBEDDED_TOGETHER] for start in range(0, len(ids), EMBEDDED_TOGETHER)]
    embed_opportunities.send_many([([str(one) for one in batch],) for batch in batches])


def act(user: User, opportunity: Opportunity, kind: str) -> bool:
    """The citizen applied, saved or dismissed; False when they had before. It counts in what they are shown next.

    Raises OpportunityClosed for an application to one that is full, over or withdrawn.
    """
    with transaction.atomic():
        _, is_new = Interaction.objects.get_or_create(user=user, opportunity=opportunity, kind=kind)
        if not is_new:
            return False
        if kind == Interaction.Kind.APPLY:
            _take_place(opportunity)
        if kind == Interaction.Kind.DISMISS:
            Match.objects.filter(user=user, opportunity=opportunity).delete()
        _refresh_soon(user)
    return True


def undo(user: User, opportunity: Opportunity, kind: str) -> bool:
    """The citizen took it back; False when there was nothing to take back."""
    with transaction.atomic():
        count, _ = Interaction.objects.filter(user=user, opportunity=opportunity, kind=kind).delete()
        if not count:
            return False
        if kind == Interaction.Kind.APPLY:
            Opportunity.objects.give_place_back(opportunity.pk)
        _refresh_soon(user)
    return True


def _take_place(opportunity: Opportunity) -> None:
    is_over = opportunity.ends_on is not None and opportunity.ends_on < timezone.localdate()
    if is_over or not Opportunity.objects.take_place(opportunity.pk):
        raise OpportunityClosed


def _refresh_soon(user: User) -> None:
    send_refresh(str(user.pk), delay=debounce())
