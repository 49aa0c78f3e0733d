"""A folder of numbered images, read as a video."""

import re

import numpy as np

from keras_comic.data.image_formats import SUFFIXES
from keras_comic.data.images import read_image
from keras_comic.data.video_frame import ArrayFrame


class FolderReader:
    """Reads a folder of numbered images as `VideoReader` reads a video."""

    def __init__(self, folder, frames_per_second):
        self.error = None
        self.frames_per_second = frames_per_second
        numbered = []
        for path in folder.iterdir():
            name = re.fullmatch(r"(.*?)(\d+)", path.stem)
            if path.suffix.lower() in SUFFIXES and name:
                numbered.append((name[1], int(name[2]), path))
        numbered.sort()
        if not numbered:
            raise ValueError(
                "The folder holds no numbered images, such as "
                f"frame_0001.png. Received: path={folder}"
            )
        if numbered[0][0] != numbered[-1][0]:
            raise ValueError(
                "Expected the images of one sequence in a folder, all named "
                f"alike up to their numbers; found {numbered[0][2].name} and "
                f"{numbered[-1][2].name}. Received: path={folder}"
            )
        self.numbers = [number for _, number, _ in numbered]
        self.paths = [path for _, _, path in numbered]
        for (_, number, path), (_, next_number, next_path) in zip(
            numbered, numbered[1:]
        ):
            if number == next_number:
                raise ValueError(
                    f"Two images have the number {number}: {path.name} and "
                    f"{next_path.name}. Received: path={folder}"
                )

    def frames(self):
        """Reads image by image."""
        spacings = np.diff(self.numbers)
        usual = spacings.min(initial=spacings.max(initial=1))
        gaps = [True, *(spacings > usual)]
        for number, path, gap in zip(self.numbers, self.paths, gaps):
            time = (number - self.numbers[0]) / self.frames_per_second
            yield ArrayFrame(read_image(path), number, time, gap)
