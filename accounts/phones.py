"""Phone numbers: checked, and brought into one spelling (E.164)."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers import ValidationResult as Length

from accounts.errors import CountryNotServed, PhoneInvalid

E164_PATTERN = r"^\+[1-9][0-9]{6,14}$"
LONGEST_INPUT = 40

#: Spellings of mobile numbers that phones still hold, and what they became: Argentina's mobile 9,
#: Mexico's 1 (dropped in 2019), Brazil's ninth digit (2016), Benin's 01 (2024).
MODERN_SPELLINGS = [
    (re.compile(r"\+54([123]\d{9})"), r"+549\1"),
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
    (re.compile(r"\+55(\d{2})([6-9]\d{7})"), r"+55\g<1>9\2"),
    (re.compile(r"\+229(\d{8})"), r"+22901\1"),
]
#: Numbers whose calls or messages cost extra, or that lead to no person.
REFUSED_TYPES = {
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.VOICEMAIL,
    PhoneNumberType.PAGER,
}
#: North America: no area code begins with 0 or 1, no exchange with 0; neither is one such as 911.
NORTH_AMERICAN = re.compile(r"[2-9](?!11)\d{2}[1-9](?!11)\d{6}")


def normalise(text: str) -> str:
    """Return the number in E.164, in the spelling that its country uses today.

    It must have the full length of its country's numbering plan. Blocks that the library does not
    know are accepted, since numbering plans grow faster than libraries.

    Raises:
        PhoneInvalid: nobody can dial the number, or it costs extra.
    """
    number = _modern(_parse(text))
    e164 = _e164(number)
    if not _is_dialable(number) or not re.fullmatch(E164_PATTERN, e164):
        raise PhoneInvalid
    return e164


def require_served(phone: str) -> None:
    """Raise CountryNotServed for an E.164 number outside `OTP_COUNTRIES` (empty: all served)."""
    if settings.OTP_COUNTRIES and _region(_parse(phone)) not in settings.OTP_COUNTRIES:
        raise CountryNotServed


def prefix(phone: str) -> str:
    """Return the block of 10,000 adjacent numbers to which an E.164 number belongs."""
    return phone[:-4]


def masked(phone: str) -> str:
    """Return the number with most digits hidden, enough to know one's own: `+1*******123`."""
    return phone[:2] + "*" * (len(phone) - 5) + phone[-3:]


class PhoneField(models.CharField):  # type: ignore[type-arg]
    """A column of numbers in E.164; forms and commands accept any spelling and store this one."""

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        try:
            phone = normalise(str(value or ""))
        except PhoneInvalid as error:
            raise ValidationError(str(error), code="phone_invalid") from error
        cleaned: str = super().clean(phone, model_instance)
        return cleaned

    def formfield(self, **options: Any) -> Any:  # type: ignore[override]  # its names are Django's
        """Return a form field that accepts longer spellings than the column holds."""
        return super().formfield(**{"max_length": LONGEST_INPUT, **options})

    def deconstruct(self) -> Any:
        """Return the field as a plain CharField, so that migrations do not depend on this class."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.CharField", arguments, options


def _parse(text: str) -> PhoneNumber:
    if len(text) > LONGEST_INPUT:
        raise PhoneInvalid
    try:
        return phonenumbers.parse(text, settings.PHONE_DEFAULT_REGION or None)
    except NumberParseException as error:
        raise PhoneInvalid from error


def _e164(number: PhoneNumber) -> str:
    """Return the number in E.164.

    Raises:
        PhoneInvalid: it has an extension, so it belongs to a switchboard and not to a person.
    """
    if number.extension:
        raise PhoneInvalid
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def _modern(number: PhoneNumber) -> PhoneNumber:
    for old, present in MODERN_SPELLINGS:
        if match := old.fullmatch(_e164(number)):
            return _parse(match.expand(present))
    return number


def _is_dialable(number: PhoneNumber) -> bool:
    if phonenumbers.is_possible_number_with_reason(number) != Length.IS_POSSIBLE:
        return False
    if phonenumbers.number_type(number) in REFUSED_TYPES:
        return False
    if phonenumbers.is_valid_number(number):
        return True
    digits = phonenumbers.national_significant_number(number)
    if number.country_code == 1:
        return NORTH_AMERICAN.fullmatch(digits) is not None
    return not digits.startswith("0") and len(set(digits)) > 1


def _region(number: PhoneNumber) -> str:
    """Return the number's country; for an unknown block the main country of its calling code."""
    region = phonenumbers.region_code_for_number(number)
    return str(region or phonenumbers.region_code_for_country_code(number.country_code or 0))
