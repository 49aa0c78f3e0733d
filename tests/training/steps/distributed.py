"""A program that trains on several devices, or as one of several workers.

`python -m tests.training.steps.distributed clipped` prints, as JSON, what some
steps give without a strategy, mirrored on two virtual devices, and on one;
`python -m tests.training.steps.distributed clipped 0 localhost:4000
localhost:4001` what they give to the first of two workers. The first argument
names the optimizers, one of `OPTIMIZERS`.
"""

import json
import os
import sys

import numpy as np
import tensorflow as tf

if __name__ == "__main__":
    if len(sys.argv) == 2:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )
    else:
        os.environ["TF_CONFIG"] = json.dumps(
            {
                "cluster": {"worker": sys.argv[3:]},
                "task": {"type": "worker", "index": int(sys.argv[2])},
            }
        )
        # It has to be the first to touch TensorFlow's devices.
        STRATEGIES = [tf.distribute.MultiWorkerMirroredStrategy()]

import keras  # noqa: E402

from keras_comic.layers import adaptive_augmentation  # noqa: E402
from keras_comic.layers import instance_noise  # noqa: E402
from tests.training import small_gan  # noqa: E402

STEPS = 8
BROKEN = 5


def scaled(optimizer):
    """With a scale that soon is too large, and grows again."""
    return keras.optimizers.LossScaleOptimizer(
        optimizer, initial_scale=2.0**18, dynamic_growth_steps=3
    )


# Of the generator and of the discriminator.
OPTIMIZERS = {
    "clipped": lambda: (
        keras.optimizers.Adam(0.01, global_clipnorm=1.0),
        keras.optimizers.Adam(0.01),
    ),
    "mixed_float16": lambda: (
        scaled(keras.optimizers.Adam(0.01)),
        scaled(keras.optimizers.Adam(0.01, global_clipnorm=1.0)),
    ),
}


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


def train(strategy, name):
    """Dict of what the steps give: losses, and all state of the run."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        augmentation = adaptive_augmentation.AdaptiveAugmentation(
            boundary=0.5,
            interval=2,
            ada_kimg=0.1,
            initial_probability=0.3,
            seed=1,
        )
        gan = small_gan.make_small_gan(
            dtype="mixed_float16" if name == "mixed_float16" else None,
            ema_momentum=0.9,
            augmentation=augmentation,
            noise=instance_noise.InstanceNoise(0.2, 20, seed=2),
        )
        gan.compile(small_gan.pair(*OPTIMIZERS[name]()))
    history = gan.fit(dataset(), epochs=2, verbose=0, shuffle=False).history
    scores = gan.evaluate(dataset(4), verbose=0, return_dict=True)
    state = gan.training_variables()
    return {
        "history": history,
        "scores": scores,
        "state": {k: as_list(v.value) for k, v in state.items()},
        # Of each device a copy.
        "copies": {
            name: [as_list(copy) for copy in copies]
            for name, variable in state.items()
            if len(
                copies := strategy.experimental_local_results(variable.value)
            )
            > 1
        },
    }


def as_list(value):
    return np.ravel(keras.ops.convert_to_numpy(value)).tolist()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        STRATEGIES = [
            tf.distribute.get_strategy(),
            tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
            tf.distribute.MirroredStrategy(["CPU:0"]),
        ]
    results = [train(strategy, sys.argv[1]) for strategy in STRATEGIES]
    print(json.dumps(results))
