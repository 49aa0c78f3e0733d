"""Training batches straight from two folders."""

import keras
import numpy as np

from keras_comic.data.crop_arrays import check_batches
from keras_comic.data.crop_arrays import check_crop
from keras_comic.data.crop_arrays import check_fraction
from keras_comic.data.drawing_folder import DrawingFolder
from keras_comic.data.photo_folder import PhotoFolder
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms


class FolderPairs(keras.utils.PyDataset):
    """Endless batches of photos and of drawings, without TensorFlow.

    The batches of `style_transfer_dataset`, made by Pillow and NumPy from the
    files themselves, for other backends of Keras. Batch `k` depends on the
    arguments and on `k` alone, however many workers make them. Pass
    `steps_per_epoch` and `shuffle=False` to `fit`, of a model that is built:
    with several workers, Keras on JAX spends the first batch on building it.

    Args:
        photos: `PhotoFolder`, or a folder or a list of folders for one.
        drawings: `DrawingFolder`, or a folder, list or dict of folders for
            one.
        image_size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        batch_size: Integer > 0. Defaults to `4`.
        seed: Integer. Defaults to `0`.
        start_step: Integer >= 0. Number of batches to leave out at the
            start. Defaults to `0`.
        identity_fraction: Float in `[0, 1]`. The part of the samples whose
            style image is the photo's own crop. Defaults to `0.0`.
        **kwargs: Keyword arguments of `keras.utils.PyDataset`, such as
            `workers`.

    Returns:
        From `pairs[index]`, the batch of that number after `start_step`: a
        dict with the keys `"photos"` and `"style_images"`, float32 arrays
        `(batch, image_size, image_size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If an argument is out of its range, a folder holds no
            image, or, when their turn comes, too many files cannot be read.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> pairs = keras_comic.data.FolderPairs("ink", "ink", image_size=16)
    >>> pairs[0]["photos"].shape
    (4, 16, 16, 3)
    """

    def __init__(
        self,
        photos,
        drawings,
        image_size=128,
        batch_size=4,
        seed=0,
        start_step=0,
        identity_fraction=0.0,
        **kwargs,
    ):
        check_crop(image_size, (1.0, 1.0))
        check_batches(batch_size, start_step)
        check_fraction("identity_fraction", identity_fraction)
        super().__init__(**kwargs)
        if not isinstance(photos, PhotoFolder):
            photos = PhotoFolder(photos)
        if not isinstance(drawings, DrawingFolder):
            drawings = DrawingFolder(drawings)
        self.photos = photos
        self.drawings = drawings
        self.image_size = image_size
        self.batch_size = batch_size
        self.seed = seed
        self.start_step = start_step
        self.identity_fraction = identity_fraction

    @property
    def num_batches(self):
        """`None`: the batches have no end."""
        return None

    def __getitem__(self, index):
        first = (self.start_step + index) * self.batch_size
        numbers = range(first, first + self.batch_size)
        photos, style_images = zip(*map(self._make_pair, numbers))
        return {
            "photos": np.stack(photos),
            "style_images": np.stack(style_images),
        }

    def _make_pair(self, number):
        photo = self.photos.crop(number, self.image_size, self.seed)
        key = random_key(self.seed, "identity")
        if random_uniforms(key, [number], 1)[0, 0] < self.identity_fraction:
            return photo, photo
        return photo, self.drawings.crop(number, self.image_size, self.seed)
