"""A generator that draws in styles."""

import numpy as np
from keras import ops

from keras_comic.layers import to_float
from keras_comic.models.generator import Generator
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.models.zoo_model import EXAMPLE_HEIGHT
from keras_comic.models.zoo_model import EXAMPLE_WIDTH
from keras_comic.models.zoo_model import example_pattern

# Below this strength the comic is blended with the photo as well, so that a
# strength of 0 is the photo.
BLEND_BELOW = 0.1


class StyleGenerator(Generator):
    """Base of the generators that draw a photo in a style.

    A style is a vector. A family gives `call({"photos": ..., "style": ...})`,
    `encode_style(images)` and `style_dim`; it inherits the rest.

    Args:
        styles: Dict of name to `{"vector": [...], "count": ..., "source": ...,
            "licence": ...}`, as `styles.json` of a preset holds them. Defaults
            to `None`, no named style.
        **kwargs: Keyword arguments of `keras.Model`.
    """

    kind = "style_generator"
    takes_style = True

    def __init__(self, styles=None, **kwargs):
        super().__init__(**kwargs)
        # Keras would wrap and track a plain dict.
        self._styles = _Styles(styles or {})

    @property
    def style_dim(self):
        """Length of a style vector."""
        raise NotImplementedError(
            f"`{type(self).__name__}` must define `style_dim`."
        )

    def encode_style(self, images):
        """Returns the style vectors of images.

        Args:
            images: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                sides of at least 32 pixels.

        Returns:
            Float `(batch, style_dim)`.
        """
        raise NotImplementedError(
            f"`{type(self).__name__}` must override `encode_style(images)`."
        )

    @property
    def styles(self):
        """Named styles: dict of name to vector, count, source and licence."""
        return dict(self._styles.entries)

    @property
    def style_names(self):
        """Names that `stylize` takes as `style`, the default one first."""
        return list(self._styles.entries)

    def add_style(self, name, images, source=None, licence=None):
        """Stores the average style of some drawings under a name.

        Args:
            name: String, the name `stylize` will know it by.
            images: One uint8 picture `(height, width, 3)`, a batch
                `(batch, height, width, 3)`, or a list of pictures, whose sizes
                may differ; RGB in `[0, 255]`, sides of at least 32 pixels.
            source: String or `None`. Who drew them, where they are from.
                Defaults to `None`.
            licence: String or `None`. Defaults to `None`.

        Returns:
            Float32 NumPy array `(style_dim,)`, the average style vector.

        Raises:
            ValueError: If `name` is empty, there is no picture, or one has
                the wrong rank or type.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(
                "`name` must be a string that is not empty. "
                f"Received: name={name!r}"
            )
        if isinstance(images, (list, tuple)):
            pictures = [as_pictures(i, "images")[0] for i in images]
        else:
            pictures = [p[None] for p in as_pictures(images, "images")[0]]
        if not pictures:
            raise ValueError(
                "`images` must hold at least one picture. Received: images=[]"
            )
        vectors = np.concatenate([self._encode_pictures(p) for p in pictures])
        vector = vectors.mean(axis=0)
        self._styles.entries[name] = {
            "vector": [float(value) for value in vector],
            "count": len(vectors),
            "source": source,
            "licence": licence,
        }
        return vector

    def style_vector(self, style=None):
        """Returns the vector of anything that `stylize` takes as `style`.

        Args:
            style: As in `stylize`. Defaults to `None`.

        Returns:
            Float32 NumPy array `(1, style_dim)`, or `(batch, style_dim)` for
            a batch of style images.

        Raises:
            ValueError: As in `stylize`.
        """
        if style is None:
            if not self.style_names:
                raise ValueError(
                    "This generator stores no named style: `style` must be "
                    "an image, or call `add_style` first. "
                    "Received: style=None"
                )
            style = self.style_names[0]
        if isinstance(style, str):
            if style not in self._styles.entries:
                raise ValueError(
                    f"`style` must be one of {self.style_names}, an image (a "
                    "file is read with `keras_comic.data.read_image`), or a "
                    f"weighted mix. Received: style={style!r}"
                )
            vector = self._styles.entries[style]["vector"]
            return np.array([vector], "float32")
        if isinstance(style, dict):
            return self._mixed_vector(list(style.items()))
        if isinstance(style, (list, tuple)):
            if not all(
                isinstance(s, (list, tuple)) and len(s) == 2 for s in style
            ):
                raise ValueError(
                    "A mix of styles must be a dict of name to weight or a "
                    "list of (style, weight). "
                    f"Received: style={describe(style)}"
                )
            return self._mixed_vector(style)
        if is_picture(style):
            return self._encode_pictures(as_pictures(style, "style")[0])
        raise ValueError(
            "`style` must be a name, an image (an array; a file is read with "
            "`keras_comic.data.read_image`), or a weighted mix. "
            f"Received: style={describe(style)}"
        )

    def _mixed_vector(self, weighted_styles):
        weights = [weight for _, weight in weighted_styles]
        check_mix_weights(weights)
        vectors = [self.style_vector(style) for style, _ in weighted_styles]
        total = float(sum(weights))
        return sum(
            vector * np.float32(weight / total)
            for vector, weight in zip(vectors, weights, strict=True)
        )

    def _encode_pictures(self, pictures):
        """Returns the style vectors of uint8 pictures, as a NumPy array."""
        vectors = self.encode_style(to_float(ops.convert_to_tensor(pictures)))
        return ops.convert_to_numpy(ops.cast(vectors, "float32"))

    def conditions(self, style=None):
        return {"style": self.style_vector(style)}

    def photo_conditions(self, photos):
        return {"style": ops.cast(self.encode_style(photos), "float32")}

    def weaken(self, conditions, photo_conditions, strength):
        """Interpolates between the photo's own style vector and the style's.

        Below a strength of 0.1 the comic is blended with the photo as well.

        Args:
            conditions: Dict of `style`.
            photo_conditions: Dict of `style`, the photo's own.
            strength: Float32 tensor `(batch,)` in `[0, 1]`.

        Returns:
            Dict of `style`, float32 `(batch, style_dim)`; and the share of
            the comic in the blend, float32 `(batch,)`.
        """
        return weaken_style(conditions, photo_conditions, strength)

    def example_inputs(self):
        style = self.style_vector() if self.style_names else None
        if style is None:
            pattern = example_pattern(EXAMPLE_HEIGHT - 8, EXAMPLE_WIDTH + 3, 1)
            style = self.encode_style(ops.convert_to_tensor(pattern))
        return {
            "photos": example_pattern(),
            "style": ops.convert_to_numpy(ops.cast(style, "float32")),
        }

    def get_config(self):
        return {**super().get_config(), "styles": self.styles}


def weaken_style(conditions, photo_conditions, strength):
    """Interpolates style vectors, see `StyleGenerator.weaken`."""
    own = photo_conditions["style"]
    style = own + strength[:, None] * (conditions["style"] - own)
    return {"style": style}, ops.minimum(strength / BLEND_BELOW, 1.0)


class _Styles:
    """Holds the named styles out of Keras's tracking."""

    def __init__(self, entries):
        self.entries = {name: dict(entry) for name, entry in entries.items()}
