"""The second factor at the staff's desk."""

from __future__ import annotations

from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import AuditEvent, User
from tests.accounts.factories import make_user

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(settings: LazySettings) -> User:
    settings.STAFF_TOTP_REQUIRED = True
    return make_user(is_staff=True, is_superuser=True, password=PASSWORD, email="desk@example.org")


@pytest.fixture
def desk() -> Client:
    return Client()


def enrol(name: str) -> str:
    output = StringIO()
    call_command("enrol_totp", name, stdout=output)
    return output.getvalue().strip()


def present_code(user: User) -> str:
    return f"{TOTP(TOTPDevice.objects.get(user=user).bin_key).token():06}"


def log_in(client: Client, user: User, code: str) -> int:
    """The status of the admin's answer: 302 is in, 200 is the form again."""
    device = TOTPDevice.objects.filter(user=user).first()
    data = {"username": user.phone, "password": PASSWORD, "otp_token": code}
    return client.post(
        "/admin/login/", data | ({"otp_device": device.persistent_id} if device else {})
    ).status_code


def test_the_password_and_the_code_open_the_desk(staff: User, desk: Client) -> None:
    enrol("desk@example.org")
    assert log_in(desk, staff, present_code(staff)) == 302
    assert desk.get("/admin/").status_code == 200


@pytest.mark.parametrize("code", ["", "000000", "x"])
def test_the_password_alone_does_not(staff: User, desk: Client, code: str) -> None:
    enrol("desk@example.org")
    assert log_in(desk, staff, code) == 200
    assert desk.get("/admin/").status_code == 302


def test_nobody_enters_without_an_authenticator(staff: User, desk: Client) -> None:
    assert log_in(desk, staff, "123456") == 200
    desk.force_login(staff, backend="accounts.backends.StaffBackend")
    assert desk.get("/admin/").status_code == 302


@pytest.mark.parametrize("is_required", [True, False])
def test_a_session_without_a_code_counts_for_the_api_as_for_the_desk(
    staff: User, desk: Client, settings: LazySettings, is_required: bool
) -> None:
    settings.STAFF_TOTP_REQUIRED = is_required
    desk.force_login(staff, backend="accounts.backends.StaffBackend")
    assert desk.get("/api/v1/users/me/").status_code == (401 if is_required else 200)


def test_another_authenticator_ends_what_the_earlier_one_opened(staff: User, desk: Client) -> None:
    enrol("desk@example.org")
    log_in(desk, staff, present_code(staff))
    assert desk.get("/api/v1/users/me/").status_code == 200
    enrol("desk@example.org")
    assert desk.get("/admin/").status_code == 302
    assert desk.get("/api/v1/users/me/").status_code == 401


def test_a_code_opens_once(staff: User, desk: Client) -> None:
    enrol("desk@example.org")
    code = present_code(staff)
    assert [log_in(desk, staff, code), log_in(Client(), staff, code)] == [302, 200]


def test_the_device_of_another_does_not_open_the_desk(staff: User, desk: Client) -> None:
    enrol("desk@example.org")
    other = make_user(is_staff=True, email="other@example.org")
    enrol("other@example.org")
    device = TOTPDevice.objects.get(user=other)
    data = {"username": staff.phone, "password": PASSWORD, "otp_token": present_code(other)}
    assert (
        desk.post("/admin/login/", data | {"otp_device": device.persistent_id}).status_code == 200
    )


def test_enrolling_again_replaces_the_authenticator_and_is_on_record(staff: User) -> None:
    first, second = (parse_qs(urlsplit(enrol(staff.phone)).query) for _ in range(2))
    assert first["secret"] != second["secret"]
    assert second["issuer"] == ["CivicLens"]
    assert TOTPDevice.objects.filter(user=staff).count() == 1
    events = AuditEvent.objects.filter(event="staff.totp_enrolled", subject=f"user:{staff.id}")
    assert events.count() == 2
    assert all(second["secret"][0] not in str(event.data) for event in events)


def test_citizens_get_none() -> None:
    make_user(email="citizen@example.org")
    with pytest.raises(CommandError):
        enrol("citizen@example.org")


def test_where_it_is_not_required_the_password_is_enough(desk: Client) -> None:
    staff = make_user(is_staff=True, is_superuser=True, password=PASSWORD)
    assert log_in(desk, staff, "") == 302
    assert desk.get("/admin/").status_code == 200


def test_the_desk_bears_its_name_and_lists_no_foreign_tasks(desk: Client) -> None:
    desk.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    page = desk.get("/admin/").content.decode()
    assert "CivicLens" in page
    assert "/admin/django_dramatiq/" not in page
    assert "/admin/otp_totp/" not in page
