"""One spelling for each phone number."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import phones
from accounts.errors import CountryNotServed, PhoneInvalid


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+12025550123", "+12025550123"),
        (" +1 (202) 555-0123 ", "+12025550123"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("tel:+1-202-555-0123", "+12025550123"),
        ("＋１２０２５５５０１２３", "+12025550123"),
        ("+15551234567", "+15551234567"),
    ],
)
def test_spellings_lead_to_one_number(text: str, number: str) -> None:
    assert phones.normalise(text) == number


@pytest.mark.parametrize(
    "text", ["", "x", "+", "+1", "2025550123", "+999123456789", "+1900 555 1234", "\x00", "\ud800"]
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
