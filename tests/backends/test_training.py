"""Training gives the same numbers on every backend.

After a change that is meant to change them, `python -m
tests.backends.test_training` prints those of the backend that it runs on; the
numbers below are TensorFlow's.
"""

import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_comic
from keras_comic import training
from keras_comic.data import Crops
from keras_comic.data import FolderPairs
from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos

# The terms of four steps, two of the averaged generator after them, and how far
# the generator, the discriminator and the average have moved in all.
EXPECTED = {
    "adversarial": [0.9142133, 0.8926864, 0.8740959, 0.8535613],
    "content": [1.616774, 1.299354, 1.321013, 1.226839],
    "discriminator": [0.9791602, 0.9378448, 0.9060506, 0.8775432],
    "discriminator_loss": [0.9791602, 0.9378448, 0.9060506, 0.8775432],
    "generator_loss": [2.52043, 2.210093, 2.182276, 2.044761],
    "smoothness": [0.01328356, 0.01359748, 0.01375462, 0.01368027],
    "structure": [1.035749, 1.060129, 1.058986, 1.05648],
    "style": [641.7419, 646.5166, 552.7685, 476.4528],
    "total_variation": [0.825757, 0.8410608, 0.8548638, 0.8519952],
    "evaluated": [1.185069, 449.7831],
    "moved": [195.4469, 63.11569, 184.9063],
}
# Both losses of 20 steps of other batches, with the recipe's weights.
EXPECTED_AT_RECIPE = {
    "discriminator_loss": [
        *(0.9791602, 0.9855957, 0.9714891, 0.910109, 0.9654583),
        *(0.951414, 0.8818723, 0.8930154, 0.9058613, 0.8776159),
        *(0.8592114, 0.8498628, 0.858284, 0.8327103, 0.8436741),
        *(0.8283535, 0.8109587, 0.8184898, 0.7906149, 0.7949324),
    ],
    "generator_loss": [
        *(2.41076, 2.184994, 2.287195, 2.51335, 2.285152),
        *(2.282063, 2.436951, 2.320129, 2.324359, 1.85817),
        *(2.005977, 2.27761, 1.958916, 2.032921, 2.075619),
        *(2.019828, 2.13571, 2.189185, 2.120818, 2.083694),
    ],
}
NUM_STEPS = 20
LEARNING_RATE = 2e-4
TOLERANCE = 1e-3
WEIGHTS = {
    "content": 1.0,
    "style": 5e-4,
    "structure": 0.3,
    "smoothness": 0.5,
    "total_variation": 0.1,
    "adversarial": 0.2,
    "discriminator": 1.0,
}

trains = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"),
    reason="this backend does not train",
)


def make_gan():
    return keras_comic.StyleTransferGAN(
        keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8),
        keras_comic.PatchDiscriminator(4),
        keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4)),
    )


def fill(network, seed):
    """Weights that do not depend on a backend's random numbers."""
    random = np.random.default_rng(seed)
    values = []
    for value in network.get_weights():
        drawn = random.normal(size=value.shape)
        if value.ndim > 1 and value.shape[0] > 1:
            drawn /= np.sqrt(value.size / value.shape[-1])
        elif value.ndim < 2:
            drawn *= 0.1
        values.append(drawn.astype("float32"))
    network.set_weights(values)


def make_filled_gan():
    gan = make_gan()
    for seed, network in enumerate(
        (gan.generator, gan.discriminator, gan.feature_network)
    ):
        fill(network, seed)
    gan.ema_generator.set_weights(gan.generator.get_weights())
    return gan


class DifferentBatches(keras.utils.PyDataset):
    """Another batch for every step."""

    def __len__(self):
        return NUM_STEPS

    def __getitem__(self, index):
        return {
            "photos": noise(2, 32, 32, 3, seed=2 * index),
            "style_images": noise(2, 32, 32, 3, seed=2 * index + 1),
        }


class LossesOfSteps(keras.callbacks.Callback):
    """Keeps both losses of each step, from their means since the start."""

    def __init__(self):
        super().__init__()
        self.means = {name: [] for name in EXPECTED_AT_RECIPE}

    def on_train_batch_end(self, batch, logs=None):
        for name, values in self.means.items():
            values.append(float(logs[name]))

    def losses(self):
        """Dict of name to a list of floats."""
        counts = np.arange(1, NUM_STEPS + 1)
        return {
            name: np.diff(counts * np.array(values), prepend=0.0).tolist()
            for name, values in self.means.items()
        }


def run_recipe():
    """Dict of both losses of 20 steps at a rate of 2e-4."""
    gan = make_filled_gan()
    gan.compile(
        {
            name: keras.optimizers.Adam(LEARNING_RATE, beta_1=0.5)
            for name in ("generator", "discriminator")
        }
    )
    steps = LossesOfSteps()
    gan.fit(DifferentBatches(), shuffle=False, verbose=0, callbacks=[steps])
    return steps.losses()


