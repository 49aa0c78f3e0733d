"""Crops of the photos of a folder."""

import numpy as np

from keras_comic.data.crops import check_crop
from keras_comic.data.crops import crop
from keras_comic.data.crops import crop_boxes
from keras_comic.data.crops import random_key
from keras_comic.data.crops import shuffled
from keras_comic.data.images import labelled_images
from keras_comic.data.images import read_image


class PhotoFolder:
    """Random crops of the photos of folders, without TensorFlow.

    Every photo comes once before any comes again. Crops are square, at a
    random place, `image_size / zoom` pixels wide in the file, at most its
    short side, and half of them are mirrored. `photo_dataset` gives such crops
    from TFRecords.

    Args:
        folders: String, path, or a list of them: folders of images.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file. Defaults to `(0.6, 1.0)`.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If a folder holds no image, or `zoom` is not as above.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> photos = keras_comic.data.PhotoFolder("ink")
    >>> photos.crop(number=7, image_size=16, seed=0).shape
    (16, 16, 3)
    """

    def __init__(self, folders, zoom=(0.6, 1.0)):
        check_crop(1, zoom)
        self.paths = [path for _, _, path in labelled_images(folders)]
        self.zoom = zoom

    def crop(self, number, image_size, seed):
        """The crop of one sample.

        Args:
            number: Integer >= 0. The sample; the crop depends on it and on
                the seed alone.
            image_size: Integer > 0, pixels.
            seed: Integer.

        Returns:
            Float32 array `(image_size, image_size, 3)`, RGB in `[-1, 1]`.
        """
        turn, place = divmod(number, len(self.paths))
        order_key = random_key(seed, "photo order")
        index = shuffled(place, order_key, turn, len(self.paths))
        image = read_image(self.paths[index])
        key = random_key(seed, "photo crop")
        uniforms = np.random.default_rng([key, number]).random(4)
        boxes = crop_boxes(
            image.shape, uniforms[None, :3], image_size, self.zoom
        )
        return crop(image, boxes[0], uniforms[3] < 0.5, image_size)
