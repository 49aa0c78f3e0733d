"""Clips made of single photos, with the flow between their frames."""

import tensorflow as tf

from keras_comic.data.synthetic_motion import random_motion
from keras_comic.data.synthetic_motion import warp_batch

# The flow from frame to frame is the solution of an equation; each round
# makes its error several times smaller.
NUM_ROUNDS = 8


def random_clips(
    images,
    num_frames,
    seed,
    max_shift=10.0,
    max_affine=4.0,
    max_deformation=8.0,
    cell_size=100,
    margin=0,
):
    """Lets photos move at random, in-graph, and says how.

    For `tf.data`; works eagerly too. The last frame is the photo, the first
    one the photo moved as by `random_motion`, and those between lie evenly
    on the way, so that a pixel moves on a straight line. Every frame is made
    of the photo itself, by one interpolation.

    Args:
        images: Float32 tensor `(batch, height, width, channels)`, any range.
        num_frames: Integer > 1.
        seed: Integer, or int tensor of shape `(2,)`. The motion is a function
            of the seed and the shape alone.
        max_shift: Float >= 0, pixels, over the whole clip, see
            `random_motion`. Defaults to `10.0`.
        max_affine: Float >= 0, pixels, likewise. Defaults to `4.0`.
        max_deformation: Float >= 0, pixels, likewise. Defaults to `8.0`.
        cell_size: Integer > 0, pixels. Defaults to `100`.
        margin: Integer >= 0. What is cut off on all four sides of the frames,
            pixels: with at least the sum of the motions, no frame shows what
            lies outside of the photo. Defaults to `0`.

    Returns:
        Dict as `clip_dataset` gives it: `"frames"`, float32 `(batch,
        num_frames, height - 2 * margin, width - 2 * margin, channels)`;
        `"flow"`, float32 `(batch, num_frames - 1, ..., 2)`, pixels, `x` (to
        the right), then `y` (down), from each frame to the next; and
        `"valid"`, boolean `(batch, num_frames - 1, ...)`, where that leads
        into the next frame and both show the photo.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> photos = np.random.uniform(-1, 1, (1, 48, 64, 3)).astype("float32")
    >>> clips = keras_comic.data.random_clips(photos, 4, seed=1, margin=8)
    >>> {name: tuple(values.shape) for name, values in clips.items()}
    {'frames': (1, 4, 32, 48, 3), 'flow': (1, 3, 32, 48, 2),
     'valid': (1, 3, 32, 48)}
    """
    images = tf.convert_to_tensor(images)
    sides = images.shape[1:3] if images.shape.rank == 4 else ()
    if (
        len(sides) != 2
        or num_frames < 2
        or margin < 0
        or any(side is not None and side <= 2 * margin for side in sides)
    ):
        raise ValueError(
            "`images` must be (batch, height, width, channels), larger than "
            "twice the `margin`, and `num_frames` at least 2. Received: "
            f"images.shape={images.shape}, num_frames={num_frames}, "
            f"margin={margin}"
        )
    _, motion, _ = random_motion(
        images[..., :1], seed, max_shift, max_affine, max_deformation, cell_size
    )
    frames, flows, valids = [], [], []
    for t in range(num_frames):
        here = motion * (1.0 - t / (num_frames - 1))
        frame, shown = warp_batch(images, here)
        frames.append(_cut(frame, margin))
        if t < num_frames - 1:
            after = motion * (1.0 - (t + 1) / (num_frames - 1))
            flow = _step(here, after)
            flows.append(_cut(flow, margin))
            inside = _leads_inside(flows[-1])
            valids.append(tf.logical_and(_cut(shown, margin), inside))
    return {
        "frames": tf.stack(frames, axis=1),
        "flow": tf.stack(flows, axis=1),
        "valid": tf.stack(valids, axis=1),
    }


def _step(here, after):
    """The flow from a frame to the next, of their flows to the photo."""
    step = here - after
    for _ in range(NUM_ROUNDS):
        moved, _ = warp_batch(after, step)
        step = here - moved
    return step


def _cut(values, margin):
    if not margin:
        return values
    return values[:, margin:-margin, margin:-margin]


def _leads_inside(flow):
    size = tf.shape(flow)
    columns = tf.cast(tf.range(size[2]), "float32") + flow[..., 0]
    rows = tf.cast(tf.range(size[1]), "float32")[:, None] + flow[..., 1]
    return (
        (columns >= -0.5)
        & (columns <= tf.cast(size[2], "float32") - 0.5)
        & (rows >= -0.5)
        & (rows <= tf.cast(size[1], "float32") - 0.5)
    )
