"""Takes the flicker out of a stylised video, whoever stylised it."""

from pathlib import Path

from keras_comic.data.video_reader import VideoError
from keras_comic.provenance.metadata import read_provenance
from keras_comic.video.conversion import convert_video
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.frame_source import FrameSource
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer

# Beyond these ratios, one video is not made from the other. Animations round
# the durations of their frames; other programs resize to multiples of 32.
MAX_RATE_RATIO = 1.15
MAX_SHAPE_RATIO = 1.2


def deflicker_video(
    source,
    stylized,
    output,
    deflicker=None,
    resume=False,
    overwrite=False,
    sound=True,
    progress=None,
):
    """Takes the flicker out of a stylised video, with its source at hand.

    The post-hoc mode of level 3, see `Deflicker`, for the video of any
    program. Frames are paired in their order. The output has the size of the
    stylised video, what that says of its origin, and the times, the scenes and
    the sound of the source.

    Args:
        source: String or path of the video that was stylised, see
            `open_frames`, or a `FrameSource`.
        stylized: String or path of what became of it, or a `FrameSource`:
            frame by frame the same, of any size.
        output: String or path, see `convert_video`.
        deflicker: `Deflicker` or `None`, one with its defaults. Defaults to
            `None`.
        resume: Boolean, see `convert_video`. Defaults to `False`.
        overwrite: Boolean, see `convert_video`. Defaults to `False`.
        sound: Boolean. Carries the source's sound over. Defaults to `True`.
        progress: Callable or `None`, see `convert_video`. Defaults to `None`.

    Returns:
        Named tuple, see `convert_video`. Where the stylised video ends before
        the source, `problem` says so.

    Raises:
        ValueError: If the shapes or the frame rates do not fit each other.

    Example:

    >>> frames = np.full((3, 32, 48, 3), 90, "uint8")
    >>> for name, video in (("a.png", frames), ("b.png", 255 - frames)):
    ...     number = keras_comic.video.write_frames(video, name, frame_rate=5)
    >>> done = keras_comic.video.deflicker_video("a.png", "b.png", "c.png")
    >>> done.num_frames
    3
    """
    if not isinstance(source, FrameSource):
        source = open_frames(source)
    if not isinstance(stylized, FrameSource):
        # The images of a folder are as many a second as the source's.
        is_folder = Path(stylized).is_dir()
        rate = source.frame_rate if is_folder else None
        stylized = open_frames(stylized, frame_rate=rate, scene_cuts=False)
    _check_pair(source, stylized)
    # Frames that are read come in this size.
    source.width, source.height = stylized.width, stylized.height
    return convert_video(
        source,
        output,
        _SecondVideo(stylized, deflicker or Deflicker()),
        resume=resume,
        overwrite=overwrite,
        sound=sound,
        progress=progress,
    )


class _SecondVideo(FrameStylizer):
    """Takes each frame's stylisation from another video."""

    def __init__(self, stylized, deflicker):
        self.stylized = stylized
        self.deflicker = deflicker
        self.provenance = _provenance_of(stylized.path)
        self.number = 0
        self._frames = None

    def describe(self):
        video = {"stylized": self.stylized.identity()}
        return video | self.deflicker.describe()

    def stylize(self, frame, starts_scene=False):
        if self._frames is None:
            self._frames = self.stylized.read(start=self.number)
        stylized = next(self._frames, None)
        if stylized is None:
            raise VideoError(
                "The stylised video ends before its source. "
                f"Received: {self.number} frames in {self.stylized.path}",
                "truncated",
            )
        self.number += 1
        return self.deflicker.process(frame, stylized.image, starts_scene)

    def get_state(self):
        return {"number": self.number, **self.deflicker.get_state()}

    def set_state(self, state):
        self.reset()
        state = dict(state)
        self.number = int(state.pop("number"))
        self.deflicker.set_state(state)

    def reset(self):
        self.deflicker.reset()
        self.number = 0
        self._frames = None


def _provenance_of(path):
    """Reads the statement of how a video, or a folder's images, were made."""
    if path is not None and path.is_dir():
        path = min(path.glob("*.png"), default=None)
    if path is None:
        return None
    try:
        return read_provenance(path)
    except ValueError:
        # The format has no place for it.
        return None


def _check_pair(source, stylized):
    rates = float(source.frame_rate), float(stylized.frame_rate)
    if max(rates) > MAX_RATE_RATIO * min(rates):
        raise ValueError(
            "Both videos must have the same frame rate, so that their frames "
            f"are those of each other. Received: {rates[0]:.3f} of the source "
            f"and {rates[1]:.3f} frames per second of the stylised video"
        )
    shapes = [video.width / video.height for video in (source, stylized)]
    if max(shapes) > MAX_SHAPE_RATIO * min(shapes):
        raise ValueError(
            "Both videos must have the same shape. Received: "
            f"{source.width} x {source.height} pixels of the source and "
            f"{stylized.width} x {stylized.height} of the stylised video"
        )
