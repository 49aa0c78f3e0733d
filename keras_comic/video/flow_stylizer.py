"""Level 3: outputs follow the optical flow of their sources."""

from keras_comic.video.deflicker import Deflicker
from keras_comic.video.frame_stylizer import FrameStylizer

_BASE = "base."
_DEFLICKER = "deflicker."


class FlowStylizer(FrameStylizer):
    """Stylises each frame, and blends it with the last output along the flow.

    For moving cameras, where nothing stands still and every frame has to be
    stylised anyway: the network runs on all of every frame, and its flicker
    is taken out afterwards, see `Deflicker`.

    Args:
        base: `FrameStylizer`. Makes the stylised frames.
        deflicker: `Deflicker` or `None`. Defaults to `None`, one with its
            defaults.

    Raises:
        ImportError: If OpenCV is not installed.
        TypeError: If `base` is no `FrameStylizer`, or `deflicker` no
            `Deflicker`.

    Example:

    >>> from keras_comic.video.flow_stylizer import FlowStylizer
    >>> class Negative(keras_comic.video.FrameStylizer):
    ...     def stylize(self, frame, starts_scene=False):
    ...         return 255 - frame
    >>> stylizer = FlowStylizer(Negative())
    >>> frame = np.full((32, 48, 3), 100, "uint8")
    >>> for _ in range(2):
    ...     comic = stylizer.stylize(frame)
    >>> int(comic[0, 0, 0])
    155
    """

    def __init__(self, base, deflicker=None):
        if not isinstance(base, FrameStylizer):
            raise TypeError(
                f"`base` must be a FrameStylizer. Received: base={base!r}"
            )
        if deflicker is None:
            deflicker = Deflicker()
        if not isinstance(deflicker, Deflicker):
            raise TypeError(
                "`deflicker` must be a Deflicker or None. "
                f"Received: deflicker={deflicker!r}"
            )
        self.base = base
        self.deflicker = deflicker

    @property
    def needs_first_pass(self):
        """Whether the base wants to see frames before the first."""
        return self.base.needs_first_pass

    @property
    def last_share(self):
        """Share of the last frame's area that the base made anew."""
        return self.base.last_share

    def prepare(self, frames):
        self.base.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        stylized = self.base.stylize(frame, starts_scene)
        return self.deflicker.process(frame, stylized, starts_scene)

    def get_state(self):
        return {
            prefix + name: value
            for prefix, part in (
                (_BASE, self.base),
                (_DEFLICKER, self.deflicker),
            )
            for name, value in part.get_state().items()
        }

    def set_state(self, state):
        strange = [n for n in state if not n.startswith((_BASE, _DEFLICKER))]
        if strange:
            raise ValueError(
                f"All names must start with `{_BASE}` or `{_DEFLICKER}`. "
                f"Received: state with {sorted(strange)}"
            )
        for prefix, part in (
            (_BASE, self.base),
            (_DEFLICKER, self.deflicker),
        ):
            part.set_state(
                {
                    name.removeprefix(prefix): value
                    for name, value in state.items()
                    if name.startswith(prefix)
                }
            )

    def reset(self):
        self.base.reset()
        self.deflicker.reset()
