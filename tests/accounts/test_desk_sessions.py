"""Sessions of the desk end in time, are listed, and can be ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sessions as api_sessions
from accounts.actors import prune_sign_ins
from accounts.desk import sessions
from accounts.models import AuditEvent, DeskSession, User
from jobs.testing import run_tasks
from tests.accounts.factories import make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/desksession/"
PASSWORD = "a long enough password"


def make_staff(*permissions: str, **fields: Any) -> User:
    """A member of staff with these permissions."""
    user = make_user(is_staff=True, password=PASSWORD, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def signed_in(user: User, *, agent: str = "Firefox", address: str = "203.0.113.9") -> Client:
    """A browser in which the user signed in by the form."""
    browser = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    form = {"username": user.phone, "password": PASSWORD, "next": "/admin/"}
    assert browser.post("/admin/login/", form).status_code == 302
    return browser


def let_pass(minutes: int) -> None:
    """Put the times of all sessions back, since PostgreSQL's clock cannot be put forward."""
    length = timedelta(minutes=minutes)
    DeskSession.objects.update(
        created_at=F("created_at") - length, last_used_at=F("last_used_at") - length
    )


def is_inside(browser: Client, **headers: str) -> bool:
    return browser.get("/admin/", headers=headers).status_code == 200


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=name).order_by("id"))


def test_a_session_ends_when_it_was_not_used_for_the_idle_limit(settings: Any) -> None:
    settings.DESK_SESSION_IDLE_LIMIT = timedelta(minutes=30)
    user = make_staff()
    browser = signed_in(user)
    for _ in range(2):
        let_pass(minutes=29)
        assert is_inside(browser)
    let_pass(minutes=31)
    assert not is_inside(browser)
    assert not DeskSession.objects.exists()
    (expired,) = events("desk.session_expired")
    assert expired.data["user"] == str(user.pk)
    assert expired.subject.startswith("desk_session:")


def test_a_session_ends_after_the_absolute_limit_however_much_it_is_used(settings: Any) -> None:
    settings.DESK_SESSION_LIFETIME = timedelta(hours=3)
    browser = signed_in(make_staff())
    for _ in range(2):
        let_pass(minutes=85)
        assert is_inside(browser)
    let_pass(minutes=11)
    assert not is_inside(browser)


@pytest.mark.parametrize("hours", [-24, 24])
def test_the_limits_are_judged_by_the_clock_of_postgresql(hours: int) -> None:
    browser = signed_in(make_staff())
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        assert is_inside(browser)


def test_a_page_that_refreshes_itself_does_not_keep_its_session_alive() -> None:
    browser = signed_in(make_staff())
    let_pass(minutes=100)
    assert is_inside(browser, x_unattended="1")
    let_pass(minutes=21)
    assert not is_inside(browser)


def test_the_last_use_is_written_at_most_once_a_minute() -> None:
    browser = signed_in(make_staff())
    session = DeskSession.objects.get()
    with CaptureQueriesContext(connection) as queries:
        assert is_inside(browser)
        assert is_inside(browser)
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]
    let_pass(minutes=2)
    with CaptureQueriesContext(connection) as queries:
        assert is_inside(browser)
        assert is_inside(browser)
    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1
    assert DeskSession.objects.get().last_used_at >= session.last_used_at


def test_the_key_in_the_browser_is_not_in_the_database() -> None:
    browser = signed_in(make_staff())
    key = browser.cookies["sessionid"].value
    assert len(key) >= 32
    row = DeskSession.objects.values().get()
    assert key not in str(row)
    assert bytes(row["digest"]) == DeskSession.digest_of(key)
    assert browser.cookies["sessionid"]["max-age"] == 12 * 3600


def test_staff_see_and_end_their_own_sessions_alone() -> None:
    ada, bob = make_staff(name="Ada"), make_staff(name="Bob")
    here, there, elsewhere = signed_in(ada), signed_in(ada, agent="Safari"), signed_in(bob)
    page = here.get(LIST).content.decode()
    assert "Safari" in page
    assert "Firefox" in page
    assert "203.0.113.9" in page
    assert page.count("Ada") >= 2
    assert "Bob" not in page
    other = DeskSession.objects.get(user=ada, user_agent="Safari")
    foreign = DeskSession.objects.get(user=bob)
    assert "End this session" in here.get(f"{LIST}{other.pk}/change/").content.decode()
    assert here.post(f"{LIST}{other.pk}/end/").status_code == 302
    assert here.get(f"{LIST}{other.pk}/end/").status_code == 405
    assert here.post(f"{LIST}{foreign.pk}/end/").status_code == 404
    here.post(LIST, {"action": "end_sessions", "_selected_action": [str(foreign.pk)]})
    assert (is_inside(here), is_inside(there), is_inside(elsewhere)) == (True, False, True)
    (revoked,) = events("desk.session_revoked")
    assert revoked.actor_id == ada.pk
    assert revoked.subject == f"desk_session:{other.pk}"
    assert revoked.data["reason"] == "ended by the user"
    assert (revoked.ip_address, revoked.user_agent) == ("203.0.113.9", "Firefox")


