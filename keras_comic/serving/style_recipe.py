"""What a client asks for: a style, its strength, and the photo's colours."""

import dataclasses
import functools
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import check_strength
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.serving.picture_files import write_png

DEFAULT = "serving_default"
STYLE_IMAGE = "serving_style_image"
STYLE_WEIGHTS = "serving_style_weights"


@dataclasses.dataclass(frozen=True, eq=False)
class StyleRecipe:
    """The signature to ask, and what it needs besides the photos."""

    signature: str
    mix: list | None = None
    pictures: np.ndarray | None = None
    strength: float = 1.0
    keep_color: bool = False

    @property
    def is_plain(self):
        """Whether it needs nothing but a style."""
        return self.strength == 1.0 and not self.keep_color

    def settings(self, count):
        """Inputs of every signature with a style."""
        return {
            "strength": np.full(count, self.strength, "float32"),
            "keep_color": np.full(count, self.keep_color),
        }

    def style_images(self, rows):
        """The pictures that are the styles of some of the photos."""
        return self.pictures[self._numbers(rows)]

    def style_files(self, rows):
        """As `style_images`, as PNG files."""
        return [self._files[number] for number in self._numbers(rows)]

    def _numbers(self, rows):
        return [0] * len(rows) if len(self.pictures) == 1 else list(rows)

    @functools.cached_property
    def _files(self):
        return [write_png(picture) for picture in self.pictures]

    def description(self):
        """What tells it from others."""
        pictures = self.pictures
        if pictures is not None:
            pictures = hashlib.sha256(pictures.tobytes()).hexdigest()
        return {
            "signature": self.signature,
            "mix": self.mix and [list(pair) for pair in self.mix],
            "pictures": pictures,
            "strength": self.strength,
            "keep_color": self.keep_color,
        }


def make_recipe(style, strength, keep_color, count):
    """Checks what a client is asked for."""
    check_strength(strength)
    how = {"strength": float(strength), "keep_color": bool(keep_color)}
    if is_picture(style):
        pictures, _ = as_pictures(style, "style")
        if len(pictures) not in (1, count):
            raise ValueError(
                "`style` must be one image, or one for each of the "
                f"{count} photos. Received: {len(pictures)} style images"
            )
        return StyleRecipe(STYLE_IMAGE, pictures=pictures, **how)
    mix = None if style is None else _mix_of(style)
    recipe = StyleRecipe(STYLE_WEIGHTS, mix=mix, **how)
    if mix is None and recipe.is_plain:
        return StyleRecipe(DEFAULT)
    return recipe


def read_style_names(style_names):
    """Reads the names of a model's styles."""
    if style_names is None:
        return None
    found = style_names
    if isinstance(found, (str, os.PathLike)):
        text = Path(found).read_text(encoding="utf-8")
        description = json.loads(text)
        found = None
        if isinstance(description, dict):
            found = description.get("style_names")
    if (
        not isinstance(found, (list, tuple))
        or not found
        or not all(isinstance(name, str) for name in found)
    ):
        raise ValueError(
            "`style_names` must be a list of names, or the path of the "
            "keras_comic.json beside a model. "
            f"Received: style_names={style_names!r}"
        )
    return list(found)


def _mix_of(style):
    """Pairs of name and weight, from a name or a mix of names."""
    if isinstance(style, str):
        style = {style: 1.0}
    mix = list(style.items()) if isinstance(style, dict) else style
    if not isinstance(mix, (list, tuple)) or not all(
        isinstance(entry, (list, tuple)) and len(entry) == 2 for entry in mix
    ):
        raise ValueError(
            "`style` must be a name, an image (an array), or a mix of names: "
            "a dict of name to weight or a list of (name, weight). "
            f"Received: style={describe(style)}"
        )
    if not all(isinstance(name, str) for name, _ in mix):
        raise ValueError(
            "A server mixes named styles, and no images. "
            f"Received: style={describe(style)}"
        )
    check_mix_weights([weight for _, weight in mix])
    return [(name, float(weight)) for name, weight in mix]
