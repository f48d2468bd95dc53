"""Messages from templates: `<name>.sms.txt`, `<name>.email.txt` and `<name>.subject.txt`.

Any app may hold them, in `templates/notifications/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings
from django.template import Context, Engine
from django.utils import translation

from jobs.plain_text import one_line, paragraphs
from notifications.channels import Message
from notifications.links import links

FOLDER = "notifications"


def render(
    template: str, channel: str, context: Mapping[str, str], *, to: str, locale: str = "en"
) -> Message:
    """Return the message in the recipient's language, as plain text without HTML escapes.

    Templates get the `context`, its texts cleaned of invisible characters; `link`, the full address
    of the context's `path`; `unsubscribe`, that of its `unsubscribe_path`, or ""; and the links of
    `notifications.links`. An SMS has no subject.

    Raises:
        django.template.TemplateDoesNotExist: there is no template of that name.
    """
    lines = {name: one_line(str(value)) for name, value in context.items()}
    texts = {name: paragraphs(str(value)) for name, value in context.items()}
    path = context.get("unsubscribe_path", "")
    unsubscribe = settings.PUBLIC_URL + path if path else ""
    link = {"link": settings.PUBLIC_URL + context.get("path", "/"), "unsubscribe": unsubscribe}
    link |= links(context)
    is_email = channel == "email"
    with translation.override(locale):
        body = _fill(f"{FOLDER}/{template}.{channel}.txt", (texts if is_email else lines) | link)
        subject = _fill(f"{FOLDER}/{template}.subject.txt", lines | link) if is_email else ""
    return Message(
        to=to, subject=" ".join(subject.split()), body=body.strip(), unsubscribe=unsubscribe
    )


def _fill(name: str, context: Mapping[str, str]) -> str:
    return _engine().get_template(name).render(Context(dict(context), autoescape=False))


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return Engine(app_dirs=True)
