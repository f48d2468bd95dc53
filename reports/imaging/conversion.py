"""Run the converter of photos as a process of its own, and read what became of the photo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.utils import timezone

from reports.errors import ConversionBroke
from reports.models import Refusal

log = structlog.get_logger(__name__)

CONVERTER = Path(__file__).with_name("converter.py")
#: The converter may use PHOTO_CPU_SECONDS; on a busy machine they take longer by the clock.
CLOCK_PER_CPU_SECOND = 5
#: Signals by which the kernel, or a decoder, ends a converter for what the photo made it do.
REFUSAL_BY_SIGNAL = {
    signal.SIGXCPU: Refusal.TOO_COMPLEX,
    signal.SIGSEGV: Refusal.DAMAGED,
    signal.SIGBUS: Refusal.DAMAGED,
    signal.SIGABRT: Refusal.DAMAGED,
    signal.SIGFPE: Refusal.DAMAGED,
    signal.SIGILL: Refusal.DAMAGED,
}
_EXIF_TIME = "%Y:%m:%d %H:%M:%S"
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before the first digital camera that was sold
DECIMALS = 7  # of a degree: a centimetre
CLOCK_SKEW = timedelta(days=1)


class Place(NamedTuple):
    """A position in degrees (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a photo: why it is refused, or its measures and the camera's notes."""

    refusal: Refusal | None = None
    width: int = 0
    height: int = 0
    taken_at: datetime | None = None
    place: Place | None = None


def convert(folder: Path) -> Converted:
    """Convert the file `original` in `folder`; each size is written beside it as `<size>.jpg`.

    Raises:
        ConversionBroke: the converter ended for a reason that is not in the photo.
    """
    done = _run(folder)
    if done.returncode < 0:
        refusal = REFUSAL_BY_SIGNAL.get(signal.Signals(-done.returncode))
        if refusal is None:
            raise ConversionBroke(f"The converter of photos got signal {-done.returncode}.")
        log.warning("photo_ended_its_converter", signal=-done.returncode)
        return Converted(refusal)
    if done.returncode > 0:
        raise ConversionBroke(f"The converter of photos failed: {done.stderr[-500:]}")
    return _outcome(json.loads(done.stdout))


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the converter with nothing of this process's environment, so that it knows no secret."""
    limits = {
        "pixels": settings.PHOTO_MAX_PIXELS,
        "memory_bytes": settings.PHOTO_MEMORY_BYTES,
        "cpu_seconds": settings.PHOTO_CPU_SECONDS,
        "parent": os.getpid(),
    }
    try:
        return subprocess.run(
            [sys.executable, "-I", CONVERTER, json.dumps(limits)],
            cwd=folder,
            env={"LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=settings.PHOTO_CPU_SECONDS * CLOCK_PER_CPU_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConversionBroke("The converter of photos got no time to finish.") from None


def _outcome(printed: dict[str, Any]) -> Converted:
    if "refusal" in printed:
        return Converted(Refusal(printed["refusal"]))
    return Converted(
        width=printed["width"],
        height=printed["height"],
        taken_at=_taken_at(printed["taken"], printed["offset"]),
        place=_place(printed["latitude"], printed["longitude"]),
    )


def _taken_at(taken: str | None, offset: str | None) -> datetime | None:
    """Return when the picture was taken, or None where the camera's clock cannot be right.

    A time without an offset is taken for one of the city's time zone.
    """
    try:
        local = datetime.strptime((taken or "").strip("\0 "), _EXIF_TIME)  # noqa: DTZ007 - below
        at = _zoned(local, offset).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if EARLIEST <= at <= timezone.now() + CLOCK_SKEW else None


def _zoned(local: datetime, offset: str | None) -> datetime:
    try:
        zone = datetime.strptime((offset or "").strip("\0 "), "%z").tzinfo
    except ValueError:
        zone = ZoneInfo(settings.TIME_ZONE)
    return local.replace(tzinfo=zone)


def _place(latitude: float | None, longitude: float | None) -> Place | None:
    """Return the place that a camera noted; None where it is incomplete.

    A receiver without a signal notes 0, 0, which is taken for no place.
    """
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return None
    return Place(round(latitude, DECIMALS), round(longitude, DECIMALS))
