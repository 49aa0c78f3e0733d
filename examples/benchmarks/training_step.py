"""Seconds of a step of `GAN.fit`, beside the same networks by hand.

    python examples/benchmarks/training_step.py --json training_step.json

In one process, in turns: `GAN.fit` of a generator of residual blocks with a
patch discriminator (least squares, and the mean absolute difference from the
photo); a `tf.function` loop written by hand of the same networks and losses,
which does what is least, two gradients and two updates; `GAN.fit` in
`mixed_bfloat16`, with XLA, and with ten steps in one execution; and
`StyleTransferGAN` with the light generator. `GAN.fit` also averages the
generator, refuses what is not finite and keeps the means of the loss terms. A
ratio is the median of the rounds' ratios, of the clock and of the CPU time,
which says more where other programs take the processor.

Peak memory is what a process of its own gains at most while it trains.
"""

import argparse
import contextlib
import json
import os
import statistics
import time

from benchmark import forget_peak
from benchmark import in_own_process
from benchmark import median_ratio
from benchmark import parser
from benchmark import peak_memory
from benchmark import report
from benchmark import row
from benchmark import set_threads
from benchmark import take_turns

AIM = "aim: at most 1.05"
FIT, HAND = "GAN.fit", "loop by hand"
VARIANTS = {
    FIT: {},
    "GAN.fit, mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "GAN.fit, jit_compile": {"jit_compile": True},
    "GAN.fit, steps_per_execution=10": {"steps_per_execution": 10},
}
STYLE = "StyleTransferGAN.fit"
NUM_BATCHES = 4
PIXELS_WEIGHT = 10.0


@contextlib.contextmanager
def policy(precision):
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_networks(filters, num_residual_blocks):
    import keras

    import keras_comic
    from keras_comic.layers import ConvBlock
    from keras_comic.layers import ResidualBlock

    inputs = keras.Input((None, None, 3))
    features = ConvBlock(filters, 7)(inputs)
    features = ConvBlock(2 * filters, strides=2)(features)
    features = ConvBlock(4 * filters, strides=2)(features)
    for _ in range(num_residual_blocks):
        features = ResidualBlock(4 * filters)(features)
    features = ConvBlock(2 * filters, upsample=True)(features)
    features = ConvBlock(filters, upsample=True)(features)
    outputs = ConvBlock(3, 7, normalization=None, activation="tanh")(features)
    outputs = keras.layers.Activation("linear", dtype="float32")(outputs)
    discriminator = keras_comic.models.PatchDiscriminator(
        filters, spectral_normalization=False
    )
    return keras.Model(inputs, outputs), discriminator


def make_gan(options, precision="float32", **compile_options):
    """A compiled `GAN` of residual blocks and a patch discriminator."""
    import keras

    import keras_comic
    from keras_comic import losses

    class ConvolutionalGAN(keras_comic.GAN):
        default_loss_weights = {
            "pixels": PIXELS_WEIGHT,
            "adversarial": 1.0,
            "discriminator": 1.0,
        }

        def generator_losses(self, batch):
            fakes = self.active_generator(batch["photos"], training=True)
            return {
                "pixels": keras.ops.abs(fakes - batch["photos"]),
                "adversarial": losses.least_squares_generator_loss(
                    self.judge(fakes)
                ),
            }

        def discriminator_losses(self, batch):
            fakes = self.active_generator(batch["photos"], training=True)
            return {
                "discriminator": losses.least_squares_discriminator_loss(
                    self.judge(batch["style_images"], training=True, real=True),
                    self.judge(keras.ops.stop_gradient(fakes), training=True),
                )
            }

    keras.utils.set_random_seed(0)
    with policy(precision):
        gan = ConvolutionalGAN(
            *make_networks(options.filters, options.residual_blocks)
        )
    gan.compile(**compile_options)
    return gan


def make_style_gan(options):
    import keras

    import keras_comic
    from keras_comic import models

    keras.utils.set_random_seed(0)
    gan = keras_comic.StyleTransferGAN(
        models.AdaINGenerator.light(),
        models.PatchDiscriminator(options.filters),
        models.FeatureNetwork((2, 2, 4), (16, 32, 64)),
    )
    gan.compile()
    return gan


