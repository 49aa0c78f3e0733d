"""A discriminator of patches of clips."""

import keras
from keras import ops

from keras_comic.models.discriminators.patch_discriminator import (
    PatchDiscriminator,
)


@keras.saving.register_keras_serializable(package="keras_comic")
class TemporalDiscriminator(PatchDiscriminator):
    """Judges some frames that follow each other, patch by patch.

    A `PatchDiscriminator` of the frames stacked on the channels: its first
    convolution sees `num_frames` pictures of three colours, the others are
    the same. It tells a clip whose strokes stay on their things from one
    that boils, which no single frame shows. Of a longer clip every run of
    `num_frames` frames is judged; all are averaged by a loss in the end.

    Its logits go to the losses of `keras_comic.losses.ADVERSARIAL_LOSSES`.

    Args:
        num_frames: Integer > 1. Frames that are judged together. Defaults to
            `3`.
        filters: Integer > 0. Channels of the first convolution. Defaults to
            `64`.
        num_layers: Integer > 0. Convolutions of stride 2. Defaults to `3`.
        spectral_normalization: Boolean. Normalises every kernel by its
            largest singular value. Defaults to `True`.
        normalization: `"instance"` or `None`, see `PatchDiscriminator`.
            Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        clips: Float `(batch, frames, height, width, 3)`, RGB in `[-1, 1]`, at
            least `num_frames` frames, of a known number; sides of at least
            24 pixels (with three layers of stride 2).
        training: Boolean, as in Keras. Only `True` moves the vectors of the
            spectral normalisation. Defaults to `False`.

    Returns:
        Float32 logits `(batch, frames - num_frames + 1, height // 8 - 2,
        width // 8 - 2, 1)` (with three layers of stride 2), any range.

    Raises:
        ValueError: If a number is out of its range, `normalization` is
            unknown, there are too few frames, or they are too small.

    Example:

    >>> discriminator = keras_comic.models.TemporalDiscriminator(3, filters=4)
    >>> clips = np.random.uniform(-1, 1, (1, 4, 32, 32, 3)).astype("float32")
    >>> tuple(discriminator(clips).shape)
    (1, 2, 2, 2, 1)

    Reference:
        - [Xie et al., 2018](https://arxiv.org/abs/1801.09710) (tempoGAN),
          section 4.2, and [Chu et al., 2020](
          https://arxiv.org/abs/1811.09393) (TecoGAN), section 3.1, for a
          second discriminator that sees three frames stacked; differs from
          them in the network, and in judging the frames where they are
          (not warped onto one).
    """

    def __init__(
        self,
        num_frames=3,
        filters=64,
        num_layers=3,
        spectral_normalization=True,
        normalization=None,
        **kwargs,
    ):
        if num_frames < 2:
            raise ValueError(
                "`num_frames` must be an integer of at least 2. "
                f"Received: num_frames={num_frames}"
            )
        # The base builds, with as many channels as these frames have.
        self.num_frames = num_frames
        super().__init__(
            filters, num_layers, spectral_normalization, normalization, **kwargs
        )

    def build(self, clips_shape):
        super().build((None, None, None, 3 * self.num_frames))

    def call(self, clips, training=False):
        num_runs = self._num_runs(clips.shape)
        logits = []
        for start in range(num_runs):
            frames = [clips[:, start + i] for i in range(self.num_frames)]
            stacked = ops.concatenate(frames, axis=-1)
            # One step of the power iteration a call is enough.
            moves = training and start == 0
            logits.append(super().call(stacked, training=moves))
        return ops.stack(logits, axis=1)

    def compute_output_shape(self, clips_shape):
        shape = (clips_shape[0], *clips_shape[2:])
        logits_shape = super().compute_output_shape(shape)
        num_runs = self._num_runs(clips_shape)
        return (logits_shape[0], num_runs, *logits_shape[1:])

    def get_config(self):
        return {**super().get_config(), "num_frames": self.num_frames}

    def _num_runs(self, shape):
        num_frames = shape[1] if len(shape) == 5 else None
        if num_frames is None or num_frames < self.num_frames:
            raise ValueError(
                "Clips must be (batch, frames, height, width, 3) with at "
                f"least {self.num_frames} frames. "
                f"Received: clips.shape={tuple(shape)}"
            )
        return num_frames - self.num_frames + 1
