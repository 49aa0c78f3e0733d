"""Does adaptive augmentation help a GAN of few drawings? With and without it.

    python examples/benchmarks/adaptive_augmentation.py \
        --drawings ../shared/data/drawings \
        --features ../shared/data/weights/squeezenet_v11_notop.h5 \
        --folder runs/ada --json ada.json

`--drawings` holds `<illustrator>/{train,eval}`; without it nothing is
measured. The protocol: of each illustrator the first drawings of `train`
by name, 60 in all, are what a small GAN is trained on, and the first 60 of
`eval` are what it is measured by. A drawing is resized to a short side of 72
pixels; a sample is 64x64 pixels, at a place of its own every time. The
generator (DCGAN's shape, from 64 numbers) and the discriminator are trained by
the non-saturating cross-entropy, with a weak R1 at every 4th step, batch 16,
Adam, the discriminator at twice the generator's rate. Of the two runs of a
seed one has `AdaptiveAugmentation` (blit, geometric, color; the target 0.6;
`ada_kimg` a tenth of the run) and the other has not; all else, batches and
first weights too, is the same. KID is that of 1,020 samples of the averaged
generator and 1,020 crops of the `eval` drawings, 17 of each, resized to 128
pixels, by the network of `--features`.

`r_t` and `p` are means of 100 steps (1,600 real images). Each run keeps a
checkpoint and its curves in `--folder`, so that an experiment that was
interrupted goes on, and a finished run is not trained again; samples of each
run lie there too, as a picture. About 40 minutes on 2 CPU cores.
"""

import json
import pathlib
import statistics

import keras
import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from keras import ops
from PIL import Image

import keras_comic
from keras_comic import losses

SIDE = 64
SHORT_SIDE = 72
FEATURE_SIDE = 128
LATENT = 64
BATCH = 16
STEPS_OF_EPOCH = 100
NUM_DRAWINGS = 60
NUM_IMAGES = 1020
TARGET = 0.6
NUM_SHOWN = (6, 10)


@keras.saving.register_keras_serializable(package="keras_comic_examples")
class DrawingGAN(keras_comic.GAN):
    """Draws from random numbers."""

    default_loss_weights = {
        "adversarial": 1.0,
        "discriminator": 1.0,
        # Weak, so that the discriminator can learn 60 drawings by heart.
        "penalty": 0.02,
        # To be logged, in the runs without augmentation too.
        "certainty": 0.0,
    }

    def generator_losses(self, batch):
        fake_comics = self.active_generator(batch["latents"], training=True)
        logits = self.judge(fake_comics)
        return {"adversarial": losses.cross_entropy_generator_loss(logits)}

    def discriminator_losses(self, batch):
        fake_comics = self.active_generator(batch["latents"], training=True)
        real_logits = self.judge(batch["comics"], training=True, real=True)
        fake_logits = self.judge(ops.stop_gradient(fake_comics), training=True)
        shown = self.augment(batch["comics"])

        def penalty():
            gradients = self.input_gradients(
                lambda images: self.discriminator(images, training=False),
                shown,
            )
            return losses.r1_penalty(gradients)

        return {
            "discriminator": losses.cross_entropy_discriminator_loss(
                real_logits, fake_logits
            ),
            "penalty": losses.lazy_penalty(penalty, self.step_counter, 4),
            "certainty": ops.sign(ops.stop_gradient(real_logits)),
        }


