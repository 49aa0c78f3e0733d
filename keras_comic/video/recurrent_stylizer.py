"""Video by a generator that remembers."""

import functools
import numbers

import keras
import numpy as np

from keras_comic.data import optical_flow
from keras_comic.models.generator import BLEND_BELOW
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import describe
from keras_comic.video.frame_stylizer import FrameStylizer

FRAME, STATE, OWN_STYLE = "frame", "state", "own_style"


class RecurrentStylizer(FrameStylizer):
    """Runs a recurrent generator over the frames of a video.

    The optical flow from each frame to the one before moves the generator's
    memory. A new scene starts without one, as does a frame of another size.
    The same frames give the same comics, also when they go on from
    `get_state`.

    Args:
        generator: `RecurrentGenerator`, or another generator whose `call`
            takes and gives a `state`.
        style: As in `Generator.stylize`, one picture at most. Defaults to
            `None`, the first named style.
        strength: Float in `[0, 1]`, as in `Generator.stylize`; the photo's own
            style is that of the first frame of a scene. Defaults to `1.0`.
        flow: Function of two frames that gives the flow from the first to
            the second, float32 `(height, width, 2)`, pixels. Defaults to
            `keras_comic.data.optical_flow`, which needs OpenCV.

    Raises:
        ValueError: If the generator keeps no state, `style` is unknown or
            more than one, or `strength` is out of its range.

    Example:

    >>> generator = keras_comic.models.RecurrentGenerator.from_generator(
    ...     keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8), filters=4
    ... )
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> stylizer = keras_comic.video.RecurrentStylizer(generator, drawing)
    >>> frame = np.random.randint(0, 256, (33, 47, 3), dtype="uint8")
    >>> [stylizer.stylize(frame).shape for _ in range(2)]
    [(33, 47, 3), (33, 47, 3)]
    """

    def __init__(self, generator, style=None, strength=1.0, flow=optical_flow):
        if not hasattr(generator, "initial_state"):
            raise ValueError(
                "`generator` must keep a state, as `RecurrentGenerator` does. "
                f"Received: generator of class `{type(generator).__name__}`"
            )
        if not isinstance(strength, numbers.Real) or not 0 <= strength <= 1:
            raise ValueError(
                "`strength` must be a number in [0, 1]. "
                f"Received: strength={describe(strength)}"
            )
        vector = generator.style_vector(style)
        if vector.shape[0] != 1:
            raise ValueError(
                "`style` must be one style for the whole video. "
                f"Received: {vector.shape[0]} style images"
            )
        self.generator = generator
        self.strength = float(strength)
        self.flow = flow
        self._vector = keras.ops.convert_to_numpy(vector).astype("float32")
        self._run = _compiled(generator)
        self.reset()

    @property
    def provenance(self):
        """What the video says of how it was made: which preset made it."""
        return self.generator.provenance

    def reset(self):
        self._frame = self._state = self._own_style = None

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        if starts_scene or (
            self._frame is not None and self._frame.shape != frame.shape
        ):
            self.reset()
        height, width = frame.shape[:2]
        margins = [(0, max(0, SMALLEST_SIDE - s)) for s in (height, width)]
        photos = np.pad(frame, (*margins, (0, 0)), "edge")[None]
        photos = photos.astype("float32") / 127.5 - 1.0
        if self._frame is None:
            flow = np.zeros((height, width, 2), "float32")
            self._state = keras.ops.convert_to_numpy(
                self.generator.initial_state(photos)
            )
            if self.strength < 1.0:
                self._own_style = keras.ops.convert_to_numpy(
                    self.generator.encode_style(photos)
                ).astype("float32")
        else:
            flow = np.asarray(self.flow(frame, self._frame), "float32")
        outputs = self._run(
            {
                "photos": photos,
                "style": self._style(),
                "state": self._state,
                "flow": np.pad(flow, (*margins, (0, 0)), "edge")[None],
            }
        )
        self._frame = frame.copy()
        self._state = outputs["state"]
        comic = (outputs["comics"][0, :height, :width] + 1.0) * 127.5
        if self.strength < BLEND_BELOW:
            # So that a strength of 0 is the photo.
            share = self.strength / BLEND_BELOW
            comic = share * comic + (1.0 - share) * frame
        return np.clip(np.rint(comic), 0, 255).astype("uint8")

    def _style(self):
        if self._own_style is None:
            return self._vector
        return self._own_style + self.strength * (
            self._vector - self._own_style
        )

    def get_state(self):
        kept = {
            FRAME: self._frame,
            STATE: self._state,
            OWN_STYLE: self._own_style,
        }
        return {name: v.copy() for name, v in kept.items() if v is not None}

    def set_state(self, state):
        needed = {FRAME, STATE} | (
            {OWN_STYLE} if self.strength < 1.0 else set()
        )
        if state and set(state) != needed:
            raise ValueError(
                f"`state` must be empty or hold {sorted(needed)}. "
                f"Received: state with {sorted(state)}"
            )
        kept = {name: np.array(value) for name, value in state.items()}
        self._frame = kept.get(FRAME)
        self._state = kept.get(STATE)
        self._own_style = kept.get(OWN_STYLE)


def _compiled(generator):
    """A function of arrays to arrays, compiled for frames of any size."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        run = _on_tensorflow(generator)
    elif backend == "jax":
        run = _on_jax(generator)
    else:
        run = _on_torch(generator)

    def to_numpy(inputs):
        outputs = run(inputs)
        return {
            name: np.asarray(keras.ops.convert_to_numpy(outputs[name]))
            for name in ("comics", "state")
        }

    return to_numpy


def _on_tensorflow(generator):
    import tensorflow as tf

    channels = generator.initial_state(np.zeros((1, 32, 32, 3))).shape[-1]
    signature = {
        "photos": tf.TensorSpec((1, None, None, 3)),
        "style": tf.TensorSpec((1, generator.style_dim)),
        "state": tf.TensorSpec((1, None, None, channels)),
        "flow": tf.TensorSpec((1, None, None, 2)),
    }

    @tf.function(input_signature=[signature], autograph=False)
    def run(inputs):
        return generator(inputs, training=False)

    return run


def _on_jax(generator):
    import jax

    step = jax.jit(functools.partial(generator.stateless_call, training=False))

    def run(inputs):
        trained = [v.value for v in generator.trainable_variables]
        others = [v.value for v in generator.non_trainable_variables]
        return step(trained, others, inputs)[0]

    return run


def _on_torch(generator):
    import torch

    def run(inputs):
        with torch.no_grad():
            tensors = {
                name: keras.ops.convert_to_tensor(value)
                for name, value in inputs.items()
            }
            return generator(tensors, training=False)

    return run
