"""The pictures of a training: records, batches, and squares to look at."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from keras_comic.data import Crops
from keras_comic.data import FolderPairs
from keras_comic.data import image_label
from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.data import resize_short_side

# What a batch holds: photos and drawings of a style; photos and comics;
# photos with their own comics; one of them alone.
KINDS = ("style_transfer", "unpaired", "paired", "comics", "photos")


class TrainingData:
    """Folders of drawings and photos, as a family takes them.

    Args:
        kind: One of `KINDS`.
        drawings: Path of a folder, whose sub-folders are labels, or a dict of
            label to folder; of kind `"paired"`, a folder that holds the
            folders `photos` and `comics`; or `None`. Defaults to `None`.
        photos: Path of a folder, a list of them, or `None`. Defaults to
            `None`.

    Raises:
        ValueError: If the kind is unknown, or needs folders that are missing.
        FileNotFoundError: If a folder does not exist.
    """

    def __init__(self, kind, drawings=None, photos=None):
        if kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {list(KINDS)}. Received: kind={kind!r}"
            )
        needs = {
            "drawings": kind != "photos",
            "photos": kind in ("style_transfer", "unpaired", "photos"),
        }
        for name, folders in (("drawings", drawings), ("photos", photos)):
            if needs[name] != bool(folders):
                raise ValueError(
                    f"A training on data of the kind {kind!r} takes "
                    f"{'' if needs[name] else 'no '}{name}. "
                    f"Received: {name}={folders!r}"
                )
        self.kind = kind
        self.drawings = drawings
        self.photos = photos
        # Files that could not be read, with the reason of each.
        self.failures = {}

    def labelled_drawings(self):
        """Returns the paths of the drawings by label."""
        if self.drawings is None:
            return {}
        if isinstance(self.drawings, dict):
            folders = self.drawings.items()
            return {name: list_images(folder) for name, folder in folders}
        folder = Path(self.drawings)
        if self.kind == "paired":
            return {"comics": list_images(folder / "comics")}
        paths = {}
        for path in list_images(folder):
            paths.setdefault(image_label(path, folder), []).append(path)
        return paths

    def photo_paths(self):
        """Returns the paths of all photos."""
        folders = self.photos
        if self.kind == "paired":
            folders = Path(self.drawings) / "photos"
        if folders is None:
            return []
        if not isinstance(folders, (list, tuple)):
            folders = [folders]
        return [path for folder in folders for path in list_images(folder)]

    def describe(self):
        """Returns counts and checksums, which tell other pictures apart."""
        drawings = self.labelled_drawings().items()
        return {
            "drawings": {name: _describe(paths) for name, paths in drawings},
            "photos": _describe(self.photo_paths()),
        }

    def read(self, paths, short_side=None):
        """Yields the pictures that can be read; `failures` names the others.

        Args:
            paths: Iterable of paths.
            short_side: Integer > 0, to which pictures are resized, pixels, or
                `None`. Defaults to `None`.

        Yields:
            uint8 arrays `(height, width, 3)`, RGB in `[0, 255]`.
        """
        for path in paths:
            try:
                picture = read_image(path)
            except (OSError, ValueError) as error:
                self.failures[str(path)] = str(error)
                continue
            if short_side is not None:
                picture = resize_short_side(picture, short_side)
            yield picture

    def squares(self, size, count):
        """Reads the middles of photos and of drawings, evenly from all.

        Args:
            size: Integer > 0. Side of the squares, pixels.
            count: Integer > 0. The largest number of each.

        Returns:
            Two lists of uint8 arrays `(size, size, 3)`, RGB in `[0, 255]`.
        """
        drawings = [p for ps in self.labelled_drawings().values() for p in ps]
        squares = []
        for paths in (self.photo_paths(), drawings):
            number = min(count, len(paths))
            places = np.linspace(0, len(paths) - 1, number).round().astype(int)
            pictures = self.read([paths[i] for i in places], size)
            squares.append([_middle(picture, size) for picture in pictures])
        return squares

    def batches(self, folder, options, start_step):
        """Makes the batches that a training takes, by way of records.

        Where TensorFlow is not installed, batches for style transfer are made
        from the files themselves.

        Args:
            folder: Path of the folder for the records.
            options: Dict of options, see `Recipe`.
            start_step: Integer >= 0. Number of batches to leave out.

        Returns:
            `tf.data.Dataset` or `keras.utils.PyDataset`, endless.

        Raises:
            ImportError: If TensorFlow is needed, and not installed.
        """
        arguments = {name: options[name] for name in ("batch_size", "seed")}
        arguments["start_step"] = start_step
        if self.kind == "style_transfer":
            arguments["identity_fraction"] = options["identity_fraction"]
        crops = Crops(
            options["image_size"],
            options["zoom"],
            max_blank=options["max_blank"],
        )
        if importlib.util.find_spec("tensorflow") is None:
            if self.kind != "style_transfer":
                raise ImportError(
                    f"Training on data of the kind {self.kind!r} needs "
                    "TensorFlow, which reads the records: `pip install "
                    "tensorflow`."
                )
            return FolderPairs(self.photos, self.drawings, crops, **arguments)
        from keras_comic.data import datasets as data

        both = {"photos": self.photos, "comics": self.drawings}
        dataset, sources = {
            "style_transfer": (data.style_transfer_dataset, both),
            "unpaired": (data.unpaired_dataset, both),
            "paired": (data.paired_dataset, {"pairs": self.drawings}),
            "comics": (data.picture_dataset, {"comics": self.drawings}),
            "photos": (data.picture_dataset, {"photos": self.photos}),
        }[self.kind]
        records = [
            self._write_records(folder, kind, folders)
            for kind, folders in sources.items()
        ]
        return dataset(*records, crops, **arguments)

    def _write_records(self, folder, kind, sources):
        from keras_comic.data.build import write_records

        output = Path(folder) / kind
        written = write_records(sources, output, kind)
        self.failures.update(
            (str(path), str(reason)) for path, reason in written.failures
        )
        return output


def _describe(paths):
    names = [f"{path.name} {path.stat().st_size}" for path in paths]
    checksum = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"{len(paths)} files, checksum {checksum[:12]}"


def _middle(picture, size):
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return picture[top : top + size, left : left + size]
