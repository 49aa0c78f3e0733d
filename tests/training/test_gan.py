import keras
import numpy as np
import pytest
from keras import ops

from keras_comic.layers.adaptive_augmentation import AdaptiveAugmentation
from keras_comic.layers.instance_noise import InstanceNoise
from keras_comic.training import GAN
from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.training.small_gan import SmallGenerator
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch

not_on_torch = pytest.mark.skipif(
    BACKEND == "torch",
    reason="PyTorch on a CPU has no convolutions in float16, and Keras no "
    "`steps_per_execution` on it",
)


class Different(keras.utils.PyDataset):
    """Some batches in turn."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def still():
    """An optimizer that moves nothing."""
    return keras.optimizers.SGD(0.0)


def tensors(batch):
    return keras.tree.map_structure(ops.convert_to_tensor, batch)


class GANTest(TestCase):
    def fit(self, gan, batch=None, steps=2, **kwargs):
        batch = small_batch() if batch is None else batch
        data = Batches(batch, steps) if isinstance(batch, dict) else batch
        history = gan.fit(data, shuffle=False, verbose=0, **kwargs)
        return history.history

    # Logs.

    def test_logs_are_averages_of_the_epoch(self):
        gan = make_small_gan()
        gan.compile(pair(still(), still()), loss_weights={"adversarial": 0.0})
        batches = [small_batch(seed=seed) for seed in range(3)]
        expected = []
        for batch in batches:
            fakes = self.numpy(gan.generator(batch["photos"]))
            expected.append(np.abs(fakes - batch["comics"]).mean())
        self.assertGreater(np.std(expected), 1e-3)
        history = self.fit(gan, Different(batches), epochs=2)
        self.assertAllClose(history["pixels"], [np.mean(expected)] * 2, 1e-5)

    def test_totals_are_weighted(self):
        gan = make_small_gan()
        weights = {"pixels": 3.0, "adversarial": 0.5, "discriminator": 2.0}
        gan.compile(loss_weights=weights)
        logs = gan.train_on_batch(small_batch(), return_dict=True)
        self.assertAllClose(
            logs["generator_loss"],
            3.0 * logs["pixels"] + 0.5 * logs["adversarial"],
            1e-5,
        )
        self.assertAllClose(
            logs["discriminator_loss"], 2.0 * logs["discriminator"], 1e-5
        )

    # The order of a step.

    def test_a_phase_moves_its_own_networks(self):
        gan = make_small_gan()
        gan.compile(pair(keras.optimizers.SGD(0.1), still()))
        kernels = self.values(gan.discriminator.trainable_variables)
        generator = self.values(gan.generator.variables)
        self.fit(gan)
        self.assertUnmoved(gan.discriminator.trainable_variables, kernels)
        self.assertNotAllClose(gan.generator.variables[0], generator[0])
        # The vectors of the spectral normalisation move in the
        # discriminator's phase alone.
        state = self.values(gan.discriminator.variables)
        gan.generator_losses(tensors(small_batch()))
        self.assertUnmoved(gan.discriminator.variables, state)
        gan.compile(pair(still(), keras.optimizers.SGD(0.1)))
        generator = self.values(gan.generator.variables)
        self.fit(gan)
        self.assertUnmoved(gan.generator.variables, generator)
        for variable, value in zip(
            gan.discriminator.trainable_variables, kernels, strict=True
        ):
            self.assertNotAllClose(variable, value, atol=1e-9, rtol=0.0)

    def test_discriminator_goes_first(self):
        # The generator's adversarial term is judged by the discriminator that
        # has just taken its step.
        gan = make_small_gan()
        gan.compile(pair(still(), keras.optimizers.SGD(0.5)))
        batch = small_batch()
        before = gan.generator_losses(tensors(batch))["adversarial"]
        before = float(self.numpy(ops.mean(before)))
        logs = gan.train_on_batch(batch, return_dict=True)
        after = gan.generator_losses(tensors(batch))["adversarial"]
        after = float(self.numpy(ops.mean(after)))
        self.assertGreater(abs(after - before), 1e-3)
        self.assertAllClose(logs["adversarial"], after, 1e-5)

    def test_a_phase_without_terms_is_skipped(self):
        gan = make_small_gan()
        gan.compile(loss_weights={"adversarial": 0.0})
        state = self.values(gan.discriminator.variables)
        optimizer = self.values(gan.optimizers["discriminator"].variables)
        history = self.fit(gan, validation_data=Batches(small_batch(), 1))
        self.assertEqual(
            set(history),
            {"generator_loss", "pixels", "val_generator_loss", "val_pixels"},
        )
        self.assertUnmoved(gan.discriminator.variables, state)
        self.assertUnmoved(gan.optimizers["discriminator"].variables, optimizer)

    def test_average_of_the_generator(self):
        gan = make_small_gan(ema_momentum=0.4)
        gan.compile()
        old = self.values(gan.generator.variables)
        gan.train_on_batch(small_batch())
        # The momentum is ramped up: 2 / 11 after the first step.
        expected = [
            self.numpy(v) + (o - self.numpy(v)) * 2.0 / 11.0
            for v, o in zip(gan.generator.variables, old, strict=True)
        ]
        for average, value in zip(
            gan.ema_generator.variables, expected, strict=True
        ):
            self.assertAllClose(average, value)

    # Steps that are not finite.

    def test_a_broken_batch_moves_nothing(self):
        gan = make_small_gan()
        gan.compile()
        broken = small_batch()
        broken["comics"] = broken["comics"].copy()
        broken["comics"][0, 3, 3] = np.nan
        self.fit(gan, Different([small_batch()]))
        before = {
            key: self.numpy(variable)
            for key, variable in gan.training_variables().items()
        }
        history = self.fit(gan, Different([broken, broken]), epochs=2)
        # There is nothing that a mean could be of.
        for values in history.values():
            self.assertAllEqual(values, [np.nan] * 2)
        for key, variable in gan.training_variables().items():
            if key.startswith(("step_counter", "skipped_steps")):
                continue
            self.assertAllEqual(variable, before[key])
        self.assertEqual(int(self.numpy(gan.skipped_steps)), 4)
        self.assertEqual(int(self.numpy(gan.step_counter)), 5)
        self.assertEqual(int(self.numpy(gan.skipped_in_a_row)), 4)

    def test_the_next_batches_are_taken_and_logged(self):
        gans = [make_small_gan(), make_small_gan()]
        gans[1].set_weights(gans[0].get_weights())
        good = [small_batch(seed=1), small_batch(seed=2)]
        broken = {**good[0], "photos": good[0]["photos"] * np.inf}
        histories = []
        for gan, batches in zip(gans, (good, [good[0], broken, good[1]])):
            gan.compile(pair(*(keras.optimizers.SGD(0.1) for _ in range(2))))
            histories.append(self.fit(gan, Different(batches)))
        skipped = [int(self.numpy(gan.skipped_steps)) for gan in gans]
        self.assertEqual(skipped, [0, 1])
        self.assertEqual(int(self.numpy(gans[1].skipped_in_a_row)), 0)
        for name, values in histories[0].items():
            self.assertAllClose(histories[1][name], values)
        for one, two in zip(
            gans[0].generator.variables, gans[1].generator.variables
        ):
            self.assertAllClose(one, two)

    # What the discriminator sees.

    def test_judge_augments_and_adds_noise(self):
        def layers():
            return {
                "augmentation": AdaptiveAugmentation(
                    ["color"], initial_probability=1.0, seed=1
                ),
                "noise": InstanceNoise(0.5, decay_steps=4, seed=2),
            }

        gan, again = make_small_gan(**layers()), layers()
        images = noise(2, 12, 12, 3)
        found = gan.judge(images)
        seen = again["noise"](again["augmentation"](images), step=0)
        self.assertGreater(np.abs(self.numpy(seen) - images).mean(), 0.1)
        self.assertAllClose(found, gan.discriminator(seen), 1e-5)
        # The noise goes with the steps.
        gan.step_counter.assign(4)
        seen = again["augmentation"](images)
        self.assertAllClose(gan.augment(images), seen, 1e-5)
        # Without a `Judge`, nothing happens to images.
        self.assertIs(make_small_gan().augment(images), images)

    def test_evaluation_is_not_augmented(self):
        gan = make_small_gan(
            augmentation=AdaptiveAugmentation(initial_probability=1.0),
            noise=InstanceNoise(1.0),
        )
        gan.compile()
        state = self.values(gan.training_variables().values())
        data = Batches(small_batch(), 1)
        first = gan.evaluate(data, verbose=0, return_dict=True)
        self.assertUnmoved(gan.training_variables().values(), state)
        self.assertEqual(first, gan.evaluate(data, verbose=0, return_dict=True))
        self.assertNotIn("real_sign", first)

    # Several steps of the discriminator, and of what makes one.

    def test_repeats(self):
        gans = [make_small_gan(), make_small_gan()]
        gans[1].set_weights(gans[0].get_weights())
        whole = small_batch(5)
        halves = [
            {name: values[part] for name, values in whole.items()}
            for part in (slice(0, 2), slice(2, 5))
        ]
        for gan, steps in zip(gans, (2, 1)):
            gan.compile(
                pair(still(), keras.optimizers.SGD(0.1)),
                repeats={"discriminator": steps},
            )
        logs = gans[0].train_on_batch(whole, return_dict=True)
        found = []
        for half in halves:
            # Older versions of Keras go on averaging.
            gans[1].reset_metrics()
            found.append(gans[1].train_on_batch(half, return_dict=True))
        self.assertAllClose(
            logs["discriminator"],
            np.mean([half["discriminator"] for half in found]),
            1e-5,
        )
        # The generator's is the last part, after all those steps.
        for name in ("pixels", "adversarial", "generator_loss"):
            self.assertAllClose(logs[name], found[1][name], 1e-5)
        for one, two in zip(
            gans[0].discriminator.variables, gans[1].discriminator.variables
        ):
            self.assertAllClose(one, two, 1e-5)
        self.assertEqual(int(self.numpy(gans[0].step_counter)), 1)
        config = gans[0].get_compile_config()
        self.assertEqual(config["repeats"], {"discriminator": 2})

    def test_accumulated_batches_are_one_large_one(self):
        # Without a spectral normalisation, whose vectors move at every call,
        # and with one of the networks standing still in turn.
        def make():
            discriminator = keras.Sequential(
                [
                    keras.Input((None, None, 3)),
                    keras.layers.Conv2D(2, 3, activation="tanh"),
                    keras.layers.Conv2D(1, 3),
                ]
            )
            return type(make_small_gan())(SmallGenerator(), discriminator)

        def optimizer(steps):
            return keras.optimizers.Adam(
                0.01, global_clipnorm=0.05, gradient_accumulation_steps=steps
            )

        whole = small_batch(6)
        parts = [
            {name: values[i : i + 2] for name, values in whole.items()}
            for i in (0, 2, 4)
        ]
        for number in (0, 1):
            gans = [make(), make()]
            gans[1].set_weights(gans[0].get_weights())
            old_weights = (gans[0].generator, gans[0].discriminator)[
                number
            ].get_weights()
            for gan, steps, batches in zip(
                gans, (None, 3), ([whole], parts), strict=True
            ):
                two = [still(), still()]
                two[number] = optimizer(steps)
                gan.compile(pair(*two))
                self.fit(gan, Different(batches), epochs=2)
            networks = [(gan.generator, gan.discriminator) for gan in gans]
            for one, two, old in zip(
                *(two[number].get_weights() for two in networks),
                old_weights,
                strict=True,
            ):
                self.assertAllClose(one, two, 1e-5)
                self.assertNotAllClose(one, old, 1e-3)

    def test_jit_compile(self):
        histories = []
        for options in ({"run_eagerly": True}, {"jit_compile": True}):
            keras.utils.set_random_seed(1)
            gan = make_small_gan()
            gan.compile(**options)
            batches = [small_batch(seed=seed) for seed in range(3)]
            batches[1]["photos"] = batches[1]["photos"] * np.nan
            histories.append(self.fit(gan, Different(batches), epochs=2))
            self.assertEqual(int(self.numpy(gan.skipped_steps)), 2)
        for name, values in histories[0].items():
            self.assertAllClose(histories[1][name], values, 1e-4, 1e-4)

    def test_a_broken_batch_spares_the_loss_scales(self):
        if BACKEND == "torch":
            self.skipTest("PyTorch has no float16 convolution on a CPU")
        gan = make_small_gan(dtype="mixed_float16")
        gan.compile()
        optimizers = gan.optimizers.values()
        broken = small_batch()
        broken["photos"] = broken["photos"] * np.nan
        self.fit(gan, steps=1)
        before = self.values(gan.generator.variables)
        scales = [self.numpy(o.dynamic_scale) for o in optimizers]
        self.fit(gan, Different([broken]))
        self.assertUnmoved(gan.generator.variables, before)
        for optimizer, scale in zip(optimizers, scales, strict=True):
            self.assertAllEqual(optimizer.dynamic_scale, scale)
        self.assertEqual(int(self.numpy(gan.skipped_steps)), 1)
        self.fit(gan, steps=3)
        self.assertEqual(int(self.numpy(gan.skipped_in_a_row)), 0)
        self.assertNotAllClose(gan.generator.variables[0], before[0], 0.0, 0.0)

    # What `compile` takes.

    @not_on_torch
    def test_steps_per_execution(self):
        weights = []
        for steps_per_execution in (1, 3):
            keras.utils.set_random_seed(1)
            gan = make_small_gan()
            gan.compile(steps_per_execution=steps_per_execution)
            self.fit(gan, steps=5)
            self.assertEqual(int(self.numpy(gan.step_counter)), 5)
            weights.append(gan.get_weights())
        for one, three in zip(*weights, strict=True):
            self.assertAllClose(one, three)

    @not_on_torch
    def test_loss_scales_fall_and_spare_the_weights(self):
        gan = make_small_gan(dtype="mixed_float16")
        gan.compile(
            pair(
                *(
                    keras.optimizers.LossScaleOptimizer(
                        keras.optimizers.Adam(0.01), initial_scale=2.0**40
                    )
                    for _ in range(2)
                )
            )
        )
        before = self.values(gan.generator.variables)
        history = self.fit(gan, steps=2)
        # Gradients were infinite: the step is skipped, the scale halved.
        self.assertUnmoved(gan.generator.variables, before)
        self.assertAllClose(
            gan.optimizers["generator"].dynamic_scale, 2.0**38, rtol=1e-6
        )
        self.assertFinite(history["pixels"])
        history = self.fit(gan, steps=40)
        for optimizer in gan.optimizers.values():
            self.assertGreater(2.0**30, self.numpy(optimizer.dynamic_scale))
        self.assertFinite(gan.generator.get_weights()[0])
        self.assertNotAllClose(gan.generator.variables[0], before[0])

    # Evaluation.

    def test_evaluation_is_of_the_average_and_moves_nothing(self):
        gan = make_small_gan()
        gan.compile(pair(keras.optimizers.SGD(0.1)))
        batch = small_batch()
        self.fit(gan, steps=3)
        variables = gan.training_variables()
        before = self.values(variables.values())
        scores = gan.evaluate(Batches(batch, 2), verbose=0, return_dict=True)
        self.assertUnmoved(variables.values(), before)
        pixels = {
            name: np.abs(
                self.numpy(network(batch["photos"])) - batch["comics"]
            ).mean()
            for name, network in (
                ("average", gan.ema_generator),
                ("trained", gan.generator),
            )
        }
        self.assertAllClose(scores["pixels"], pixels["average"], 1e-5)
        self.assertNotAllClose(scores["pixels"], pixels["trained"], 1e-5)
        self.assertEqual(
            set(scores), {n for n in gan.metrics_names if n != "penalty"}
        )
        # Training goes on as if nothing had been.
        self.assertIs(gan.active_generator, gan.generator)

    # Saving.

    @not_on_torch
    def test_saved_and_loaded(self):
        gan = make_small_gan(ema_momentum=0.9)
        gan.compile(
            pair(keras.optimizers.Adam(0.03)),
            loss_weights={"pixels": 2.0},
            steps_per_execution=2,
        )
        self.fit(gan)
        path = self.temporary_folder() / "gan.keras"
        gan.save(path)
        revived = keras.saving.load_model(path)
        self.assertEqual(revived.ema_momentum, 0.9)
        self.assertEqual(revived.loss_weights, gan.loss_weights)
        self.assertEqual(revived.steps_per_execution, 2)
        self.assertEqual(revived.jit_compile, gan.jit_compile)
        self.assertEqual(
            revived.optimizers["generator"].get_config(),
            gan.optimizers["generator"].get_config(),
        )
        # The state of both optimizers as well: the next steps are the same.
        variables = gan.training_variables()
        revived_variables = revived.training_variables()
        self.assertEqual(list(variables), list(revived_variables))
        self.assertUnmoved(
            revived_variables.values(), self.values(variables.values())
        )
        self.fit(gan)
        self.fit(revived)
        for name, variable in gan.training_variables().items():
            self.assertAllClose(revived.training_variables()[name], variable)

    # Errors.

    def test_errors(self):
        gan = make_small_gan()
        gan.compile(repeats={"discriminator": 3})
        with self.assertRaisesRegex(ValueError, "Received: 2 samples, repea"):
            gan.train_on_batch(small_batch(2))
        gan = GAN(gan.generator, gan.discriminator)
        for losses in (gan.generator_losses, gan.discriminator_losses):
            with self.assertRaisesRegex(
                TypeError, rf"`GAN` must override `{losses.__name__}\(batch\)`"
            ):
                losses(small_batch())
        with self.assertRaisesRegex(
            ValueError, r"must be in \[0, 1\). Received: ema_momentum=1.0"
        ):
            make_small_gan(ema_momentum=1.0)