def make_generator():
    layers = [
        keras.Input((LATENT,)),
        keras.layers.Dense(4 * 4 * 128, use_bias=False),
        keras.layers.Reshape((4, 4, 128)),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.ReLU(),
    ]
    for filters in (128, 64, 32):
        layers += [
            keras.layers.Conv2DTranspose(
                filters, 4, 2, padding="same", use_bias=False
            ),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    layers.append(
        keras.layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh")
    )
    return keras.Sequential(layers)


def make_discriminator():
    layers = [keras.Input((SIDE, SIDE, 3))]
    for filters in (32, 64, 128, 256):
        layers += [
            keras.layers.Conv2D(filters, 4, 2, padding="same"),
            keras.layers.LeakyReLU(0.2),
        ]
    layers += [keras.layers.Flatten(), keras.layers.Dense(1)]
    return keras.Sequential(layers)


def make_gan(seed, adaptive, ada_kimg):
    keras.utils.set_random_seed(seed)
    generator, discriminator = make_generator(), make_discriminator()
    augmentation = None
    if adaptive:
        augmentation = keras_comic.layers.AdaptiveAugmentation(
            target=TARGET, ada_kimg=ada_kimg, seed=seed
        )
    gan = DrawingGAN(
        generator, discriminator, ema_momentum=0.995, augmentation=augmentation
    )
    gan.compile(
        keras.optimizers.Adam(2e-4, beta_1=0.5),
        keras.optimizers.Adam(4e-4, beta_1=0.5),
    )
    return gan


# Drawings.


def read_drawings(folder, split):
    """60 drawings, as many of each illustrator, float32 in `[-1, 1]`."""
    groups = sorted(pathlib.Path(folder).glob(f"*/{split}"))
    drawings = []
    for group in groups:
        files = keras_comic.data.list_images(group)
        for file in files[: NUM_DRAWINGS // len(groups)]:
            picture = keras_comic.data.read_image(file)
            picture = keras_comic.data.resize_short_side(picture, SHORT_SIDE)
            drawings.append(np.asarray(picture, "float32") / 127.5 - 1.0)
    return drawings


def crops(drawings, numbers, generator):
    """A crop, at a random place, of each of the numbered drawings."""
    samples = np.empty((len(numbers), SIDE, SIDE, 3), "float32")
    for sample, number in zip(samples, numbers):
        drawing = drawings[number]
        top, left = (
            generator.integers(side - SIDE + 1) for side in drawing.shape[:2]
        )
        sample[:] = drawing[top : top + SIDE, left : left + SIDE]
    return samples


def batches(drawings, seed, epoch):
    """What an epoch trains on: the same for all runs of a seed."""
    generator = np.random.default_rng([seed, epoch])
    count = STEPS_OF_EPOCH * BATCH
    numbers = generator.integers(len(drawings), size=count)
    return {
        "comics": crops(drawings, numbers, generator),
        "latents": generator.standard_normal((count, LATENT), "float32"),
    }


# Runs.


def train(gan, drawings, seed, folder, num_epochs):
    """Trains, or goes on; gives the curves, a number for each epoch."""
    checkpoint = keras_comic.training.TrainingCheckpoint(folder)
    done = checkpoint.restore(gan)
    path = folder / "curves.json"
    curves = json.loads(path.read_text(encoding="utf-8")) if done else {}
    for epoch in range(done, num_epochs):
        history = gan.fit(
            batches(drawings, seed, epoch),
            batch_size=BATCH,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
        ).history
        for name, (value,) in history.items():
            # Of an epoch that was interrupted there may be one already.
            curves[name] = [*curves.get(name, [])[:epoch], value]
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(curves), encoding="utf-8")
        checkpoint.save(gan, epoch + 1)
        last = ", ".join(f"{k} {v[-1]:.3f}" for k, v in curves.items())
        steps = (epoch + 1) * STEPS_OF_EPOCH
        print(f"{folder.name}, {steps} steps: {last}", flush=True)
    return curves


def draw(gan, count):
    """Samples of the averaged generator, float32 in `[-1, 1]`."""
    generator = np.random.default_rng(0)
    latents = generator.standard_normal((count, LATENT), "float32")
    return gan.ema_generator.predict(latents, batch_size=100, verbose=0)


def resized(samples):
    samples = ops.image.resize(
        samples, (FEATURE_SIDE, FEATURE_SIDE), interpolation="bicubic"
    )
    return ops.clip(samples, -1.0, 1.0)


def kernel_distance(network, comics):
    """The metric that samples are given to, with the comics in it."""
    metric = keras_comic.metrics.KernelDistance(
        network,
        network.layer_names[-1],
        protocol={
            "resize": f"{SIDE} to {FEATURE_SIDE}, bicubic",
            "crop": f"random, {SIDE} of a short side of {SHORT_SIDE}",
        },
    )
    for start in range(0, NUM_IMAGES, NUM_DRAWINGS):
        metric.update_state(resized(comics[start : start + NUM_DRAWINGS]))
    return metric


def measured(metric, samples):
    """The `MetricResult` of some samples."""
    metric.reset_state(["fake_comics"])
    for start in range(0, NUM_IMAGES, NUM_DRAWINGS):
        part = samples[start : start + NUM_DRAWINGS]
        metric.update_state(fake_comics=resized(part))
    return metric.report()


def sheet(samples):
    down, across = NUM_SHOWN
    samples = samples[: down * across].reshape(down, across, SIDE, SIDE, 3)
    picture = np.concatenate(np.concatenate(samples, axis=1), axis=1)
    return Image.fromarray(np.uint8(np.rint((picture + 1.0) * 127.5)))


def run(seed, adaptive, arguments, drawings, metric):
    """What one run gives: its curves and its KID; read if it is done."""
    name = f"seed{seed}-{'with' if adaptive else 'without'}"
    folder = arguments.folder / name
    path = folder / "result.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    num_epochs = arguments.steps // STEPS_OF_EPOCH
    gan = make_gan(seed, adaptive, ada_kimg(arguments.steps))
    curves = train(gan, drawings, seed, folder, num_epochs)
    samples = draw(gan, NUM_IMAGES)
    sheet(samples).save(folder / "samples.png")
    result = {
        "curves": curves,
        "kernel_distance": measured(metric, samples).to_dict(),
    }
    print(f"{name}: KID {result['kernel_distance']['value']:.4f}", flush=True)
    path.write_text(json.dumps(result), encoding="utf-8")
    return result


def ada_kimg(steps):
    """A tenth of the real images of a run, in thousands."""
    return steps * BATCH / 10_000


def last_third(values):
    return values[-(len(values) // 3) :]


def mean_and_spread(values):
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return statistics.mean(values), spread


def result_rows(results, floor):
    """Rows of the table; `results` has the lists `with` and `without`."""
    rows = []
    for kind, runs in results.items():
        values = [r["kernel_distance"]["value"] for r in runs]
        mean, spread = mean_and_spread(values)
        other = "without" if kind == "with" else "with"
        each = ", ".join(f"{value:.4f}" for value in values)
        rows.append(
            row(
                f"KID, {kind} augmentation",
                mean,
                "1",
                f"KID, {other} augmentation",
                f"spread {spread:.4f}; each seed: {each}",
            )
        )
    rows.append(row("KID, crops of the training drawings", floor.value, "1"))
    for kind, runs in results.items():
        means = [
            statistics.mean(last_third(r["curves"]["certainty"])) for r in runs
        ]
        farthest = max(
            abs(value - TARGET)
            for r in runs
            for value in last_third(r["curves"]["certainty"])
        )
        each = ", ".join(f"{value:.3f}" for value in means)
        rows.append(
            row(
                f"r_t over the last third, {kind}",
                statistics.mean(means),
                "1",
                f"target {TARGET}",
                f"each seed: {each}; "
                f"100 steps farthest from the target: {farthest:.3f}",
            )
        )
    ends = [
        statistics.mean(last_third(r["curves"]["augmentation_probability"]))
        for r in results["with"]
    ]
    each = ", ".join(f"{value:.3f}" for value in ends)
    rows.append(
        row(
            "p over the last third",
            statistics.mean(ends),
            "1",
            conditions=f"each seed: {each}",
        )
    )
    return rows


def plot(results, path):
    """Curves of `r_t` and `p`, as a picture."""
    import matplotlib.pyplot as plt

    figure, (upper, lower) = plt.subplots(
        2, 1, sharex=True, figsize=(7, 5), layout="constrained"
    )
    for kind, color in (("with", "tab:blue"), ("without", "tab:gray")):
        for number, result in enumerate(results[kind]):
            curves = result["curves"]
            certainty = curves["certainty"]
            steps = STEPS_OF_EPOCH * np.arange(1, len(certainty) + 1)
            label = f"{kind} augmentation" if number == 0 else None
            upper.plot(steps, certainty, color=color, label=label)
            if kind == "with":
                lower.plot(
                    steps, curves["augmentation_probability"], color=color
                )
    upper.axhspan(TARGET - 0.1, TARGET + 0.1, color="tab:blue", alpha=0.15)
    upper.set_ylabel("r_t")
    upper.legend()
    lower.set_ylabel("p")
    lower.set_ylim(0.0, 1.0)
    lower.set_xlabel("steps")
    figure.savefig(path, dpi=100)


def main():
    options = parser(__doc__)
    options.add_argument(
        "--drawings",
        type=pathlib.Path,
        help="folder with <illustrator>/{train,eval}",
    )
    options.add_argument(
        "--features", help="weights of SqueezeNet 1.1, as an .h5 file"
    )
    options.add_argument(
        "--folder",
        type=pathlib.Path,
        default=pathlib.Path("runs/adaptive_augmentation"),
        help="where the runs are kept (default: %(default)s)",
    )
    options.add_argument(
        "--steps",
        type=int,
        default=3000,
        help="training steps, a multiple of 100 (default: %(default)s)",
    )
    options.add_argument(
        "--seeds",
        type=int,
        default=3,
        help="random starts of each kind (default: %(default)s)",
    )
    options.add_argument("--plot", help="also draw the curves to this file")
    arguments = options.parse_args()
    if arguments.steps < 1 or arguments.steps % STEPS_OF_EPOCH:
        options.error(f"--steps: a multiple of {STEPS_OF_EPOCH}")
    if arguments.drawings is None or arguments.features is None:
        print("Adaptive augmentation: not measured without --drawings and")
        print("--features; see the top of the script.")
        return

    network = keras_comic.models.SqueezeNetFeatures.from_weights(
        arguments.features
    )
    drawings = read_drawings(arguments.drawings, "train")
    generator = np.random.default_rng(0)
    numbers = np.arange(NUM_IMAGES) % NUM_DRAWINGS
    known = crops(drawings, numbers, generator)
    comics = crops(
        read_drawings(arguments.drawings, "eval"), numbers, generator
    )
    metric = kernel_distance(network, comics)
    results = {"with": [], "without": []}
    for seed in range(1, arguments.seeds + 1):
        for kind, runs in results.items():
            runs.append(run(seed, kind == "with", arguments, drawings, metric))
    floor = measured(metric, known)
    print(f"\n{floor.protocol_text}\n")
    rows = result_rows(results, floor)
    report("Adaptive augmentation", rows, arguments.json, "means of the seeds")
    if arguments.plot:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
