"""Phone numbers: one person, one spelling."""

from __future__ import annotations

import re

import phonenumbers
from django.conf import settings
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from accounts.errors import CountryNotServed, PhoneInvalid
from accounts.models import E164_PATTERN

LONGEST_INPUT = 40


def normalise(text: str) -> str:
    """The number in E.164. Judged by its length alone, since numbering plans grow faster than
    libraries.

    Raises PhoneInvalid.
    """
    try:
        number = phonenumbers.parse(text[:LONGEST_INPUT], settings.PHONE_DEFAULT_REGION or None)
    except NumberParseException as error:
        raise PhoneInvalid from error
    if not phonenumbers.is_possible_number(number) or _is_premium(number):
        raise PhoneInvalid
    e164: str = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not re.fullmatch(E164_PATTERN, e164):  # the library knows shorter and longer ones
        raise PhoneInvalid
    return e164


def require_served(phone: str) -> None:
    """Raise CountryNotServed for an E.164 number outside `OTP_COUNTRIES` (empty: every country is
    served).
    """
    if not settings.OTP_COUNTRIES:
        return
    if phonenumbers.region_code_for_number(phonenumbers.parse(phone)) not in settings.OTP_COUNTRIES:
        raise CountryNotServed


def prefix(phone: str) -> str:
    """The block of 10,000 adjacent numbers to which an E.164 number belongs."""
    return phone[:-4]


def _is_premium(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.number_type(number) == PhoneNumberType.PREMIUM_RATE
