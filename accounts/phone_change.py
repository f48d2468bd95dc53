"""Change of an account's phone number: the new one is proved by a code, the old one is informed."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import audit, fresh_proof, otp, phones, signin
from accounts.actors import send_phone_changed
from accounts.desk import sessions as desk_sessions
from accounts.errors import AccountsError, OtpInvalid, PhoneTaken
from accounts.models import DeskSession, OtpChallenge, Session, User
from accounts.origins import Origin
from accounts.signin import SignedIn
from jobs.ledger import database

SMS = OtpChallenge.Channel.SMS


def request_code(phone: str, origin: Origin) -> otp.Issued:
    """Send a code to the new number; the result does not reveal whether an account has it.

    Raises:
        CountryNotServed: codes are not sent to the number's country.
        TooManyCodes: too many codes were asked for.
    """
    phones.require_served(phone)
    return otp.request_code(SMS, phone, origin=origin, purpose=otp.Purpose.NEW_PHONE)


def change(
    user: User, *, phone: str, code: str, challenge_id: UUID, by: UUID, origin: Origin
) -> None:
    """Make `phone` the user's number, if the code proves it.

    Every session of the user ends, and the old number is informed. The attempt is counted and
    audited although an error is raised.

    Raises:
        TooManyGuesses: too many codes were tried.
        OtpInvalid: the code does not prove the number.
        PhoneTaken: another account has the number.
    """
    purpose = otp.Purpose.NEW_PHONE
    guess = otp.admit_of_user(user, SMS, phone, challenge_id, origin=origin, purpose=purpose, by=by)
    with transaction.atomic():
        error = _try(user, phone, code, guess, by)
    if error is not None:
        raise error


def change_own(
    user: User,
    *,
    session: Session | DeskSession | None,
    phone: str,
    code: str,
    challenge_id: UUID,
    origin: Origin,
) -> SignedIn:
    """Change a user's own number, as `change` does, and sign them in anew with it.

    Raises:
        FreshProofRequired: `session` has no fresh proof that the account's holder is present.
    """
    fresh_proof.require(session)
    change(user, phone=phone, code=code, challenge_id=challenge_id, by=user.pk, origin=origin)
    with transaction.atomic():
        return signin.begin_session(user, origin)


def _try(user: User, phone: str, code: str, guess: otp.Guess, by: UUID) -> AccountsError | None:
    if otp.redeem(phone, code, guess) is not otp.Outcome.PROVED:
        error: AccountsError = OtpInvalid()
    elif _replace(user, phone, by):
        return None
    else:
        error = PhoneTaken()
    data = {"reason": str(error)}
    audit.record("user.phone_refused", actor_id=by, subject=f"user:{user.id}", data=data)
    return error


def _replace(user: User, phone: str, by: UUID) -> bool:
    """Give the user the number; return False where another user has it, also since a moment ago."""
    now, old = database.now(), user.phone
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(phone=phone, tokens_valid_after=now)
    except IntegrityError:
        return False
    Session.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
    desk_sessions.revoke_all(user, by=by, reason="phone number changed")
    audit.record_changes(
        "user.phone_changed",
        actor_id=by,
        subject=f"user:{user.id}",
        changes={"phone": (old, phone)},
        person_id=user.id,
    )
    send_phone_changed.send(old, phones.masked(phone))
    user.refresh_from_db(fields=["phone", "tokens_valid_after"])
    return True
