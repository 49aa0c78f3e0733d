"""Augmentation of what a discriminator sees, as much as it needs."""

import math

import keras
from keras import ops

from keras_comic.layers.random_numbers import SavedSeed
from keras_comic.layers.random_numbers import draw_for_replica
from keras_comic.layers.random_transforms import compose
from keras_comic.layers.random_transforms import matrix_of
from keras_comic.layers.random_transforms import transform_colors
from keras_comic.layers.random_transforms import transform_geometry

# Groups of operations, and what each does, in this order.
OPERATIONS = {
    "blit": ("flip", "quarter_turn", "shift_by_pixels"),
    "geometric": ("scale", "stretch", "rotate", "shift"),
    "color": ("brightness", "contrast", "luma_flip", "hue", "saturation"),
}
_NAMES = [name for group in OPERATIONS.values() for name in group]
# The rotation has two chances, before and after the stretching.
_SLOTS = [*_NAMES, "second_rotate"]


@keras.saving.register_keras_serializable(package="keras_comic")
class AdaptiveAugmentation(SavedSeed, keras.layers.Layer):
    """Adaptive discriminator augmentation: trains GANs on few images.

    What a discriminator is shown, real and fake, is moved, turned, stretched
    and recoloured at random, so that it cannot learn a small set of images by
    heart; the gradient goes through to the generator. Each operation happens
    to each image with the probability `p`, the variable `probability`. As long
    as `p` stays well below 1, none of this shows up in the generated images.

    `p` follows the rule of the paper: every `interval` steps it goes up if
    `r_t = E[sign(D(real))]` is above `target`, else down, by the images seen /
    (1000 `ada_kimg`). The rule reads the sign of the logits: give the real
    images positive ones and the fakes negative ones (hinge, cross-entropy,
    Wasserstein), or give `boundary` the logit halfway (0.5 for least squares
    with the targets 0 and 1).

    A `GAN` with a judge that has it does the rest; by hand, call the layer on
    reals and fakes in both phases, `observe` the logits of the reals in the
    discriminator's phase, and `adapt` after each step.

    Operations, by group. `"blit"`, which moves whole pixels: `flip`,
    `quarter_turn`, `shift_by_pixels` (up to 1/8 of each side). `"geometric"`:
    `scale` (a factor 2^N(0, 0.2)), `stretch` (2^N(0, 0.2) in one direction, its
    inverse in the other), `rotate` (any angle), `shift` (N(0, 1/8) of each
    side). `"color"`: `brightness` (N(0, 0.2) added), `contrast` (times
    2^N(0, 0.5)), `luma_flip`, `hue` (any angle), `saturation` (2^N(0, 1)).

    Args:
        operations: List of names of operations and groups. Defaults to
            `("blit", "geometric", "color")`, the paper's choice.
        target: Float in `(-1, 1)`. The value of `r_t` to hold. Defaults to
            `0.6`.
        interval: Integer > 0. Steps from one change of `p` to the next.
            Defaults to `4`.
        ada_kimg: Float > 0. Thousands of real images in which `p` can go from
            0 to 1. Set it for the length of the run: a tenth of all images
            or less. Defaults to `500.0`.
        boundary: Float. The logit between real and fake. Defaults to `0.0`.
        initial_probability: Float in `[0, 1]`. Where `p` starts. Defaults to
            `0.0`.
        seed: Integer or `None`. Two layers of the same seed draw the same, on
            one backend and one compiler. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`; `dtype` has no
            effect, it is float32.

    Call arguments:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, any
            sides. Turned images that are not square are cut at two sides and
            mirrored at the others.
        replica: Integer scalar. Which of the devices that share a batch this
            is, so that each draws its own numbers; `GAN` tells it. Defaults
            to `0`.
        num_replicas: Integer. How many there are. Defaults to `1`.

    Returns:
        Float32, of the shape of `images`. The colour operations may leave
        `[-1, 1]`, as in the paper. The images themselves, bit for bit, where
        no operation happens.

    Raises:
        ValueError: If an argument is out of its range or an operation is
            unknown.

    Example:

    >>> layer = keras_comic.layers.AdaptiveAugmentation(["blit"], seed=1)
    >>> images = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> bool(np.all(np.asarray(layer(images)) == images))
    True
    >>> _ = layer.probability.assign(1.0)
    >>> bool(np.all(np.asarray(layer(images)) == images))
    False

    Reference:
        - [Karras et al., 2020](https://arxiv.org/abs/2006.06676), sections
          2.2 and 3, appendix B. Differs from it in: one bilinear resampling
          in the place of one between two wavelet filters, no image-space
          filtering and corruptions (which the paper found of no use), `p` at
          most 1.
    """

    def __init__(
        self,
        operations=("blit", "geometric", "color"),
        target=0.6,
        interval=4,
        ada_kimg=500.0,
        boundary=0.0,
        initial_probability=0.0,
        seed=None,
        **kwargs,
    ):
        names = [operations] if isinstance(operations, str) else operations
        unknown = [n for n in names if n not in OPERATIONS and n not in _NAMES]
        if unknown or not names:
            raise ValueError(
                f"`operations` must name some of the groups "
                f"{list(OPERATIONS)} and the operations {_NAMES}. "
                f"Received: operations={operations!r}"
            )
        is_count = isinstance(interval, int) and interval > 0
        start = initial_probability
        for name, value, valid, expected in (
            ("target", target, -1 < target < 1, "in (-1, 1)"),
            ("interval", interval, is_count, "a positive integer"),
            ("ada_kimg", ada_kimg, ada_kimg > 0, "above 0"),
            ("initial_probability", start, 0 <= start <= 1, "in [0, 1]"),
        ):
            if not valid:
                raise ValueError(
                    f"`{name}` must be {expected}. Received: {name}={value!r}"
                )
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.operations = list(names)
        self.target = target
        self.interval = interval
        self.ada_kimg = ada_kimg
        self.boundary = boundary
        self.initial_probability = initial_probability
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        used = {
            member for n in names for member in OPERATIONS.get(n, (n,))
        } & set(_NAMES)
        self._used = {*used, "second_rotate"} if "rotate" in used else used
        self.probability = self._add_state("probability", initial_probability)
        # Sums over the steps since `p` was last changed.
        self.sign_sum = self._add_state("sign_sum", 0.0)
        self.num_images = self._add_state("num_images", 0.0)
        self.num_steps = self._add_state("num_steps", 0, "int32")
        # r_t of the last images seen, to be logged.
        self.real_sign = self._add_state("real_sign", 0.0)
        self.built = True

    def _add_state(self, name, value, dtype="float32"):
        return self.add_weight(
            name=name,
            shape=(),
            dtype=dtype,
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
        )

    # The rule.

    def signs_of(self, real_logits):
        """Returns the sum of the mean signs of logits, and their number.

        Args:
            real_logits: Float `(batch, ...)`, any rank.

        Returns:
            Float32 `(2,)` without a gradient, for `observe`.
        """
        logits = ops.stop_gradient(ops.cast(real_logits, "float32"))
        signs = ops.sign(logits - self.boundary)
        count = ops.cast(ops.shape(logits)[0], "float32")
        return ops.stack([ops.mean(signs) * count, count])

    def observe(self, signs):
        """Notes how sure the discriminator is of real images.

        Args:
            signs: Float32 `(2,)` from `signs_of`, summed over all replicas.
        """
        self.sign_sum.assign(self.sign_sum + signs[0])
        self.num_images.assign(self.num_images + signs[1])
        self.real_sign.assign(signs[0] / signs[1])

    def adapt(self, finite=True):
        """Moves `p` by the rule; to be called once after each step.

        Args:
            finite: Boolean scalar. A step that was skipped is not counted.
                Defaults to `True`.
        """
        finite = ops.convert_to_tensor(finite)
        num_steps = self.num_steps + ops.cast(finite, "int32")
        # A run without real images never moves `p`.
        due = ops.logical_and(
            num_steps >= self.interval, self.num_images.value > 0.0
        )
        r_t = self.sign_sum / ops.maximum(self.num_images, 1.0)
        change = ops.sign(r_t - self.target) * self.num_images
        moved = ops.clip(
            self.probability + change / (1000.0 * self.ada_kimg), 0.0, 1.0
        )
        self.probability.assign(ops.where(due, moved, self.probability.value))
        kept = ops.cast(ops.logical_not(due), "float32")
        self.sign_sum.assign(self.sign_sum * kept)
        self.num_images.assign(self.num_images * kept)
        self.num_steps.assign(num_steps * ops.cast(kept, "int32"))

    # The operations.

    def call(self, images, replica=0, num_replicas=1):
        images = ops.cast(images, "float32")
        shape = ops.shape(images)
        chances, uniform, normal = (
            draw_for_replica(
                draw,
                (shape[0], count),
                self.seed_generator,
                replica,
                num_replicas,
            )
            for draw, count in (
                (keras.random.uniform, len(_SLOTS)),
                (keras.random.uniform, len(_SLOTS) + 1),
                (keras.random.normal, len(_SLOTS) + 1),
            )
        )
        uniform, normal = (
            dict(zip((*_SLOTS, "shift_y"), ops.unstack(numbers, axis=1)))
            for numbers in (uniform, normal)
        )
        draw = _Draw(self.probability.value, self._used, chances)
        result = images
        if self._used & {*OPERATIONS["blit"], *OPERATIONS["geometric"]}:
            matrices = _geometry(draw, uniform, normal, shape[1], shape[2])
            result = transform_geometry(result, matrices)
        if self._used & set(OPERATIONS["color"]):
            result = transform_colors(result, _colors(draw, uniform, normal))
        return ops.where(draw.any()[:, None, None, None], result, images)

    def compute_output_spec(self, images, replica=0, num_replicas=1):
        return keras.KerasTensor(images.shape, dtype="float32")

    def get_config(self):
        return {
            **super().get_config(),
            "operations": list(self.operations),
            "target": self.target,
            "interval": self.interval,
            "ada_kimg": self.ada_kimg,
            "boundary": self.boundary,
            "initial_probability": self.initial_probability,
            "seed": self.seed,
        }


