"""Reads the image files of samples, and leaves broken ones out."""

import numpy as np

from keras_comic.data.images import read_image
from keras_comic.data.record_order import RecordOrder
from keras_comic.data.skipped import Skipped


class FileReader:
    """Reads the images that samples take, in the order of the datasets."""

    def __init__(self, paths, labels, name, max_corrupt):
        self.paths = list(paths)
        self.labels = labels
        if labels is not None:
            self.labels = np.unique(labels, return_inverse=True)[1]
        self.name = name
        self.skipped = Skipped(max_corrupt, "remove or repair them")
        self.orders = {}

    def read(self, number, seed):
        """Reads the image of one sample."""
        if seed not in self.orders:
            self.orders[seed] = RecordOrder(
                self.labels, len(self.paths), seed, self.name
            )
        attempt = 0
        while True:
            (place,) = self.orders[seed].records([number], attempt)
            path = self.paths[place]
            try:
                return read_image(path)
            except (OSError, ValueError) as error:
                self.skipped.add(str(path), str(error))
            attempt += 1
            # As many in a row can only be the same ones again.
            if attempt > len(self.skipped):
                raise ValueError(
                    "No file of a label can be read. Received: "
                    + ", ".join(self.skipped.reasons)
                )
