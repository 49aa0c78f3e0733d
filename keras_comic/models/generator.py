"""A generator: a photo becomes a comic."""

from keras import ops

from keras_comic.models.drawing import run_network
from keras_comic.models.pictures import as_mask
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_strength
from keras_comic.models.pictures import describe
from keras_comic.models.tiles import draw_photos
from keras_comic.models.zoo_model import ZooModel
from keras_comic.models.zoo_model import example_pattern


class Generator(ZooModel):
    """Base of the generators that turn a photo into a comic.

    A family gives `call({"photos": photos}, training=False)`: float32
    `(batch, height, width, 3)` in `[-1, 1]`, of sides divisible by `stride`,
    to comics of the same shape and range. It inherits the rest. A family that
    draws in styles derives from `StyleGenerator`; one whose `call` takes other
    arrays beside the photos overrides `conditions`, `photo_conditions` and
    `weaken`.

    Args:
        **kwargs: Keyword arguments of `keras.Model`.

    Attributes:
        stride: Integer > 0. Photos are padded by reflection to sides that it
            divides, and the comics cropped back.
        takes_style: Boolean. `False` here: a style is an error.
        largest_whole: Integer > 0. `stylize` draws photos of more pixels in
            tiles, one after the other, with the statistics of the whole: the
            same comic, in memory that hardly grows, and slower where the
            network normalises over the positions. Defaults to `2**22`.
    """

    kind = "generator"
    stride = 1
    takes_style = False
    largest_whole = 2**22

    def conditions(self, style=None):
        """Returns the arrays beside `photos` that `call` takes.

        Args:
            style: What `stylize` is given. Defaults to `None`.

        Returns:
            Dict of name to float32 tensor with one row, or a row for each
            photo; empty here.

        Raises:
            ValueError: If there is a style, and the family takes none.
        """
        if style is not None:
            raise ValueError(
                f"`{type(self).__name__}` draws in one way: it takes no "
                f"`style`. Received: style={describe(style)}"
            )
        return {}

    def photo_conditions(self, photos):
        """Returns the conditions that a photo itself would have.

        Args:
            photos: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`.

        Returns:
            Dict of some names of `conditions` to float32 tensors with a row
            for each photo; empty here.
        """
        return {}

    def weaken(self, conditions, photo_conditions, strength):
        """Returns what a strength below 1 means to this family.

        Here the comic is blended with the photo.

        Args:
            conditions: Dict from `conditions`.
            photo_conditions: Dict from `photo_conditions`.
            strength: Float32 tensor `(batch,)` in `[0, 1]`.

        Returns:
            The conditions to draw with, and the share of the comic in the
            blend with the photo, float32 `(batch,)` in `[0, 1]`.
        """
        return conditions, strength

    def example_inputs(self):
        inputs = {"photos": example_pattern()}
        for name, value in self.conditions().items():
            inputs[name] = ops.convert_to_numpy(value)
        return inputs

    def example_output(self):
        inputs = self.example_inputs()
        photos = ops.convert_to_tensor(inputs.pop("photos"))
        return run_network(self, photos, inputs)

    def stylize(
        self, images, style=None, strength=1.0, mask=None, keep_color=False
    ):
        """Turns photos into comics.

        Args:
            images: uint8 `(batch, height, width, 3)` or `(height, width, 3)`,
                RGB in `[0, 255]`; sides of at least 32 pixels.
            style: `None`, or what a `StyleGenerator` takes: a name among
                `style_names`; a uint8 picture `(height, width, 3)` of any
                size, or one for each image `(batch, height, width, 3)`; or a
                weighted mix, a dict of name to weight or a list of
                `(style, weight)`, whose weights are divided by their sum.
                Defaults to `None`, the first named style.
            strength: Float in `[0, 1]`: 0 is the photo, 1 the whole comic; in
                between the family's `weaken`. Defaults to `1.0`.
            mask: `None`, or `(height, width)` or `(batch, height, width)`,
                boolean or float in `[0, 1]`: where to stylise. Defaults to
                `None`, everywhere.
            keep_color: Boolean. Keeps the photo's colours (a and b of CIELAB)
                and takes the comic's lightness. Defaults to `False`.

        Returns:
            uint8 NumPy array of the shape of `images`, RGB in `[0, 255]`.

        Raises:
            ValueError: If a shape, a type or a range is wrong, or the style
                is unknown or not taken; it says what came in.
        """
        photos, single = as_pictures(images, "images")
        check_strength(strength)
        if mask is not None:
            mask = as_mask(mask, photos.shape)
        conditions = self.conditions(style)
        for value in conditions.values():
            if value.shape[0] not in (1, len(photos)):
                raise ValueError(
                    "`style` must be one image, or one for each of the "
                    f"{len(photos)} photos. "
                    f"Received: {value.shape[0]} style images"
                )
        if not len(photos):
            return photos.copy()
        comics = draw_photos(
            self, photos, conditions, float(strength), mask, bool(keep_color)
        )
        return comics[0] if single else comics

    def compute_output_shape(self, input_shape):
        return (*input_shape["photos"][:-1], 3)
