"""Crops of the drawings of a folder."""

from keras_comic.data.crop_arrays import FLIP
from keras_comic.data.crop_arrays import NUM_TRIES
from keras_comic.data.crop_arrays import NUM_UNIFORMS
from keras_comic.data.crop_arrays import check_crop
from keras_comic.data.crop_arrays import check_fraction
from keras_comic.data.crop_arrays import crop
from keras_comic.data.crop_arrays import crop_boxes
from keras_comic.data.crop_arrays import least_blank
from keras_comic.data.file_reader import FileReader
from keras_comic.data.image_folders import labelled_images
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms


class DrawingFolder:
    """Random crops of the drawings of folders, without TensorFlow.

    Drawings come from each label (illustrator) equally often, and within a
    label every drawing comes once before any comes again. Crops are made as
    in `PhotoFolder`; one that is nearly blank is drawn again, up to 8 times.
    A file that cannot be read is left out with a warning, and another of its
    label comes in its place. `comic_dataset` gives such crops from TFRecords.

    Args:
        folders: String, path, or a list of them: folders of images; the label
            of an image is what `image_label` says. Or a dict of labels to
            folders.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file. Defaults to `(0.6, 1.0)`.
        white_fraction: Float in `[0, 1]`. The part of a crop that may be
            white. Defaults to `0.75`.
        paper_fraction: Float in `[0, 1]`. The part of a crop that may be
            empty light paper; where it is tinted, it counts twice. Defaults
            to `0.4`.
        max_corrupt: Integer >= 0. How many files may be left out before it
            is an error. Defaults to `10`.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If a folder holds no image, or a number is not as above.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> drawings = keras_comic.data.DrawingFolder("ink")
    >>> drawings.crop(number=7, image_size=16, seed=0).shape
    (16, 16, 3)
    """

    def __init__(
        self,
        folders,
        zoom=(0.6, 1.0),
        white_fraction=0.75,
        paper_fraction=0.4,
        max_corrupt=10,
    ):
        check_crop(1, zoom)
        check_fraction("white_fraction", white_fraction)
        check_fraction("paper_fraction", paper_fraction)
        self.zoom = zoom
        self.white_fraction = white_fraction
        self.paper_fraction = paper_fraction
        labels, _, paths = zip(*sorted(labelled_images(folders)))
        self.labels = sorted(set(labels))
        self.reader = FileReader(paths, labels, "comics", max_corrupt)

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
        key = random_key(seed, "comics crop")
        count = NUM_UNIFORMS + 3 * NUM_TRIES
        (uniforms,) = random_uniforms(key, [number], count)
        places = uniforms[NUM_UNIFORMS:].reshape(-1, 3)
        boxes = crop_boxes(image.shape, places, image_size, self.zoom)
        box = boxes[
            least_blank(image, boxes, self.white_fraction, self.paper_fraction)
        ]
        return crop(image, box, uniforms[FLIP] < 0.5, image_size)
