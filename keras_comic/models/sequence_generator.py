"""A generator of frames from one photo."""

import numpy as np
from keras import ops

from keras_comic.layers import to_float
from keras_comic.layers import to_uint8
from keras_comic.models.pictures import as_pictures
from keras_comic.models.zoo_model import ZooModel


class SequenceGenerator(ZooModel):
    """Base of the generators that unfold one photo into moving frames.

    A family gives `unfold(photo, motion, num_frames, loop)`, which iterates
    over float32 frames; it inherits the rest.

    Args:
        **kwargs: Keyword arguments of `keras.Model`.
    """

    kind = "sequence_generator"

    def unfold(self, photo, motion, num_frames, loop):
        """Iterates over frames.

        Args:
            photo: Float32 tensor `(1, height, width, 3)`, RGB in `[-1, 1]`.
            motion: As in `animate`.
            num_frames: Integer > 0.
            loop: Boolean.

        Yields:
            Float32 tensors of the shape of `photo`, RGB in `[-1, 1]`.
        """
        raise NotImplementedError(
            f"`{type(self).__name__}` must override `unfold(...)`."
        )

    def animate(self, photo, motion=None, num_frames=48, loop=False):
        """Iterates over the frames that a photo unfolds into.

        Args:
            photo: uint8 `(height, width, 3)`, RGB in `[0, 255]`; sides of at
                least 32 pixels.
            motion: The family's description of a motion, or `None` for its
                default. Defaults to `None`.
            num_frames: Integer > 0. Defaults to `48`.
            loop: Boolean. Lets the first frame follow the last. Defaults to
                `False`.

        Returns:
            Iterator of uint8 NumPy arrays of the shape of `photo`.

        Raises:
            ValueError: If the photo is not a single uint8 picture, or
                `num_frames` is not positive.
        """
        photos, single = as_pictures(photo, "photo")
        if not single:
            raise ValueError(
                "`photo` must be one picture, (height, width, 3). "
                f"Received: photo.shape={photos.shape}"
            )
        if not isinstance(num_frames, int) or num_frames < 1:
            raise ValueError(
                "`num_frames` must be a positive integer. "
                f"Received: num_frames={num_frames!r}"
            )
        photos = to_float(ops.convert_to_tensor(photos))
        frames = self.unfold(photos, motion, num_frames, loop)
        return (
            np.asarray(ops.convert_to_numpy(to_uint8(frame)))[0]
            for frame in frames
        )
