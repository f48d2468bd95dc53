"""A canvas for pictures of streets: simple shapes whose colours and places vary by a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 960, 720
#: The height at which the ground begins.
HORIZON = 300

Point = tuple[float, float]


@cache
def _grain() -> Image.Image:
    return Image.effect_noise((WIDTH, HEIGHT), 40).convert("RGB")


class Canvas:
    """A picture of WIDTH × HEIGHT pixels that is drawn shape by shape; the first lie behind."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._image = Image.new("RGB", (WIDTH, HEIGHT))
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def jpeg(self, exif: Image.Exif | None = None) -> bytes:
        """Return the picture as a JPEG, a little soft and grainy like a photo."""
        photo = Image.blend(self._image.filter(ImageFilter.SMOOTH), _grain(), 0.08)
        buffer = BytesIO()
        photo.save(buffer, "JPEG", quality=82, exif=exif or Image.Exif())
        return buffer.getvalue()

    def pixels(self) -> bytes:
        """Return the picture's pixels as they were drawn."""
        return self._image.tobytes()

    # --- Shapes ----------------------------------------------------------------------------------

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        self._draw.rectangle((left, top, right, bottom), fill=colour)

    def disc(
        self, x: float, y: float, radius: float, colour: str, *, height: float | None = None
    ) -> None:
        """Draw a disc, or an ellipse with half this `height`."""
        half = radius if height is None else height
        self._draw.ellipse((x - radius, y - half, x + radius, y + half), fill=colour)

    def line(self, points: Sequence[Point], colour: str, width: int = 6) -> None:
        self._draw.line(list(points), fill=colour, width=width, joint="curve")

    def shape(self, points: Sequence[Point], colour: str) -> None:
        self._draw.polygon(list(points), fill=colour)

    def blot(self, x: float, y: float, radius: float, colour: str, *, flatness: float = 1) -> None:
        """Draw a spot with a ragged edge; `flatness` is its height in parts of its width."""
        corners = 28
        points = []
        for number in range(corners):
            angle, reach = 2 * math.pi * number / corners, radius * self.vary(0.2)
            points.append((x + reach * math.cos(angle), y + reach * flatness * math.sin(angle)))
        self.shape(points, colour)

    def vary(self, share: float) -> float:
        """Return a number near 1, at most `share` away."""
        return self.rng.uniform(1 - share, 1 + share)

    # --- Grounds ---------------------------------------------------------------------------------

    def street(self, *, sky: str = "#b9cfe0", is_lit: bool = True) -> None:
        """Draw a street that runs away from the viewer, between rows of houses."""
        self.box(0, 0, WIDTH, HORIZON, sky)
        self._houses(is_lit=is_lit)
        self.box(0, HORIZON, WIDTH, HEIGHT, "#8d8a83" if is_lit else "#2c2c33")
        road = "#5c5d61" if is_lit else "#1b1c21"
        self.shape([(390, HORIZON), (570, HORIZON), (WIDTH, HEIGHT), (0, HEIGHT)], road)
        for number in range(5):
            top, half = HORIZON + 12 + number**2 * 24, 2 + number * 3
            self.shape(
                [
                    (480 - half, top),
                    (480 + half, top),
                    (483 + half, top + 10 + 14 * number),
                    (477 - half, top + 10 + 14 * number),
                ],
                "#d8d4c4" if is_lit else "#4a4a4e",
            )

    def _houses(self, *, is_lit: bool) -> None:
        colours = ("#a8694f", "#c9b18b", "#8e9aa3", "#b98f6b") if is_lit else ("#1d2029", "#232631")
        left = 0.0
        while left < WIDTH:
            width, top = self.rng.uniform(90, 160), self.rng.uniform(70, 190)
            self.box(left, top, left + width, HORIZON, self.rng.choice(colours))
            for row in range(int(top) + 20, HORIZON - 50, 48):
                for column in range(int(left) + 16, int(left + width) - 24, 38):
                    self.box(column, row, column + 18, row + 28, "#3c4a57" if is_lit else "#3b3826")
            left += width

    def asphalt(self) -> None:
        """Draw the surface of a road, seen from above."""
        self.box(0, 0, WIDTH, HEIGHT, "#67686b")
        for _ in range(500):
            x, y = self.rng.uniform(0, WIDTH), self.rng.uniform(0, HEIGHT)
            self.disc(x, y, self.rng.uniform(1, 3), self.rng.choice(("#58595c", "#77787b")))
        self.box(0, 60 * self.vary(0.3), WIDTH, 60 + 22, "#d9d5c6")

    def wall(self) -> None:
        """Draw a wall of bricks above a sidewalk."""
        self.box(0, 0, WIDTH, HEIGHT, "#7d4b3a")
        for row, top in enumerate(range(0, 560, 40)):
            for left in range(-60 * (row % 2), WIDTH, 120):
                colour = self.rng.choice(("#9a5f49", "#a4674f", "#925843"))
                self.box(left + 3, top + 3, left + 116, top + 36, colour)
        self.box(0, 560, WIDTH, HEIGHT, "#9c9a94")

    def park(self) -> None:
        """Draw grass below a sky, with trees behind it."""
        self.box(0, 0, WIDTH, HORIZON, "#c3d8e6")
        for _ in range(9):
            self.tree(self.rng.uniform(0, WIDTH), HORIZON + 10, self.rng.uniform(0.5, 0.9))
        self.box(0, HORIZON, WIDTH, HEIGHT, "#6f8f4e")
        self.disc(480, 560, 420, "#cdb98a", height=130)

    def tree(self, x: float, foot: float, scale: float = 1) -> None:
        self.box(x - 12 * scale, foot - 160 * scale, x + 12 * scale, foot, "#5b4130")
        for _ in range(7):
            radius = 60 * scale * self.vary(0.3)
            dx, dy = self.rng.uniform(-60, 60) * scale, self.rng.uniform(-90, 20) * scale
            colour = self.rng.choice(("#3f6b35", "#4b7a3d", "#35602f"))
            self.disc(x + dx, foot - 190 * scale + dy, radius, colour)
