"""The accounts at the staff's desk."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import audit, reputation, sessions
from accounts.models import AuditEvent, LoginStatistic, Session, User
from tests.accounts.factories import ORIGIN, make_phone, make_user

PASSWORD = "correct horse battery"
READ_ONLY = [
    "reputationentry",
    "auditevent",
    "otpchallenge",
    "session",
    "refreshtoken",
    "loginstatistic",
]


def make_staff(**overrides: Any) -> User:
    return make_user(**{"is_staff": True, "is_superuser": True, "password": PASSWORD, **overrides})


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make_staff(), backend="accounts.backends.StaffBackend")
    return client


def log_in(name: str, password: str = PASSWORD) -> int:
    """The status of the admin's answer: 302 is in, 200 is the form again, 429 is locked out."""
    return Client().post("/admin/login/", {"username": name, "password": password}).status_code


@pytest.mark.django_db
def test_staff_sign_in_by_phone_or_email() -> None:
    user = make_staff(email="desk@example.org")
    spelled = f"{user.phone[:2]} {user.phone[2:5]} {user.phone[5:]}"
    assert [log_in(name) for name in (user.phone, spelled, "Desk@Example.org")] == [302] * 3
    assert (
        log_in(user.phone, "wrong")
        == log_in("nobody@example.org")
        == log_in("\x00")
        == log_in("")
        == 200
    )


@pytest.mark.django_db
@pytest.mark.parametrize("with_code", [False, True])
def test_a_browser_lets_an_email_address_be_typed(settings: Any, with_code: bool) -> None:
    settings.STAFF_TOTP_REQUIRED = with_code
    page = Client().get("/admin/login/").content.decode()
    (field,) = re.findall(r'<input[^>]* name="username"[^>]*>', page)
    assert 'maxlength="255"' in field


@pytest.mark.django_db
def test_citizens_and_disabled_staff_do_not_get_in() -> None:
    assert log_in(make_user(password=PASSWORD).phone) == 200
    assert log_in(make_staff(is_active=False).phone) == 200


@pytest.mark.django_db
def test_passwords_cannot_be_guessed_without_end() -> None:
    user = make_staff()
    spellings = [
        user.phone,
        f" {user.phone}",
        f"{user.phone[:5]}-{user.phone[5:]}",
        f"tel:{user.phone}",
        user.phone,
    ]
    assert [log_in(name, "wrong") for name in spellings] == [200] * 4 + [429]
    assert log_in(user.phone) == 429
    assert log_in(make_staff().phone) == 302


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["x" * 256, "x" * 5000 + "@example.org", "+1" + "2" * 300])
def test_a_name_of_any_length_is_refused_like_a_wrong_one(name: str) -> None:
    assert log_in(name) == 200


