"""The second factor at the staff's desk."""

from __future__ import annotations

from base64 import b32decode
from importlib import import_module
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import AuditEvent, StaffAuthenticator, User
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
    return f"{TOTP(StaffAuthenticator.objects.get(user=user).seed).token():06}"


def log_in(client: Client, user: User, code: str) -> int:
    """The status of the admin's answer: 302 is in, 200 is the form again."""
    device = StaffAuthenticator.objects.filter(user=user).first()
    data = {"username": user.phone, "password": PASSWORD, "otp_token": code}
    return client.post(
        "/admin/login/", data | ({"otp_device": device.persistent_id} if device else {})
    ).status_code


def test_the_password_and_the_code_open_the_desk(staff: User, desk: Client) -> None:
    enrol("desk@example.org")
    assert log_in(desk, staff, present_code(staff)) == 302
    assert desk.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("code", "reason"), [("", "no code"), ("000000", "wrong code"), ("x", "wrong code")]
)
def test_the_password_alone_does_not(staff: User, desk: Client, code: str, reason: str) -> None:
    enrol("desk@example.org")
    assert log_in(desk, staff, code) == 200
    assert desk.get("/admin/").status_code == 302
    event = AuditEvent.objects.get(event="desk.code_refused")
    assert (event.subject, event.data) == (f"user:{staff.pk}", {"reason": reason})


@pytest.mark.parametrize("spell", ["{0[0]} {0[1]}", "{0[0]}-{0[1]} "])
def test_the_code_is_right_however_it_was_typed_and_no_authenticator_needs_choosing(
    staff: User, desk: Client, spell: str
) -> None:
    enrol("desk@example.org")
    code = present_code(staff)
    typed = spell.format((code[:3], code[3:]))
    data = {"username": staff.phone, "password": PASSWORD, "otp_token": typed}
    assert desk.post("/admin/login/", data).status_code == 302


def test_codes_as_typed_are_in_no_row_of_failed_sign_ins(staff: User, desk: Client) -> None:
    data = {"username": staff.phone, "password": "wrong", "otp_token": "271828"}
    desk.post("/admin/login/?otp_token=314159", data)
    rows = str(list(AccessAttempt.objects.values()))
    assert AccessAttempt.objects.count() == 1
    assert "271828" not in rows
    assert "314159" not in rows


def test_seeds_are_sealed_and_follow_their_keys(staff: User, settings: LazySettings) -> None:
    settings.JOBS_SEAL_KEYS = ["old"]
    seed = b32decode(parse_qs(urlsplit(enrol(staff.phone)).query)["secret"][0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_staffauthenticator::text FROM accounts_staffauthenticator")
        [(row,)] = cursor.fetchall()
    assert seed.hex() not in row
    settings.JOBS_SEAL_KEYS = ["new", "old"]
    assert StaffAuthenticator.objects.get().seed == seed
    call_command("reseal_keys", stdout=StringIO())
    settings.JOBS_SEAL_KEYS = ["new"]
    assert StaffAuthenticator.objects.get().seed == seed
    settings.JOBS_SEAL_KEYS = ["another"]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("reseal_keys")


def test_authenticators_from_before_keep_their_seeds(staff: User) -> None:
    migration = import_module("accounts.migrations.0007_seal_seeds")
    TOTPDevice.objects.create(user=staff, key="ab" * 20, name="authenticator", last_t=7)
    migration.seal(apps, None)
    assert not TOTPDevice.objects.exists()
    moved = StaffAuthenticator.objects.get(user=staff)
    assert (moved.seed, moved.last_step) == (b"\xab" * 20, 7)
    migration.unseal(apps, None)
    assert TOTPDevice.objects.get(user=staff).key == "ab" * 20


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
    device = StaffAuthenticator.objects.get(user=other)
    data = {"username": staff.phone, "password": PASSWORD, "otp_token": present_code(other)}
    assert (
        desk.post("/admin/login/", data | {"otp_device": device.persistent_id}).status_code == 200
    )


def test_enrolling_again_replaces_the_authenticator_and_is_on_record(staff: User) -> None:
    first, second = (parse_qs(urlsplit(enrol(staff.phone)).query) for _ in range(2))
    assert first["secret"] != second["secret"]
    assert second["issuer"] == ["CivicLens"]
    assert StaffAuthenticator.objects.filter(user=staff).count() == 1
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
