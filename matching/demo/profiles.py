"""The profiles of some citizens of the demo city, and the matches found for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from accounts.models import User
from matching.models import Profile
from matching.profiles import editing

_FILE = Path(__file__).parent / "data" / "profiles.yaml"


def load(citizens: Mapping[str, User]) -> int:
    """Let each citizen of the file fill in a profile who has none; return how many did.

    Tasks find their matches in the background.
    """
    profiles = yaml.load(_FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    known = set(Profile.objects.values_list("user_id", flat=True))
    new = {name: fields for name, fields in profiles.items() if citizens[name].pk not in known}
    for name, fields in new.items():
        editing.confirm_onboarding(citizens[name], fields)
    return len(new)