@pytest.mark.django_db
def test_two_members_of_staff_cannot_share_an_email_address(desk: Client) -> None:
    make_staff(email="desk@example.org")
    other = make_staff()
    page = desk.post(
        f"/admin/accounts/user/{other.pk}/change/",
        {"phone": other.phone, "email": "DESK@example.org", "locale": "en", "is_staff": "on"},
    )
    assert page.status_code == 200
    assert b"Another member of staff has this email address." in page.content


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["user", *READ_ONLY])
def test_lists_take_the_same_queries_for_many_rows(
    desk: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        user = make_user(name=f"Citizen {number}")
        session, _ = sessions.begin(user, ORIGIN)
        reputation.credit(user.id, 1, event_key=str(number), reason="test")
        audit.record("test", actor_id=user.id, subject=f"session:{session.id}")
        LoginStatistic.objects.create(day=timezone.localdate().replace(day=number + 1), logins=1)
    with django_assert_max_num_queries(10):
        assert desk.get(f"/admin/accounts/{model}/").status_code == 200
    assert desk.get(f"/admin/accounts/{model}/?q=nothing").status_code in {200, 302}


@pytest.mark.django_db
@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_system_recorded_can_only_be_read(desk: Client, model: str) -> None:
    assert desk.get(f"/admin/accounts/{model}/add/").status_code == 403


@pytest.mark.django_db
def test_a_user_is_added_and_edited(desk: Client) -> None:
    phone = make_phone()
    form = {"phone": phone, "usable_password": "false"}
    assert desk.post("/admin/accounts/user/add/", form).status_code == 302
    user = User.objects.get(phone=phone)
    assert not user.has_usable_password()
    User.objects.filter(pk=user.pk).update(
        email="a@example.org", email_verified_at=timezone.now(), reputation=5
    )
    form = {"phone": phone, "name": "Ada", "email": "b@example.org", "locale": "en"}
    assert desk.post(f"/admin/accounts/user/{user.pk}/change/", form).status_code == 302
    user.refresh_from_db()
    assert (user.name, user.email, user.email_verified, user.reputation) == (
        "Ada",
        "b@example.org",
        False,
        5,
    )
    assert (
        desk.post(
            "/admin/accounts/user/add/", form | {"phone": "12", "usable_password": "false"}
        ).status_code
        == 200
    )


@pytest.mark.django_db
def test_who_enters_and_what_becomes_of_users_is_audited() -> None:
    clerk, citizen, client = make_staff(), make_user(name="Ada"), Client()
    clients = Group.objects.create(name="Dispatchers")
    client.post("/admin/login/", {"username": clerk.phone, "password": PASSWORD})
    page = f"/admin/accounts/user/{citizen.pk}"
    form = {"name": "Eve", "locale": "pt", "is_superuser": "on", "groups": [clients.pk]}
    form |= {"wants_report_sms": "on", "is_on_leaderboard": "on"}
    client.post(f"{page}/change/", form)
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    client.post(f"{page}/password/", {"usable_password": "true", **passwords})
    events = AuditEvent.objects.order_by("id")
    assert [event.event for event in events] == ["desk.entered", "user.edited", "user.edited"]
    assert {event.actor_id for event in events} == {clerk.pk}
    assert events[0].subject == f"user:{clerk.pk}"
    assert {event.subject for event in events[1:]} == {f"user:{citizen.pk}"}
    assert events[1].data["changes"] == {
        "name": "sealed",
        "locale": ["en", "pt"],
        "is_superuser": [False, True],
        "groups": [[], ["Dispatchers"]],
    }
    assert "Ada" not in str(events[1].data)
    assert audit.opened_changes(events[1])["name"] == ["Ada", "Eve"]
    shown = client.get(f"/admin/accounts/auditevent/{events[1].pk}/change/").content.decode()
    assert "Eve" in shown
    assert events[2].data["changes"] == {"password": ["hidden", "changed"]}
    client.post("/admin/accounts/user/add/", {"phone": make_phone(), "usable_password": "false"})
    added = AuditEvent.objects.latest("id")
    assert (added.event, added.data["changes"]["is_staff"]) == ("user.added", [None, False])


@pytest.mark.django_db
def test_every_security_event_tells_the_client() -> None:
    clerk, client = make_staff(), Client(HTTP_USER_AGENT="Browser 7", REMOTE_ADDR="2001:db8::1")
    for password in ("wrong", PASSWORD):
        client.post("/admin/login/", {"username": clerk.phone, "password": password})
    client.post("/admin/login/", {"username": "nobody@example.org", "password": "wrong"})
    expected = [
        ("desk.password_failed", f"user:{clerk.pk}"),
        ("desk.entered", f"user:{clerk.pk}"),
        ("desk.password_failed", "user:unknown"),
    ]
    events = AuditEvent.objects.order_by("id")
    assert [(event.event, event.subject) for event in events] == expected
    assert {(event.ip_address, event.user_agent) for event in events} == {
        ("2001:db8::1", "Browser 7")
    }
    assert "nobody@example.org" not in str(list(events.values()))


@pytest.mark.django_db
def test_an_event_that_counts_its_changes_can_be_read(desk: Client) -> None:
    audit.record("catalogue.loaded", actor_id=None, subject="catalogue:x", data={"changes": 3})
    event = AuditEvent.objects.get(event="catalogue.loaded")
    assert desk.get(f"/admin/accounts/auditevent/{event.pk}/change/").status_code == 200


@pytest.mark.django_db
def test_a_lock_out_is_audited() -> None:
    clerk = make_staff()
    for _ in range(5):
        log_in(clerk.phone, "wrong")
    events = Counter(AuditEvent.objects.values_list("event", flat=True))
    assert events["desk.locked_out"] == 1
    assert events["desk.password_failed"] >= 4


@pytest.mark.django_db
def test_rights_of_groups_are_audited(desk: Client) -> None:
    permission = Permission.objects.get(codename="change_task", content_type__app_label="jobs")
    desk.post("/admin/auth/group/add/", {"name": "Operators", "permissions": [permission.pk]})
    group = Group.objects.get()
    desk.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Dispatchers"})
    desk.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    events = AuditEvent.objects.filter(subject=f"group:{group.pk}").order_by("id")
    assert [(event.event, event.data["changes"]["permissions"]) for event in events] == [
        ("group.added", [None, ["change_task"]]),
        ("group.edited", [["change_task"], []]),
        ("group.deleted", [[], None]),
    ]
    assert [event.data["changes"]["name"] for event in events] == [
        [None, "Operators"],
        ["Operators", "Dispatchers"],
        ["Dispatchers", None],
    ]


@pytest.mark.django_db
def test_a_superuser_made_by_a_command_is_audited() -> None:
    call_command("createsuperuser", "--noinput", phone="+12025550173", verbosity=0)
    event = AuditEvent.objects.get()
    assert (event.event, event.subject) == ("user.added", f"user:{User.objects.get().pk}")
    assert event.data["changes"]["is_superuser"] == [None, True]


@pytest.mark.django_db
@pytest.mark.parametrize("phone", ["12", "+1 555 0123", "+1 900 555 1234", "+1 000 000 0000"])
def test_the_desk_stores_no_number_that_sign_in_would_refuse(desk: Client, phone: str) -> None:
    form = {"phone": phone, "usable_password": "false"}
    page = desk.post("/admin/accounts/user/add/", form)
    assert page.status_code == 200
    assert b"This is not a phone number" in page.content


@pytest.mark.django_db
def test_the_desk_stores_the_spelling_that_sign_in_looks_for(desk: Client) -> None:
    form = {"phone": "+44 (0) 7700 900 321", "usable_password": "false"}
    assert desk.post("/admin/accounts/user/add/", form).status_code == 302
    again = desk.post("/admin/accounts/user/add/", form | {"phone": "+4407700900321"})
    assert b"already exists" in again.content
    assert User.objects.filter(phone="+447700900321").count() == 1


@pytest.mark.django_db
def test_disabling_ends_the_sessions_of_the_users(desk: Client) -> None:
    user = make_user()
    sessions.begin(user, ORIGIN)
    desk.post(
        "/admin/accounts/user/", {"action": "disable_users", "_selected_action": [str(user.pk)]}
    )
    user.refresh_from_db()
    assert not user.is_active
    assert not Session.objects.filter(revoked_at=None).exists()
    desk.post(
        "/admin/accounts/user/", {"action": "enable_users", "_selected_action": [str(user.pk)]}
    )
    user.refresh_from_db()
    assert user.is_active


@pytest.mark.django_db
def test_staff_end_sessions(desk: Client) -> None:
    session, _ = sessions.begin(make_user(), ORIGIN)
    desk.post(
        "/admin/accounts/session/",
        {"action": "end_sessions", "_selected_action": [str(session.pk)]},
    )
    session.refresh_from_db()
    assert session.revoked_at is not None


@pytest.mark.django_db
def test_only_superusers_hand_out_rights() -> None:
    clerk, citizen, root = make_staff(is_superuser=False), make_user(), make_staff()
    clerk.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client = Client()
    client.force_login(clerk, backend="accounts.backends.StaffBackend")
    rights = {"phone": citizen.phone, "locale": "en", "is_staff": "on", "is_superuser": "on"}
    assert client.post(f"/admin/accounts/user/{citizen.pk}/change/", rights).status_code == 302
    citizen.refresh_from_db()
    assert not citizen.is_staff
    assert not citizen.is_superuser
    assert client.post(f"/admin/accounts/user/{root.pk}/change/", rights).status_code == 403
    assert client.post(f"/admin/accounts/user/{root.pk}/password/", {}).status_code == 403
    client.post(
        "/admin/accounts/user/", {"action": "disable_users", "_selected_action": [str(root.pk)]}
    )
    root.refresh_from_db()
    assert root.is_active


@pytest.mark.django_db
def test_clerks_do_not_touch_other_staff() -> None:
    """Who may set a colleague's password or phone may be that colleague."""
    clerk, colleague = make_staff(is_superuser=False), make_staff(is_superuser=False)
    clerk.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client = Client()
    client.force_login(clerk, backend="accounts.backends.StaffBackend")
    changed = {"phone": "+12025550199", "locale": "en"}
    assert client.post(f"/admin/accounts/user/{colleague.pk}/change/", changed).status_code == 403
    assert client.post(f"/admin/accounts/user/{colleague.pk}/password/", {}).status_code == 403
    client.post(
        "/admin/accounts/user/",
        {"action": "disable_users", "_selected_action": [str(colleague.pk)]},
    )
    colleague.refresh_from_db()
    assert colleague.is_active


@pytest.mark.django_db
def test_enabling_a_user_again_revives_no_session_of_the_desk() -> None:
    user = make_staff()
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    assert client.get("/admin/").status_code == 200
    sessions.disable(user, by=None)
    assert client.get("/admin/").status_code == 302
    client.force_login(user, backend="accounts.backends.StaffBackend")
    sessions.enable(user, by=None)
    assert client.get("/admin/").status_code == 302
