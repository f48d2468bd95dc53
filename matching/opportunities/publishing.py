"""What happens to opportunities: they are added, changed and closed, and citizens act on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from jobs.ledger.database import lock
from matching.actors import embed_opportunities, send_refresh, send_reverse
from matching.errors import ExternalIdTaken, OpportunityClosed
from matching.models import Interaction, Match, Opportunity, Partner
from matching.profiles.editing import debounce
from matching.ranking.saving import lock_matches
from matching.search import generation

#: A change of these is a change of what is embedded.
TEXT_FIELDS = frozenset({"title", "category", "description", "requirements"})
#: A change of these is a change of whom it suits, or of whether it is open; an event may end on the
#: day it starts.
SUITING_FIELDS = frozenset(
    {
        "kind",
        "languages",
        "starts_on",
        "ends_on",
        "latitude",
        "longitude",
        "is_remote",
        "capacity",
        "is_active",
    }
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
    """A partner's new opportunity, or the one it published under that external id before; and
    whether it is new.

    It is of the partner's own name. Raises ValidationError where `fields` do not go with what was
    published before.
    """
    told = {**fields, "organisation": partner.name}
    source, external_id = f"partner:{partner.pk}", str(fields.get("external_id", ""))
    with transaction.atomic():
        known = _locked_by_external_id(source, external_id)
        if known is not None:
            return change(known, told), False
        return add(told | {"source": source}, partner=partner), True


def _locked_by_external_id(source: str, external_id: str) -> Opportunity | None:
    """The opportunity of that id, if there is one; nobody else gives the id away until this
    transaction ends.
    """
    if not external_id:
        return None
    lock(f"external id {source} {external_id}")
    return (
        Opportunity.objects.filter(source=source, external_id=external_id).defer("search").first()
    )


def change(opportunity: Opportunity, fields: Mapping[str, Any]) -> Opportunity:
    """Save the changed fields; its vector and the citizens it suits follow in the background.

    Of two changes at once, the later is judged by what the earlier left. Raises ValidationError for
    fields that do not go together, and ExternalIdTaken.
    """
    with transaction.atomic():
        opportunity.refresh_from_db(
            from_queryset=Opportunity.objects.select_for_update().defer("search")
        )
        changed = {
            name: value for name, value in fields.items() if getattr(opportunity, name) != value
        }
        if not changed:
            return opportunity
        for name, value in changed.items():
            setattr(opportunity, name, value)
        is_renamed = not changed.keys().isdisjoint({"source", "external_id"})
        if is_renamed and _locked_by_external_id(opportunity.source, opportunity.external_id):
            raise ExternalIdTaken
        opportunity.updated_at = timezone.now()
        opportunity.clean()
        opportunity.save(update_fields=[*changed, "updated_at"])
        generation.advance()
        if not TEXT_FIELDS.isdisjoint(changed):
            Opportunity.objects.filter(pk=opportunity.pk).update(version=F("version") + 1)
        announce_changes({opportunity.pk: changed})
    return opportunity


def announce_changes(changes: Mapping[UUID, Collection[str]]) -> None:
    """Have opportunities, of which these fields changed, embedded anew and matched anew, as far as
    that needs it.
    """
    texts = [pk for pk, names in changes.items() if not TEXT_FIELDS.isdisjoint(names)]
    others = [pk for pk, names in changes.items() if TEXT_FIELDS.isdisjoint(names)]
    if texts:
        announce(texts)
    if suiting := [pk for pk in others if not SUITING_FIELDS.isdisjoint(changes[pk])]:
        send_reverse(suiting)


def announce(ids: Sequence[UUID]) -> None:
    """Have new or changed opportunities embedded: one in one task that later changes join, many in
    batches.
    """
    if len(ids) == 1:
        embed_opportunities.send_with_options(
            args=([str(ids[0])],), unique_key=f"opportunity:{ids[0]}:embed"
        )
        return
    batches = [
        ids[start : start + EMBEDDED_TOGETHER] for start in range(0, len(ids), EMBEDDED_TOGETHER)
    ]
    embed_opportunities.send_many([([str(one) for one in batch],) for batch in batches])


def act(user: User, opportunity: Opportunity, kind: str) -> tuple[Interaction, bool]:
    """The citizen applied, saved or dismissed; and whether it is new. It counts in what they are
    shown next.

    Raises OpportunityClosed for an application to one that is full, over or withdrawn.
    """
    with transaction.atomic():
        if kind == Interaction.Kind.DISMISS:
            lock_matches(
                user.pk
            )  # a run that saves at this moment is waited for, or waits and then sees the dismissal
        _lock_interaction(user, opportunity, kind)
        interaction, is_new = Interaction.objects.get_or_create(
            user=user, opportunity=opportunity, kind=kind
        )
        if not is_new:
            return interaction, False
        if kind == Interaction.Kind.APPLY:
            _take_place(opportunity)
        if kind == Interaction.Kind.DISMISS:
            Match.objects.filter(user=user, opportunity=opportunity).delete()
        _refresh_soon(user)
    return interaction, True


def undo(user: User, opportunity: Opportunity, kind: str) -> bool:
    """The citizen took it back; False when there was nothing to take back."""
    with transaction.atomic():
        _lock_interaction(user, opportunity, kind)
        count, _ = Interaction.objects.filter(
            user=user, opportunity=opportunity, kind=kind
        ).delete()
        if not count:
            return False
        if kind == Interaction.Kind.APPLY:
            Opportunity.objects.give_place_back(opportunity.pk)
            generation.advance()  # for others, it may be open again
        _refresh_soon(user)
    return True


def _lock_interaction(user: User, opportunity: Opportunity, kind: str) -> None:
    """Wait for the citizen's other requests of this kind: between two looks of `get_or_create` none may delete."""
    lock(f"interaction {user.pk} {opportunity.pk} {kind}")


def _take_place(opportunity: Opportunity) -> None:
    is_over = opportunity.last_day is not None and opportunity.last_day < timezone.localdate()
    if is_over or not Opportunity.objects.take_place(opportunity.pk):
        raise OpportunityClosed


def _refresh_soon(user: User) -> None:
    send_refresh(str(user.pk), delay=debounce())
