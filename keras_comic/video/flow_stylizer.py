"""Level 3: outputs follow the optical flow of their sources."""

from keras_comic.video.deflicker import Deflicker
from keras_comic.video.frame_stylizer import FrameStylizer


class FlowStylizer(FrameStylizer):
    """Stylises each frame, and blends it with the last output along the flow.

    For moving cameras, where nothing stands still and every frame has to be
    stylised anyway: the network runs on all of every frame, and its flicker
    is taken out afterwards, see `Deflicker`.

    Args:
        base: `FrameStylizer`. Makes the stylised frames.
        deflicker: `Deflicker` or `None`. Defaults to `None`, one with its
            defaults.

    Example:

    >>> class Negative(keras_comic.video.FrameStylizer):
    ...     def stylize(self, frame, starts_scene=False):
    ...         return 255 - frame
    >>> stylizer = keras_comic.video.FlowStylizer(Negative())
    >>> frame = np.full((32, 48, 3), 100, "uint8")
    >>> for _ in range(2):
    ...     comic = stylizer.stylize(frame)
    >>> int(comic[0, 0, 0])
    155
    """

    def __init__(self, base, deflicker=None):
        deflicker = Deflicker() if deflicker is None else deflicker
        for name, value, kind in (
            ("base", base, FrameStylizer),
            ("deflicker", deflicker, Deflicker),
        ):
            if not isinstance(value, kind):
                raise TypeError(
                    f"`{name}` must be a {kind.__name__}. "
                    f"Received: {name}={value!r}"
                )
        self.base = base
        self.deflicker = deflicker

    @property
    def needs_first_pass(self):
        """Boolean, `True` if `prepare` has to see frames first."""
        return self.base.needs_first_pass

    @property
    def last_share(self):
        """Share of the last frame's area that the base made anew."""
        return self.base.last_share

    def describe(self):
        return {
            "base": self.base.describe(),
            "deflicker": self.deflicker.describe(),
        }

    def prepare(self, frames):
        self.base.prepare(frames)

    def stylize(self, frame, starts_scene=False):
        stylized = self.base.stylize(frame, starts_scene)
        return self.deflicker.process(frame, stylized, starts_scene)

    def get_state(self):
        parts = {"base": self.base, "deflicker": self.deflicker}
        return {
            f"{part}.{name}": value
            for part, owner in parts.items()
            for name, value in owner.get_state().items()
        }

    def set_state(self, state):
        states = {"base": {}, "deflicker": {}}
        for name, value in state.items():
            part, _, rest = name.partition(".")
            if part not in states:
                raise ValueError(
                    "All names must start with `base.` or `deflicker.`. "
                    f"Received: state with {sorted(state)}"
                )
            states[part][rest] = value
        self.base.set_state(states["base"])
        self.deflicker.set_state(states["deflicker"])

    def reset(self):
        self.base.reset()
        self.deflicker.reset()
