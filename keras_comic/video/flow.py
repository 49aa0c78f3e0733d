"""Optical flow of videos: estimators, trust in them, pictures moved along."""

import numpy as np

from keras_comic.data.optical_flow import BOUNDARY_CONSTANT
from keras_comic.data.optical_flow import BOUNDARY_FRACTION
from keras_comic.data.optical_flow import OCCLUSION_CONSTANT
from keras_comic.data.optical_flow import OCCLUSION_FRACTION
from keras_comic.data.optical_flow import flow_validity
from keras_comic.data.optical_flow import optical_flow
from keras_comic.data.video_library import import_video_library
from keras_comic.video.frame_stylizer import FrameStylizer

# OpenCV's estimators need at least 12 pixels; small pictures are continued.
_MIN_SIDE = 16
# At the edges of moving things, flow is taken from this far away, pixels,
# where it leads to what differs by less than this share: in CIELAB, limited,
# over windows of this side.
_STEPS = (6, 12, 24)
_BETTER = 0.85
_LIMIT = 60.0
_WINDOW = 3
# Side of the median that takes single pixels out of the result.
_MEDIAN = 5


def fine_optical_flow(first, second):
    """Measures the motion from one picture to another, to a part of a pixel.

    Dense inverse search as `keras_comic.data.optical_flow`, but up to the full
    size of the pictures: about half of its error, in four times its time. At
    the edges of moving things pixels take the flow of the place around them
    that fits better.

    Args:
        first: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        second: Uint8 array of the same shape.

    Returns:
        Float32 array `(height, width, 2)`, pixels, `x`, then `y`.

    Example:

    >>> picture = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> keras_comic.video.fine_optical_flow(picture, picture).shape
    (32, 32, 2)

    Reference:
        - [Kroeger et al., 2016](https://arxiv.org/abs/1603.03590), as
          implemented in OpenCV, with its variational refinement. Differs
          from it in the edges.
    """
    cv2 = import_video_library("cv2")
    first, second = map(FrameStylizer.check_frame, (first, second))
    if first.shape != second.shape:
        raise ValueError(
            "Both pictures must have the same shape. Received: "
            f"first.shape={first.shape}, second.shape={second.shape}"
        )
    height, width = first.shape[:2]
    padding = [(0, max(0, _MIN_SIDE - side)) for side in (height, width)]
    grays = [
        np.pad(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), padding, "edge")
        for picture in (first, second)
    ]
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(0)
    flow = method.calc(*grays, None)[:height, :width]
    return _sharpen_edges(np.ascontiguousarray(flow, "float32"), first, second)


def _sharpen_edges(flow, first, second):
    cv2 = import_video_library("cv2")
    colors = cv2.cvtColor(first, cv2.COLOR_RGB2LAB)
    others = cv2.cvtColor(second, cv2.COLOR_RGB2LAB)
    total = np.ones((1, 3), "float32")

    def misfit(flow):
        moved = remap(others, flow_places(flow), "linear")
        difference = cv2.absdiff(moved, colors).astype("float32")
        difference = cv2.transform(difference, total)
        return cv2.blur(np.minimum(difference, _LIMIT), (_WINDOW, _WINDOW))

    height, width = flow.shape[:2]
    # A difference that noise makes is no reason to change the flow.
    least = _BETTER * misfit(flow) - 1
    best = flow.copy()
    for step in _STEPS:
        padded = cv2.copyMakeBorder(
            flow, step, step, step, step, cv2.BORDER_REPLICATE
        )
        for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            top, left = step * (1 + down), step * (1 + across)
            near = padded[top : top + height, left : left + width]
            value = misfit(near)
            better = value < least
            best[better] = near[better]
            least = np.minimum(value, least)
    parts = [np.ascontiguousarray(best[..., k]) for k in range(2)]
    return np.dstack([cv2.medianBlur(part, _MEDIAN) for part in parts])


# Name: its name in a protocol, and the function.
FLOW_ESTIMATORS = {
    "dis": ("DIS, medium (OpenCV)", optical_flow),
    "dis_fine": ("DIS, fine (OpenCV)", fine_optical_flow),
}


def get_flow_estimator(flow):
    """Returns the estimator of a name; a callable is returned as it is."""
    if callable(flow):
        return flow
    if isinstance(flow, str) and flow in FLOW_ESTIMATORS:
        return FLOW_ESTIMATORS[flow][1]
    raise ValueError(
        f"`flow` must be one of {sorted(FLOW_ESTIMATORS)} or a callable "
        f"(first, second) -> flow. Received: flow={flow!r}"
    )


def estimate_motion(first, second, estimator):
    """Estimates the flow between two frames, and where it is valid."""
    forward = estimator(first, second)
    return forward, flow_validity(forward, estimator(second, first))


def flow_confidence(forward, backward):
    """Says how far a flow is to be trusted, in `[0, 1]`, by the flow back.

    0 where `flow_validity` says that the flow is invalid
    (hidden, at the boundary of a motion, or out of the picture), 1 where the
    squared gap between the way there and back is less than half of what that
    test allows, and falling in between. See Ruder et al., 2016, section 5.
    """
    height, width = forward.shape[:2]
    columns, rows = flow_places(forward)
    back = remap(backward, (columns, rows), "linear")
    length = _squared(forward)
    allowed = OCCLUSION_FRACTION * (length + _squared(back))
    allowed += OCCLUSION_CONSTANT
    gap = _squared(forward + back)
    confidence = np.clip(2 - 2 * gap / allowed, 0, 1)
    change = np.zeros_like(length)
    for axis in (0, 1):
        if forward.shape[axis] > 1:
            change += _squared(np.gradient(forward, axis=axis))
    boundary = change > BOUNDARY_FRACTION * length + BOUNDARY_CONSTANT
    outside = (columns < -0.5) | (columns > width - 0.5)
    outside |= (rows < -0.5) | (rows > height - 0.5)
    confidence[boundary | outside] = 0
    return confidence


def flow_places(flow):
    """Returns the columns and rows to which a flow leads."""
    height, width = flow.shape[:2]
    columns = flow[..., 0] + np.arange(width, dtype="float32")
    rows = flow[..., 1] + np.arange(height, dtype="float32")[:, None]
    return columns, rows


def remap(image, places, interpolation):
    """Takes a picture's pixels from other places; its edge is continued."""
    cv2 = import_video_library("cv2")
    flag = {"linear": cv2.INTER_LINEAR, "lanczos": cv2.INTER_LANCZOS4}
    return cv2.remap(
        image, *places, flag[interpolation], borderMode=cv2.BORDER_REPLICATE
    )


def _squared(vectors):
    return np.einsum("hwc,hwc->hw", vectors, vectors)
