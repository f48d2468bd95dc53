"""Adding, changing and closing opportunities, and the interactions of citizens with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from jobs.ledger import database
from jobs.ledger.database import lock
from matching.actors import embed_opportunities, send_refresh, send_reverse
from matching.errors import ExternalIdTaken, OpportunityClosed
from matching.limits import Quota, spend
from matching.models import Interaction, Match, Opportunity, Partner
from matching.opportunities import endings
from matching.opportunities.endings import Ending
from matching.profiles.editing import debounce
from matching.ranking.saving import lock_matches
from matching.search import generation

#: The fields that are embedded: after a change of one the vector is computed anew.
TEXT_FIELDS = frozenset({"title", "category", "description", "requirements"})
#: Further fields that decide whom an opportunity suits, or whether it is open (an event without an
#: end ends on the day it starts).
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
    """Add an opportunity; tasks compute its vector and match citizens with it."""
    with transaction.atomic():
        opportunity = Opportunity(partner=partner, **fields)
        opportunity.save()
        generation.advance()
        announce([opportunity.pk])
    return opportunity


def publish(partner: Partner, fields: Mapping[str, Any]) -> tuple[Opportunity, bool]:
    """Add a partner's opportunity, or change the one with the same external id.

    Returns the opportunity and whether it is new. Its organisation is the partner's name.

    Raises:
        ValidationError: `fields` contradict what was published before.
    """
    values = {**fields, "organisation": partner.name}
    source, external_id = f"partner:{partner.pk}", str(fields.get("external_id", ""))
    with transaction.atomic():
        known = _reserve_external_id(source, external_id)
        if known is not None:
            return change(known, values), False
        return add(values | {"source": source}, partner=partner), True


def _reserve_external_id(source: str, external_id: str) -> Opportunity | None:
    """Reserve an external id of a source; return the opportunity that has it already, or None.

    Whoever asks for the same id waits until this transaction ends, so that two cannot both find it
    free. The row itself is not locked. An empty external id belongs to none and is not reserved.
    """
    if not external_id:
        return None
    lock(f"external id {source} {external_id}")
    return (
        Opportunity.objects.filter(source=source, external_id=external_id).defer("search").first()
    )


def change(opportunity: Opportunity, fields: Mapping[str, Any]) -> Opportunity:
    """Save the fields that differ; tasks compute its vector and match citizens with it.

    The row is locked, so that the second of two changes is checked against the first.

    Raises:
        ValidationError: fields do not go together.
        ExternalIdTaken: another opportunity of the source has that external id.
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
        if is_renamed and _reserve_external_id(opportunity.source, opportunity.external_id):
            raise ExternalIdTaken
        if changed.get("is_active"):
            opportunity.done_at = None  # it is offered anew
        opportunity.updated_at = database.now()
        opportunity.clean()
        opportunity.save(update_fields=[*changed, "updated_at", "done_at"])
        generation.advance()
        if not TEXT_FIELDS.isdisjoint(changed):
            Opportunity.objects.filter(pk=opportunity.pk).update(version=F("version") + 1)
        announce_changes({opportunity.pk: changed})
        if changed.get("is_active") is False:
            endings.announce(Ending(opportunity_id=opportunity.pk, is_done=False))
    return opportunity


def end(opportunity_id: UUID, *, is_done: bool, by: User | None = None, note: str = "") -> bool:
    """Withdraw an opportunity; with `is_done` mark its work as done, too.

    Return False if nothing changed, because it was withdrawn or done before. The row is locked, so
    that of two people who do this at once only one succeeds.

    Raises:
        Opportunity.DoesNotExist: it was deleted.
    """
    with transaction.atomic():
        rows = Opportunity.objects.select_for_update().defer("search")
        opportunity = rows.get(pk=opportunity_id)
        if opportunity.done_at is not None or not (is_done or opportunity.is_active):
            return False
        opportunity.is_active, opportunity.updated_at = False, database.now()
        opportunity.done_at = opportunity.updated_at if is_done else None
        opportunity.save(update_fields=["is_active", "updated_at", "done_at"])
        generation.advance()
        send_reverse([opportunity.pk])
        endings.announce(Ending(opportunity_id=opportunity.pk, is_done=is_done, by=by, note=note))
    return True