def run_steps():
    """Dict of what four steps give, as lists of floats."""
    gan = make_filled_gan()
    networks = (gan.generator, gan.discriminator, gan.ema_generator)
    before = [network.get_weights() for network in networks]
    others = dict.fromkeys(set(gan.default_loss_weights) - set(WEIGHTS), 0.0)
    gan.compile(
        {
            "generator": keras.optimizers.Adam(
                keras.optimizers.schedules.CosineDecay(1e-3, 6),
                beta_2=0.99,
                global_clipnorm=3.0,
            ),
            "discriminator": keras.optimizers.Adam(5e-4, beta_1=0.5),
        },
        loss_weights={**others, **WEIGHTS},
    )
    batch = {
        "photos": noise(2, 32, 32, 3),
        "style_images": noise(2, 32, 32, 3, seed=1),
    }
    found = gan.fit(
        Batches(batch, 1), epochs=4, shuffle=False, verbose=0
    ).history
    scores = gan.evaluate(Batches(batch, 1), verbose=0, return_dict=True)
    found["evaluated"] = [scores["content"], scores["style"]]
    found["moved"] = [
        sum(
            float(np.abs(new - old).sum())
            for new, old in zip(network.get_weights(), weights, strict=True)
        )
        for network, weights in zip(networks, before, strict=True)
    ]
    return {
        name: [float(value) for value in values]
        for name, values in found.items()
    }


@trains
class TrainingTest(TestCase):
    def test_steps_give_the_same_numbers(self):
        found = run_steps()
        self.assertEqual(set(found), set(EXPECTED))
        for name, values in EXPECTED.items():
            self.assertAllClose(found[name], values, 1e-7, TOLERANCE)
        totals = found["generator_loss"]
        self.assertLess(totals[-1], totals[0])
        totals = found["discriminator_loss"]
        self.assertLess(totals[-1], totals[0])

    def test_twenty_steps_give_the_same_losses(self):
        found = run_recipe()
        for name, values in EXPECTED_AT_RECIPE.items():
            self.assertEqual(len(values), NUM_STEPS)
            self.assertAllClose(found[name], values, 1e-7, TOLERANCE)
        # They have learned.
        first, *_, last = found["discriminator_loss"]
        self.assertLess(last, 0.9 * first)

    def test_fit_from_folders_resumes(self):
        folder = self.temporary_folder()
        for seed, name in enumerate(
            ("photos/a", "photos/b", "drawings/ink/a", "drawings/wash/a")
        ):
            path = folder / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photos(40, 48, 3, seed=seed)).save(path)

        def make():
            keras.utils.set_random_seed(1)
            gan = make_gan()
            # TensorFlow takes longer to compile the steps than to run them.
            gan.compile(run_eagerly=BACKEND == "tensorflow")
            return gan

        def fit(gan, epochs, done, callbacks=()):
            pairs = FolderPairs(
                folder / "photos",
                folder / "drawings",
                Crops(32),
                batch_size=2,
                start_step=done,
            )
            return gan.fit(
                pairs,
                epochs=epochs,
                initial_epoch=done,
                steps_per_epoch=1,
                callbacks=list(callbacks),
                shuffle=False,
                verbose=0,
            ).history

        # One goes on, and the other from the file of it: two of them, since
        # JAX compiles the steps of each anew.
        whole, resumed = make(), make()
        checkpoint = training.TrainingCheckpoint(folder / "run")
        plot = training.LossPlot(folder / "run", every=1)
        sheets = training.SampleGrid(
            folder / "run",
            [photos(32, 32, 3)],
            {"ink": photos(32, 32, 3, seed=1)},
            every=1,
            image_size=32,
        )
        fit(whole, 1, 0, [checkpoint, plot, sheets])
        history = fit(whole, 3, 1)
        self.assertEqual(checkpoint.restore(resumed), 1)
        fit(resumed, 3, 1, [checkpoint, plot])
        expected = whole.training_variables()
        for name, variable in resumed.training_variables().items():
            self.assertAllClose(variable, expected[name], 1e-5, 1e-4)
        for values in history.values():
            self.assertFinite(values)
        self.assertEqual(
            sorted(path.name for path in (folder / "run").iterdir()),
            ["checkpoint.npz", "losses.csv", "losses.png", "step-0000001.png"],
        )
        if BACKEND != "tensorflow":
            # Nothing on the way has asked for it.
            self.assertFalse("tensorflow" in sys.modules)


if __name__ == "__main__":
    for key, numbers in {**run_steps(), **run_recipe()}.items():
        print(f'    "{key}": {[float(f"{n:.7g}") for n in numbers]},')
