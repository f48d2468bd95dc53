"""`manage.py create_partner_key`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from matching.models import Partner, PartnerKey
from matching.partners import keys

pytestmark = pytest.mark.django_db


def test_the_printed_key_is_valid() -> None:
    out = StringIO()
    call_command("create_partner_key", "Green City", "--label", "website", stdout=out)
    key = keys.valid_key(out.getvalue().strip())
    assert key is not None
    assert (key.partner.name, key.label) == ("Green City", "website")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("",), "name: .*cannot be blank"),
        ((" ",), "name: .*cannot be blank"),
        (("x" * 201,), "name: .*at most 200 characters"),
        (("Green City", "--label", "x" * 81), "label: .*at most 80 characters"),
    ],
)
def test_a_name_or_label_that_cannot_be_stored_is_refused(
    arguments: tuple[str, ...], why: str
) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("create_partner_key", *arguments)
    assert not Partner.objects.exists()
    assert not PartnerKey.objects.exists()
