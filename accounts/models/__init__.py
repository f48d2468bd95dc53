"""The tables of accounts: users, their sign-in, their reputation, and the audit log."""

from accounts.models.audit import AuditEvent, AuditSeal, PersonKey
from accounts.models.authenticators import StaffAuthenticator
from accounts.models.challenges import Asker, OtpChallenge
from accounts.models.reputation import ReputationEntry
from accounts.models.sessions import DeskSession, LoginStatistic, RefreshToken, Session
from accounts.models.users import User

__all__ = [
    "Asker",
    "AuditEvent",
    "AuditSeal",
    "DeskSession",
    "LoginStatistic",
    "OtpChallenge",
    "PersonKey",
    "RefreshToken",
    "ReputationEntry",
    "Session",
    "StaffAuthenticator",
    "User",
]
