"""Messages from templates: `<name>.sms.txt`, `<name>.email.txt` and `<name>.subject.txt`, in any
app.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.template import Context, Engine
from django.utils import translation

from notifications.channels import Message

FOLDER = "notifications"


def render(
    template: str, channel: str, context: Mapping[str, str], *, to: str, locale: str = "en"
) -> Message:
    """The message in the recipient's language; plain text, so nothing is escaped. An SMS has no
    subject.

    Raises django.template.TemplateDoesNotExist.
    """
    with translation.override(locale):
        body = _fill(f"{FOLDER}/{template}.{channel}.txt", context)
        subject = _fill(f"{FOLDER}/{template}.subject.txt", context) if channel == "email" else ""
    return Message(to=to, subject=" ".join(subject.split()), body=body.strip())


def _fill(name: str, context: Mapping[str, str]) -> str:
    return _engine().get_template(name).render(Context(dict(context), autoescape=False))


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return Engine(app_dirs=True)
