"""Give every stored phone number the spelling under which sign-in looks for it.

The rules are those of `accounts.phones` at the time; a copy, since migrations outlive code.
"""

import re

import phonenumbers
from django.db import migrations

MODERN_SPELLINGS = [
    (re.compile(r"\+54([123]\d{9})"), r"+549\1"),
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
    (re.compile(r"\+55(\d{2})([6-9]\d{7})"), r"+55\g<1>9\2"),
    (re.compile(r"\+229(\d{8})"), r"+22901\1"),
]


def canonical(phone):
    """The number as the library writes it (without a trunk 0), in its country's present spelling."""
    try:
        phone = phonenumbers.format_number(
            phonenumbers.parse(phone), phonenumbers.PhoneNumberFormat.E164
        )
    except phonenumbers.NumberParseException:
        return phone
    for old, present in MODERN_SPELLINGS:
        if match := old.fullmatch(phone):
            return match.expand(present)
    return phone


def respell(apps, schema_editor):
    """Change each number whose canonical spelling nobody has; name the others, which stay."""
    users = apps.get_model("accounts", "User").objects
    for user_id, phone in users.values_list("id", "phone").iterator(chunk_size=2000):
        spelling = canonical(phone)
        if spelling == phone:
            continue
        if users.filter(phone=spelling).exists():
            print(f"\n  User {user_id} keeps an old spelling: another user has the number.")
        else:
            users.filter(id=user_id).update(phone=spelling)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_phone_field")]

    operations = [migrations.RunPython(respell, migrations.RunPython.noop)]