def announce_changes(changes: Mapping[UUID, Collection[str]]) -> None:
    """Send the tasks that the changes of these fields require.

    `changes` maps ids to names of fields. A changed text is embedded anew; other changes that
    decide whom it suits only need matching anew.
    """
    texts = [pk for pk, names in changes.items() if not TEXT_FIELDS.isdisjoint(names)]
    others = [pk for pk, names in changes.items() if TEXT_FIELDS.isdisjoint(names)]
    if texts:
        announce(texts)
    if suiting := [pk for pk in others if not SUITING_FIELDS.isdisjoint(changes[pk])]:
        send_reverse(suiting)


def announce(ids: Sequence[UUID]) -> None:
    """Send the tasks that embed new or changed opportunities.

    One opportunity gets one task, which later changes join; many go in batches.
    """
    if len(ids) == 1:
        embed_opportunities.send_with_options(
            args=([str(ids[0])],), unique_key=f"opportunity:{ids[0]}:embed"
        )
        return
    batches = [
        ids[start : start + EMBEDDED_TOGETHER] for start in range(0, len(ids), EMBEDDED_TOGETHER)
    ]
    embed_opportunities.send_many(
        [([str(opportunity_id) for opportunity_id in batch],) for batch in batches]
    )


def act(user: User, opportunity: Opportunity, kind: str) -> tuple[Interaction, bool]:
    """Store that the citizen applied for, saved or dismissed an opportunity.

    Returns the interaction and whether it is new. The citizen's matches are found anew a little
    later.

    Raises:
        OpportunityClosed: an application to one that is full, over or withdrawn.
        TooManyRequests: the citizen acted on too many opportunities within an hour.
    """
    with transaction.atomic():
        if kind == Interaction.Kind.DISMISS:
            # A run that saves at this moment either ends first, or waits and sees the dismissal.
            lock_matches(user.pk)
        _lock_interaction(user, opportunity, kind)
        interaction, is_new = Interaction.objects.get_or_create(
            user=user, opportunity=opportunity, kind=kind
        )
        if not is_new:
            return interaction, False
        spend(Quota.INTERACTIONS, user.pk)
        if kind == Interaction.Kind.APPLY:
            _take_place(opportunity)
        if kind == Interaction.Kind.DISMISS:
            Match.objects.filter(user=user, opportunity=opportunity).delete()
        _refresh_soon(user)
    return interaction, True


def undo(user: User, opportunity: Opportunity, kind: str) -> bool:
    """Delete the citizen's interaction; return False if there is none.

    Raises:
        TooManyRequests: the citizen acted on too many opportunities within an hour.
    """
    with transaction.atomic():
        _lock_interaction(user, opportunity, kind)
        count, _ = Interaction.objects.filter(
            user=user, opportunity=opportunity, kind=kind
        ).delete()
        if not count:
            return False
        spend(Quota.INTERACTIONS, user.pk)
        if kind == Interaction.Kind.APPLY:
            Opportunity.objects.give_place_back(opportunity.pk)
            generation.advance()  # it may be open again for others
        _refresh_soon(user)
    return True


def _lock_interaction(user: User, opportunity: Opportunity, kind: str) -> None:
    """Make the citizen's other requests of this kind wait until this transaction ends.

    Otherwise one of them could delete the row between the two queries of `get_or_create`.
    """
    lock(f"interaction {user.pk} {opportunity.pk} {kind}")


def _take_place(opportunity: Opportunity) -> None:
    is_over = opportunity.last_day is not None and opportunity.last_day < timezone.localdate()
    if is_over or not Opportunity.objects.take_place(opportunity.pk):
        raise OpportunityClosed


def _refresh_soon(user: User) -> None:
    send_refresh(str(user.pk), delay=debounce())
