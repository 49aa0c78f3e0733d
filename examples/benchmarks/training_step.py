"""Steps a second and peak memory of `GAN.fit`, beside loops without it.

    python examples/benchmarks/training_step.py --json training_step.json

In one run, each in a process of its own that waits while others have their
turn, so that noise of the machine hits all alike; a ratio is the median of the
rounds' ratios:

- `GAN.fit` and a `tf.function` loop written by hand of the same networks and
  losses, in one process: for a generator of convolutions and residual blocks
  with a patch discriminator (least squares and the mean absolute difference
  from the photo), and for `StyleTransferGAN` with the light generator. The
  loop does what is least: two gradients and two updates. `GAN.fit` also
  averages the generator, refuses what is not finite and keeps the means of
  the loss terms. A round is one call of it, whose start is in the numbers.
  Where other programs take the processor, look at the CPU time.
- `GAN.fit` of the first pair under other precisions, with XLA, and with
  several steps in one execution.
- The same networks and losses in PyTorch, a plain loop on the CPU, from the
  same weights and batches: that the losses agree is a row, too. PyTorch and
  JAX are run by interpreters of their own, see `--torch` and `--jax`.

Peak memory is what a process gains at most once its libraries are loaded: the
networks, both optimizers, the compiled step and what it holds while it runs.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from benchmark import parser
from benchmark import report
from benchmark import row
from inference import forget_peak
from inference import median_ratio
from inference import peak_memory
from inference import set_threads

# Heavy libraries are imported where they are used: a process has those alone
# that it measures.
ROOT = pathlib.Path(__file__).resolve().parents[2]
AIM = "aim: at most 1.05"
# Pictures of the fixed data set, batches.
NUM_BATCHES = 4
# Steps after which PyTorch's losses are compared.
NUM_COMPARED = 20
LEARNING_RATE = 2e-4
PIXELS_WEIGHT = 10.0
# Of the network that the style's losses look through; its weights are random.
FEATURE_NETWORK = ((2, 2, 4), (16, 32, 64))
VARIANTS = {
    "float32": {},
    "mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "mixed_float16": {"precision": "mixed_float16"},
    "float32, jit_compile": {"jit_compile": True},
    "float32, steps_per_execution=10": {"steps_per_execution": 10},
}


# The networks, in Keras.


def make_convolutional_gan(filters, num_residual_blocks, precision="float32"):
    """A `GAN` of a generator of residual blocks and a patch discriminator."""
    import keras

    import keras_comic
    from keras_comic import losses
    from keras_comic.layers import ConvBlock
    from keras_comic.layers import ResidualBlock

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
                    self.judge(batch["comics"], training=True, real=True),
                    self.judge(keras.ops.stop_gradient(fakes), training=True),
                )
            }

    keras.utils.set_random_seed(0)
    with policy(precision):
        inputs = keras.Input((None, None, 3))
        features = ConvBlock(filters, 7)(inputs)
        features = ConvBlock(2 * filters, strides=2)(features)
        features = ConvBlock(4 * filters, strides=2)(features)
        for _ in range(num_residual_blocks):
            features = ResidualBlock(4 * filters)(features)
        features = ConvBlock(2 * filters, upsample=True)(features)
        features = ConvBlock(filters, upsample=True)(features)
        outputs = ConvBlock(3, 7, normalization=None, activation="tanh")(
            features
        )
        outputs = keras.layers.Activation("linear", dtype="float32")(outputs)
        generator = keras.Model(inputs, outputs)
        discriminator = keras_comic.PatchDiscriminator(
            filters, spectral_normalization=False
        )
    return ConvolutionalGAN(generator, discriminator)


@contextlib.contextmanager
def policy(precision):
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_style_transfer_gan(filters):
    import keras

    import keras_comic

    keras.utils.set_random_seed(0)
    return keras_comic.StyleTransferGAN(
        keras_comic.AdaINGenerator.light(),
        keras_comic.PatchDiscriminator(filters),
        keras_comic.FeatureNetwork(*FEATURE_NETWORK),
    )


def make_optimizer():
    import keras

    return keras.optimizers.Adam(LEARNING_RATE, beta_1=0.5)


def make_batches(image_size, batch_size):
    """Dict of name to float32 `(batches, batch, height, width, 3)`."""
    import numpy as np

    generator = np.random.default_rng(0)
    shape = (NUM_BATCHES, batch_size, image_size // 4, image_size // 4, 3)

    def draw():
        # Patches of 4 pixels, so that there is more than noise.
        values = generator.uniform(-1.0, 1.0, shape).repeat(4, 2).repeat(4, 3)
        return values.astype("float32")

    return {"photos": draw(), "comics": draw()}


# What runs steps. A runner takes a number of steps; it gives nothing until
# they are done.


class Batches:
    """The batches over and over, as Keras takes them on each backend."""

    def __init__(self, batches):
        self.batches = batches

    def dataset(self):
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            dataset = tf.data.Dataset.from_tensor_slices(self.batches)
            return dataset.cache().repeat()
        return self.as_py_dataset()

    def as_py_dataset(self):
        import keras

        batches = self.batches

        class Repeated(keras.utils.PyDataset):
            num_batches = 10**9

            def __getitem__(self, index):
                return {
                    name: values[index % NUM_BATCHES]
                    for name, values in batches.items()
                }

        return Repeated()


def make_fit(gan, dataset):
    """A runner by `GAN.fit`."""

    def run(num_steps):
        gan.fit(
            dataset,
            steps_per_epoch=num_steps,
            shuffle=False,
            verbose=0,
        )

    return run


def make_hand_written_loop(generator, discriminator, losses_of, dataset):
    """A runner by a loop around a `tf.function`.

    Args:
        generator: Keras model.
        discriminator: Keras model.
        losses_of: Two functions of a batch that give a scalar each, the
            discriminator's and the generator's.
        dataset: `tf.data.Dataset`.
    """
    import tensorflow as tf

    phases = []
    for network, loss_of in zip(
        (discriminator, generator), losses_of, strict=True
    ):
        optimizer = make_optimizer()
        optimizer.build(network.trainable_variables)
        phases.append((network.trainable_variables, optimizer, loss_of))

    @tf.function
    def step(batch):
        found = []
        for variables, optimizer, loss_of in phases:
            with tf.GradientTape() as tape:
                loss = loss_of(batch)
            optimizer.apply(tape.gradient(loss, variables), variables)
            found.append(loss)
        return found

    batches = iter(dataset)

    def run(num_steps):
        for _ in range(num_steps):
            found = step(next(batches))
        return [float(loss) for loss in found]

    return run


def convolutional_losses(generator, discriminator):
    """The losses of `ConvolutionalGAN`, written out."""
    import tensorflow as tf

    def discriminator_loss(batch):
        fakes = generator(batch["photos"], training=True)
        real_logits = discriminator(batch["comics"], training=True)
        fake_logits = discriminator(tf.stop_gradient(fakes), training=True)
        real = tf.reduce_mean((real_logits - 1.0) ** 2)
        return real + tf.reduce_mean(fake_logits**2)

    def generator_loss(batch):
        fakes = generator(batch["photos"], training=True)
        fake_logits = discriminator(fakes, training=False)
        pixels = tf.reduce_mean(tf.abs(fakes - batch["photos"]))
        adversarial = tf.reduce_mean((fake_logits - 1.0) ** 2)
        return PIXELS_WEIGHT * pixels + adversarial

    return discriminator_loss, generator_loss


def weighted_losses(gan):
    """The losses of a family, as scalars."""
    import tensorflow as tf

    def total(losses):
        terms = [
            gan.loss_weights[name] * tf.reduce_mean(value)
            for name, value in losses.items()
        ]
        return tf.add_n(terms)

    return (
        lambda batch: total(gan.discriminator_losses(batch)),
        lambda batch: total(gan.generator_losses(batch)),
    )


def make_torch_loop(options, batches, weights):
    """A runner by a plain loop in PyTorch, and one that gives the losses."""
    import torch
    from torch import nn

    def convolution(inputs, filters, kernel_size=3, strides=1, bias=False):
        return [
            nn.ReflectionPad2d(kernel_size // 2),
            nn.Conv2d(inputs, filters, kernel_size, strides, bias=bias),
        ]

    def block(inputs, filters, kernel_size=3, strides=1, activation=True):
        return [
            *convolution(inputs, filters, kernel_size, strides),
            nn.InstanceNorm2d(filters, affine=True),
            *([nn.ReLU()] if activation else []),
        ]

    class Residual(nn.Module):
        def __init__(self, filters):
            super().__init__()
            self.layers = nn.Sequential(
                *block(filters, filters),
                *block(filters, filters, activation=False),
            )

        def forward(self, inputs):
            return inputs + self.layers(inputs)

    filters = options["filters"]
    generator = nn.Sequential(
        *block(3, filters, 7),
        *block(filters, 2 * filters, strides=2),
        *block(2 * filters, 4 * filters, strides=2),
        *(Residual(4 * filters) for _ in range(options["residual_blocks"])),
        nn.Upsample(scale_factor=2),
        *block(4 * filters, 2 * filters),
        nn.Upsample(scale_factor=2),
        *block(2 * filters, filters),
        *convolution(filters, 3, 7, bias=True),
        nn.Tanh(),
    )
    widths = [3, *(filters * 2**i for i in range(4)), 1]
    judges = []
    for i, (width, next_width) in enumerate(zip(widths, widths[1:])):
        judges.append(nn.Conv2d(width, next_width, 4, 2 if i < 3 else 1, 1))
        judges.append(nn.LeakyReLU(0.2))
    discriminator = nn.Sequential(*judges[:-1])
    for network, name in ((generator, "generator"), (discriminator, "judge")):
        parameters = list(network.parameters())
        for i, parameter in enumerate(parameters):
            value = torch.from_numpy(weights[f"{name}/{i}"])
            # Height, width, inputs, outputs in Keras.
            value = value.permute(3, 2, 0, 1) if value.ndim == 4 else value
            with torch.no_grad():
                parameter.copy_(value)
        if f"{name}/{len(parameters)}" in weights:
            raise ValueError(f"The networks differ: {name}")
        network.to(memory_format=torch.channels_last)

    optimizers = [
        torch.optim.Adam(
            network.parameters(), LEARNING_RATE, betas=(0.5, 0.999), eps=1e-7
        )
        for network in (discriminator, generator)
    ]
    pairs = [
        [
            torch.from_numpy(batches[name][i])
            .permute(0, 3, 1, 2)
            .contiguous(memory_format=torch.channels_last)
            for name in ("photos", "comics")
        ]
        for i in range(NUM_BATCHES)
    ]
    done = 0

    def step(photos, comics):
        for_discriminator, for_generator = optimizers
        with torch.no_grad():
            fakes = generator(photos)
        real_logits, fake_logits = discriminator(comics), discriminator(fakes)
        judged = ((real_logits - 1) ** 2).mean() + (fake_logits**2).mean()
        for_discriminator.zero_grad()
        judged.backward()
        for_discriminator.step()
        fakes = generator(photos)
        # No gradients of the discriminator's weights are needed here.
        discriminator.requires_grad_(False)
        adversarial = ((discriminator(fakes) - 1) ** 2).mean()
        made = PIXELS_WEIGHT * (fakes - photos).abs().mean() + adversarial
        for_generator.zero_grad()
        made.backward()
        for_generator.step()
        discriminator.requires_grad_(True)
        return judged, made

    def run(num_steps):
        nonlocal done
        for _ in range(num_steps):
            found = step(*pairs[done % NUM_BATCHES])
            done += 1
        return [float(loss.detach()) for loss in found]

    return run


# A process that runs steps when it is told to.


def work(options):
    """Runs steps, as many as each line of the standard input tells.

    Every line is answered by one of JSON. Lines are `RUNNER STEPS`, `compare`
    (the losses of the first steps) and `memory`.
    """
    # Libraries may write to the standard output; this is for the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    make = make_torch_runners if options["torch"] else make_keras_runners
    runners, compare = make(options)
    for line in sys.stdin:
        command, *numbers = line.split()
        if command == "compare":
            answer = compare()
        elif command == "memory":
            answer = peak_memory() - options["held"]
        else:
            start, processor = time.perf_counter(), time.process_time()
            runners[command](int(numbers[0]))
            answer = [
                time.perf_counter() - start,
                time.process_time() - processor,
            ]
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def make_torch_runners(options):
    import numpy as np
    import torch

    torch.set_num_threads(options["threads"])
    torch.ones(4).sum()
    note_held(options)
    batches = dict(np.load(options["batches"]))
    weights = dict(np.load(options["weights"]))
    run = make_torch_loop(options, batches, weights)

    def compare():
        return [run(1) for _ in range(NUM_COMPARED)]

    return {"fit": run}, compare


def make_keras_runners(options):
    sys.path.insert(0, str(ROOT))
    import keras
    import numpy as np

    backend = keras.backend.backend()
    if backend == "tensorflow":
        set_threads(options["threads"])
    elif backend == "torch":
        import torch

        torch.set_num_threads(options["threads"])
    import keras_comic  # noqa: F401

    keras.ops.convert_to_numpy(keras.ops.ones(4) + 1)
    note_held(options)
    batches = dict(np.load(options["batches"]))
    variant = dict(options["variant"])
    precision = variant.pop("precision", "float32")
    if options["style"]:
        batches["style_images"] = batches.pop("comics")
        gan = make_style_transfer_gan(options["filters"])
    else:
        gan = make_convolutional_gan(
            options["filters"], options["residual_blocks"], precision
        )
        set_weights(gan, options["weights"])
    gan.compile(
        {"generator": make_optimizer(), "discriminator": make_optimizer()},
        **variant,
    )
    data = Batches(batches)
    runners = {"fit": make_fit(gan, data.dataset())}
    if options["hand"]:
        losses_of = (
            weighted_losses(gan)
            if options["style"]
            else convolutional_losses(gan.generator, gan.discriminator)
        )
        runners["hand"] = make_hand_written_loop(
            gan.generator, gan.discriminator, losses_of, data.dataset()
        )

    def compare():
        history = gan.fit(
            data.as_py_dataset() if backend != "tensorflow" else data.dataset(),
            epochs=NUM_COMPARED,
            steps_per_epoch=1,
            shuffle=False,
            verbose=0,
        ).history
        names = ("discriminator_loss", "generator_loss")
        return [
            [float(v) for v in values]
            for values in zip(*(history[n] for n in names), strict=True)
        ]

    return runners, compare


def note_held(options):
    forget_peak()
    options["held"] = peak_memory()


def write_weights(gan, path):
    """The first weights, for the other processes."""
    import numpy as np

    arrays = {}
    for network, name in (
        (gan.generator, "generator"),
        (gan.discriminator, "judge"),
    ):
        for i, value in enumerate(network.get_weights()):
            arrays[f"{name}/{i}"] = value
    np.savez(path, **arrays)


def set_weights(gan, path):
    import numpy as np

    weights = dict(np.load(path))
    for network, name in (
        (gan.generator, "generator"),
        (gan.discriminator, "judge"),
    ):
        count = len(network.get_weights())
        network.set_weights([weights[f"{name}/{i}"] for i in range(count)])
    gan.ema_generator.set_weights(gan.generator.get_weights())


class Worker:
    """A process of `work`, and what it is asked for."""

    def __init__(self, interpreter, options, backend):
        command = [str(interpreter), __file__, "--work", json.dumps(options)]
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        if backend == "jax" and options["threads"] == 1:
            environment["XLA_FLAGS"] = (
                "--xla_cpu_multi_thread_eigen=false "
                "intra_op_parallelism_threads=1"
            )
        if pathlib.Path(interpreter) == pathlib.Path(sys.executable):
            # It finds what this process finds.
            paths = filter(None, sys.path)
            environment["PYTHONPATH"] = os.pathsep.join(paths)
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            text=True,
        )

    def ask(self, text):
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f"A process ended:\n{self.errors.read()}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


# The rows.


def parse(arguments=None):
    options = parser(__doc__)
    for name, default, text in (
        ("--image-size", 64, "side of the pictures, pixels, a multiple of 8"),
        ("--batch-size", 4, "pictures in a step"),
        ("--filters", 16, "channels of the networks' first convolutions"),
        ("--residual-blocks", 4, "of the generator"),
        ("--steps", 30, "steps in a round, a multiple of 10"),
        ("--threads", 2, "of each framework; JAX takes one or all"),
    ):
        options.add_argument(
            name,
            type=int,
            default=default,
            help=f"{text} (default: %(default)s)",
        )
    for name, title in (("torch", "PyTorch"), ("jax", "JAX")):
        options.add_argument(
            f"--{name}",
            metavar="PYTHON",
            type=pathlib.Path,
            default=ROOT / f".venv-{name}" / "bin" / "python",
            help=f"interpreter that has {title} and what keras_comic needs "
            "(default: %(default)s)",
        )
    options.add_argument(
        "--only-overhead",
        action="store_true",
        help="no other precisions, frameworks and compilers",
    )
    options.add_argument("--work", help="for this script's own processes")
    return options.parse_args(arguments)


def is_installed(interpreter, library):
    """Whether an interpreter is there and has a library."""
    try:
        done = subprocess.run(
            [interpreter, "-c", f"import {library}"], capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


def start_workers(arguments, folder):
    """Dict of a title to a worker, and how long the first step of each took."""
    import numpy as np

    batches = make_batches(arguments.image_size, arguments.batch_size)
    np.savez(folder / "batches.npz", **batches)
    gan = make_convolutional_gan(arguments.filters, arguments.residual_blocks)
    write_weights(gan, folder / "weights.npz")
    base = {
        "batches": str(folder / "batches.npz"),
        "weights": str(folder / "weights.npz"),
        "filters": arguments.filters,
        "residual_blocks": arguments.residual_blocks,
        "threads": arguments.threads,
        "torch": False,
        "style": False,
        "hand": False,
        "variant": {},
    }
    here = (sys.executable, "tensorflow")
    planned = {
        "convolutional GAN": (here, {"hand": True}),
        "StyleTransferGAN": (here, {"hand": True, "style": True}),
    }
    if not arguments.only_overhead:
        for title, variant in VARIANTS.items():
            planned[title] = (here, {"variant": variant})
        if is_installed(arguments.jax, "jax"):
            planned["float32, on JAX"] = ((arguments.jax, "jax"), {})
        else:
            print("JAX: not installed.")
        if is_installed(arguments.torch, "torch"):
            peer = (arguments.torch, "torch")
            planned["float32, on PyTorch"] = (peer, {})
            planned["PyTorch"] = (peer, {"torch": True})
        else:
            print("PyTorch: not installed.")
    return {
        title: Worker(interpreter, {**base, **options}, backend)
        for title, ((interpreter, backend), options) in planned.items()
    }


def main(arguments=None):
    arguments = parse(arguments)
    if arguments.work:
        work(json.loads(arguments.work))
        return
    workers = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            workers = start_workers(arguments, pathlib.Path(folder))
            rows = measure(workers, arguments)
        finally:
            for worker in workers.values():
                worker.end()
    report("A step of training", rows, arguments.json)


def measure(workers, arguments):
    """Rows of all that the workers measure."""
    conditions = (
        f"{arguments.batch_size} pictures of {arguments.image_size} pixels, "
        f"{arguments.filters} filters, threads: {arguments.threads}"
    )
    pairs = [t for t in ("convolutional GAN", "StyleTransferGAN")]
    others = [title for title in workers if title not in pairs]
    compared, compiling, memory = {}, {}, {}
    for title in others:
        if title in ("float32", "PyTorch"):
            compared[title] = workers[title].ask("compare")
    turns = [(t, name) for t in pairs for name in ("hand", "fit")]
    turns += [(title, "fit") for title in others]
    seconds = {turn: [] for turn in turns}
    processor = {turn: [] for turn in turns}
    for title, name in turns:
        steps = arguments.steps
        compiling[title, name] = workers[title].ask(f"{name} {steps}")[0]
    for turn in range(arguments.repeats):
        # Another one begins each round.
        first = turn % len(turns)
        for title, name in turns[first:] + turns[:first]:
            found = workers[title].ask(f"{name} {arguments.steps}")
            seconds[title, name].append(found[0])
            processor[title, name].append(found[1])
    for title in others:
        memory[title] = workers[title].ask("memory") / 2**20
    rounds = (
        f"{conditions}, {arguments.repeats} rounds of {arguments.steps} steps"
    )

    def speed(turn):
        return arguments.steps / statistics.median(seconds[turn])

    rows = []
    for title in pairs:
        hand, fit = (title, "hand"), (title, "fit")
        peer = f"{title}, loop by hand"
        rows.append(row(peer, speed(hand), "steps/s", None, rounds))
        rows.append(
            row(f"{title}, GAN.fit", speed(fit), "steps/s", peer, rounds)
        )
        for found, clock in ((seconds, "time"), (processor, "CPU time")):
            rows.append(
                row(
                    f"{title}, {clock} of GAN.fit / of the loop by hand",
                    median_ratio(found[fit], found[hand]),
                    "ratio",
                    peer,
                    f"{AIM}; {rounds}",
                )
            )
    base = ("float32", "fit")
    for title in others:
        turn = (title, "fit")
        name = "PyTorch, loop by hand"
        name = name if title == "PyTorch" else f"GAN.fit, {title}"
        peer = None if turn == base else "GAN.fit, float32"
        first = max(compiling[turn] - statistics.median(seconds[turn]), 0.0)
        rows.append(row(name, speed(turn), "steps/s", peer, rounds))
        rows.append(row(name, memory[title], "MiB", peer, conditions))
        if title != "PyTorch" and title not in compared:
            rows.append(row(f"{name}, to compile", first, "s", peer))
        if peer:
            for found, clock in ((seconds, "time"), (processor, "CPU time")):
                rows.append(
                    row(
                        f"{clock} of {name} / of {peer}",
                        median_ratio(found[turn], found[base]),
                        "ratio",
                        peer,
                        rounds,
                    )
                )
    if len(compared) == 2:
        for number, network in enumerate(("discriminator", "generator")):
            ours, theirs = (
                compared[title][-1][number] for title in ("float32", "PyTorch")
            )
            rows.append(
                row(
                    f"{network}'s loss after {NUM_COMPARED} steps, difference "
                    "of PyTorch's",
                    abs(theirs - ours) / abs(ours),
                    "relative",
                    "PyTorch, loop by hand",
                    conditions,
                )
            )
    return rows


if __name__ == "__main__":
    main()
