"""Exceptions of accounts. The docstring of a class is its default message, which people read."""

from __future__ import annotations

from jobs.errors import DomainError


class AccountsError(DomainError):
    """The request about an account could not be fulfilled."""


class PhoneInvalid(AccountsError):
    """This is not a phone number in international form, such as +12025550123."""


class CountryNotServed(AccountsError):
    """Codes are not sent to phone numbers of this country."""


class TooManyCodes(AccountsError):
    """Too many codes were asked for; wait before asking again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = max(1, retry_after)


class TooManyGuesses(TooManyCodes):
    """Too many codes were tried; wait before trying again."""


class OtpInvalid(AccountsError):
    """The code is wrong, expired, already used, or was guessed at too often; ask for a new one."""


class AccountDisabled(AccountsError):
    """This account is disabled."""


class RefreshInvalid(AccountsError):
    """The refresh token is unknown, expired, already used or revoked; sign in again."""


class AccessInvalid(AccountsError):
    """The access token is not valid; refresh it or sign in again."""


class PhoneTaken(AccountsError):
    """Another account has this phone number."""


class AuthenticatorMissing(AccountsError):
    """This account has no authenticator; the operator of this service gives one to staff."""


class FreshProofRequired(AccountsError):
    """Prove first that it is you: sign in anew, or confirm a code of `auth/fresh-proof/`."""


class EmailUnverified(AccountsError):
    """The account has no verified email address to which a code could be sent."""


class EmailMissing(AccountsError):
    """There is no email address to verify, or it is verified already."""
