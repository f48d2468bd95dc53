"""Trying passwords at the desk takes no more than its share of the web."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.test import Client

from accounts import hashers
from accounts.backends import StaffBackend
from accounts.models import AuditEvent

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {"username": "nobody@example.org", "password": "wrong"}


def attempt() -> int:
    try:
        return Client().post("/admin/login/", FORM).status_code
    finally:
        connection.close()


def test_one_password_is_hashed_at_a_time_and_one_more_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashing, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def authenticate(self: StaffBackend, *args: Any, **kwargs: Any) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        hashing.wait(30)
        with lock:
            running -= 1

    monkeypatch.setattr(StaffBackend, "authenticate", authenticate)
    with ThreadPoolExecutor(16) as pool:
        attempts = [pool.submit(attempt) for _ in range(16)]
        while sum(one.done() for one in attempts) < 14:  # all but the two that may
            threading.Event().wait(0.01)
        hashing.set()
        statuses = sorted(one.result() for one in attempts)
    assert most == 1
    assert statuses == [200, 200] + [503] * 14


def test_passwords_are_hashed_as_django_does_in_one_thread_of_low_priority() -> None:
    mine, plain = hashers.BackgroundPBKDF2PasswordHasher(), PBKDF2PasswordHasher()
    with ThreadPoolExecutor(4) as pool:
        encoded = list(pool.map(lambda salt: mine.encode("secret", salt, 1000), "abcd"))
    assert encoded == [plain.encode("secret", salt, 1000) for salt in "abcd"]
    assert mine.verify("secret", encoded[0])
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    [thread] = [one for one in threading.enumerate() if one.name.startswith("hashing")]
    assert thread.native_id is not None
    assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == hashers.NICENESS >= before


def test_an_address_has_so_many_attempts_an_hour(settings: LazySettings) -> None:
    settings.STAFF_LOGINS_PER_HOST_HOUR = 2
    for incomplete in ({}, {"username": "ada"}, {"password": "x"}):
        assert Client().post("/admin/login/", incomplete).status_code == 200
    assert [attempt() for _ in range(4)] == [200, 200, 429, 429]
    limited = AuditEvent.objects.get(event="desk.limited")  # once an hour
    assert limited.ip_address == "127.0.0.1"
    other = Client().post("/admin/login/", FORM, REMOTE_ADDR="203.0.113.9")
    assert other.status_code == 200
    assert Client().get("/admin/login/").status_code == 200
