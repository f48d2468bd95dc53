"""JSON of accounts: sign-in, tokens, the own account, sessions, the leaderboard."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from accounts import phones
from accounts.codes import CODE_DIGITS
from accounts.devices import TOKEN_MAX_CHARACTERS
from accounts.digits import digits_typed
from accounts.errors import PhoneInvalid
from accounts.models import OtpChallenge, Session, User
from jobs import model_fields
from jobs.http.fields import (
    IntegerField,
    LineField,
    StrictBooleanField,
    StrictRegexField,
    StrictTextField,
)
from jobs.http.payloads import PeriodSerializer


class PhoneField(StrictTextField):
    """A phone number in any international spelling; the validated value is E.164."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=phones.LONGEST_INPUT, **options)

    def to_internal_value(self, data: Any) -> str:
        try:
            return phones.normalise(super().to_internal_value(data))
        except PhoneInvalid as error:
            raise serializers.ValidationError(str(error), code="phone_invalid") from error


class CodeField(StrictRegexField):
    """Six digits; spaces, dashes and digits of other scripts are accepted and normalised."""

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"\A[0-9]{{{CODE_DIGITS}}}\Z", max_length=CODE_DIGITS, **options)

    def to_internal_value(self, data: Any) -> str:
        return digits_typed(super().to_internal_value(data))


class RequestOtpSerializer(serializers.Serializer[Any]):
    """A request for a one-time code."""

    phone = PhoneField(
        help_text="In international form, such as +12025550123; spaces and dashes are ignored."
    )
    device_token = StrictTextField(
        required=False,
        allow_blank=True,
        default="",
        max_length=TOKEN_MAX_CHARACTERS,
        help_text=(
            "The `device_token` of an earlier sign-in on this device, if there is one. Requests of "
            "strangers for the same number then do not use up your limits."
        ),
    )


class IssuedSerializer(serializers.Serializer[Any]):
    """A code that is on its way."""

    challenge_id = serializers.UUIDField(help_text="Send it with the code.")
    expires_in = serializers.IntegerField(help_text="Seconds for which the code is valid.")
    retry_after = serializers.IntegerField(help_text="Seconds until a new code may be asked for.")


class CodeSerializer(serializers.Serializer[Any]):
    """A code that was received."""

    challenge_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Of the answer that announced the code; without it the newest one is taken.",
    )
    code = CodeField(help_text="The six digits; spaces and dashes are ignored.")


class VerifyOtpSerializer(CodeSerializer):
    """The code with which somebody signs in."""

    phone = PhoneField(help_text="The number to which the code was sent.")


class NewPhoneSerializer(serializers.Serializer[Any]):
    """A number to which the account is to move."""

    phone = PhoneField(help_text="The new number of the account.")


class ChangePhoneSerializer(NewPhoneSerializer):
    """The proof that a new number belongs to the account's owner."""

    challenge_id = serializers.UUIDField(help_text="Of the answer that announced the code.")
    code = CodeField(help_text="The six digits that the new number received.")


class ProofChannelSerializer(serializers.Serializer[Any]):
    """Where the code that confirms a change of the account goes."""

    channel = serializers.ChoiceField(
        choices=OtpChallenge.Channel.choices,
        default=OtpChallenge.Channel.SMS,
        help_text="Where the code goes: the account's phone number or its verified email address.",
    )


class FreshProofSerializer(ProofChannelSerializer):
    """The code that the account's phone number or email address received."""

    challenge_id = serializers.UUIDField(help_text="Of the answer that announced the code.")
    code = CodeField(help_text="The six digits; spaces and dashes are ignored.")


class SecondFactorSerializer(serializers.Serializer[Any]):
    """A code of an authenticator app."""

    code = CodeField(help_text="The code that the authenticator app shows now.")


class RefreshSerializer(serializers.Serializer[Any]):
    """The refresh token to exchange for new tokens."""

    refresh = StrictTextField(
        max_length=200, trim_whitespace=False, help_text="The newest refresh token of the session."
    )


class UserSerializer(serializers.ModelSerializer[User]):
    """An account, as its user sees it. A changed email address has to be verified anew."""

    serializer_field_mapping: ClassVar = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictTextField,
        model_fields.LineField: LineField,
        models.BooleanField: StrictBooleanField,
    }
    email_verified = serializers.BooleanField(
        read_only=True, help_text="Whether a code proved the email address."
    )
    level = serializers.IntegerField(
        read_only=True, help_text="1 at first; it rises with the reputation."
    )
    locale = StrictRegexField(
        r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z",
        max_length=12,
        required=False,
        help_text="The language of messages, such as `en` or `pt-BR`.",
    )

    class Meta:
        model = User
        fields = [
            "id",
            "phone",
            "email",
            "email_verified",
            "name",
            "locale",
            "wants_sms",
            "wants_report_sms",
            "is_on_leaderboard",
            "reputation",
            "level",
        ]
        read_only_fields = ["id", "phone", "reputation"]
        extra_kwargs: ClassVar = {
            "email": {"help_text": "Gets messages once a code has proved it; empty: none."},
            "name": {"help_text": "The display name, shown on the leaderboard."},
            "reputation": {"help_text": "Gained by reports, lost by what moderation rejects."},
        }

    def validate_email(self, email: str) -> str:
        return User.objects.normalize_email(email)


class TokensSerializer(serializers.Serializer[Any]):
    """The tokens of a session."""

    access = serializers.CharField(help_text="Send it as `Authorization: Bearer <access>`.")
    refresh = serializers.CharField(
        help_text="Valid for one refresh; keep the new one of that answer."
    )
    token_type = serializers.CharField(default="Bearer", help_text="Always `Bearer`.")
    expires_in = serializers.IntegerField(help_text="Seconds for which the access token is valid.")


class SignedInSerializer(TokensSerializer):
    """The tokens of a new session, and the account."""

    device_token = serializers.CharField(
        help_text="Keep it on the device, also after signing out, and send it with `request-otp`."
    )
    user = UserSerializer(help_text="The account.")


class SessionSerializer(serializers.ModelSerializer[Session]):
    """One sign-in of the account on one device."""

    is_current = serializers.SerializerMethodField(
        help_text="Whether the request was made in this session."
    )

    class Meta:
        model = Session
        fields = [
            "id",
            "user_agent",
            "ip_address",
            "created_at",
            "refreshed_at",
            "expires_at",
            "second_factor_at",
            "proved_at",
            "is_current",
        ]
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "user_agent": {"help_text": "The app or browser, as it named itself at sign-in."},
            "ip_address": {"help_text": "The address from which it signed in; null if unknown."},
            "created_at": {"help_text": "When it signed in."},
            "refreshed_at": {"help_text": "When its tokens were last refreshed."},
        }

    def get_is_current(self, session: Session) -> bool:
        return bool(session == self.context["request"].auth)


class LeaderboardPayloadSerializer(PeriodSerializer):
    limit = IntegerField(
        min_value=1, max_value=100, default=20, help_text="How many citizens to list."
    )


class LeaderboardPlaceSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField(help_text="Equal points share a rank.")
    name = serializers.CharField(help_text="The citizen's display name.")
    points = serializers.IntegerField(help_text="Gained in the period.")


class LeaderboardSerializer(serializers.Serializer[Any]):
    places = LeaderboardPlaceSerializer(many=True)
