"""Training batches straight from folders of images, without TensorFlow."""

import keras
import numpy as np

from keras_comic.data.crops import FLIP
from keras_comic.data.crops import NUM_TRIES
from keras_comic.data.crops import NUM_UNIFORMS
from keras_comic.data.crops import Crops
from keras_comic.data.crops import check_batches
from keras_comic.data.crops import crop
from keras_comic.data.crops import crop_boxes
from keras_comic.data.crops import excess_blank
from keras_comic.data.image_folders import labelled_images
from keras_comic.data.images import read_image
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from keras_comic.data.record_order import RecordOrder
from keras_comic.data.skipped import Skipped

# Files of a kind that may be left out before it is an error.
MAX_CORRUPT = 10


class FolderPairs(keras.utils.PyDataset):
    """Endless batches of photos and of drawings, without TensorFlow.

    The batches of `style_transfer_dataset`, made by Pillow and NumPy from the
    files themselves. Batch `k` depends on the arguments and on `k` alone. Up
    to 10 files each that cannot be read are left out with a warning. Pass
    `steps_per_epoch` and `shuffle=False` to `fit`, of a model that is built:
    with several workers, Keras on JAX spends the first batch on building it.

    Args:
        photos: String, path, or a list of them: folders of photos.
        drawings: String, path, or a list of them: folders of drawings, or a
            dict of labels to folders.
        crops: `Crops` or `None`, for those with their defaults. Defaults to
            `None`.
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
        `(batch, size, size, 3)`, RGB in `[-1, 1]`.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If an argument is out of its range, a folder holds no
            image, or, when their turn comes, too many files cannot be read.
    """

    def __init__(
        self,
        photos,
        drawings,
        crops=None,
        batch_size=4,
        seed=0,
        start_step=0,
        identity_fraction=0.0,
        **kwargs,
    ):
        check_batches(batch_size, start_step)
        if not 0 <= identity_fraction <= 1:
            raise ValueError(
                "`identity_fraction` must lie in [0, 1]. "
                f"Received: identity_fraction={identity_fraction}"
            )
        crops = Crops() if crops is None else crops
        super().__init__(**kwargs)
        self.batch_size = batch_size
        self.start_step = start_step
        self.identity_fraction = identity_fraction
        self.identity_key = random_key(seed, "identity")
        paths = [path for _, _, path in labelled_images(photos)]
        self.photos = _FileCrops(paths, None, "photos", seed, crops)
        labels, _, paths = zip(*sorted(labelled_images(drawings)))
        self.drawings = _FileCrops(paths, labels, "comics", seed, crops)

    @property
    def num_batches(self):
        """`None`: the batches have no end."""
        return None

    def __getitem__(self, index):
        first = (self.start_step + index) * self.batch_size
        numbers = np.arange(first, first + self.batch_size)
        uniforms = random_uniforms(self.identity_key, numbers, 1)[:, 0]
        photos = [self.photos.crop(number) for number in numbers]
        style_images = [
            photo
            if uniform < self.identity_fraction
            else self.drawings.crop(number)
            for number, uniform, photo in zip(numbers, uniforms, photos)
        ]
        return {
            "photos": np.stack(photos),
            "style_images": np.stack(style_images),
        }


class _FileCrops:
    """Crops of image files, in the order and at the places of the datasets."""

    def __init__(self, paths, labels, name, seed, crops):
        self.paths = list(paths)
        if labels is not None:
            labels = np.unique(labels, return_inverse=True)[1]
        # Only drawings have labels, and are chosen not to be blank.
        self.num_tries = 1 if labels is None else NUM_TRIES
        self.order = RecordOrder(labels, len(self.paths), seed, name)
        self.key = random_key(seed, f"{name} crop")
        self.crops = crops
        self.skipped = Skipped(MAX_CORRUPT, "remove or repair them")

    def crop(self, number):
        """Returns the crop of one sample."""
        image, crops = self._read(number), self.crops
        count = NUM_UNIFORMS + 3 * self.num_tries
        (uniforms,) = random_uniforms(self.key, [number], count)
        places = uniforms[NUM_UNIFORMS:].reshape(-1, 3)
        boxes = crop_boxes(image.shape, places, crops.size, crops.zoom)
        place = 0
        if len(boxes) > 1:
            place = excess_blank(image, boxes, crops.max_blank).argmin()
        mirror = crops.flip and uniforms[FLIP] < 0.5
        return crop(image, boxes[place], mirror, crops.size)

    def _read(self, number):
        """Reads the image of one sample, or the next that can be read."""
        # As many in a row as are broken can only be the same ones again.
        attempt = 0
        while attempt <= len(self.skipped):
            (place,) = self.order.records([number], attempt)
            path = self.paths[place]
            try:
                return read_image(path)
            except (OSError, ValueError) as error:
                self.skipped.add(str(path), str(error))
            attempt += 1
        raise ValueError(
            "No file of a label can be read. Received: "
            + ", ".join(self.skipped.reasons)
        )