def test_who_may_sees_all_sessions_and_ends_many_at_once() -> None:
    chief = make_staff("view_desksession", "change_desksession")
    viewer = make_staff("view_desksession")
    others = [signed_in(make_staff()) for _ in range(2)]
    ids = [str(pk) for pk in DeskSession.objects.values_list("pk", flat=True)]
    choice = {"action": "end_sessions", "_selected_action": ids}
    watching, acting = signed_in(viewer), signed_in(chief)
    assert watching.get(f"{LIST}{ids[0]}/change/").status_code == 200
    assert "End this session" not in watching.get(f"{LIST}{ids[0]}/change/").content.decode()
    assert watching.post(f"{LIST}{ids[0]}/end/").status_code == 403
    watching.post(LIST, choice)
    assert all(is_inside(browser) for browser in others)
    acting.post(LIST, choice)
    assert not any(is_inside(browser) for browser in others)
    assert [event.actor_id for event in events("desk.session_revoked")] == [chief.pk] * 2


def test_ending_the_present_session_leads_to_the_sign_in() -> None:
    browser = signed_in(make_staff())
    answer = browser.post(f"{LIST}{DeskSession.objects.get().pk}/end/", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0].startswith("/admin/login/")


def test_signing_in_and_out_is_on_record_with_the_client() -> None:
    user = make_staff()
    browser = signed_in(user)
    session = DeskSession.objects.get()
    assert browser.post("/admin/logout/").status_code == 200
    assert not is_inside(browser)
    for name in ("desk.entered", "desk.left"):
        (event,) = events(name)
        assert (event.actor_id, event.subject) == (user.pk, f"user:{user.pk}")
        assert event.data == {"session": f"desk_session:{session.pk}"}
        assert (event.ip_address, event.user_agent) == ("203.0.113.9", "Firefox")
    browser.post("/admin/logout/")
    assert len(events("desk.left")) == 1


def test_a_changed_password_ends_the_users_sessions_but_the_one_that_changed_it() -> None:
    user = make_staff()
    here, there = signed_in(user), signed_in(user)
    new = "another long password"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/admin/password_change/", form).status_code == 302
    assert DeskSession.objects.count() == 1
    assert (is_inside(here), is_inside(there)) == (True, False)
    (changed,) = events("user.password_changed")
    assert (changed.actor_id, changed.subject) == (user.pk, f"user:{user.pk}")
    assert (changed.ip_address, changed.user_agent) == ("203.0.113.9", "Firefox")
    assert len(events("desk.session_revoked")) == 2


def test_a_password_changed_by_a_command_ends_the_sessions_and_is_on_record() -> None:
    user = make_staff()
    assert events("user.password_changed") == []
    browser = signed_in(user)
    user.set_password("another long password")
    user.save()
    assert not is_inside(browser)
    assert [event.subject for event in events("user.password_changed")] == [f"user:{user.pk}"]


def test_a_password_set_or_taken_away_by_staff_ends_the_sessions() -> None:
    chief, user = make_staff(is_superuser=True), make_staff()
    desk, new = signed_in(chief), "another long password"
    change = f"/admin/accounts/user/{user.pk}/password/"
    for form in (
        {"password1": new, "password2": new, "set-password": "Change password"},
        {"usable_password": "false", "unset-password": "Disable password-based authentication"},
    ):
        DeskSession.objects.filter(user=user).delete()
        browser = Client()
        browser.force_login(user, backend="accounts.backends.StaffBackend")
        assert desk.post(change, form).status_code == 302
        assert not DeskSession.objects.filter(user=user).exists()
        assert not is_inside(browser)
        user.refresh_from_db()
    assert is_inside(desk)


def test_a_user_who_is_disabled_or_no_longer_staff_is_signed_out() -> None:
    chief, disabled, demoted = make_staff(is_superuser=True), make_staff(), make_staff()
    desk = signed_in(chief)
    browsers = [signed_in(disabled), signed_in(demoted)]
    api_sessions.disable(disabled, by=chief.pk)
    form = {"name": "", "locale": "en", "email": ""}
    assert desk.post(f"/admin/accounts/user/{demoted.pk}/change/", form).status_code == 302
    assert not any(is_inside(browser) for browser in browsers)
    assert DeskSession.objects.get().user_id == chief.pk
    reasons = [event.data["reason"] for event in events("desk.session_revoked")]
    assert reasons == ["user disabled", "no longer staff"]


def test_sessions_over_their_limits_are_pruned_with_an_event_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "BATCH_ROWS", 1)
    old = [signed_in(make_staff()) for _ in range(2)]
    let_pass(minutes=121)
    new = signed_in(make_staff())
    with transaction.atomic():
        prune_sign_ins.send()
    run_tasks()
    assert DeskSession.objects.count() == 1
    assert len(events("desk.session_expired")) == 2
    assert is_inside(new)
    assert not any(is_inside(browser) for browser in old)
    let_pass(minutes=121)
    call_command("clearsessions")
    assert not DeskSession.objects.exists()


def test_a_session_that_ended_meanwhile_is_not_stored_again() -> None:
    """A request that began before the end must not bring the session back."""
    browser = signed_in(make_staff())
    session = browser.session
    session["a"] = 1
    DeskSession.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()
    assert not DeskSession.objects.exists()


@pytest.mark.parametrize("key", ["x" * 32, "", "\x00" * 32, "é" * 40, "x" * 5000])
def test_no_cookie_breaks_the_desk(key: str) -> None:
    browser = Client()
    browser.cookies["sessionid"] = key
    assert browser.get("/admin/").status_code == 302