def make_dataset(options):
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    size = options.image_size // 4
    shape = (NUM_BATCHES, options.batch_size, size, size, 3)

    def draw():
        # Patches of 4 pixels, so that there is more than noise.
        values = random.uniform(-1.0, 1.0, shape).repeat(4, 2).repeat(4, 3)
        return values.astype("float32")

    batches = {"photos": draw(), "style_images": draw()}
    return tf.data.Dataset.from_tensor_slices(batches).cache().repeat()


def make_fit(gan, dataset, num_steps):
    return lambda: gan.fit(
        dataset, steps_per_epoch=num_steps, shuffle=False, verbose=0
    )


def make_hand_written(options, dataset, num_steps):
    """The same networks and losses in a loop around a `tf.function`."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    generator, discriminator = make_networks(
        options.filters, options.residual_blocks
    )

    def discriminator_loss(batch):
        fakes = generator(batch["photos"], training=True)
        real = discriminator(batch["style_images"], training=True)
        fake = discriminator(tf.stop_gradient(fakes), training=True)
        return tf.reduce_mean((real - 1.0) ** 2) + tf.reduce_mean(fake**2)

    def generator_loss(batch):
        fakes = generator(batch["photos"], training=True)
        fake = discriminator(fakes, training=False)
        pixels = tf.reduce_mean(tf.abs(fakes - batch["photos"]))
        return PIXELS_WEIGHT * pixels + tf.reduce_mean((fake - 1.0) ** 2)

    phases = []
    for network, loss_of in (
        (discriminator, discriminator_loss),
        (generator, generator_loss),
    ):
        optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        optimizer.build(network.trainable_variables)
        phases.append((network.trainable_variables, optimizer, loss_of))

    @tf.function
    def step(batch):
        for variables, optimizer, loss_of in phases:
            with tf.GradientTape() as tape:
                loss = loss_of(batch)
            optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    batches = iter(dataset)

    def run():
        for _ in range(num_steps):
            loss = step(next(batches))
        float(loss)

    return run


def measure_memory(options, name):
    """Bytes that this process gains at most while it trains."""
    dataset = make_dataset(options)
    next(iter(dataset))
    forget_peak()
    before = peak_memory()
    gan = make_gan(options, **VARIANTS[name])
    make_fit(gan, dataset, 10)()
    return peak_memory() - before


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--image-size", type=int, default=64)
    options.add_argument("--batch-size", type=int, default=4)
    options.add_argument("--filters", type=int, default=16)
    options.add_argument("--residual-blocks", type=int, default=4)
    options.add_argument("--steps", type=int, default=50, help="of a round")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--no-memory", action="store_true")
    options.add_argument("--measure-memory", help=argparse.SUPPRESS)
    options = options.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    set_threads(options.threads)
    if options.measure_memory:
        print(json.dumps(measure_memory(options, options.measure_memory)))
        return
    dataset, steps = make_dataset(options), options.steps
    runs = {HAND: make_hand_written(options, dataset, steps)}
    for name, variant in VARIANTS.items():
        runs[name] = make_fit(make_gan(options, **variant), dataset, steps)
    runs[STYLE] = make_fit(make_style_gan(options), dataset, steps)
    cpu = {name: [] for name in runs}

    def timed(name):
        start = time.process_time()
        runs[name]()
        cpu[name].append(time.process_time() - start)

    seconds = take_turns(
        {name: lambda name=name: timed(name) for name in runs}, options.repeats
    )
    rows = []
    conditions = (
        f"{options.image_size} pixels, batch {options.batch_size}, "
        f"{options.filters} filters, {options.threads} threads"
    )
    for name, found in seconds.items():
        step = 1000 * statistics.median(found) / steps
        rows.append(row(name, step, "ms a step", None, conditions))
        peer = {HAND: None, STYLE: None, FIT: HAND}.get(name, FIT)
        if peer is None:
            continue
        aim = AIM if name == FIT else ""
        for what, values in (("clock", seconds), ("CPU", cpu)):
            # The first round of the CPU's was to warm up.
            pair = [values[key][-options.repeats :] for key in (name, peer)]
            ratio = median_ratio(*pair)
            rows.append(
                row(f"{name} / {peer}, {what}", ratio, "ratio", peer, aim)
            )
    if not options.no_memory:
        for name in VARIANTS:
            gained = in_own_process(
                __file__,
                *("--image-size", options.image_size),
                *("--batch-size", options.batch_size),
                *("--filters", options.filters),
                *("--measure-memory", name),
            )
            rows.append(row(name, gained / 2**20, "MiB", None, "peak"))
    report("Training step", rows, options.json)


if __name__ == "__main__":
    main()
