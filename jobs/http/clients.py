"""What every client of another machine shares."""

from __future__ import annotations

from email.message import Message
from typing import IO
from urllib.request import HTTPRedirectHandler, Request


class NoRedirects(HTTPRedirectHandler):
    """Refuse redirects: they would carry credentials elsewhere, and a POST would lose its body."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None
