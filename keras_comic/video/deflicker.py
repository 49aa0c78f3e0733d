"""Takes the flicker out of stylised frames, along the flow of their sources."""

import numbers

import numpy as np

from keras_comic.data.video_library import import_video_library
from keras_comic.video.flow import flow_confidence
from keras_comic.video.flow import flow_places
from keras_comic.video.flow import get_flow_estimator
from keras_comic.video.flow import remap
from keras_comic.video.frame_stylizer import FrameStylizer

# Differences of the sources, of 255: those up to the first are noise; the
# second beyond it, trust has fallen to exp(-1). A flow may also be off by a
# part of a pixel, which makes differences at edges.
NOISE = 3.0
TOLERANCE = 12.0
FLOW_ERROR = 0.75
# Deviation of the blur over which sources are compared, pixels, and of the
# one that makes the borders of what is trusted soft.
_COMPARED = 1.5
_SOFT = 1.5
# A network sees what is near: a thing that moves changes the colours around it
# where the source stays the same. By more than this, of 255, areas of 4 by 4
# pixels may not differ from the frame's own stylisation.
DRIFT = 40.0
# A blur of this deviation, pixels, takes the details away; their contrast is
# compared over windows of this side, and raised by at most this in a frame.
_DETAIL = 1.6
_WINDOW = 32
_MAX_GAIN = 1.3


class Deflicker:
    """Makes stylised frames consistent, with the sources at hand.

    For any pair of videos, one the stylised version of the other, whoever
    stylised it. Each frame is blended with the last output, moved along the
    optical flow between the sources:

        output = stylized + weight * (warp(last output) - stylized)

    `weight` is `strength` where the flow is sure and leads to what looks the
    same in both sources, and falls to 0 where it is hidden, at the boundary of
    a motion, out of the picture, or another colour, and where the colours of
    the stylisation have changed by much. The sources are blended alike, and
    the flow leads from each source to that blend: what one flow was off by,
    the next one takes back. What blending takes from the contrast of details
    is given back, so that lines stay sharp.

    Frames are given in their order; one of another size starts anew.

    Args:
        flow: `"dis_fine"` (dense inverse search up to the full size), `"dis"`
            (up to half of it, faster), or a callable `(first, second) ->
            flow`, as `keras_comic.data.optical_flow`. Defaults to
            `"dis_fine"`.
        strength: Float in `[0, 1)`. Share of the last output in the next one,
            where it can be trusted; 0 changes nothing. Defaults to `0.9`.

    Reference:
        - [Ruder et al., 2016](https://arxiv.org/abs/1604.08610), for the
          tests of the flow. Differs from it in: the last output is blended,
          not optimised for.
    """

    # Pixels: flow is found on sources whose longer side is at most this.
    flow_side = 960

    def __init__(self, flow="dis_fine", strength=0.9):
        if not isinstance(strength, numbers.Real) or not 0 <= strength < 1:
            raise ValueError(
                "`strength` must be at least 0 and less than 1. "
                f"Received: strength={strength!r}"
            )
        import_video_library("cv2")
        self.flow = get_flow_estimator(flow)
        self.strength = float(strength)
        self.reset()

    def reset(self):
        """Forgets all frames, before another video."""
        self._source = None
        self._output = None

    def process(self, source, stylized, starts_scene=False):
        """Makes the next frame.

        Args:
            source: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`: what
                was stylised. It is resized to the size of `stylized`.
            stylized: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
            starts_scene: Boolean. `True` if nothing of the frames before is
                to be carried over. Defaults to `False`.

        Returns:
            Uint8 array of the shape of `stylized`, RGB in `[0, 255]`.
        """
        source = FrameStylizer.check_frame(source)
        stylized = FrameStylizer.check_frame(stylized)
        source = self._resize_source(source, stylized.shape[:2])
        output = stylized.astype("float32")
        source = source.astype("float32")
        if (
            not starts_scene
            and self._output is not None
            and self._output.shape == output.shape
            and self._source.shape == source.shape
        ):
            output = self._blend(source, output)
        else:
            self._source = source
        self._output = output
        return _to_bytes(output)

    def describe(self):
        """Returns all that outputs depend on, apart from the frames."""
        flow = getattr(self.flow, "__qualname__", type(self.flow).__qualname__)
        return {"flow": flow, "strength": self.strength}

    def get_state(self):
        """Returns what the frames to come depend on, as arrays."""
        if self._output is None:
            return {}
        return {"source": self._source.copy(), "output": self._output.copy()}

    def set_state(self, state):
        """Goes on where another run was.

        Args:
            state: Dict, from `get_state`.
        """
        self._source, self._output = (
            None if not state else np.array(state[name], "float32")
            for name in ("source", "output")
        )

    def _resize_source(self, source, size):
        """Resizes a source for the search of the flow."""
        scale = min(1.0, self.flow_side / max(size))
        size = tuple(max(1, round(side * scale)) for side in size)
        if source.shape[:2] == size:
            # The caller may go on to write into it.
            return source.copy()
        cv2 = import_video_library("cv2")
        smaller = size[0] <= source.shape[0] and size[1] <= source.shape[1]
        return cv2.resize(
            source,
            size[::-1],
            interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC,
        )

    def _blend(self, source, stylized):
        cv2 = import_video_library("cv2")
        flow, weight = self._measure(source)
        weight *= np.float32(self.strength)
        self._source = _blend(self._source, source, flow, weight)
        height, width = stylized.shape[:2]
        if weight.shape != (height, width):
            scale = (width / flow.shape[1], height / flow.shape[0])
            flow = cv2.resize(flow, (width, height)) * np.float32(scale)
            weight = cv2.resize(weight, (width, height))
        output = _blend(self._output, stylized, flow, weight, DRIFT)
        output = self._restore_details(output, stylized, weight)
        return np.clip(output, 0, 255, out=output)

    def _measure(self, source):
        """Measures the flow into the last source, and the trust in it."""
        cv2 = import_video_library("cv2")
        pair = [_to_bytes(picture) for picture in (source, self._source)]
        back = self._estimate(*pair)
        trust = flow_confidence(back, self._estimate(*pair[::-1]))
        moved = remap(self._source, flow_places(back), "lanczos")
        moved -= source
        difference = np.abs(moved, out=moved).mean(axis=-1)
        difference -= FLOW_ERROR * _slope(source)
        difference = cv2.GaussianBlur(difference, (0, 0), _COMPARED)
        excess = np.maximum(difference - NOISE, 0) / TOLERANCE
        trust = cv2.GaussianBlur(trust, (0, 0), _SOFT)
        return back, trust * np.exp(-(excess**2))

    def _estimate(self, first, second):
        flow = np.asarray(self.flow(first, second), "float32")
        if flow.shape != (*first.shape[:2], 2):
            raise ValueError(
                "`flow` must give an array (height, width, 2) of the size of "
                f"the pictures, {first.shape[:2]}. "
                f"Received: shape={flow.shape}"
            )
        return flow

    def _restore_details(self, blended, stylized, weight):
        cv2 = import_video_library("cv2")
        wanted = _contrast(stylized)
        # Of 255 squared: flat areas are left alone.
        gain = np.sqrt((wanted + 0.5) / (_contrast(blended) + 0.5))
        gain = np.clip(gain, 1, _MAX_GAIN)
        gain = cv2.resize(gain, blended.shape[1::-1])
        # Where nothing was blended, nothing was lost.
        gain = (gain - 1) * (weight / max(self.strength, 1e-6))
        details = blended - cv2.GaussianBlur(blended, (0, 0), _DETAIL)
        return blended + gain[..., None] * details


