"""Pictures that a training does not see, and how it does on them."""

from pathlib import Path

import numpy as np

from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.data import resize_short_side
from keras_comic.metrics import KernelDistance
from keras_comic.metrics import StyleLoss
from keras_comic.models.evaluation_network import load_evaluation_network
from keras_comic.models.feature_network import FeatureNetwork
from keras_comic.training import metric_evaluation

OBJECTIVES = ("kid", "style_loss")
# Pictures at most of each kind: photos, and drawings.
MAX_PICTURES = 64
BATCH_SIZE = 8


class ValidationSet:
    """Squares of photos and drawings, and a generator's objective on them.

    Each photo is drawn in the style of a drawing, the drawings in turn; what
    comes out is compared with the drawings by the features of the network that
    the losses look through. Both objectives look at the style alone, not at
    what is left of the photo: the losses' weights of content are no part of
    what they can decide.

    Args:
        photos: List of float32 `(size, size, 3)`, RGB in `[-1, 1]`, at least
            2, such as those of `read_squares`.
        drawings: List of the same, of drawings.
        feature_network: `"imagenet"`, the path of a file of weights, or a
            `FeatureNetwork`. Defaults to `"imagenet"`.
        objective: `"kid"` (`KernelDistance`) or `"style_loss"` (`StyleLoss`);
            of both, less is better. Defaults to `"kid"`.

    Raises:
        ValueError: If `objective` is unknown, or there are too few pictures.
    """

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
    """What the generator takes: photos, and the drawings in turn as styles.

    Args:
        photos: List of float32 `(size, size, 3)`, RGB in `[-1, 1]`.
        drawings: List of the same.

    Returns:
        Dict of `photos` and `style`, float32 `(photos, size, size, 3)`.
    """
    styles = [drawings[i % len(drawings)] for i in range(len(photos))]
    return {"photos": np.stack(photos), "style": np.stack(styles)}


def read_squares(folders, size, count=MAX_PICTURES):
    """The squares in the middle of pictures, evenly from all of them.

    Args:
        folders: String or path of a folder, a list of them, or a dict of name
            to folder.
        size: Integer > 0. Side of the squares, pixels.
        count: Integer > 0. Pictures at most. Defaults to `64`.

    Returns:
        List of float32 `(size, size, 3)`, RGB in `[-1, 1]`; files that cannot
        be read are left out.

    Raises:
        FileNotFoundError: If a folder does not exist.
    """
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
