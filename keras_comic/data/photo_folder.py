"""Crops of the photos of a folder."""

from keras_comic.data.crop_arrays import FLIP
from keras_comic.data.crop_arrays import NUM_UNIFORMS
from keras_comic.data.crop_arrays import check_crop
from keras_comic.data.crop_arrays import crop
from keras_comic.data.crop_arrays import crop_boxes
from keras_comic.data.file_reader import FileReader
from keras_comic.data.image_folders import labelled_images
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms


class PhotoFolder:
    """Random crops of the photos of folders, without TensorFlow.

    Every photo comes once before any comes again. Crops are square, at a
    random place, `image_size / zoom` pixels wide in the file, at most its
    short side, and half of them are mirrored. A file that cannot be read is
    left out with a warning, and another comes in its place. `photo_dataset`
    gives such crops from TFRecords.

    Args:
        folders: String, path, or a list of them: folders of images.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file. Defaults to `(0.6, 1.0)`.
        max_corrupt: Integer >= 0. How many files may be left out before it
            is an error. Defaults to `10`.

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

    def __init__(self, folders, zoom=(0.6, 1.0), max_corrupt=10):
        check_crop(1, zoom)
        paths = [path for _, _, path in labelled_images(folders)]
        self.zoom = zoom
        self.reader = FileReader(paths, None, "photos", max_corrupt)

    def crop(self, number, image_size, seed):
        """Makes the crop of one sample.

        Args:
            number: Integer >= 0. The sample; the crop depends on it and on
                the seed alone.
            image_size: Integer > 0, pixels.
            seed: Integer.

        Returns:
            Float32 array `(image_size, image_size, 3)`, RGB in `[-1, 1]`.

        Raises:
            ValueError: If too many files cannot be read.
        """
        image = self.reader.read(number, seed)
        key = random_key(seed, "photos crop")
        uniforms = random_uniforms(key, [number], NUM_UNIFORMS + 3)
        (box,) = crop_boxes(
            image.shape, uniforms[:, NUM_UNIFORMS:], image_size, self.zoom
        )
        return crop(image, box, uniforms[0, FLIP] < 0.5, image_size)
