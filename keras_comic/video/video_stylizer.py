"""Videos into comics, at a chosen level of coherence."""

import hashlib

import numpy as np

from keras_comic.models.network_runner import NetworkRunner
from keras_comic.models.pictures import as_mask
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.difference_stylizer import DifferenceStylizer
from keras_comic.video.frame_source import Frame
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.statistics_stylizer import StatisticsStylizer

CONSISTENCIES = ("none", "statistics", "difference", "flow")
DEFAULT_CONSISTENCY = "flow"
FLOW_PREFIX = "deflicker."


class VideoStylizer(FrameStylizer):
    """Turns the frames of a video into comics that hold still.

    Levels of `consistency`:

    - `"none"`: each frame by itself.
    - `"statistics"`: normalisation by the statistics of the scene, not of
      each frame: brightness and colour do not pump.
    - `"difference"`: only what has changed is stylised anew as well: still
      parts are bit-identical, and cost nothing. For cameras that stand still.
    - `"flow"`: statistics, and the last comic is carried along the optical
      flow. For moving cameras.

    Args:
        generator: `keras_comic.models.Generator`, such as `from_preset` gives.
        style: As in `Generator.stylize`. Defaults to `None`.
        consistency: String, see above. Defaults to `"flow"`.
        strength: Float in `[0, 1]`, as in `Generator.stylize`. Defaults to
            `1.0`.
        mask: `None`, or `(height, width)`, boolean or float in `[0, 1]`: where
            to stylise, the same in all frames. Defaults to `None`.
        keep_color: Boolean. Keeps the colours of the video and takes the
            comic's lightness. Defaults to `False`.
        first_pass: Boolean. `True` takes the statistics of a scene from
            samples of the whole scene, by reading the video twice; `False`
            from its frames so far, as a camera needs it. Defaults to `True`.

    Raises:
        TypeError: If `generator` is a model of another kind.
        ValueError: If `consistency` is unknown, an argument is out of its
            range, or, above the level `"none"`, a layer of the generator looks
            at all positions and does not report its statistics.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> stylizer = keras_comic.video.VideoStylizer(
    ...     generator, drawing, consistency="statistics", first_pass=False)
    >>> stylizer.stylize(drawing).shape
    (32, 40, 3)
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
    ):
        if consistency not in CONSISTENCIES:
            raise ValueError(
                f"`consistency` must be one of {list(CONSISTENCIES)}. "
                f"Received: consistency={consistency!r}"
            )
        self.consistency = consistency
        self.mask = None if mask is None else np.asarray(mask)
        runner = NetworkRunner(generator, style, strength, keep_color)
        mode = "two_pass" if first_pass else "running"
        make = StatisticsStylizer
        if consistency == "difference":
            make = DifferenceStylizer
        elif consistency == "none":
            mode = "own"
        self.level = make(runner, mode)
        self.deflicker = Deflicker() if consistency == "flow" else None
        self.provenance = generator.provenance

        self.needs_first_pass = self.level.needs_first_pass

    @property
    def last_share(self):
        """Share of the last frame's area that the network made anew."""
        return self.level.last_share

    def describe(self):
        mask = self.mask
        if mask is not None:
            mask = hashlib.sha256(mask.tobytes()).hexdigest()
        facts = {"consistency": self.consistency, "mask": mask}
        if self.deflicker is not None:
            facts["deflicker"] = self.deflicker.describe()
        return facts | self.level.describe()

    def prepare(self, frames):
        self.level.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        frame = self.check_frame(frame)
        comic = self.level.stylize(frame, starts_scene)
        if self.deflicker is not None:
            comic = self.deflicker.process(frame, comic, starts_scene)
        if self.mask is None:
            return comic
        share = as_mask(self.mask, (1, *frame.shape))[0]
        blended = share * comic + (1.0 - share) * frame
        return np.clip(np.rint(blended), 0, 255).astype("uint8")

    def frames(self, source, **options):
        """Iterates over the comics of a video.

        Args:
            source: A video file, an animated picture, a folder of numbered
                pictures, ..., see `keras_comic.video.open_frames`.
            **options: Further arguments of `open_frames`.

        Yields:
            Named tuples `Frame`: `number`, `time` (seconds), `image` (uint8
            `(height, width, 3)`, the comic), `starts_scene`.
        """
        self.reset()
        if self.needs_first_pass:
            self.prepare(open_frames(source, **options))
        for frame in open_frames(source, **options):
            comic = self.stylize(frame.image, frame.starts_scene)
            yield Frame(frame.number, frame.time, comic, frame.starts_scene)

    def get_state(self):
        state = self.level.get_state()
        if self.deflicker is not None:
            last = self.deflicker.get_state()
            state |= {FLOW_PREFIX + name: last[name] for name in last}
        return state

    def set_state(self, state):
        self.level.set_state(state)
        if self.deflicker is not None:
            size = len(FLOW_PREFIX)
            last = [name for name in state if name.startswith(FLOW_PREFIX)]
            self.deflicker.set_state({n[size:]: state[n] for n in last})

    def reset(self):
        self.level.reset()
        if self.deflicker is not None:
            self.deflicker.reset()
