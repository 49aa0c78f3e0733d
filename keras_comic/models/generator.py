"""What every generator of the zoo offers: stylize, named styles, presets."""

import keras
import numpy as np
from keras import ops

from keras_comic import presets
from keras_comic.models.pictures import as_mask
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import check_strength
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.models.pictures import keep_photo_color
from keras_comic.provenance.metadata import Provenance

# Below this strength the output is blended with the photo's pixels, so that
# a strength of 0 is the photo.
BLEND_BELOW = 0.1


class Generator(keras.Model):
    """Base of the generators: photos to comics, uint8 in and out.

    A family gives `call({"photos": ..., "style": ...})`, `encode_style(images)`
    and `style_dim`; it inherits the rest.

    Args:
        styles: Dict of name to `{"vector": [...], "count": ..., "source": ...,
            "licence": ...}`, as `styles.json` of a preset holds them. Defaults
            to `None`, no named style.
        **kwargs: Keyword arguments of `keras.Model`.
    """

    # Which preset it is from, if any; `from_preset` says so.
    preset_name = None
    preset_version = None

    def __init__(self, styles=None, **kwargs):
        super().__init__(**kwargs)
        # A plain dict would be wrapped, and tracked, by Keras.
        self._styles = _Styles(styles or {})

    @property
    def styles(self):
        """Named styles: dict of name to vector, count, source and licence."""
        return dict(self._styles.entries)

    @property
    def style_names(self):
        """Names that `stylize` takes as `style`, the default one first."""
        return list(self._styles.entries)

    @property
    def provenance(self):
        """What files say of its comics, a `provenance.Provenance`."""
        return Provenance(self.preset_name, self.preset_version)

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
            pictures = list(as_pictures(images, "images")[0])
            pictures = [p[None] for p in pictures]
        if not pictures:
            raise ValueError(
                "`images` must hold at least one picture. Received: images=[]"
            )
        vectors = np.concatenate(
            [
                ops.convert_to_numpy(self.encode_style(_to_float(p)))
                for p in pictures
            ]
        )
        vector = vectors.mean(axis=0)
        self._styles.entries[name] = {
            "vector": [float(np.float32(v)) for v in vector],
            "count": len(vectors),
            "source": source,
            "licence": licence,
        }
        return vector

    def style_vector(self, style=None):
        """The style vector of anything that `stylize` takes as `style`.

        Args:
            style: As in `stylize`. Defaults to `None`.

        Returns:
            Float32 `(1, style_dim)`, or `(batch, style_dim)` for a batch of
            style images.

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
            return ops.convert_to_tensor([vector], dtype="float32")
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
            pictures, _ = as_pictures(style, "style")
            return self.encode_style(_to_float(pictures))
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
            vector * (float(weight) / total)
            for vector, weight in zip(vectors, weights, strict=True)
        )

    def interpolate_style(self, photos, style, strength):
        """Style vectors between the photos' own and a given one.

        Args:
            photos: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`.
            style: Float32 `(batch, style_dim)` or `(1, style_dim)`.
            strength: Float in `[0, 1]`: 0 gives the photos' own vectors.

        Returns:
            Float32 `(batch, style_dim)`.
        """
        own = ops.cast(self.encode_style(photos), "float32")
        return own + strength * (style - own)

    def stylize(
        self, images, style=None, strength=1.0, mask=None, keep_color=False
    ):
        """Turns photos into comics.

        Args:
            images: uint8 `(batch, height, width, 3)` or `(height, width, 3)`,
                RGB in `[0, 255]`; sides of at least 32 pixels.
            style: A name among `style_names`; a uint8 picture
                `(height, width, 3)` of any size, or one for each image
                `(batch, height, width, 3)`; or a weighted mix, a dict of name
                to weight or a list of `(style, weight)`, whose weights are
                divided by their sum. Defaults to `None`, the first named
                style.
            strength: Float in `[0, 1]`. Interpolates between the photo's own
                style vector and the style's; below 0.1 the pixels are blended
                with the photo as well, so that 0 is the photo. Defaults to
                `1.0`.
            mask: `None`, or `(height, width)` or `(batch, height, width)`,
                boolean or float in `[0, 1]`: where to stylise. Defaults to
                `None`, everywhere.
            keep_color: Boolean. Keeps the photo's colours (a and b of CIELAB)
                and takes the comic's lightness. Defaults to `False`.

        Returns:
            uint8 NumPy array of the shape of `images`, RGB in `[0, 255]`.

        Raises:
            ValueError: If a shape, a type or a range is wrong, or the name of
                a style is unknown; it says what came in.
        """
        photos, single = as_pictures(images, "images")
        check_strength(strength)
        vector = self.style_vector(style)
        if vector.shape[0] not in (1, len(photos)):
            raise ValueError(
                "`style` must be one image, or one for each of the "
                f"{len(photos)} photos. "
                f"Received: {vector.shape[0]} style images"
            )
        amount = None if mask is None else as_mask(mask, photos.shape)
        inputs = _to_float(photos)
        if strength < 1.0:
            vector = self.interpolate_style(inputs, vector, strength)
        vector = ops.broadcast_to(vector, (len(photos), vector.shape[-1]))
        outputs = self({"photos": inputs, "style": vector}, training=False)
        comics = (ops.convert_to_numpy(outputs) + 1.0) * 127.5
        comics = np.clip(comics, 0.0, 255.0)
        if strength < BLEND_BELOW:
            share = strength / BLEND_BELOW
            comics = share * comics + (1.0 - share) * photos
        if keep_color:
            comics = keep_photo_color(comics, photos)
        if amount is not None:
            comics = amount * comics + (1.0 - amount) * photos
        comics = np.clip(np.rint(comics), 0, 255).astype("uint8")
        return comics[0] if single else comics

    def get_config(self):
        return {**super().get_config(), "styles": self.styles}

    @classmethod
    def from_preset(cls, preset):
        """Loads a generator of this class from a preset.

        Args:
            preset: A built-in name (`keras_comic.list_presets()`), a folder,
                or a handle `hf://user/repository` or
                `kaggle://user/model/framework/variation`.

        Returns:
            A generator, built, with its weights and named styles.

        Raises:
            ValueError: If the name is unknown, the preset holds another
                class, or a checksum does not agree.
            FileNotFoundError: If a file of the preset is missing.
        """
        generator = presets.from_preset(preset)
        if not isinstance(generator, cls):
            raise ValueError(
                f"The preset must hold a `{cls.__name__}`. Received: "
                f"preset={preset!r}, a `{type(generator).__name__}`"
            )
        return generator

    def save_to_preset(self, folder, metadata=None):
        """Writes the generator as a preset folder.

        Args:
            folder: Path of the folder; made if it does not exist.
            metadata: Dict or `None`. Entries for `metadata.json`, such as
                `licence`, `training_data`, `recipe` and `results`. Defaults
                to `None`.
        """
        presets.save_to_preset(self, folder, metadata)


class _Styles:
    """Holds the named styles out of Keras's tracking."""

    def __init__(self, entries):
        self.entries = {name: dict(entry) for name, entry in entries.items()}


def _to_float(pictures):
    return ops.convert_to_tensor(
        pictures.astype("float32") / 127.5 - 1.0, dtype="float32"
    )
