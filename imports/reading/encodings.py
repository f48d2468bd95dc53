"""Detecting the encoding in which the text of a file is written."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from imports.errors import ImportFileError

#: The size of the sample of lines that are not ASCII, by which an encoding is guessed.
SAMPLE_BYTES = 64 * 1024
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the beginning of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: The encodings that are considered. Rarer ones are too easily mistaken for these.
_PLAUSIBLE = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "iso8859_2", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949", "mac_roman",
]  # fmt: skip
_COMMONEST = "cp1252"
#: They share most bytes with cp1252.
_WESTERN = ("cp1252", "cp1254", "cp1258")
#: With fewer bytes that are not ASCII, statistics guess at random, so the commonest is taken.
_SHORT_BYTES = 100
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
#: Control characters and undefined bytes; accents in a row; signs within or before words; letters
#: that stand where cp1254 has Turkish ones.
_ODD = re.compile(
    "[\x00-\x08\x0e-\x1f\ufffd]|[À-ÖØ-öø-ÿŠŒŽšœžŸ]{3}|[ÐÝÞðýþ]|[a-zà-ö][¹³¼¾¯¿¢£¥]|[¹³¼¾¯£¥][A-Za-zÀ-öø-ÿ]"
    "|[a-z][¡¤-¬®°-²µ¶¸»½×÷†‡‰][a-z]|[‚ƒ][^A-Za-z]"
)
_UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by its Python name, and whether it was only guessed."""

    name: str
    is_guessed: bool = False

    @property
    def codec(self) -> str:
        """Return the name of the codec to read with; it drops a byte order mark."""
        return "utf-8-sig" if self.name == "utf-8" else self.name


def named(name: str) -> Encoding:
    """Return the encoding that a person named.

    Raises:
        ImportFileError: Python has no such encoding.
    """
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)
        return Encoding(codecs.lookup(name).name)
    except (LookupError, ValueError):
        raise ImportFileError(f"{name[:40]!r} is not a known encoding, such as cp1252.") from None


class EncodingDetector:
    """Detects the encoding of a file from its content, fed in chunks.

    UTF-8 is recognised with certainty, as are byte order marks. Anything else is guessed from the
    lines that are not ASCII. A file of mostly valid UTF-8 is UTF-8: its other lines are rejected.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._start = b""
        self._sample = bytearray()
        self._valid = self._broken = 0

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes of the file."""
        self._start = self._start or chunk[:4096]
        if chunk.isascii():
            return
        text = self._decoder.decode(chunk)
        broken = 0
        try:
            text.encode()
        except UnicodeEncodeError:
            broken = len(_UNDECODED.findall(text))
        self._broken += broken
        self._valid += len(text) - len(text.encode("ascii", "ignore")) - broken
        if len(self._sample) < SAMPLE_BYTES:
            lines = (line for line in chunk.splitlines(keepends=True) if not line.isascii())
            self._sample += b"".join(lines)[:SAMPLE_BYTES]

    def encoding(self) -> Encoding:
        """Return the encoding of what was fed.

        Raises:
            ImportFileError: the encoding cannot be recognised.
        """
        if known := _by_mark(self._start):
            return known
        if self._valid >= self._broken:
            return Encoding("utf-8")
        sample = bytes(self._sample)
        plausible = [
            encoding
            for encoding in _PLAUSIBLE
            if encoding not in _WESTERN or _makes_sense(sample, encoding)
        ]
        if _COMMONEST in plausible and len(_NOT_ASCII.findall(sample)) < _SHORT_BYTES:
            return Encoding(_COMMONEST, is_guessed=True)
        best = from_bytes(sample, cp_isolation=plausible).best()
        if best is None:
            raise ImportFileError(
                "The encoding of the file cannot be recognised; name it with --encoding."
            )
        is_western = _COMMONEST in best.could_be_from_charset  # the text is the same in both
        return Encoding(_COMMONEST if is_western else best.encoding, is_guessed=True)


def _makes_sense(sample: bytes, western: str) -> bool:
    """Return whether the text makes sense in an encoding of Western European files.

    Texts in other encodings then have signs inside words (Polish), letters with accents in a row
    (Czech, Cyrillic, Greek, Asian scripts), or bytes that are not defined. A few may be typing
    errors.
    """
    text = sample.decode(western, "replace")
    return len(_ODD.findall(text)) * 20 < len(_NOT_ASCII.findall(sample))


def _by_mark(start: bytes) -> Encoding | None:
    """Return the encoding by the byte order mark, or by the zero bytes of UTF-16 without one."""
    for mark, name in _BOMS.items():
        if start.startswith(mark):
            return Encoding(name)
    for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
        if zeros.count(0) > len(start) // 4:
            return Encoding(name)
    return None
