"""Pictures that a training does not see, and how a model does on them."""

import numpy as np
from keras import ops

from keras_comic.layers import to_float
from keras_comic.metrics import KernelDistance
from keras_comic.metrics import StyleLoss
from keras_comic.models.drawing import run_network
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.models.features.feature_network import FeatureNetwork

OBJECTIVES = ("kid", "style_loss")
BATCH_SIZE = 8
CODES_SEED = 0


class ValidationSet:
    """Squares of photos and drawings, and a model's objective on them.

    Args:
        photos: List of uint8 squares of one size, RGB in `[0, 255]`; empty
            for a model that takes none.
        drawings: List of such squares, at least 2.
        features: As in `FeatureNetwork.from_weights`. Defaults to
            `"imagenet"`.
        objective: `"kid"` (kernel distance to the drawings) or
            `"style_loss"`; the smaller the better. Defaults to `"kid"`.

    Raises:
        ValueError: If the objective is unknown or there are too few pictures.
    """

    def __init__(self, photos, drawings, features="imagenet", objective="kid"):
        if objective not in OBJECTIVES:
            raise ValueError(
                f"`objective` must be one of {list(OBJECTIVES)}. "
                f"Received: objective={objective!r}"
            )
        if len(drawings) < 2 or len(photos) == 1:
            raise ValueError(
                "A validation set must hold at least 2 photos and 2 drawings. "
                f"Received: {len(photos)} photos, {len(drawings)} drawings"
            )
        self.objective = objective
        self.samples = as_samples(photos, drawings)
        network = load_evaluation_network(FeatureNetwork.from_weights(features))
        if objective == "kid":
            self.metric = KernelDistance(network.network, network.feature_layer)
            self.metric.update_state(comics=_to_array(drawings))
        else:
            self.metric = StyleLoss(network.network, network.style_layers)

    def evaluate(self, model):
        """Measures a model.

        Args:
            model: A `Generator` or a `LatentGenerator`.

        Returns:
            `MetricResult`, or a float where it is not finite.
        """
        if self.objective == "kid":
            self.metric.reset_state(["fake_comics"])
        else:
            self.metric.reset_state()
        for start in range(0, len(self.samples["drawings"]), BATCH_SIZE):
            batch = {
                name: pictures[start : start + BATCH_SIZE]
                for name, pictures in self.samples.items()
            }
            fakes = ops.convert_to_numpy(draw_samples(model, batch, start))
            if self.objective == "kid":
                self.metric.update_state(fake_comics=fakes)
            else:
                self.metric.update_state(batch["drawings"], fakes)
        value = float(self.metric.result())
        return self.metric.report() if np.isfinite(value) else value


def as_samples(photos, drawings):
    """Returns float arrays of photos, and of drawings in turn beside them."""
    if not len(photos):
        return {"drawings": _to_array(drawings)}
    in_turn = [drawings[i % len(drawings)] for i in range(len(photos))]
    return {"photos": _to_array(photos), "drawings": _to_array(in_turn)}


def draw_samples(model, samples, seed=CODES_SEED):
    """Returns what a model makes of samples, float32 RGB in `[-1, 1]`.

    A `Generator` draws the photos, a `StyleGenerator` each in the style of its
    drawing; a `LatentGenerator` makes a picture for each drawing.
    """
    if model.kind == "latent_generator":
        codes = model.sample_codes(len(samples["drawings"]), seed)
        return model({"codes": ops.convert_to_tensor(codes)}, training=False)
    if model.kind == "generator":
        conditions = model.conditions()
    elif model.kind == "style_generator":
        drawings = ops.convert_to_tensor(samples["drawings"])
        conditions = model.photo_conditions(drawings)
    else:
        raise ValueError(
            "A model that is measured while it is trained must be a generator "
            f"of pictures. Received: a `{type(model).__name__}` of the kind "
            f"{model.kind!r}"
        )
    photos = ops.convert_to_tensor(samples["photos"])
    return run_network(model, photos, conditions)


def _to_array(pictures):
    return ops.convert_to_numpy(to_float(np.stack(pictures)))