def _blend(last, current, flow, weight, limit=None):
    """Blends the last picture, moved, with the current one."""
    moved = remap(last, flow_places(flow), "lanczos")
    moved -= current
    if limit is not None:
        excess = _excess(moved, limit)
        moved -= excess
        # There the network has seen something else.
        excess = np.abs(excess).max(axis=-1) / TOLERANCE
        weight = weight * np.exp(-(excess**2))
    moved *= weight[..., None]
    moved += current
    return moved


def _excess(difference, limit):
    """Returns how far a difference, averaged over areas, is past a limit."""
    cv2 = import_video_library("cv2")
    mean = cv2.GaussianBlur(_quarter(difference), (0, 0), 1.0)
    excess = mean - np.clip(mean, -limit, limit)
    return cv2.resize(excess, difference.shape[1::-1])


def _quarter(image):
    """Averages areas of 4 by 4 pixels."""
    cv2 = import_video_library("cv2")
    size = [max(1, round(side / 4)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _to_bytes(image):
    return np.clip(np.rint(image), 0, 255).astype("uint8")


def _slope(image):
    """Returns the slope of the grey picture, float32 `(height, width)`."""
    cv2 = import_video_library("cv2")
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # Sobel's kernel sums to 8 over two pixels.
    slopes = [
        cv2.Sobel(gray, cv2.CV_32F, *order, scale=1 / 8)
        for order in ((1, 0), (0, 1))
    ]
    return cv2.magnitude(*slopes)


def _contrast(image):
    """Returns the mean squared gradient, at a quarter of the size."""
    cv2 = import_video_library("cv2")
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    energy = np.zeros_like(gray)
    energy[:, :-1] += (gray[:, 1:] - gray[:, :-1]) ** 2
    energy[:-1] += (gray[1:] - gray[:-1]) ** 2
    side = _WINDOW // 4
    return cv2.blur(
        _quarter(energy), (side, side), borderType=cv2.BORDER_REFLECT
    )
