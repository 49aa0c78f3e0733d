"""Comics of files: of a photo or a short video, within limits."""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_comic import presets as presets_module
from keras_comic.models import Generator
from keras_comic.models.image_files import write_image
from keras_comic.provenance.metadata import Provenance
from keras_comic.serving.web_media import PHOTO
from keras_comic.serving.web_media import VIDEO
from keras_comic.serving.web_media import MediaError
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_media import media_kind
from keras_comic.serving.web_media import open_clip
from keras_comic.serving.web_media import read_photo
from keras_comic.serving.web_media import reason
from keras_comic.video.conversion import convert_video
from keras_comic.video.frame_source import open_frames
from keras_comic.video.video_stylizer import VideoStylizer

# Letters of a file's name that are not kept in the comic's.
_REPLACED = re.compile(r"[^\w.-]+")
LONGEST_STEM = 60


class Choice(NamedTuple):
    """The settings that were chosen on the page.

    `styles` has a pair of name and weight for each style; it is empty where
    the preset draws in one way.
    """

    preset: str
    styles: tuple = ()
    strength: float = 1.0
    keep_color: bool = False


class Preview(NamedTuple):
    """A file that was looked at."""

    kind: str
    image: np.ndarray
    facts: str


class Result(NamedTuple):
    """A finished comic."""

    kind: str
    path: Path
    before: np.ndarray
    after: np.ndarray
    notes: list


class Stopped(Exception):
    """Raised by the `progress` that `make` calls, to stop it."""


class WebStylizer:
    """Reads files within limits and makes comics of them."""

    def __init__(self, presets=None, limits=None, content_review=None):
        limits = MediaLimits() if limits is None else limits
        limits.check()
        if presets is None:
            presets = list(presets_module.list_presets())
        if not isinstance(presets, dict):
            presets = {
                Path(str(name)).name: presets_module.from_preset(str(name))
                for name in presets
            }
        if not presets:
            raise ValueError("`presets` must name a preset. Received: none")
        for name, generator in presets.items():
            if not isinstance(generator, Generator):
                raise ValueError(
                    "The page draws photos, which takes a preset of the kind "
                    "generator or style_generator. Received: "
                    f"preset={name!r} of the kind {generator.kind}"
                )
            if generator.takes_style and not generator.style_names:
                raise ValueError(
                    "A preset needs a named style to be chosen on the page "
                    f"(`keras-comic add-style`). Received: preset={name!r}"
                )
        self.generators = dict(presets)
        self.limits = limits
        self.content_review = content_review

    def check(self, path):
        """Looks at a file, before anything is made of it."""
        kind = media_kind(path, self.limits)
        if kind == PHOTO:
            photo, size = read_photo(path, self.limits)
            return Preview(kind, photo, _size_facts(photo, size))
        frames, size = open_clip(path, self.limits)
        try:
            first = _frame(frames.path, 0, (frames.width, frames.height))
        except (OSError, ValueError) as error:
            raise MediaError(reason(path, error)) from error
        facts = _size_facts(first, size)
        if frames.duration is not None:
            facts = f"{frames.duration:.1f} seconds, {facts}"
        return Preview(kind, first, facts)

    def make(self, path, choice, folder, progress=lambda done, total: None):
        """Makes a comic of a file."""
        generator = self.generators[choice.preset]
        provenance = generator.provenance
        if provenance.preset is None:
            provenance = Provenance(choice.preset)
        style = list(choice.styles) or None
        if style and len(style) == 1:
            style = style[0][0]
        target = Path(folder) / _file_name(path, choice)
        if media_kind(path, self.limits) == PHOTO:
            photo, size = read_photo(path, self.limits)
            comic = generator.stylize(
                photo, style, choice.strength, keep_color=choice.keep_color
            )
            self._review(comic)
            target = target.with_name(f"{target.name}.png")
            write_image(target, comic, provenance)
            notes = [_size_facts(photo, size)]
            return Result(PHOTO, target, photo, comic, notes)
        frames, size = open_clip(path, self.limits)
        target = target.with_name(f"{target.name}.mp4")
        stylizer = VideoStylizer(
            generator,
            style,
            strength=choice.strength,
            keep_color=choice.keep_color,
        )
        stylizer.provenance = provenance
        try:
            done = convert_video(frames, target, stylizer, progress=progress)
        except (OSError, ValueError) as error:
            raise MediaError(reason(path, error)) from error
        if self.content_review is not None:
            for frame in open_frames(target, scene_cuts=False):
                progress(done.num_frames, done.num_frames)
                self._review(frame.image)
        middle = done.num_frames // 2
        before = _frame(frames.path, middle, (frames.width, frames.height))
        after = _frame(target, middle, (frames.width, frames.height))
        notes = [f"{done.num_frames} frames, {_size_facts(before, size)}"]
        if done.problem:
            problem = done.problem.split(" Received:")[0]
            notes.append(f"Only a part could be read. {problem}")
        elif frames.is_cut:
            notes.append(
                f"Cut after {self.limits.max_seconds:g} seconds, the most "
                "that this page takes."
            )
        return Result(VIDEO, target, before, after, notes)

    def _review(self, comic):
        if self.content_review is not None:
            self.content_review.check(comic[None])


def _frame(path, number, size):
    """Reads a frame of a video, or its last, at a size `(width, height)`."""
    frames = open_frames(path, scene_cuts=False)
    frames.width, frames.height = size
    for frame in itertools.islice(frames, number + 1):
        image = frame.image
    return image


def _size_facts(image, size):
    height, width = image.shape[:2]
    if (width, height) == tuple(size):
        return f"{width} × {height} pixels"
    return f"{width} × {height} pixels, shrunk from {size[0]} × {size[1]}"


def _file_name(path, choice):
    stem = _REPLACED.sub("_", Path(path).stem)[:LONGEST_STEM].strip("._")
    names = [_REPLACED.sub("_", name) for name, _ in choice.styles]
    return "-".join([stem or "comic", *(names or [choice.preset])])
