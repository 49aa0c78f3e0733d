"""The classical renderer: a photo as a comic, without any network."""

import dataclasses

import numpy as np

from keras_comic.comic.halftone import halftone
from keras_comic.comic.halftone import put_on_paper
from keras_comic.comic.halftone import screentone
from keras_comic.comic.lines import draw_ink
from keras_comic.comic.lines import find_lines
from keras_comic.comic.paint import find_paint
from keras_comic.comic.paint import grade
from keras_comic.comic.palette import limit_palette
from keras_comic.comic.smoothing import check_picture


@dataclasses.dataclass(frozen=True)
class Look:
    """How ink and paint become a comic, in named numbers.

    Args:
        line_weight: Float >= 0. Thickness of the lines, relative to the
            picture; 0 draws none. Defaults to `1.2`.
        ink: Three integers in `[0, 255]`, the RGB colour of lines and blacks.
            Defaults to a warm black.
        paint: Float in `[0, 1]`. How much colour there is; 0 leaves the paper
            white. Defaults to `1.0`.
        tone_steps: Number >= 0. See `grade`. Defaults to `9`.
        tone_steepness: Float > 0. See `grade`. Defaults to `2.0`.
        tone_lift: Float in `[0, 1)`. See `grade`. Defaults to `0.05`.
        tone_gamma: Float > 0. See `grade`. Defaults to `0.8`.
        saturation: Float >= 0. See `grade`. Defaults to `1.15`.
        palette: Tuple of colours, each three integers in `[0, 255]`; or an
            integer, see `limit_palette`. Defaults to `()`, all colours.
        palette_pull: Float in `[0, 1]`. See `limit_palette`. Defaults to
            `1.0`.
        halftone: Float in `[0, 1]`. See `halftone`. Defaults to `0.0`.
        screentone: Float in `[0, 1]`. See `screentone`. Defaults to `0.0`.
        paper: Three integers in `[0, 255]`, the paper's colour. Defaults to
            `(255, 255, 255)`.

    Example:

    >>> keras_comic.comic.Look(line_weight=2.0).line_weight
    2.0
    """

    line_weight: float = 1.2
    ink: tuple = (18, 16, 22)
    paint: float = 1.0
    tone_steps: float = 9
    tone_steepness: float = 2.0
    tone_lift: float = 0.05
    tone_gamma: float = 0.8
    saturation: float = 1.15
    palette: tuple | int = ()
    palette_pull: float = 1.0
    halftone: float = 0.0
    screentone: float = 0.0
    paper: tuple = (255, 255, 255)


# Looks that differ at a glance.
LOOKS = {
    "comic": Look(),
    "bold_ink": Look(line_weight=2.4, tone_steps=5, saturation=1.3),
    "fine_line": Look(line_weight=1.0, paint=0.0),
    "noir": Look(
        line_weight=1.8, saturation=0.0, tone_steps=3, tone_steepness=6.0
    ),
    "two_tone": Look(
        line_weight=1.5,
        palette=((250, 238, 214), (222, 122, 58), (52, 60, 84)),
    ),
    "newsprint": Look(
        line_weight=1.5, halftone=0.8, paper=(246, 236, 214), tone_gamma=0.7
    ),
    "screentone": Look(screentone=1.0, saturation=0.0),
    "picture_book": Look(
        line_weight=0.8,
        ink=(84, 62, 50),
        saturation=0.85,
        tone_lift=0.25,
        tone_gamma=0.8,
        paper=(253, 247, 235),
    ),
}


def render_layers(image):
    """Returns the two layers of a comic, as a studio keeps them.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        The ink layer, float32 `(height, width)` in `[0, 1]`, see
        `find_lines`; and the paint layer, uint8 `(height, width, 3)`, see
        `find_paint`.

    Raises:
        ValueError: If the image is no such array.
    """
    return find_lines(image), find_paint(image)


def compose(ink, paint, look="comic"):
    """Puts the two layers of a comic together.

    Args:
        ink: Float32 array `(height, width)` in `[0, 1]`, of `find_lines`.
        paint: Uint8 array `(height, width, 3)`, of `find_paint`.
        look: A `Look`, or the name of one. Defaults to `"comic"`.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        ValueError: If the shapes do not fit, or there is no such look.
    """
    look = _look_of(look)
    check_picture(paint, "paint")
    if np.shape(ink) != paint.shape[:2]:
        raise ValueError(
            "`ink` and `paint` must have the same height and width. "
            f"Received: {np.shape(ink)} and {paint.shape}"
        )
    comic = grade(
        paint,
        look.tone_steps,
        look.tone_steepness,
        look.tone_lift,
        look.tone_gamma,
        look.saturation,
    )
    if look.palette:
        palette = look.palette
        if not isinstance(palette, int):
            palette = np.array(palette, "uint8")
        comic = limit_palette(comic, palette, look.palette_pull)
    if look.halftone:
        comic = halftone(comic, look.halftone)
    if look.screentone:
        comic = screentone(comic, look.screentone)
    comic = 255.0 + look.paint * (comic.astype("float32") - 255.0)
    drawn = draw_ink(ink, look.line_weight)[..., None]
    comic = comic + drawn * (np.float32(look.ink) - comic)
    comic = comic.clip(0, 255).round().astype("uint8")
    if tuple(look.paper) != (255, 255, 255):
        comic = put_on_paper(comic, look.paper, grain=0.0)
    return comic


def render(image, look="comic"):
    """Draws a photo as a comic, without any network.

    Deterministic, and local: what is far away in the picture changes nothing.
    Lengths are relative to the short side, so that a photo has the same look
    at every size.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        look: A `Look`, or the name of one in `LOOKS`. Defaults to `"comic"`.

    Returns:
        Uint8 array of the same shape, RGB in `[0, 255]`.

    Raises:
        ValueError: If the image is no such array, or there is no such look.

    Example:

    >>> from skimage import data
    >>> keras_comic.comic.render(data.astronaut(), "noir").shape
    (512, 512, 3)
    """
    look = _look_of(look)
    return compose(*render_layers(image), look)


def _look_of(look):
    if isinstance(look, Look):
        return look
    if look not in LOOKS:
        raise ValueError(
            f"`look` must be a `Look`, or one of {sorted(LOOKS)}. "
            f"Received: look={look!r}"
        )
    return LOOKS[look]
