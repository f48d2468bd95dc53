"""Remove personal values and secrets from what people see of a task.

That is from errors, tracebacks, arguments and results. A task should hold ids only, but an error's
text quotes the values that the failing call was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.models import Task

REDACTED = "[redacted]"
#: How many characters around a part of a text are searched with it.
_LONGEST_SECRET = 1_500
SEALED = "[sealed]"

_GUARDED_NAMES = (
    "phone|msisdn|email|recipient|otp|otp_code|code|token|password|passwd|secret|api_?key|authorization|cookie"
    "|session_?id|access|refresh"
)
#: Names whose values are never shown, alone or as the last word of a longer one (`user_phone`).
_GUARDED_KEY = re.compile(rf"(^|[_-])({_GUARDED_NAMES})$", re.IGNORECASE)
#: The same names before a literal value: `code=123456`, `'phone': '203 555'`, `Key
#: (email)=(a@b.c)`.
_NAMED_VALUE = re.compile(
    rf"(?P<name>(?:\b|_)(?:{_GUARDED_NAMES})['\"]?\)?\s*[=:]\s*\(?)"
    r"(?P<value>'[^'\n]*'|\"[^\"\n]*\"|[^\s'\",;(){}\[\]]{0,200}\d[^\s'\",;(){}\[\]]*)",
    re.IGNORECASE,
)
#: Repetitions are bounded, so that no search takes quadratic time: the whole process would stand
#: still meanwhile.
_SECRET_TEXT = re.compile(
    r"""
      # an email address (RFC 5321, 4.5.3.1.1)
      [\w.+-]{1,64}@[\w-]+\.[\w.-]*\w
    # a telephone number, E.164 or as people write it
    | \+\d[\d ().-]{5,18}\d\b
    | \beyJ[\w-]{1,1000}\.[\w-]+\.[\w-]+                      # a JSON Web Token
    | \b[0-9a-f]{40,}\b                                        # a digest or key in hexadecimal
    | (?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{40,}  # a random token in Base64
    | (?<=://)[^\s/@:]*:[^\s/@]+(?=@)                          # the credentials of an address
    # the value of an Authorization header
    | (?<=Bearer\ )\S+ | (?<=Basic\ )[\w+/=]+
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """Return `text` without personal values and secrets.

    Email addresses, telephone numbers, tokens, credentials and values named as secret are replaced
    by `[redacted]`. UUIDs, file names and line numbers stay, so that a traceback stays readable.
    """
    return _SECRET_TEXT.sub(REDACTED, _NAMED_VALUE.sub(rf"\g<name>{REDACTED}", text))


def redact_value(value: Any, name: str = "", *, text: Callable[[str], str] = redact) -> Any:
    """Return the JSON `value` with every text in it redacted by `text`.

    Values whose key or `name` is that of a secret are replaced as a whole.
    """
    if value is not None and _GUARDED_KEY.search(name):
        return REDACTED
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {key: redact_value(inner, str(key), text=text) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_value(inner, text=text) for inner in value]
    return value


def redact_part(text: str, start: int, end: int) -> str:
    """Return `text[start:end]` redacted; a short part of a long text takes little time.

    A secret that begins before the part or ends after it is recognised too.
    """
    offset = max(0, start - _LONGEST_SECRET)
    context = text[offset : end + _LONGEST_SECRET]
    spans = [match.span("value") for match in _NAMED_VALUE.finditer(context)]
    spans += [match.span() for match in _SECRET_TEXT.finditer(context)]
    parts, at = [], start
    for first, last in sorted((first + offset, last + offset) for first, last in spans):
        if last > at and first < end:
            parts += [text[at : max(first, at)], REDACTED]
            at = last
    return "".join([*parts, text[at:end]])


def readable_arguments(task: Task, *, text: Callable[[str], str] = redact) -> Any:
    """Return the arguments as people may see them: `{args, kwargs}` redacted, or SEALED."""
    if task.sealed_args is not None:
        return SEALED
    return {
        "args": redact_value(task.args, text=text),
        "kwargs": redact_value(task.kwargs, text=text),
    }
