"""The error of frames of a video against the next ones, moved back."""

import keras
from keras import ops

from keras_comic.layers.warp import warp_images
from keras_comic.metrics.features import check_pairs
from keras_comic.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_comic")
class WarpingError(SampleMean):
    """Mean squared difference of frames and the next ones, moved back.

    For each pair, `sum(M (warp(next) - frame)^2) / sum(M)` with RGB in
    `[0, 1]`, where the flow is that of the *source* video from the frame to
    the next one, and M, the same for the three channels, is 1 where it is
    valid; the value is the mean over pairs. A pair without any valid pixel
    counts as 0, as in the published code. Lower is stiller; a video that
    shows the source itself has an error too (light, noise, the flow's own
    faults), and one of a single colour has none: name beside it how far the
    output is from the source, and how sharp it is.

    Values depend on the flow, which the protocol names: numbers of another
    flow are not comparable. Over short range the two are consecutive frames;
    over long range they lie further apart, or the frame is the video's first.

    Args:
        flow: String or `None`. The name of the flow for `report`, such as
            `"DIS"` or `"known"`. Defaults to `None`, not stated.
        frames_apart: Integer > 0, string or `None`. How far the two frames
            of a pair are apart for `report`; `"to the first"` where all are
            compared with the first. Defaults to `None`, not stated.
        protocol: Dict or `None`, see `StructuralSimilarity`. Defaults to
            `None`.
        name: String or `None`. Defaults to `None`, `"warping_error"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), at least 0; NaN
        without pairs.

    Raises:
        ValueError: If `protocol` is no such dict.

    Example:

    >>> error = keras_comic.metrics.WarpingError("known", 1)
    >>> frames = np.random.uniform(-1, 1, (1, 8, 8, 3)).astype("float32")
    >>> next_frames = np.roll(frames, 1, axis=2)  # one pixel to the right
    >>> flow = np.tile(np.float32([1.0, 0.0]), (1, 8, 8, 1))
    >>> valid = np.ones((1, 8, 8), bool)
    >>> valid[:, :, -1] = False  # what left the picture
    >>> error.update_state(frames, next_frames, flow, valid)
    >>> float(error.result())
    0.0

    Reference:
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), equation 8 and
          the published code; differs from it in the flow and its validity,
          which are the caller's. `keras_comic.data.optical_flow` has their
          thresholds, and leaves out what moves out of the picture, which
          they compare with the picture's edge.
    """

    def __init__(
        self,
        flow=None,
        frames_apart=None,
        protocol=None,
        name=None,
        **kwargs,
    ):
        super().__init__(protocol, name, **kwargs)
        self.flow = flow
        self.frames_apart = frames_apart

    def update_state(
        self, frames, next_frames, flow, valid=None, sample_weight=None
    ):
        """Adds pairs of frames.

        Args:
            frames: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
            next_frames: Float, of the shape of `frames`.
            flow: Float `(batch, height, width, 2)`, pixels, `x`, then `y`:
                what is at `(x, y)` of a frame's source is at `(x, y) + flow`
                of the next one's.
            valid: Boolean `(batch, height, width)`, of the frames, or `None`
                for all. Defaults to `None`.
            sample_weight: Float `(batch,)` or `None`. What each pair counts.
                Defaults to `None`, 1.
        """
        super().update_state(frames, (next_frames, flow, valid), sample_weight)

    def sample_values(self, frames, motion):
        next_frames, flow, valid = motion
        check_pairs(frames, next_frames, ("frames", "next_frames"))
        frames = ops.cast(ops.convert_to_tensor(frames), "float32")
        next_frames = ops.cast(ops.convert_to_tensor(next_frames), "float32")
        # Half of the difference: from [-1, 1] to [0, 1].
        difference = 0.5 * (warp_images(next_frames, flow) - frames)
        squares = ops.mean(ops.square(difference), axis=-1)
        if valid is None:
            return ops.mean(squares, axis=[1, 2])
        valid = ops.cast(check_valid(valid, frames), "float32")
        # Not by a product: what is not valid may be anything.
        squares = ops.where(valid > 0.0, squares, 0.0)
        count = ops.sum(valid, axis=[1, 2])
        return ops.sum(squares, axis=[1, 2]) / ops.maximum(count, 1.0)

    def facts(self):
        return {"flow": self.flow, "frames_apart": self.frames_apart}

    def get_config(self):
        return {
            **super().get_config(),
            "flow": self.flow,
            "frames_apart": self.frames_apart,
        }


def warp_back(frames, next_frames, flow, valid=None):
    """Moves frames back onto those before, which fill in what is not valid."""
    frames = ops.cast(ops.convert_to_tensor(frames), "float32")
    next_frames = ops.cast(ops.convert_to_tensor(next_frames), "float32")
    warped = warp_images(next_frames, flow)
    if valid is None:
        return warped
    valid = check_valid(valid, frames)
    return ops.where(valid[..., None], warped, frames)


def check_valid(valid, frames):
    """Returns the mask of a valid flow as a tensor, checked."""
    valid = ops.convert_to_tensor(valid)
    dtype = keras.backend.standardize_dtype(valid.dtype)
    shape, expected = tuple(valid.shape), tuple(frames.shape[:3])
    agree = len(shape) == 3 and all(
        None in (side, other) or side == other
        for side, other in zip(shape, expected)
    )
    if dtype != "bool" or not agree:
        raise ValueError(
            "`valid` must be boolean, (batch, height, width), of the frames. "
            f"Received: valid of dtype={dtype}, shape={shape}, for frames of "
            f"shape={tuple(frames.shape)}"
        )
    return valid
