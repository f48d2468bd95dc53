"""Changing a citizen's profile, and sending the tasks that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from jobs.ledger import database
from matching.actors import embed_profile
from matching.limits import Quota, spend
from matching.models import MatchRun, Profile
from matching.runs.starting import RunRequest, start


def debounce() -> timedelta:
    """Return how long tasks wait after a change, so that further changes join them."""
    return timedelta(seconds=settings.MATCHING_DEBOUNCE_SECONDS)


def profile_of(user: User) -> Profile:
    """Return the user's profile; create an empty one if there is none."""
    profile, _ = Profile.objects.get_or_create(user=user)
    return profile


def edit(user: User, fields: Mapping[str, Any]) -> Profile:
    """Save the fields of the profile that differ; a task then embeds it and finds matches anew.

    The row is locked, so that of two edits at once each counts.

    Raises:
        TooManyRequests: the citizen changed the profile too often within an hour.
    """
    with transaction.atomic():
        Profile.objects.bulk_create([Profile(user=user)], ignore_conflicts=True)
        profile = Profile.objects.select_for_update().get(user=user)
        changed = [name for name, value in fields.items() if getattr(profile, name) != value]
        if changed:
            spend(Quota.PROFILE, user.pk)
            for name in changed:
                setattr(profile, name, fields[name])
            profile.version += 1
            profile.updated_at = database.now()
            profile.save(update_fields=[*changed, "version", "updated_at"])
            embed_profile.send_with_options(
                args=(str(profile.pk),), unique_key=f"profile:{profile.pk}:embed", delay=debounce()
            )
    return profile


def confirm_onboarding(user: User, fields: Mapping[str, Any]) -> MatchRun:
    """Save the profile as complete, and start a match run whose matches are saved.

    Raises:
        TooManyRequests: the citizen changed the profile or started runs too often within an hour.
    """
    with transaction.atomic():
        profile = edit(user, fields)
        if profile.onboarded_at is None:
            profile.onboarded_at = database.now()
            profile.save(update_fields=["onboarded_at"])
        return start(user, RunRequest(is_saved=True))
