"""One spelling for each phone number."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts import phones
from accounts.errors import CountryNotServed, PhoneInvalid
from accounts.models import User


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+12025550123", "+12025550123"),
        (" +1 (202) 555-0123 ", "+12025550123"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("tel:+1-202-555-0123", "+12025550123"),
        ("＋１２０２５５５０１２３", "+12025550123"),
        ("+15551234567", "+15551234567"),
        ("+4407700900321", "+447700900321"),
        ("+54 11 4123-4567", "+5491141234567"),
        ("+54 9 11 4123-4567", "+5491141234567"),
        ("+54 11 15 4123-4567", "+5491141234567"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("+52 55 1234 5678", "+525512345678"),
        ("+55 11 8765 4321", "+5511987654321"),
        ("+229 97 12 34 56", "+2290197123456"),
        ("+39 06 1234567", "+39061234567"),
    ],
)
def test_spellings_lead_to_one_number(text: str, number: str) -> None:
    assert phones.normalise(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *["", "x", "+", "+1", "2025550123", "+999123456789", "+1900 555 1234", "\x00", "\ud800"],
        # Too short, though a neighbour could dial it; of the right length, though nobody can.
        *["+1 555 0123", "+1 000 000 0000", "+1 202 055 0123", "+1 911 555 0123", "+44 7700 9003"],
        *["+55 00 1234 5678", "+49 1111111111", "+52 1 55 1234", "+1 202 555 0123 ext. 5"],
        # Premium and shared cost, a pager, and what begins like a number and goes on too long.
        *["+44 909 879 0000", "+979 123456789", "+44 845 123 4567", "+44 7640 123456"],
        "+12025550123" + " " * 40,
    ],
)
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(PhoneInvalid):
        phones.normalise(text)


@pytest.mark.parametrize("text", ["+4912", "+431234", "+49123456789012345"])
def test_what_the_library_thinks_possible_but_no_column_holds_is_no_number(text: str) -> None:
    with pytest.raises(PhoneInvalid):
        phones.normalise(text)


def test_a_default_region_completes_local_numbers(settings: Any) -> None:
    settings.PHONE_DEFAULT_REGION = "US"
    assert phones.normalise("(202) 555-0123") == "+12025550123"


def test_only_listed_countries_are_served(settings: Any) -> None:
    phones.require_served("+919876543210")
    settings.OTP_COUNTRIES = ["US", "KE"]
    phones.require_served("+12025550123")
    with pytest.raises(CountryNotServed):
        phones.require_served("+919876543210")


def test_a_block_that_the_library_does_not_know_belongs_to_the_countrys_code(settings: Any) -> None:
    settings.OTP_COUNTRIES = ["GB"]
    phones.require_served("+447700900321")


@pytest.mark.django_db
def test_the_command_of_superusers_and_the_manager_store_the_one_spelling() -> None:
    call_command("createsuperuser", "--noinput", phone="+44 (0)7700 900321", verbosity=0)
    assert User.objects.get().phone == "+447700900321"
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", phone="+1 000 000 0000")
    with pytest.raises(PhoneInvalid):
        User.objects.create_user("+1 555 0123")


@pytest.mark.django_db
def test_stored_numbers_get_the_spelling_that_sign_in_looks_for(capsys: Any) -> None:
    stored = ["+4407700900321", "+541141234567", "+5215512345678", "+12025550123", "+525599999999"]
    users = [User.objects.create(phone=phone) for phone in [*stored, "+5215599999999"]]
    migration = import_module("accounts.migrations.0004_one_phone_spelling")
    for _ in range(2):
        migration.respell(apps, None)
        present = [User.objects.get(id=user.id).phone for user in users]
        assert present[:4] == ["+447700900321", "+5491141234567", "+525512345678", "+12025550123"]
        assert present[4:] == ["+525599999999", "+5215599999999"]
        assert str(users[5].id) in capsys.readouterr().out
