"""The desk of matching."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import AuditEvent
from jobs.testing import run_tasks
from matching.models import Interaction, Match, Opportunity, PartnerKey
from matching.opportunities import publishing
from matching.partners import keys
from tests.accounts.factories import make_user
from tests.matching.factories import REPAIRS, make_opportunity, make_profile

pytestmark = pytest.mark.django_db
NEW = {"kind": "event", "title": "Open day", "is_active": "on"}


def desk(*rights: str) -> Client:
    """A client of a superuser, or of staff with these rights alone."""
    user = make_user(is_staff=True, is_superuser=not rights)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def errors(client: Client, **fields: Any) -> str:
    answer = client.post("/admin/matching/opportunity/add/", NEW | fields)
    assert answer.status_code == 200
    found: str = answer.context["adminform"].form.errors.as_json(escape_html=False)
    return found


def test_the_desk_stores_languages_as_tags() -> None:
    answer = desk().post("/admin/matching/opportunity/add/", NEW | {"languages": "EN; es,Español"})
    assert answer.status_code == 302
    assert Opportunity.objects.get().languages == ["en", "es"]


@pytest.mark.parametrize("way", ["page", "action"])
def test_an_opportunity_is_deleted_with_what_hangs_on_it(way: str) -> None:
    profile, opportunity = make_profile(), make_opportunity(**REPAIRS)
    run_tasks()
    assert Match.objects.filter(opportunity=opportunity).exists()
    publishing.act(profile.user, opportunity, Interaction.Kind.SAVE)
    for rights in [(), ("view_opportunity", "delete_opportunity")]:
        client, doomed = desk(*rights), opportunity if not rights else make_opportunity()
        if way == "page":
            answer = client.post(
                f"/admin/matching/opportunity/{doomed.pk}/delete/", {"post": "yes"}
            )
        else:
            chosen = {
                "action": "delete_selected",
                "_selected_action": [str(doomed.pk)],
                "post": "yes",
            }
            answer = client.post("/admin/matching/opportunity/", chosen)
        assert answer.status_code == 302
        assert not Opportunity.objects.filter(pk=doomed.pk).exists()


def test_the_desk_is_told_in_words_what_is_wrong() -> None:
    make_opportunity(source="city", external_id="7")
    client = desk()
    assert "not a known language" in errors(client, languages="Klingonisch!")
    assert "ends before it starts" in errors(client, starts_on="2030-02-01", ends_on="2030-01-01")
    assert "go together" in errors(client, latitude="4")
    assert "go together" in errors(client, latitude="91", longitude="4")
    assert "has that external id" in errors(client, source="city", external_id="7")


def test_keys_are_made_and_revoked_by_actions_that_the_audit_log_tells_of() -> None:
    partner, client = keys.partner_named("Green City"), desk()
    made = {"action": "new_key", "_selected_action": [partner.pk]}
    answer = client.post("/admin/matching/partner/", made)
    assert "it is shown only this once" in answer.content.decode()
    assert "messages" not in answer.cookies  # in which the key could be read again
    assert "only this once" not in client.get("/admin/matching/partner/").content.decode()
    key = PartnerKey.objects.get()
    chosen = {"action": "revoke", "_selected_action": [key.pk]}
    for _ in range(2):
        client.post("/admin/matching/partnerkey/", chosen)
    key.refresh_from_db()
    assert key.revoked_at is not None
    told = AuditEvent.objects.filter(subject=f"partner_key:{key.pk}").order_by("pk")
    assert [event.event for event in told] == ["partner_key.created", "partner_key.revoked"]
    assert {str(event.actor_id) for event in told} == {client.session["_auth_user_id"]}


def test_who_may_only_look_makes_and_revokes_no_key() -> None:
    partner = keys.partner_named("Green City")
    keys.create_key(partner)
    client = desk("view_partner", "view_partnerkey")
    client.post("/admin/matching/partner/", {"action": "new_key", "_selected_action": [partner.pk]})
    client.post(
        "/admin/matching/partnerkey/",
        {"action": "revoke", "_selected_action": [partner.keys.get().pk]},
    )
    assert partner.keys.get().revoked_at is None


def test_a_key_made_by_a_command_is_told_of_too() -> None:
    keys.create_key(keys.partner_named("Green City"))
    event = AuditEvent.objects.get(event="partner_key.created")
    assert event.actor_id is None
    assert event.subject == f"partner_key:{PartnerKey.objects.get().pk}"
