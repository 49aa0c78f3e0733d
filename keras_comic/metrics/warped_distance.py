"""The perceptual distance of frames and the next ones, moved back onto them."""

import keras

from keras_comic.metrics.features import check_pairs
from keras_comic.metrics.perceptual_distance import PerceptualDistance
from keras_comic.metrics.warping_error import warp_back


@keras.saving.register_keras_serializable(package="keras_comic")
class WarpedDistance(PerceptualDistance):
    """Mean perceptual distance of frames and the next ones, moved back.

    The warping error as people see it (warped LPIPS): each next frame is
    moved back along the flow of the *source* video, shows the frame itself
    where the flow is not valid, and is compared with the frame by
    `PerceptualDistance`. Lower is stiller. Name `WarpingError`'s facts with
    it: the flow, and how far the frames are apart.

    Args:
        feature_network: Callable or `None`, see `PerceptualDistance`. Defaults
            to `None`.
        layers: List of strings, or `None` for all. Defaults to `None`.
        heads: List of float `(channels,)` or `None`, see `PerceptualDistance`.
            Defaults to `None`.
        flow: String or `None`, see `WarpingError`. Defaults to `None`.
        frames_apart: Integer > 0, string or `None`, see `WarpingError`.
            Defaults to `None`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"warped_distance"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), at least 0; NaN
        without pairs.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If a head is negative, or `protocol` is no such dict.

    Example:

    >>> network = keras_comic.models.FeatureNetwork((1, 1), (4, 4))
    >>> distance = keras_comic.metrics.WarpedDistance(network)
    >>> frames = np.random.uniform(-1, 1, (1, 8, 8, 3)).astype("float32")
    >>> still = np.zeros((1, 8, 8, 2), "float32")
    >>> distance.update_state(frames, frames, still)
    >>> float(distance.result())
    0.0

    Reference:
        - [Zhang et al., 2018](https://arxiv.org/abs/1801.03924), equation 1,
          of frames warped as by [Lai et al., 2018](
          https://arxiv.org/abs/1808.00449).
    """

    def __init__(
        self,
        feature_network=None,
        layers=None,
        heads=None,
        flow=None,
        frames_apart=None,
        protocol=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            feature_network, layers, heads, protocol, name, **kwargs
        )
        self.flow = flow
        self.frames_apart = frames_apart

    def update_state(
        self, frames, next_frames, flow=None, valid=None, sample_weight=None
    ):
        """Adds pairs of frames.

        Args:
            frames: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
                Without a feature network, a list or a dict of activations.
            next_frames: Float, of the shape of `frames`. Without a feature
                network, the activations of what `warp_back` makes of them.
            flow: Float `(batch, height, width, 2)`, see
                `WarpingError.update_state`; `None` without a feature network.
                Defaults to `None`.
            valid: Boolean `(batch, height, width)` or `None` for all.
                Defaults to `None`.
            sample_weight: Float `(batch,)` or `None`. What each pair counts.
                Defaults to `None`, 1.
        """
        if (flow is None) != (self.feature_network is None):
            raise ValueError(
                "With a feature network there must be a flow; without one, "
                "activations of frames that are warped already, and no flow. "
                f"Received: feature_network={self.feature_network!r}, flow "
                f"{'is None' if flow is None else 'given'}"
            )
        if flow is not None:
            check_pairs(frames, next_frames, ("frames", "next_frames"))
            next_frames = warp_back(frames, next_frames, flow, valid)
        super().update_state(frames, next_frames, sample_weight)

    def facts(self):
        facts = {"flow": self.flow, "frames_apart": self.frames_apart}
        return {**super().facts(), **facts}

    def get_config(self):
        return {
            **super().get_config(),
            "flow": self.flow,
            "frames_apart": self.frames_apart,
        }
