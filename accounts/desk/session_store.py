"""The session engine of the desk: rows of `DeskSession`, with an idle and an absolute limit."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, transaction

from accounts import origins
from accounts.desk import sessions
from accounts.models import DeskSession


class SessionStore(SessionBase):
    """Keep a session in PostgreSQL under the digest of its key, which only the browser has.

    A session that is revoked or over its limits is not loaded, and is never saved again.
    """

    #: False for requests that a page makes by itself, which do not count as use.
    is_attended = True

    def load(self) -> dict[str, Any]:
        """Return the data of the live session; `{}`, and forget the key, where there is none."""
        session = sessions.resume(self.session_key or "", is_attended=self.is_attended)
        if session is None:
            self._session_key = None
            return {}
        return self.decode(session.data)

    def exists(self, session_key: str) -> bool:
        return DeskSession.objects.with_key(session_key).exists()

    def create(self) -> None:
        """Begin a session under a new key, and store it at once."""
        self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]  # Django's
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Store the session.

        Raises:
            CreateError: the key of a new session is in use.
            UpdateError: the session was revoked or is over its limits.
        """
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # Django's
        values = {"data": self.encode(data), "user_id": data.get("_auth_user_id")}
        if must_create:
            self._insert(values)
        elif not DeskSession.objects.live().with_key(self.session_key).update(**values):
            raise UpdateError
        return None

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session with this key, or else this one."""
        DeskSession.objects.with_key(session_key or self.session_key or "").delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Delete the sessions that are over their limits, for `manage.py clearsessions`."""
        while sessions.end_expired():
            pass

    def _insert(self, values: dict[str, Any]) -> None:
        origin = origins.current()
        digest = DeskSession.digest_of(self.session_key or "")
        try:
            with transaction.atomic():
                DeskSession.objects.create(
                    digest=digest,
                    ip_address=origin.ip_address,
                    user_agent=origin.user_agent,
                    **values,
                )
        except IntegrityError as error:
            raise CreateError from error
