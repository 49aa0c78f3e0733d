"""Random motion of images, with its flow, for losses that need no video."""

import math

import keras
from keras import ops

from keras_comic.layers.random_numbers import SavedSeed
from keras_comic.layers.warp import warp_images


@keras.saving.register_keras_serializable(package="keras_comic")
class RandomMotion(SavedSeed, keras.layers.Layer):
    """Moves each image of a batch by a random smooth flow, and adds noise.

    A second frame made from a photo: `moved = warp_images(images, flow)` and
    noise on it. The flow is the sum of a shift of the whole picture, even in
    `[-max_shift, max_shift]` pixels; an affine map about the centre (turn,
    scale, shear), which moves the corners by at most `max_affine`; and a
    smooth deformation, a cubic B-spline over a grid of random control points,
    even in `[-max_deformation, max_deformation]`. With `max_affine=0` and
    `max_deformation=0` it is a shift; with all three 0, noise alone.

    It runs in the training step, on every backend.

    Args:
        max_shift: Float >= 0, pixels. Defaults to `10.0`.
        max_affine: Float >= 0, pixels. Defaults to `4.0`.
        max_deformation: Float >= 0, pixels. Defaults to `4.0`.
        cell_size: Integer > 0. From a control point to the next, pixels.
            Defaults to `64`.
        max_noise: Float >= 0, in the unit of the images. The noise is normal;
            its deviation is even in `[0, max_noise]`, one for each image.
            Defaults to `0.02`.
        max_light: Float >= 0, in the unit of the images. What is added to all
            pixels of an image, even in `[-max_light, max_light]`. Defaults to
            `0.0`.
        seed: Integer or `None`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`; `dtype` has no
            effect, it is float32.

    Call arguments:
        images: Float `(batch, height, width, channels)`, any range.

    Returns:
        Moved images, float32, of the shape of `images`; flow, float32 `(batch,
        height, width, 2)`, pixels, `x` (to the right), then `y` (down); and
        validity, float32 `(batch, height, width, 1)`, 1 where the flow points
        into the image, else 0. No gradient goes to the flow.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> motion = keras_comic.layers.RandomMotion(seed=1)
    >>> images = np.random.uniform(-1, 1, (2, 32, 48, 3)).astype("float32")
    >>> moved, flow, valid = motion(images)
    >>> tuple(moved.shape), tuple(flow.shape), tuple(valid.shape)
    ((2, 32, 48, 3), (2, 32, 48, 2), (2, 32, 48, 1))

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018)
          (ReReVST). Differs from its code in: an affine part is added; the
          deformation is a bounded B-spline, not normal noise that is resized
          and blurred.
    """

    def __init__(
        self,
        max_shift=10.0,
        max_affine=4.0,
        max_deformation=4.0,
        cell_size=64,
        max_noise=0.02,
        max_light=0.0,
        seed=None,
        **kwargs,
    ):
        limits = {
            "max_shift": max_shift,
            "max_affine": max_affine,
            "max_deformation": max_deformation,
            "max_noise": max_noise,
            "max_light": max_light,
        }
        for name, value in limits.items():
            if not value >= 0.0:
                raise ValueError(
                    f"`{name}` must be at least 0. Received: {name}={value}"
                )
        if not isinstance(cell_size, int) or cell_size < 1:
            raise ValueError(
                "`cell_size` must be a positive integer. "
                f"Received: cell_size={cell_size!r}"
            )
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.max_shift = max_shift
        self.max_affine = max_affine
        self.max_deformation = max_deformation
        self.cell_size = cell_size
        self.max_noise = max_noise
        self.max_light = max_light
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, images):
        images = ops.cast(images, "float32")
        flow = ops.stop_gradient(self.flow(images))
        height, width = ops.shape(images)[1:3]
        columns = ops.cast(ops.arange(width), "float32") + flow[..., 0]
        rows = ops.cast(ops.arange(height), "float32")[:, None] + flow[..., 1]
        valid = _inside(columns, width) * _inside(rows, height)
        moved = warp_images(images, flow)
        if self.max_noise:
            noise = keras.random.normal(
                ops.shape(images), seed=self.seed_generator
            )
            deviation = self._uniform((ops.shape(images)[0], 1, 1, 1))
            moved = moved + noise * ops.abs(deviation) * self.max_noise
        if self.max_light:
            light = self._uniform((ops.shape(images)[0], 1, 1, 1))
            moved = moved + light * self.max_light
        return moved, flow, valid[..., None]

    def flow(self, images):
        """Returns a flow for each image of a batch.

        Args:
            images: Float `(batch, height, width, channels)`; only its shape
                is looked at. Height and width must be known.

        Returns:
            Float32 `(batch, height, width, 2)`, pixels, `x`, then `y`.
        """
        batch, height, width = ops.shape(images)[:3]
        affine = self._uniform((batch, 6))
        flow = affine[:, None, None, :2] * self.max_shift
        matrix = affine[:, 2:] * (self.max_affine / 2.0)
        across = _centered(width)[None, None, :, None]
        down = _centered(height)[None, :, None, None]
        flow = flow + across * matrix[:, None, None, :2]
        flow = flow + down * matrix[:, None, None, 2:]
        if self.max_deformation:
            rows = _spline_weights(height, self.cell_size)
            columns = _spline_weights(width, self.cell_size)
            grid = self._uniform((batch, rows.shape[1], columns.shape[1], 2))
            # Sums, which no accelerator rounds: the grid has few points.
            bent = sum(
                rows[None, :, point, None, None] * grid[:, None, point]
                for point in range(rows.shape[1])
            )
            bent = sum(
                columns[None, None, :, point, None] * bent[:, :, point, None]
                for point in range(columns.shape[1])
            )
            flow = flow + bent * self.max_deformation
        return flow

    def _uniform(self, shape):
        return keras.random.uniform(
            shape, -1.0, 1.0, dtype="float32", seed=self.seed_generator
        )

    def compute_output_spec(self, images):
        sides = tuple(images.shape[:3])
        return (
            keras.KerasTensor(images.shape, dtype="float32"),
            keras.KerasTensor((*sides, 2), dtype="float32"),
            keras.KerasTensor((*sides, 1), dtype="float32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "max_shift": self.max_shift,
            "max_affine": self.max_affine,
            "max_deformation": self.max_deformation,
            "cell_size": self.cell_size,
            "max_noise": self.max_noise,
            "max_light": self.max_light,
            "seed": self.seed,
        }


def _inside(places, side):
    inside = ops.logical_and(places >= 0.0, places <= side - 1.0)
    return ops.cast(inside, "float32")


def _centered(side):
    """Returns the places of the pixels of a side, from -1 to 1."""
    places = 2.0 * ops.cast(ops.arange(side), "float32") - (side - 1.0)
    return places / max(side - 1, 1)


def _spline_weights(side, cell_size):
    """Returns the weights of the control points for each pixel."""
    num_points = math.ceil((side - 1) / cell_size) + 3
    places = ops.cast(ops.arange(side), "float32") / cell_size
    points = ops.cast(ops.arange(num_points), "float32")
    distances = ops.abs(places[:, None] + 1.0 - points)
    near = 2.0 / 3.0 - distances**2 * (1.0 - distances / 2.0)
    far = ops.maximum(2.0 - distances, 0.0) ** 3 / 6.0
    return ops.where(distances < 1.0, near, far)