class _Draw:
    """The operations that happen to each image."""

    def __init__(self, probability, used, chances):
        # At least one of two rotations happens with the probability `p`.
        once = 1.0 - ops.sqrt(ops.maximum(1.0 - probability, 0.0))
        self.used = used
        self.happens = {
            name: chances[:, i] < (once if "rotate" in name else probability)
            for i, name in enumerate(_SLOTS)
            if name in used
        }

    def any(self):
        happens = list(self.happens.values())
        return ops.any(ops.stack(happens, axis=-1), axis=-1)

    def take(self, name, value, neutral):
        """Returns a value where an operation happens, else a neutral one."""
        return ops.where(self.happens[name], value, neutral)


def _geometry(draw, uniform, normal, height, width):
    """Returns matrices from places of the output to those of the input."""
    height, width = ops.cast(height, "float32"), ops.cast(width, "float32")
    matrices = []

    def turn(cosine, sine):
        return [[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]

    def rotate(name):
        angle = draw.take(name, 2.0 * math.pi * uniform[name] - math.pi, 0.0)
        matrices.append(turn(ops.cos(angle), ops.sin(angle)))

    # The first to happen to an image is the last on the way back to it.
    if "flip" in draw.used:
        side = ops.where(uniform["flip"] < 0.5, -1.0, 1.0)
        side = draw.take("flip", side, 1.0)
        matrices.append([[side, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    if "quarter_turn" in draw.used:
        turns = ops.floor(4.0 * uniform["quarter_turn"])
        turns = draw.take("quarter_turn", turns, 0.0)
        # In whole numbers, so that pixels fall on pixels.
        cosine = (turns == 0.0, turns == 2.0)
        sine = (turns == 1.0, turns == 3.0)
        matrices.append(turn(*(_difference(*pair) for pair in (cosine, sine))))
    if "shift_by_pixels" in draw.used:
        name = "shift_by_pixels"
        x = ops.round((uniform[name] - 0.5) * 0.25 * width)
        y = ops.round((uniform["shift_y"] - 0.5) * 0.25 * height)
        matrices.append(_shift(draw, name, x, y))
    if "scale" in draw.used:
        factor = draw.take("scale", 2.0 ** (0.2 * normal["scale"]), 1.0)
        matrices.append(
            [[1.0 / factor, 0.0, 0.0], [0.0, 1.0 / factor, 0.0], [0.0, 0.0, 1]]
        )
    if "rotate" in draw.used:
        rotate("rotate")
    if "stretch" in draw.used:
        factor = draw.take("stretch", 2.0 ** (0.2 * normal["stretch"]), 1.0)
        matrices.append(
            [[1.0 / factor, 0.0, 0.0], [0.0, factor, 0.0], [0.0, 0.0, 1.0]]
        )
    if "rotate" in draw.used:
        rotate("second_rotate")
    if "shift" in draw.used:
        x, y = normal["shift"] * width / 8.0, normal["shift_y"] * height / 8.0
        matrices.append(_shift(draw, "shift", x, y))
    return _product([matrix_of(rows) for rows in matrices])


def _difference(first, second):
    return ops.cast(first, "float32") - ops.cast(second, "float32")


def _shift(draw, name, x, y):
    x, y = draw.take(name, -x, 0.0), draw.take(name, -y, 0.0)
    return [[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]


def _colors(draw, uniform, normal):
    """Returns matrices from the colours of the input to the output's."""
    matrices = []
    # The last to happen comes first in a product.
    if "saturation" in draw.used:
        factor = draw.take("saturation", 2.0 ** normal["saturation"], 1.0)
        matrices.append(_about_gray(1.0, factor))
    if "hue" in draw.used:
        angle = 2.0 * math.pi * uniform["hue"] - math.pi
        angle = draw.take("hue", angle, 0.0)
        matrices.append(_about_gray(1.0, ops.cos(angle), ops.sin(angle)))
    if "luma_flip" in draw.used:
        sign = ops.where(uniform["luma_flip"] < 0.5, -1.0, 1.0)
        matrices.append(_about_gray(draw.take("luma_flip", sign, 1.0), 1.0))
    if "contrast" in draw.used:
        factor = draw.take("contrast", 2.0 ** (0.5 * normal["contrast"]), 1.0)
        matrices.append(_about_gray(factor, factor))
    if "brightness" in draw.used:
        added = draw.take("brightness", 0.2 * normal["brightness"], 0.0)
        matrices.append(
            [[float(i == j) for j in range(3)] + [added] for i in range(3)]
            + [[0.0, 0.0, 0.0, 1.0]]
        )
    return _product([matrix_of(rows) for rows in matrices])


def _about_gray(along, across, turned=0.0):
    """Scales colours along the gray axis and across it, and turns them."""
    rows = []
    for i in range(3):
        row = []
        for j in range(3):
            element = (along - across) / 3.0
            if i == j:
                element = element + across
            else:
                sign = -1.0 if (j - i) % 3 == 1 else 1.0
                element = element + sign * turned / math.sqrt(3.0)
            row.append(element)
        rows.append([*row, 0.0])
    return [*rows, [0.0, 0.0, 0.0, 1.0]]


def _product(matrices):
    product = matrices[0]
    for matrix in matrices[1:]:
        product = compose(product, matrix)
    return product
