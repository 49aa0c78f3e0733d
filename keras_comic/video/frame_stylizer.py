"""The base of all ways of stylising a video."""

import numpy as np


class FrameStylizer:
    """Turns the frames of one video into comics, in their order.

    Subclasses override `stylize`; those that remember something from frame to
    frame also `get_state`, `set_state` and `reset`, so that an interrupted
    video goes on to the same frames.

    Attributes:
        needs_first_pass: Boolean. `True` if `prepare` has to see frames
            before the first `stylize`.
        provenance: `keras_comic.provenance.Provenance` or `None`: the
            statement, in the video file, of how it was made.
        watermark: Integer in `[0, 2**32 - 1]` or `None`: an identifier that
            `convert_video` hides in every frame, see
            `keras_comic.provenance.embed_watermark`. Below about 480 rows, a
            codec may leave it in key frames only.
        last_share: Float in `[0, 1]`, the share of the last frame's area that
            was made anew.

    Example:

    >>> class Negative(keras_comic.video.FrameStylizer):
    ...     def stylize(self, frame, starts_scene=False):
    ...         return 255 - frame
    >>> int(Negative().stylize(np.zeros((2, 2, 3), "uint8")).max())
    255
    """

    needs_first_pass = False
    provenance = None
    watermark = None
    last_share = 1.0

    def describe(self):
        """Returns a dict for JSON: all that comics depend on beside frames."""
        return {}

    def prepare(self, frames):
        """Looks at frames of the video before it is stylised.

        Args:
            frames: Iterable of tuples `Frame`, as `open_frames` gives.
        """

    def stylize(self, frame, starts_scene=False):
        """Makes the comic of the next frame.

        Args:
            frame: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`, as is
                the comic.
            starts_scene: Boolean. `True` if nothing of the frames before is
                to be carried over. Defaults to `False`.
        """
        raise TypeError(
            f"`{type(self).__name__}` must override `stylize(frame, "
            "starts_scene)`."
        )

    def get_state(self):
        """Returns what the frames to come depend on, a dict of NumPy arrays."""
        return {}

    def set_state(self, state):
        """Goes on where another run was.

        Args:
            state: Dict, from `get_state`.
        """

    def reset(self):
        """Forgets all frames, before another video."""

    @staticmethod
    def check_frame(frame):
        """Returns a frame as an array, or raises an error if it is none.

        Args:
            frame: Anything.
        """
        frame = np.asarray(frame)
        if frame.ndim != 3 or frame.shape[-1] != 3 or frame.dtype != "uint8":
            raise ValueError(
                "A frame must be uint8, (height, width, 3). Received: "
                f"dtype={frame.dtype}, shape={frame.shape}"
            )
        return frame
