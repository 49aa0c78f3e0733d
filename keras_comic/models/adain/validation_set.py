"""Pictures that a training does not see, and how it does on them."""

from pathlib import Path

import numpy as np

from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.data import resize_short_side
from keras_comic.metrics import KernelDistance
from keras_comic.metrics import StyleLoss
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.models.features.feature_network import FeatureNetwork
from keras_comic.training import metric_evaluation

OBJECTIVES = ("kid", "style_loss")
# Pictures at most of each kind: photos, and drawings.
MAX_PICTURES = 64
BATCH_SIZE = 8


class ValidationSet:
    """Squares of photos and drawings, and a generator's objective on them."""

    def __init__(
        self, photos, drawings, feature_network="imagenet", objective="kid"
    ):
        if objective not in OBJECTIVES:
            raise ValueError(
                f"`objective` must be one of {list(OBJECTIVES)}. "
                f"Received: objective={objective!r}"
            )
        if min(len(photos), len(drawings)) < 2:
            raise ValueError(
                "A validation set must hold at least 2 photos and 2 drawings. "
                f"Received: {len(photos)} photos, {len(drawings)} drawings"
            )
        self.objective = objective
        self.drawings = np.stack(drawings)
        self.inputs = pair(photos, drawings)
        network = load_evaluation_network(
            FeatureNetwork.from_weights(feature_network)
        )
        if objective == "kid":
            kid = KernelDistance(network.network, network.feature_layer)
            self.evaluate = metric_evaluation(kid, self.inputs, self.drawings)
        else:
            loss = StyleLoss(network.network, network.style_layers)
            self.evaluate = lambda generator: self._style_loss(generator, loss)

    def _style_loss(self, generator, metric):
        metric.reset_state()
        for start in range(0, len(self.inputs["photos"]), BATCH_SIZE):
            batch = {
                name: pictures[start : start + BATCH_SIZE]
                for name, pictures in self.inputs.items()
            }
            metric.update_state(
                batch["style"], generator(batch, training=False)
            )
        value = float(metric.result())
        return metric.report() if np.isfinite(value) else value


def pair(photos, drawings):
    """What the generator takes: photos, and the drawings in turn as styles."""
    styles = [drawings[i % len(drawings)] for i in range(len(photos))]
    return {"photos": np.stack(photos), "style": np.stack(styles)}


def read_squares(folders, size, count=MAX_PICTURES):
    """The squares in the middle of pictures, evenly from all of them."""
    if isinstance(folders, dict):
        folders = list(folders.values())
    elif isinstance(folders, (str, Path)):
        folders = [folders]
    paths = [path for folder in folders for path in list_images(folder)]
    squares = []
    for position in np.linspace(0, len(paths) - 1, min(count, len(paths))):
        try:
            picture = read_image(paths[round(position)])
        except (OSError, ValueError):
            continue
        picture = resize_short_side(picture, size)
        top, left = ((side - size) // 2 for side in picture.shape[:2])
        square = picture[top : top + size, left : left + size]
        squares.append(square.astype("float32") / 127.5 - 1.0)
    return squares
