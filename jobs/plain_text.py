"""Clean texts that people write, so that what is stored is what readers see.

Control characters, escape sequences of terminals, invisible characters and those that turn the
direction of what follows are removed, wherever a text comes from: the API, the desk or an import.
Characters that a script needs stay: joiners inside words of Persian or Hindi, variation selectors,
the sequences of emoji. Nothing is added, so a text never becomes longer, and cleaning it twice
changes nothing.

Sources: Unicode 16, property Default_Ignorable_Code_Point; UAX #9 (direction); UTS #51 (emoji);
ECMA-48 (escapes).
"""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # a control sequence, such as one for colour
    # an operating system command, such as a title
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\|\x9c)?"
)
#: The line ends of str.splitlines().
_LINE_END = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANK = re.compile(r"\s+")
_EMPTY_LINES = re.compile(r"\n{3,}")

_BRAILLE_BLANK = "\u2800"

_UNSEEN = (
    r"\0-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SYMBOL = r"\u2190-\u2bff\U0001f000-\U0001faff"
_VARIABLE = (
    r"#*0-9\u00a9\u00ae\u1000-\u109f\u2010-\u2027\u2030-\u205e\u2070-\u3163\u3165-\u9fff\ua840-\ua87f\uf900-\ufaff"
    r"\U00010000-\U0001faff"
)
#: Invisible characters that shape their neighbours; they stay where they do so.
_SHAPING = "|".join(
    (
        # a joiner within a word
        rf"(?<=[^\0-\u02ff\s{_UNSEEN}])[\u200c\u200d](?=[^\0-\u02ff\s{_UNSEEN}])",
        rf"(?<=[{_SYMBOL}]\ufe0f)\u200d(?=[{_SYMBOL}])",  # a joiner within an emoji
        rf"(?<=[{_VARIABLE}])[\ufe00-\ufe0f]",  # a variant of a symbol
        # a variant of an ideograph
        r"(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]",
        r"(?<=[\u1820-\u18aa])[\u180b-\u180f]",  # a variant of a Mongolian letter
        # the flag of a region, such as Scotland
        r"\U0001f3f4[\U000e0030-\U000e007a]{2,6}\U000e007f",
    )
)
_UNSEEN_OR_SHAPING = re.compile(rf"(?P<shaping>{_SHAPING})|[{_UNSEEN}]")


def one_line(text: str) -> str:
    """Return the visible text on one line.

    Line breaks, tabs and runs of spaces become one space each.
    """
    return _BLANK.sub(" ", _seen(text)).strip()


def paragraphs(text: str) -> str:
    """Return the visible text with its line breaks, each as a newline.

    At most one empty line in a row is kept.
    """
    lines = (line.rstrip() for line in _seen(text).split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def _seen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    ended = _LINE_END.sub("\n", _ESCAPE_SEQUENCE.sub("", text))
    visible = _UNSEEN_OR_SHAPING.sub(lambda match: match["shaping"] or "", ended)
    return visible.replace(_BRAILLE_BLANK, " ")
