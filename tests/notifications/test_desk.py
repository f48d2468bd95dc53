"""The desk's page of deliveries: what failed is sent again, and nothing else."""

from __future__ import annotations

import pytest
from django.test import Client

from jobs.models import Task
from jobs.states import State
from notifications.models import Delivery
from tests.accounts.factories import make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/notifications/delivery/"


def delivery(key: str, status: str, state: State) -> Delivery:
    sent = Delivery.objects.create(
        user=make_user(), channel="sms", template="new_matches", event_key=key, status=status
    )
    Task.objects.create(
        actor="deliver_notification", queue="notifications", args=[str(sent.pk)], state=state
    )
    return sent


def test_only_deliveries_whose_task_is_dead_are_sent_again() -> None:
    failed = delivery("a", "failed", State.DEAD)
    done = delivery("b", "sent", State.SUCCEEDED)
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    chosen = {"action": "send_again", "_selected_action": [str(failed.pk), str(done.pk)]}
    for outcome in ("1 of 2 deliveries are sent again", "0 of 2 deliveries"):
        assert outcome in client.post(LIST, chosen, follow=True).content.decode()
    states = {
        task.args[0]: task.state for task in Task.objects.filter(actor="deliver_notification")
    }
    assert states == {str(failed.pk): "queued", str(done.pk): "succeeded"}
    page = client.get(f"{LIST}{done.pk}/change/").content.decode()
    assert "0 of 8, Succeeded" in page
