"""What the web page does with a file: a photo or a short video into a comic."""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_comic import presets as presets_module
from keras_comic.models.image_files import write_image
from keras_comic.provenance.metadata import Provenance
from keras_comic.serving.web_media import PHOTO
from keras_comic.serving.web_media import MediaError
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_media import media_kind
from keras_comic.serving.web_media import open_clip
from keras_comic.serving.web_media import read_photo
from keras_comic.serving.web_media import reason
from keras_comic.video.conversion import convert_video
from keras_comic.video.frame_source import open_frames
from keras_comic.video.video_stylizer import VideoStylizer

# Letters of a file's name that are kept in the comic's.
_KEPT = re.compile(r"[^\w.-]+")
LONGEST_STEM = 60
# Seconds between the frames of a video that are reviewed before it is drawn.
REVIEWED_EVERY = 0.5


class Choice(NamedTuple):
    """What was chosen on the page."""

    preset: str
    style: str
    second: str | None = None
    share: float = 0.0
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
    """Raised by what `make` calls as `progress`, to stop it."""


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
            if not generator.style_names:
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

    def make(self, path, choice, folder, progress=None):
        """Makes a comic of a file."""
        generator, style = self._style(choice)
        target = Path(folder) / _file_name(path, choice)
        said = generator.provenance
        if said.preset is None:
            said = Provenance(choice.preset)
        if media_kind(path, self.limits) == PHOTO:
            photo, size = read_photo(path, self.limits)
            comic = generator.stylize(
                photo, style, choice.strength, keep_color=choice.keep_color
            )
            if self.content_review is not None:
                self.content_review.check(comic[None])
            target = target.with_name(f"{target.name}.png")
            write_image(target, comic, said)
            notes = [_size_facts(photo, size)]
            return Result(PHOTO, target, photo, comic, notes)
        frames, size = open_clip(path, self.limits)
        progress = progress or (lambda done, total: None)
        self._review_clip(path, progress)
        target = target.with_name(f"{target.name}.mp4")
        stylizer = VideoStylizer(
            generator,
            style,
            strength=choice.strength,
            keep_color=choice.keep_color,
        )
        stylizer.provenance = said
        try:
            done = convert_video(frames, target, stylizer, progress=progress)
        except (OSError, ValueError) as error:
            raise MediaError(reason(path, error)) from error
        if self.content_review is not None:
            for frame in open_frames(target, scene_cuts=False):
                progress(done.num_frames, done.num_frames)
                self.content_review.check(frame.image[None])
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
        return Result("video", target, before, after, notes)

    def _review_clip(self, path, progress):
        """Has frames of a video reviewed: of each half second and scene."""
        if self.content_review is None:
            return
        frames, _ = open_clip(path, self.limits)
        step = max(1, int(frames.frame_rate * REVIEWED_EVERY))
        sampled = frames.read(every=step)
        while True:
            progress(0, frames.num_frames)
            try:
                frame = next(sampled)
            except (OSError, StopIteration, ValueError):
                # Drawing it tells of what is damaged.
                return
            self.content_review.check(frame.image[None])

    def _style(self, choice):
        """The generator, and what it takes as style."""
        if choice.preset not in self.generators:
            raise ValueError(
                f"`preset` must be one of {list(self.generators)}. "
                f"Received: preset={choice.preset!r}"
            )
        generator = self.generators[choice.preset]
        for style in (choice.style, choice.second):
            if style is None and style is choice.second:
                continue
            if style not in generator.style_names:
                raise ValueError(
                    f"`style` must be one of {generator.style_names}. "
                    f"Received: style={style!r}"
                )
        if not 0.0 <= choice.share <= 1.0:
            raise ValueError(
                "`share` must be a number in [0, 1]. "
                f"Received: share={choice.share!r}"
            )
        if choice.second is None or choice.share == 0.0:
            return generator, choice.style
        return generator, [
            (choice.style, 1.0 - choice.share),
            (choice.second, choice.share),
        ]


def _frame(path, number, size):
    """A frame of a video, or its last, of a size `(width, height)`."""
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
    stem = _KEPT.sub("_", Path(path).stem)[:LONGEST_STEM].strip("._")
    styles = [choice.style]
    if choice.second is not None and choice.share:
        styles.append(choice.second)
    parts = [stem or "comic", *(_KEPT.sub("_", style) for style in styles)]
    return "-".join(parts)
