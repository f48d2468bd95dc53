"""The table of authenticators, the second factor of staff."""

from __future__ import annotations

import secrets
from base64 import b32encode
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from accounts.digits import digits_typed
from jobs import sealing
from jobs.ledger import database


class StaffAuthenticator(ThrottlingMixin, Device):  # type: ignore[misc]
    """An authenticator app of a member of staff; its seed is encrypted with JOBS_SEAL_KEYS.

    After each wrong code the wait until the next try doubles. A right code is accepted once.
    """

    STEP_SECONDS = 30
    #: Codes of one step earlier or later are accepted too.
    TOLERANCE_STEPS = 1

    sealed_seed: Any = models.BinaryField()
    last_step: Any = models.BigIntegerField(
        default=-1, help_text=_("The newest step whose code was used.")
    )
    drift_steps: Any = models.SmallIntegerField(
        default=0, help_text=_("How far the app's clock is off.")
    )
    throttling_failure_timestamp: Any  # a column of ThrottlingMixin

    class Meta:
        verbose_name = "authenticator"

    def __init__(self, *args: Any, **fields: Any) -> None:
        super().__init__(*args, **fields)
        if not self.sealed_seed:
            self.seed = secrets.token_bytes(20)

    @property
    def seed(self) -> bytes:
        """Return the secret shared with the app.

        Raises:
            jobs.errors.SealBroken: none of JOBS_SEAL_KEYS decrypts it.
        """
        return sealing.unseal_bytes(self.sealed_seed)

    @seed.setter
    def seed(self, seed: bytes) -> None:
        self.sealed_seed = sealing.seal_bytes(seed)

    def verify_token(self, token: str) -> bool:
        """Check a code and save the attempt; return whether it is right and was not used before.

        Soon after a wrong code every code is refused, unchecked and uncounted.
        """
        if not self.verify_is_allowed()[0]:
            return False
        clock = TOTP(self.seed, step=self.STEP_SECONDS, drift=self.drift_steps)
        clock.time = database.now().timestamp()
        digits = digits_typed(token)
        is_code = len(digits) == clock.digits and digits.isdecimal()
        is_right = is_code and clock.verify(int(digits), self.TOLERANCE_STEPS, self.last_step + 1)
        if is_right:
            self.last_step, self.drift_steps = clock.t(), clock.drift
            self.throttle_reset()
        else:
            self.throttle_increment()
        return is_right

    def verify_is_allowed(self) -> tuple[bool, dict[str, Any] | None]:
        """Return whether a code may be tried now, and if not, why and until when.

        The library compares times by this process's clock, which the stored time does not follow.
        """
        failed_at = self.throttling_failure_timestamp
        if failed_at is None:
            return True, None
        self.throttling_failure_timestamp = failed_at + (timezone.now() - database.now())
        try:
            allowed: tuple[bool, dict[str, Any] | None] = super().verify_is_allowed()
        finally:
            self.throttling_failure_timestamp = failed_at
        return allowed

    def throttle_increment(self, commit: bool = True) -> None:
        """Count a wrong code, at the time of PostgreSQL."""
        super().throttle_increment(commit=False)
        self.throttling_failure_timestamp = database.now()
        if commit:
            self.save()

    def get_throttle_factor(self) -> float:
        return 1.0

    @property
    def config_url(self) -> str:
        """Return the otpauth:// URL from which an app reads the seed."""
        label = quote(f"{settings.OTP_TOTP_ISSUER}:{self.user.get_username()}")
        secret = b32encode(self.seed).decode()
        query = urlencode({"secret": secret, "issuer": settings.OTP_TOTP_ISSUER})
        return f"otpauth://totp/{label}?{query}"
