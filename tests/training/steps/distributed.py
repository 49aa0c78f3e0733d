"""A program that trains on several devices, or as one of several workers.

`python -m tests.training.steps.distributed` prints, as JSON, what some steps
give on one device and on two virtual ones;
`python -m tests.training.steps.distributed 0 localhost:4000 localhost:4001`
what they give to the first of two workers.
"""

import json
import os
import sys

import numpy as np
import tensorflow as tf

if __name__ == "__main__":
    if len(sys.argv) == 1:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )
    else:
        os.environ["TF_CONFIG"] = json.dumps(
            {
                "cluster": {"worker": sys.argv[2:]},
                "task": {"type": "worker", "index": int(sys.argv[1])},
            }
        )
        # It has to be the first to touch TensorFlow's devices.
        STRATEGIES = [tf.distribute.MultiWorkerMirroredStrategy()]

import keras  # noqa: E402

from keras_comic.layers import adaptive_augmentation  # noqa: E402
from tests.training import small_gan  # noqa: E402

STEPS = 8
BROKEN = 5


def dataset(steps=STEPS):
    """Batches of 4; one of them is broken, in its second half alone."""
    batches = [small_gan.small_batch(4, seed=seed) for seed in range(steps)]
    if steps > BROKEN:
        batches[BROKEN]["comics"][3, 0, 0, 0] = np.nan
    data = {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    slices = tf.data.Dataset.from_tensor_slices(data)
    return slices.batch(4, drop_remainder=True).with_options(options)


def train(strategy):
    """Dict of what the steps give: losses, and all state of the run."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        # The rule is at work, but too slow to flip a picture: replicas would
        # flip others than one device.
        augmentation = adaptive_augmentation.AdaptiveAugmentation(
            ["flip"], boundary=0.5, interval=2, ada_kimg=1e9, seed=1
        )
        gan = small_gan.make_small_gan(
            ema_momentum=0.9, augmentation=augmentation
        )
        gan.compile(
            keras.optimizers.Adam(0.01, global_clipnorm=1.0),
            keras.optimizers.Adam(0.01),
        )
    history = gan.fit(dataset(), epochs=2, verbose=0, shuffle=False).history
    scores = gan.evaluate(dataset(4), verbose=0, return_dict=True)
    state = {
        name: np.ravel(keras.ops.convert_to_numpy(variable.value)).tolist()
        for name, variable in gan.training_variables().items()
    }
    return {"history": history, "scores": scores, "state": state}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        STRATEGIES = [
            tf.distribute.get_strategy(),
            tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
        ]
    print(json.dumps([train(strategy) for strategy in STRATEGIES]))
