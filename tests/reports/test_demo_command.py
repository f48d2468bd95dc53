"""The command that loads the demo city."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from desk.city import figures
from jobs.models import Task
from jobs.testing import run_tasks
from matching.models import Profile
from reports.demo import city, people
from reports.figures import refreshing
from reports.models import (
    Category,
    CityFigures,
    CollectionCycle,
    Comment,
    DispatchPlan,
    EscalationRule,
    Photo,
    Post,
    Report,
    Source,
    StatusChange,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
#: What a second load must not add to.
KINDS: tuple[type[Any], ...] = (
    Report, Task, Photo, Comment, StatusChange, EscalationRule, User, Profile, Source, Post,
    DispatchPlan, CollectionCycle,
)  # fmt: skip


@pytest.mark.usefixtures("photo_storage")
def test_loading_twice_adds_nothing_and_keeps_edits(settings: LazySettings) -> None:
    settings.DEBUG = True
    call_command("load_demo")
    Category.objects.filter(slug="pothole").update(name="Hole in the road")
    counts = [kind.objects.count() for kind in KINDS]
    call_command("load_demo")
    assert counts == [kind.objects.count() for kind in KINDS]
    assert Category.objects.get(slug="pothole").name == "Hole in the road"
    _check_figures()


def _check_figures() -> None:
    """Expect every figure of the city, but for the topics of posts, which need the embedder."""
    Task.objects.exclude(job_type="forecast").delete()
    run_tasks()
    refreshing.refresh()
    content = CityFigures.objects.get().content
    shown = figures.now(content, None)
    assert {one.key for one in shown if one.is_empty} == {"topics", "rising"}
    assert {"forecast", "dates"} <= {one.key for one in shown}
    assert content["dates"]["in_range"] > 0.6


def test_staff_sign_in_with_the_printed_password(client: Client) -> None:
    city.load()
    for login in people.LOGINS.values():
        form = {"username": login, "password": people.ADMIN_PASSWORD}
        assert client.post("/admin/login/", form).status_code == 302, login
        client.logout()


def test_it_is_refused_outside_development(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=on"):
        call_command("load_demo")
