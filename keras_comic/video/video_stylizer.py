"""Videos into comics, at a chosen level of coherence."""

import numbers

import numpy as np
from keras import ops

from keras_comic.models.photo_color import keep_photo_color
from keras_comic.models.pictures import as_mask
from keras_comic.video.difference_stylizer import DifferenceStylizer
from keras_comic.video.flow_stylizer import FlowStylizer
from keras_comic.video.frame_source import Frame
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.network_runner import NetworkRunner
from keras_comic.video.statistics_stylizer import FrameByFrameStylizer
from keras_comic.video.statistics_stylizer import StatisticsStylizer

CONSISTENCIES = ("none", "statistics", "difference", "flow")
DEFAULT_CONSISTENCY = "flow"


class VideoStylizer(FrameStylizer):
    """Turns the frames of a video into comics that hold still.

    Levels of `consistency`:

    - `"none"`: each frame by itself; the fastest code for cuts and stills,
      and what the others are compared with.
    - `"statistics"`: normalisation by the statistics of the scene, not of
      each frame: brightness and colour do not pump.
    - `"difference"`: and only what has changed is stylised anew: what stands
      still is bit-identical, and costs nothing. For cameras that stand still.
    - `"flow"`: statistics, and the last comic is carried along the optical
      flow: for moving cameras. Needs OpenCV.

    Args:
        generator: `keras_comic.Generator`, such as `from_preset` gives.
        style: As in `Generator.stylize`. Defaults to `None`, the first named
            style.
        consistency: String, see above. Defaults to `"flow"`.
        strength: Float in `[0, 1]`, as in `Generator.stylize`. Defaults to
            `1.0`.
        mask: `None`, or `(height, width)`, boolean or float in `[0, 1]`: where
            to stylise, the same in all frames. Defaults to `None`.
        keep_color: Boolean. Keeps the colours of the video and takes the
            comic's lightness. Defaults to `False`.
        first_pass: Boolean. Whether the statistics of a scene are taken from
            samples of the whole scene, by reading the video twice, or from
            its frames so far, as a camera needs it. Defaults to `True`.
        **options: Further arguments of the level's own class:
            `keras_comic.video.DifferenceStylizer` or `FlowStylizer`.

    Raises:
        ValueError: If `consistency` is unknown, or an argument is out of its
            range.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> stylizer = keras_comic.video.VideoStylizer(
    ...     generator, drawing, consistency="statistics", first_pass=False)
    >>> frame = np.random.randint(0, 256, (48, 64, 3), dtype="uint8")
    >>> stylizer.stylize(frame).shape
    (48, 64, 3)
    """

    def __init__(
        self,
        generator,
        style=None,
        consistency=DEFAULT_CONSISTENCY,
        strength=1.0,
        mask=None,
        keep_color=False,
        first_pass=True,
        **options,
    ):
        if consistency not in CONSISTENCIES:
            raise ValueError(
                f"`consistency` must be one of {list(CONSISTENCIES)}. "
                f"Received: consistency={consistency!r}"
            )
        if not isinstance(strength, numbers.Real) or not 0 <= strength <= 1:
            raise ValueError(
                "`strength` must be a number in [0, 1]. "
                f"Received: strength={strength!r}"
            )
        self._generator = generator
        self.consistency = consistency
        self.mask = None if mask is None else np.asarray(mask)
        self.keep_color = keep_color
        runner = NetworkRunner(generator, style, strength)
        mode = "two_pass" if first_pass else "running"
        if consistency == "none":
            self.level = FrameByFrameStylizer(runner, **options)
        elif consistency == "statistics":
            self.level = StatisticsStylizer(runner, mode=mode, **options)
        elif consistency == "difference":
            self.level = DifferenceStylizer(runner, mode=mode, **options)
        else:
            base = StatisticsStylizer(runner, mode=mode)
            self.level = FlowStylizer(base, **options)

    @property
    def needs_first_pass(self):
        """Whether `prepare` wants to see frames before the first one."""
        return self.level.needs_first_pass

    @property
    def provenance(self):
        """What the video says of how it was made: which preset made it."""
        return self._generator.provenance

    @property
    def last_share(self):
        """Share of the last frame's area that the network made anew."""
        return self.level.last_share

    def prepare(self, frames):
        self.level.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        comic = self.level.stylize(frame, starts_scene)
        if self.keep_color:
            kept = keep_photo_color(
                comic[None].astype("float32"), frame[None].astype("float32")
            )
            comic = _to_uint8(ops.convert_to_numpy(kept)[0])
        if self.mask is not None:
            amount = as_mask(self.mask, (1, *frame.shape))[0]
            comic = _to_uint8(amount * comic + (1.0 - amount) * frame)
        return comic

    def frames(self, source, **options):
        """Iterates over the comics of a video.

        Args:
            source: What `keras_comic.video.open_frames` takes: a video file,
                an animated picture, a folder of numbered pictures, ....
            **options: Further arguments of `open_frames`.

        Yields:
            Named tuples `Frame`: `number`, `time` (seconds), `image` (uint8
            `(height, width, 3)`, the comic), `starts_scene`.

        Raises:
            ValueError: As `open_frames`; after the last frame that could be
                read, if the video is damaged.
        """
        self.reset()
        if self.needs_first_pass:
            self.prepare(open_frames(source, **options))
        for frame in open_frames(source, **options):
            comic = self.stylize(frame.image, frame.starts_scene)
            yield Frame(frame.number, frame.time, comic, frame.starts_scene)

    def get_state(self):
        return self.level.get_state()

    def set_state(self, state):
        self.level.set_state(state)

    def reset(self):
        self.level.reset()


def _to_uint8(values):
    return np.clip(np.rint(values), 0, 255).astype("uint8")
