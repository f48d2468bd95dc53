"""Staff rights follow from the second factor, whatever the way in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db.models import F
from django.test import Client, RequestFactory
from django.utils import timezone
from django_otp.oath import TOTP
from rest_framework.request import Request
from rest_framework.test import APIClient

from accounts import totp
from accounts.authentication import BearerAuthentication
from accounts.models import AuditEvent, Session, StaffAuthenticator, User
from tests.accounts.factories import bearer, make_user

STEP_UP = "/api/v1/auth/second-factor"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _second_factor_required(settings: Any) -> None:
    settings.STAFF_TOTP_REQUIRED = True


@pytest.fixture
def staff() -> User:
    user = make_user(is_staff=True, is_superuser=True, email="desk@example.org")
    totp.enrol(user)
    return user


def sign_in(client: APIClient, user: User) -> Session:
    """As an SMS alone lets staff in."""
    client.credentials(HTTP_AUTHORIZATION=bearer(user)["authorization"])
    return user.sessions.latest("created_at")


def present_code(user: User) -> str:
    clock = TOTP(StaffAuthenticator.objects.get(user=user).seed)
    clock.time = timezone.now().timestamp()
    return f"{clock.token():06}"


def rights(client: APIClient) -> bool:
    """Whether the bearer of the token has the rights of staff."""
    header = vars(client)["_credentials"]["HTTP_AUTHORIZATION"]
    request = Request(RequestFactory().get("/", HTTP_AUTHORIZATION=header))
    answer = BearerAuthentication().authenticate(request)
    assert answer is not None
    user = answer[0]
    granted = {user.is_staff, user.is_superuser, user.has_perm("jobs.change_task")}
    assert len(granted) == 1
    return granted.pop()


def test_a_token_from_an_sms_has_a_citizens_rights_until_the_code(
    client: APIClient, staff: User, settings: Any
) -> None:
    session = sign_in(client, staff)
    assert not rights(client)
    assert client.get("/api/v1/users/me").status_code == 200
    code = present_code(staff)
    answer = client.post(STEP_UP, {"code": f"{code[:3]} {code[3:]}"})
    assert answer.status_code == 200
    assert answer.json()["id"] == str(session.id)
    assert answer.json()["second_factor_at"]
    assert rights(client)
    assert AuditEvent.objects.filter(event="session.stepped_up", actor_id=staff.pk).count() == 1
    sign_in(client, staff)
    assert not rights(client)  # the proof is of one session
    settings.STAFF_TOTP_REQUIRED = False
    assert rights(client)


def test_the_rights_end_after_their_time_and_with_another_authenticator(
    client: APIClient, staff: User, settings: Any
) -> None:
    settings.ACCESS_TOKEN_LIFETIME = timedelta(days=2)
    sign_in(client, staff)
    client.post(STEP_UP, {"code": present_code(staff)})
    Session.objects.update(second_factor_at=F("second_factor_at") - timedelta(hours=12, seconds=1))
    assert not rights(client)
    StaffAuthenticator.objects.update(last_step=0)  # as after twelve hours
    assert client.post(STEP_UP, {"code": present_code(staff)}).status_code == 200
    assert rights(client)
    totp.enrol(staff)
    assert not rights(client)


def test_wrong_codes_are_on_record_and_each_makes_the_next_wait_longer(
    client: APIClient, staff: User
) -> None:
    sign_in(client, staff)
    with time_machine.travel(timezone.now(), tick=False):
        wrong = f"{(int(present_code(staff)) + 1) % 1_000_000:06}"
        answers = [client.post(STEP_UP, {"code": wrong}) for _ in range(2)]
        answers.append(client.post(STEP_UP, {"code": wrong}, HTTP_USER_AGENT="App 7"))
        assert [answer.status_code for answer in answers] == [400, 429, 429]
        assert int(answers[1]["Retry-After"]) >= 1
    refused = AuditEvent.objects.get(event="session.code_refused")
    limited = AuditEvent.objects.get(event="session.code_limited")  # once an hour
    assert refused.data == {"reason": "wrong code"}
    assert refused.actor_id == limited.actor_id == staff.pk
    assert refused.ip_address == limited.ip_address == "127.0.0.1"
    assert StaffAuthenticator.objects.get().throttling_failure_count == 1


def test_a_code_counts_once(client: APIClient, staff: User) -> None:
    sign_in(client, staff)
    with time_machine.travel(timezone.now(), tick=False):
        code = present_code(staff)
        assert client.post(STEP_UP, {"code": code}).status_code == 200
        assert client.post(STEP_UP, {"code": code}).status_code == 400


def test_who_has_no_authenticator_is_refused_and_who_is_not_signed_in_too(
    client: APIClient,
) -> None:
    assert client.post(STEP_UP, {"code": "123456"}).status_code == 401
    sign_in(client, make_user())
    assert client.post(STEP_UP, {"code": "123456"}).status_code == 403
    refused = AuditEvent.objects.get(event="session.code_refused")
    assert refused.data == {"reason": "no authenticator"}
    assert client.post(STEP_UP, {"code": "12"}).status_code == 400


def test_editing_the_profile_without_the_code_takes_no_rights_away(
    client: APIClient, staff: User
) -> None:
    make_user(is_staff=True, email="other@example.org")
    sign_in(client, staff)
    assert client.patch("/api/v1/users/me", {"name": "Ada"}).status_code == 200
    assert client.patch("/api/v1/users/me", {"email": "OTHER@example.org"}).status_code == 400
    staff.refresh_from_db()
    assert (staff.name, staff.is_staff, staff.is_superuser) == ("Ada", True, True)
    staff.withhold_staff_rights()
    with pytest.raises(RuntimeError):
        staff.save()
    staff.save(update_fields=["name"])


def test_permissions_of_ones_own_are_withheld_too(client: APIClient) -> None:
    clerk = make_user(is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(codename="change_task", content_type__app_label="jobs")
    )
    totp.enrol(clerk)
    sign_in(client, clerk)
    assert clerk.has_perm("jobs.change_task")
    clerk.withhold_staff_rights()
    assert not clerk.has_perm("jobs.change_task")
    assert not clerk.has_module_perms("jobs")
    assert clerk.get_all_permissions() == set()


def test_a_session_of_a_browser_without_the_code_has_a_citizens_rights(staff: User) -> None:
    browser = Client()
    browser.force_login(staff, backend="accounts.backends.StaffBackend")
    assert browser.get("/admin/").status_code == 302
    assert not browser.get("/admin/login/").wsgi_request.user.is_staff
