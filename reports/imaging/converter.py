"""Decode one photo that a stranger sent, and write it anew in each size. A program of its own.

`python -I converter.py LIMITS` reads `original` in the current folder and writes `full.jpg`,
`large.jpg`, `medium.jpg` and `small.jpg` beside it. LIMITS is a JSON object: `pixels`,
`memory_bytes`, `cpu_seconds`, and `parent`, the id of the process without which this one ends. It
prints a JSON object: `{"refusal": "damaged"}`, or the width and
height of the full size and what the camera noted (`taken`, `offset`, `latitude`, `longitude`).

It runs apart from the worker, without the project's settings, so that a file which exhausts the
memory, never ends or makes a decoder crash ends this process alone. Only pixels go into what it
writes: no EXIF, GPS, XMP, comment, profile or appended file of the original.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import sys
import traceback
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, UnidentifiedImageError

PR_SET_PDEATHSIG = 1  # linux/prctl.h
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
#: The longest edge of each size, in pixels.
EDGES = {"full": 4096, "large": 1280, "medium": 640, "small": 240}
QUALITY = {"full": 85, "large": 82, "medium": 80, "small": 75}
FILE_BYTES_MAX = 64_000_000
#: EXIF tags (CIPA DC-008): orientation, the sub-directories, and the fields in them.
ORIENTATION, EXIF_DIRECTORY, GPS_DIRECTORY = 0x0112, 0x8769, 0x8825
TAKEN, TAKEN_OFFSET = 0x9003, 0x9011
LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE = 1, 2, 3, 4
#: What turns the stored picture upright, for each value of the orientation (EXIF 2.32, 4.6.4 A).
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """The file is not taken; the message is a value of `reports.models.Refusal`."""


def main() -> None:
    """Convert the photo within the limits, and print what became of it."""
    limits = json.loads(sys.argv[1])
    _end_with(limits["parent"])
    _limit_resources(limits["memory_bytes"], limits["cpu_seconds"])
    try:
        outcome = convert(Path("original"), Path(), pixels=limits["pixels"])
    except Refused as refused:
        outcome = {"refusal": str(refused)}
    except MemoryError:
        outcome = {"refusal": "too_complex"}
    except Exception:  # noqa: BLE001 - hostile bytes make decoders raise anything
        traceback.print_exc()
        outcome = {"refusal": "damaged"}
    print(json.dumps(outcome))


def convert(original: Path, folder: Path, *, pixels: int) -> dict[str, Any]:
    """Write every size of the photo into `folder`; return its measures and the camera's notes.

    Raises:
        Refused: it is no photo, an animation, or has more than so many pixels.
    """
    _treat_warnings_as_errors()
    has_heif = _register_heif()
    image = _open(original, pixels=pixels, has_heif=has_heif)
    notes, orientation = _camera_notes(image), _orientation(image)
    image.draft(None, (EDGES["full"], EDGES["full"]))  # a large JPEG is decoded at half its size
    upright = _upright(_in_srgb(_shrunk(image)), orientation)
    for size, edge in EDGES.items():
        upright.thumbnail((edge, edge), Image.Resampling.LANCZOS)
        upright.save(
            folder / f"{size}.jpg", "JPEG", quality=QUALITY[size], optimize=True, progressive=True
        )
        if size == "full":
            notes |= {"width": upright.width, "height": upright.height}
    return notes


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent, a worker, is killed (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        sys.exit("The worker has ended.")


def _limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Let the kernel end this process where it takes more than a photo needs."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _treat_warnings_as_errors() -> None:
    warnings.simplefilter("error")
    for kind in (DeprecationWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)
    # It reads the EXIF, and a broken one is no reason to refuse the picture.
    warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
    # Some phones write a faulty index of the pictures behind the first, which is all we take.
    warnings.filterwarnings("ignore", message="Image appears to be a malformed MPO")


def _register_heif() -> bool:
    """Let Pillow read HEIC where pillow-heif is installed; return whether it is."""
    try:
        import pillow_heif  # noqa: PLC0415 - an extra
    except ImportError:
        return False
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def _open(original: Path, *, pixels: int, has_heif: bool) -> Image.Image:
    """Read the head of the file; nothing is decoded yet."""
    Image.MAX_IMAGE_PIXELS = pixels
    formats = FORMATS if has_heif else FORMATS[:-1]
    try:
        image = Image.open(original, formats=formats)
    except UnidentifiedImageError:
        raise Refused(_refusal_of_unknown(original, has_heif=has_heif)) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refused("too_many_pixels") from None
    if image.width * image.height > pixels:
        raise Refused("too_many_pixels")
    if getattr(image, "is_animated", False) and image.format in {"PNG", "WEBP"}:
        raise Refused("animated")
    return image


def _refusal_of_unknown(original: Path, *, has_heif: bool) -> str:
    with original.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and not has_heif:
        return "heic_unsupported"
    # A known beginning, but no head that a decoder reads.
    is_known = head[:3] == b"\xff\xd8\xff" or head[:8] == b"\x89PNG\r\n\x1a\n"
    is_known = is_known or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:8] == b"ftyp"
    return "damaged" if is_known else "not_a_photo"


# --- What the camera noted -----------------------------------------------------------------------


def _camera_notes(image: Image.Image) -> dict[str, Any]:
    """Return the time and position of the picture, where the EXIF has any that can be read."""
    notes: dict[str, Any] = dict.fromkeys(("taken", "offset", "latitude", "longitude"))
    try:
        exif = image.getexif()
        camera, gps = exif.get_ifd(EXIF_DIRECTORY), exif.get_ifd(GPS_DIRECTORY)
        notes["taken"], notes["offset"] = _text(camera.get(TAKEN)), _text(camera.get(TAKEN_OFFSET))
        notes["latitude"] = _degrees(gps.get(LATITUDE), gps.get(LATITUDE_REF), limit=90)
        notes["longitude"] = _degrees(gps.get(LONGITUDE), gps.get(LONGITUDE_REF), limit=180)
    except Exception:  # noqa: BLE001 - a broken EXIF is no reason to refuse the picture
        traceback.print_exc()
    return notes


def _text(value: Any) -> str | None:
    return value[:40] if isinstance(value, str) else None


def _degrees(value: Any, reference: Any, *, limit: int) -> float | None:
    """Return degrees, minutes and seconds as degrees; negative in the south and the west."""
    if value is None:
        return None
    degrees, minutes, seconds = (float(part) for part in value)
    sign = -1 if str(reference).upper() in {"S", "W"} else 1
    total = sign * (degrees + minutes / 60 + seconds / 3600)
    return total if math.isfinite(total) and abs(total) <= limit else None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - as above
        return 1


# --- Pixels --------------------------------------------------------------------------------------


def _shrunk(image: Image.Image) -> Image.Image:
    """Return the picture no larger than its full size; palettes and 16 bits become 8 bits first.

    It comes before the conversion of colours, which needs memory for each pixel.
    """
    if image.mode.startswith(("I", "F")):
        image = _to_eight_bits(image)
    elif image.mode in {"P", "PA"}:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode in {"LA", "RGBA", "La", "RGBa"}:
        image = _on_white(image)
    else:
        image.load()
    image.thumbnail((EDGES["full"], EDGES["full"]), Image.Resampling.LANCZOS)
    return image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16-bit greys in 8 bits; plain conversion would cut off all above 255."""
    greys = image.convert("I") if image.mode != "I" else image
    return greys.point(lambda value: value * (1 / 256)).convert("L")


def _on_white(image: Image.Image) -> Image.Image:
    opaque = image.convert("RGBA")
    white = Image.new("RGBA", opaque.size, "white")
    white.alpha_composite(opaque)
    flat = white.convert("RGB")
    flat.info = image.info
    return flat


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the picture in sRGB, by its colour profile where it has one that can be read."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in {"RGB", "CMYK", "L", "LAB"}:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, ValueError, OSError, TypeError):
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture as its photographer saw it, without anything but its pixels."""
    turned = image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
    turned.info = {}
    return turned


if __name__ == "__main__":
    main()
