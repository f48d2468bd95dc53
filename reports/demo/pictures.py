"""Photos of the demo city's problems, drawn by code: the same seed draws the same picture."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from reports.demo.canvas import HEIGHT, WIDTH, Canvas


def draw(scene: str, seed: str) -> Canvas:
    """Return a picture of a scene; `SCENES` names them."""
    canvas = Canvas(random.Random(f"{scene}:{seed}"))  # noqa: S311 - a picture, no secret
    SCENES[scene](canvas)
    return canvas


def camera_notes(at: datetime, latitude: float, longitude: float) -> Image.Exif:
    """Return the EXIF of a phone: when and where the picture was taken."""
    exif = Image.Exif()
    exif[Base.Make.value], exif[Base.Model.value] = "Elm", "Harbor 1"
    details = exif.get_ifd(IFD.Exif)
    details[Base.DateTimeOriginal.value] = at.strftime("%Y:%m:%d %H:%M:%S")
    details[Base.OffsetTimeOriginal.value] = "+00:00"
    place = exif.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef.value], place[GPS.GPSLatitude.value] = "N", _degrees(latitude)
    place[GPS.GPSLongitudeRef.value] = "E" if longitude >= 0 else "W"
    place[GPS.GPSLongitude.value] = _degrees(abs(longitude))
    return exif


def _degrees(value: float) -> tuple[float, float, float]:
    minutes = (value - int(value)) * 60
    return float(int(value)), float(int(minutes)), round((minutes - int(minutes)) * 60, 2)


# --- Problems -------------------------------------------------------------------------------------


def _pothole(canvas: Canvas) -> None:
    canvas.asphalt()
    x, y = 480 * canvas.vary(0.15), 420 * canvas.vary(0.1)
    for reach, colour in ((250, "#4c4d50"), (215, "#3a352f"), (165, "#2a2622")):
        canvas.blot(x, y, reach, colour, flatness=0.6)
    canvas.blot(x + 20, y + 25, 90, "#5f7482", flatness=0.45)  # water
    for _ in range(22):
        stone_x, stone_y = canvas.rng.gauss(x, 190), canvas.rng.gauss(y, 110)
        canvas.blot(stone_x, stone_y, canvas.rng.uniform(5, 14), "#83807a")
    _crack(canvas, x + 200, y - 40)
    _crack(canvas, x - 210, y + 30)


def _crack(canvas: Canvas, x: float, y: float) -> None:
    points = [(x, y)]
    for _ in range(6):
        x, y = x + canvas.rng.uniform(20, 60), y + canvas.rng.uniform(-30, 30)
        points.append((x, y))
    canvas.line(points, "#333436", 5)


def _lamp(canvas: Canvas) -> None:
    canvas.street(sky="#131722", is_lit=False)
    for x in (90, 880):
        _lamp_post(canvas, x, 250, is_on=True)
    _lamp_post(canvas, 330 * canvas.vary(0.2), 60, is_on=False)


def _lamp_post(canvas: Canvas, x: float, top: float, *, is_on: bool) -> None:
    if is_on:
        canvas.disc(x + 40, top + 30, 90, "#ffe9a030")
        canvas.disc(x + 40, top + 30, 45, "#ffe9a060")
    canvas.line([(x, HEIGHT - 60 - top / 2), (x, top), (x + 40, top + 10)], "#5a6069", 10)
    canvas.disc(x + 40, top + 24, 18, "#fff3c4" if is_on else "#3a3f47")


def _litter(canvas: Canvas) -> None:
    canvas.street()
    canvas.box(400, 330, 540, 560, "#3f5a4a")
    canvas.box(390, 315, 550, 345, "#2e4437")
    for _ in range(26):
        x, y = canvas.rng.gauss(470, 150), canvas.rng.uniform(520, 680)
        colour = canvas.rng.choice(("#e8e4da", "#d64545", "#3d6fb6", "#e2b93b", "#f4f1ea"))
        canvas.blot(x, y, canvas.rng.uniform(9, 26), colour, flatness=0.6)
    for x in (420, 470, 515):
        canvas.blot(x, 300, 34, canvas.rng.choice(("#e8e4da", "#cfd8dc")), flatness=0.9)
    for x in (330, 620):
        _bag(canvas, x * canvas.vary(0.05), 600)


def _bag(canvas: Canvas, x: float, y: float) -> None:
    canvas.blot(x, y, 80, "#22252b", flatness=0.85)
    canvas.shape(
        [(x - 14, y - 60), (x + 14, y - 60), (x + 24, y - 96), (x - 24, y - 96)], "#22252b"
    )
    canvas.line([(x - 30, y - 20), (x - 5, y + 10)], "#4b505a", 5)


def _graffiti(canvas: Canvas) -> None:
    canvas.wall()
    for left in (80, 380, 650):
        colour = canvas.rng.choice(("#1f6fd1", "#d62f6a", "#111111", "#2fb36b", "#f2c230"))
        _tag(canvas, left * canvas.vary(0.1), 330 * canvas.vary(0.25), colour)


def _tag(canvas: Canvas, x: float, y: float, colour: str) -> None:
    """Draw a line of graffiti."""
    points = []
    for number in range(9):
        height = canvas.rng.uniform(60, 120) * (-1) ** number
        points.append((x + number * 26, y + height))
    canvas.line([(px + 5, py + 6) for px, py in points], "#00000055", 22)
    canvas.line(points, colour, 20)
    canvas.line([(x - 20, y + 130), (x + 230, y + 110 * canvas.vary(0.1))], colour, 12)
    canvas.line([(x + 40, y + 120), (x + 40, y + 120 + canvas.rng.uniform(20, 70))], colour, 6)


def _fallen_tree(canvas: Canvas) -> None:
    canvas.street()
    canvas.shape([(60, 560), (80, 520), (700, 440), (700, 480)], "#5b4130")
    canvas.blot(70, 545, 70, "#3f2d20", flatness=1.1)  # the roots
    for _ in range(9):
        root = (70 + canvas.rng.uniform(-90, 40), 545 + canvas.rng.uniform(-100, 90))
        canvas.line([(70, 545), root], "#4a3526", 9)
    for _ in range(34):
        x, y = canvas.rng.gauss(740, 80), canvas.rng.gauss(440, 60)
        colour = canvas.rng.choice(("#3f6b35", "#4b7a3d", "#35602f", "#5d8a48"))
        canvas.blot(x, y, canvas.rng.uniform(25, 55), colour)


def _burst_pipe(canvas: Canvas) -> None:
    canvas.street()
    x = 480 * canvas.vary(0.15)
    canvas.disc(x, 600, 400, "#7fa6bfb0", height=90)
    canvas.blot(x, 590, 90, "#2e2b28", flatness=0.4)
    for _ in range(60):
        reach = canvas.rng.uniform(-170, 170)
        top = 600 - canvas.rng.uniform(200, 430) * (1 - abs(reach) / 260)
        path = [(x, 590), (x + reach * 0.45, top), (x + reach, 610)]
        canvas.line(path, canvas.rng.choice(("#dff0fa90", "#b9dbee90", "#ffffffa0")), 5)
    for _ in range(90):
        drop_x, drop_y = canvas.rng.gauss(x, 120), canvas.rng.uniform(170, 600)
        canvas.disc(drop_x, drop_y, canvas.rng.uniform(2, 6), "#e8f5fc")


def _dumping(canvas: Canvas) -> None:
    canvas.street()
    canvas.box(180, 470, 560, 580, "#8a4f4a")  # a sofa
    canvas.box(160, 400, 580, 490, "#7c4541")
    canvas.box(140, 450, 200, 600, "#6f3d3a")
    canvas.box(540, 450, 600, 600, "#6f3d3a")
    canvas.line([(370, 400), (370, 580)], "#5f3330", 5)
    for x, y in ((690, 610), (770, 630), (730, 560)):
        canvas.disc(x, y, 62, "#1e1f22")
        canvas.disc(x, y, 30 * canvas.vary(0.1), "#6d6e70")


def _slabs(canvas: Canvas) -> None:
    canvas.box(0, 0, WIDTH, HEIGHT, "#a29e95")
    for top in range(0, HEIGHT, 180):
        for left in range(0, WIDTH, 240):
            lift = canvas.rng.choice((0, 0, 14, 36))
            corners = [(left, top + lift), (left + 232, top), (left + 232, top + 172)]
            canvas.shape([*((x + 10, y + lift) for x, y in corners), (left, top + 190)], "#4d4a45")
            shade = canvas.rng.choice(("#b5b1a8", "#aca89e", "#bdb9b0"))
            canvas.shape([*corners, (left, top + 172)], shade)
    start: tuple[float, float] = (0.0, 380 * canvas.vary(0.2))
    path = [start, *((x, 360 * canvas.vary(0.2)) for x in range(120, 900, 120))]
    canvas.line(path, "#5b4130", 24)  # the root


def _bent_sign(canvas: Canvas) -> None:
    canvas.park()
    canvas.line([(300, 620), (430, 540), (690, 500)], "#8b9096", 16)
    x, y, radius = 730.0, 480.0, 95.0
    corners = [(1, 0.42), (0.42, 1), (-0.42, 1), (-1, 0.42)]
    outline = [*corners, *((-dx, -dy) for dx, dy in corners)]
    canvas.shape([(x + dx * radius, y + dy * radius) for dx, dy in outline], "#f4f4f4")
    canvas.shape([(x + dx * 86, y + dy * 86) for dx, dy in outline], "#c22626")
    canvas.box(x - 60, y - 12, x + 60, y + 12, "#f4f4f4")
    canvas.blot(300, 630, 40, "#4e3a2a", flatness=0.5)


def _signal(canvas: Canvas) -> None:
    canvas.street()
    x = 420 * canvas.vary(0.2)
    canvas.box(x + 55, 440, x + 75, HEIGHT, "#3c4045")
    canvas.box(x, 90, x + 130, 450, "#23262a")
    for y, colour in ((150, "#ff3b30"), (270, "#4a4322"), (390, "#1f3d27")):
        canvas.disc(x + 65, y, 48, colour)
    canvas.disc(x + 65, 150, 90, "#ff3b3040")


def _swing(canvas: Canvas) -> None:
    canvas.park()
    for x in (230, 730):
        canvas.line([(x - 60, 600), (x, 150), (x + 60, 600)], "#b5483a", 18)
    canvas.line([(220, 150), (740, 150)], "#b5483a", 18)
    canvas.line([(560, 155), (560, 480)], "#6c7076", 6)
    canvas.line([(640, 155), (640, 480)], "#6c7076", 6)
    canvas.box(545, 478, 655, 496, "#2f3b52")
    broken = 250 * canvas.vary(0.2)
    canvas.line([(330, 155), (330, 150 + broken)], "#6c7076", 6)
    canvas.line([(410, 155), (410, 500), (395, 560)], "#6c7076", 6)
    canvas.shape([(330, 600), (425, 540), (435, 556), (340, 616)], "#2f3b52")


def _snow(canvas: Canvas) -> None:
    canvas.street(sky="#d5dbe2")
    for left in range(0, WIDTH + 80, 40):
        x = left * canvas.vary(0.02)
        canvas.blot(x, 560, canvas.rng.uniform(60, 110), "#f3f6fa", flatness=0.8)
    canvas.box(0, 590, WIDTH, HEIGHT, "#e6ebf1")
    for _ in range(300):
        x, y = canvas.rng.uniform(0, WIDTH), canvas.rng.uniform(0, HEIGHT)
        canvas.disc(x, y, canvas.rng.uniform(1, 4), "#ffffffd0")


def _flooded_drain(canvas: Canvas) -> None:
    canvas.asphalt()
    canvas.box(0, 0, WIDTH, 150, "#a19d95")
    canvas.blot(480, 440, 400, "#6d8796", flatness=0.55)
    canvas.box(340, 300, 620, 470, "#2c2f33")
    for left in range(356, 610, 30):
        canvas.box(left, 312, left + 14, 458, "#11161a")
    for _ in range(70):
        x, y = canvas.rng.gauss(480, 130), canvas.rng.gauss(390, 70)
        colour = canvas.rng.choice(("#8a5a2b", "#a86f2f", "#6e4a26", "#c08a3e"))
        canvas.blot(x, y, canvas.rng.uniform(10, 24), colour, flatness=0.5)


def _parked_car(canvas: Canvas) -> None:
    canvas.street()
    body = canvas.rng.choice(("#7d838a", "#8a8f94", "#6d737a"))
    canvas.shape([(300, 470), (370, 370), (620, 370), (710, 470)], body)
    canvas.shape([(325, 465), (380, 385), (485, 385), (485, 465)], "#39434c")
    canvas.shape([(500, 465), (500, 385), (612, 385), (680, 465)], "#39434c")
    canvas.box(200, 460, 800, 570, body)
    for wheel in (310, 690):
        canvas.disc(wheel, 585, 62, "#1b1c1f", height=44)  # flat
        canvas.disc(wheel, 580, 26, "#5e6166")
    for _ in range(12):
        x, y = canvas.rng.uniform(220, 780), canvas.rng.uniform(400, 560)
        canvas.blot(x, y, canvas.rng.uniform(8, 22), "#8a5a3a90")


# --- Repairs --------------------------------------------------------------------------------------


def _mended_road(canvas: Canvas) -> None:
    canvas.asphalt()
    canvas.shape([(230, 250), (750, 230), (770, 600), (210, 610)], "#333538")
    canvas.line([(230, 250), (750, 230), (770, 600), (210, 610), (230, 250)], "#1e1f21", 10)


def _clean_wall(canvas: Canvas) -> None:
    canvas.wall()
    canvas.box(60, 120, 900, 520, "#c9a18f30")


SCENES: dict[str, Callable[[Canvas], None]] = {
    "pothole": _pothole,
    "lamp": _lamp,
    "litter": _litter,
    "graffiti": _graffiti,
    "fallen_tree": _fallen_tree,
    "burst_pipe": _burst_pipe,
    "dumping": _dumping,
    "slabs": _slabs,
    "bent_sign": _bent_sign,
    "signal": _signal,
    "swing": _swing,
    "snow": _snow,
    "flooded_drain": _flooded_drain,
    "parked_car": _parked_car,
    "mended_road": _mended_road,
    "clean_wall": _clean_wall,
}
