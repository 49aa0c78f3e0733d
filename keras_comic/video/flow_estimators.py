"""Estimators of optical flow to measure videos with, by their names."""

import importlib

import numpy as np

from keras_comic.data import flow_validity
from keras_comic.data import optical_flow

# Of OpenCV's example for it; pictures below this side are continued.
_FARNEBACK = {
    "pyr_scale": 0.5,
    "levels": 5,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 7,
    "poly_sigma": 1.5,
    "flags": 0,
}
_MIN_SIDE = 16


def farneback_flow(first, second):
    """Measures the motion from one picture to another by Farneback's method.

    By polynomials that are fitted to the neighbourhood of each grey pixel:
    another principle than that of `keras_comic.data.optical_flow`, so that a
    video which was made stiller by one is judged by the other.

    Args:
        first: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        second: Uint8 array of the same shape.

    Returns:
        Float32 array `(height, width, 2)`, pixels, `x` (to the right), then
        `y` (down): what is at `(x, y)` of `first` is at `(x, y) + flow` of
        `second`.

    Raises:
        ImportError: If OpenCV is not installed.
        ValueError: If the pictures are not as above.

    Example:

    >>> picture = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> flow = keras_comic.video.farneback_flow(picture, picture)
    >>> bool(np.abs(flow).max() < 0.1)
    True

    Reference:
        - [Farneback, 2003](https://doi.org/10.1007/3-540-45103-X_50), as
          implemented in OpenCV.
    """
    first, second = np.asarray(first), np.asarray(second)
    for name, picture in (("first", first), ("second", second)):
        if (
            picture.dtype != np.uint8
            or picture.ndim != 3
            or picture.shape[2] != 3
            or picture.shape != first.shape
        ):
            raise ValueError(
                "Both pictures must be uint8 arrays (height, width, 3) of "
                f"one shape. Received: {name} of dtype={picture.dtype}, "
                f"shape={picture.shape}"
            )
    cv2 = _import_cv2()
    height, width = first.shape[:2]
    padding = (
        (0, max(0, _MIN_SIDE - height)),
        (0, max(0, _MIN_SIDE - width)),
    )
    grays = [
        np.pad(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), padding, "edge")
        for picture in (first, second)
    ]
    flow = cv2.calcOpticalFlowFarneback(*grays, None, **_FARNEBACK)
    return np.ascontiguousarray(flow[:height, :width], "float32")


# Name: how it is called in a protocol, and the function.
FLOW_ESTIMATORS = {
    "dis": ("DIS, medium (OpenCV)", optical_flow),
    "farneback": ("Farneback (OpenCV)", farneback_flow),
}


def estimate_motion(first, second, estimator):
    """The flow between two frames, and where it is valid."""
    forward = estimator(first, second)
    return forward, flow_validity(forward, estimator(second, first))


def _import_cv2():
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise ImportError(
            f"Optical flow needs OpenCV, which cannot be imported ({error}). "
            "Install it with `pip install keras-comic[video]`."
        ) from error
