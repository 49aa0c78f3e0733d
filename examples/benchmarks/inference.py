"""Seconds and peak memory of a photo through each generator, beside peers.

    python examples/benchmarks/inference.py --json inference.json

In one run, batch 1, each in `tf.function`, the style's code computed
beforehand: `AdaINGenerator.light`, `AdaINGenerator.classic` and, as the
yardstick, a network of the layers of AnimeGANv2's generator (2.14 M
parameters, built below, not trained). The networks take turns, so that noise
of the machine hits all alike; a ratio is the median of the rounds' ratios.

Peak memory is what a process of its own gains at most while the network runs,
after the libraries and the weights are loaded and a small photo has run.

`--peer-folder` holds Magenta's arbitrary stylisation networks
(`magenta_style_transfer_f16_384.tflite` and `..._quantized_384.tflite`), which
the light generator is measured against at their size.
"""

import argparse
import json
import os
import pathlib
import statistics

from benchmark import forget_peak
from benchmark import in_own_process
from benchmark import median_ratio
from benchmark import parser
from benchmark import peak_memory
from benchmark import report
from benchmark import row
from benchmark import set_threads
from benchmark import take_turns

# Heavy libraries are imported where they are used: on some systems the peak
# memory of a process counts from that of the one that started it.
NETWORKS = ("light", "classic", "yardstick")
TITLES = {
    "light": "AdaINGenerator.light",
    "classic": "AdaINGenerator.classic",
    "yardstick": "AnimeGANv2-shaped",
}
PEERS = {
    "Magenta, float16": "magenta_style_transfer_f16_384.tflite",
    "Magenta, int8": "magenta_style_transfer_quantized_384.tflite",
}
PEER_SIZE = (384, 384)
WARM_UP_SIZE = (64, 64)
AIM_YARDSTICK = "aim: at least 4 at 1920x1080"
AIM_PEER = "aim: at most 1.5 with float16"


def make_yardstick():
    """A Keras model of the layers of AnimeGANv2's generator.

    Normalisation is over height, width and channels of each photo; it and its
    scale and shift are one multiply-add over the positions, the fastest form.
    """
    import keras
    from keras import ops

    class Normalization(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=shape[-1:], initializer="ones")
            self.shift = self.add_weight(shape=shape[-1:], initializer="zeros")

        def call(self, x):
            mean, variance = ops.moments(x, axes=[1, 2, 3], keepdims=True)
            scale = self.scale * ops.rsqrt(variance + 1e-5)
            return x * scale + (self.shift - mean * scale)

    def normalized(x, activation=True):
        x = Normalization()(x)
        return ops.leaky_relu(x, 0.2) if activation else x

    def padded(x, kernel_size, strides=1):
        margin = kernel_size // 2
        # Before a stride of 2, at the bottom and at the right only.
        sides = [0, 1] if strides == 2 else [margin, margin]
        return ops.pad(x, [[0, 0], sides, sides, [0, 0]], mode="reflect")

    def convolved(x, filters, kernel_size=3, strides=1, activation=True):
        if kernel_size > 1:
            x = padded(x, kernel_size, strides)
        x = keras.layers.Conv2D(filters, kernel_size, strides, use_bias=False)(
            x
        )
        return normalized(x, activation)

    def inverted_residual(inputs, filters):
        x = convolved(inputs, 2 * inputs.shape[-1], 1)
        x = keras.layers.DepthwiseConv2D(3)(padded(x, 3))
        x = convolved(normalized(x), filters, 1, activation=False)
        return x + inputs if inputs.shape[-1] == filters else x

    def upsampled(x):
        return keras.layers.UpSampling2D(interpolation="bilinear")(x)

    inputs = keras.Input((None, None, 3))
    x = convolved(inputs, 32, 7)
    x = convolved(convolved(x, 64, strides=2), 64)
    x = convolved(convolved(x, 128, strides=2), 128)
    x = convolved(x, 128)
    for _ in range(4):
        x = inverted_residual(x, 256)
    x = convolved(x, 128)
    x = convolved(convolved(upsampled(x), 128), 128)
    x = convolved(convolved(upsampled(x), 64), 64)
    x = convolved(x, 32, 7)
    outputs = keras.layers.Conv2D(3, 1, use_bias=False, activation="tanh")(x)
    return keras.Model(inputs, outputs)


def make_network(name):
    """A network, and the length of its style's code (0 without one)."""
    import keras

    import keras_comic

    keras.utils.set_random_seed(0)
    if name == "yardstick":
        return make_yardstick(), 0
    generator = getattr(keras_comic.AdaINGenerator, name)()
    return generator, generator.style_dim


def compile_network(network, style_dim, width, height):
    """A network as a graph for one size: style's code and photo to comic."""
    import tensorflow as tf

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec((1, height, width, 3)),
            tf.TensorSpec((1, style_dim)),
        ],
    )
    def run(photos, style):
        if style_dim == 0:
            return network(photos, training=False)
        inputs = {"photos": photos, "style": style}
        return network(inputs, training=False)

    return run.get_concrete_function()


def multiply_adds(graph):
    """Multiply-adds of a compiled network, from the shapes in its graph."""
    total = 0
    for operation in graph.graph.get_operations():
        if operation.type not in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            continue
        kernel = operation.inputs[1].shape.num_elements()
        # Every output position uses each number of the kernel once.
        positions = operation.outputs[0].shape[:-1].num_elements()
        total += kernel * positions
    return total


def example_inputs(style_dim, width, height):
    """A photo and a style's code, of noise."""
    import numpy as np

    generator = np.random.default_rng(0)
    photos = generator.uniform(-1.0, 1.0, (1, height, width, 3))
    style = generator.normal(0.0, 1.0, (1, style_dim))
    return photos.astype("float32"), style.astype("float32")


def make_run(network, style_dim, width, height):
    """A function of no arguments that stylises one photo, and its graph."""
    import numpy as np
    import tensorflow as tf

    graph = compile_network(network, style_dim, width, height)
    inputs = [
        tf.constant(array) for array in example_inputs(style_dim, width, height)
    ]
    return lambda: np.asarray(graph(*inputs)), graph


def make_peer_run(path, threads):
    """A function of no arguments that runs a TFLite transfer network."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (output,) = interpreter.get_output_details()
    generator = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        if details["shape"][-1] == 3:
            photo_index = details["index"]
            photos = generator.uniform(0.0, 1.0, details["shape"])
            photos = photos.astype("float32")
        else:
            style = generator.normal(0.0, 1.0, details["shape"])
            interpreter.set_tensor(details["index"], style.astype("float32"))

    def run():
        interpreter.set_tensor(photo_index, photos)
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return run


def measure_memory(name, width, height):
    """Bytes that this process gains at most while a network runs."""
    network, style_dim = make_network(name)
    make_run(network, style_dim, *WARM_UP_SIZE)[0]()
    forget_peak()
    before = peak_memory()
    run, _ = make_run(network, style_dim, width, height)
    for _ in range(2):
        run()
    return peak_memory() - before


def size_of(text):
    """Width and height of `512` or `1920x1080`."""
    sides = [int(side) for side in text.split("x")]
    if len(sides) > 2 or min(sides) < 32 or any(side % 8 for side in sides):
        raise argparse.ArgumentTypeError(
            "a size must be one or two sides of at least 32 pixels, divisible "
            f"by 8, such as 512 or 1920x1080; received {text!r}"
        )
    return sides[0], sides[-1]


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument(
        "--sizes",
        nargs="+",
        type=size_of,
        default=[(256, 256), (512, 512), (1920, 1080)],
        help="sides in pixels, or WIDTHxHEIGHT (default: 256 512 1920x1080)",
    )
    options.add_argument(
        "--threads", type=int, default=2, help="default: %(default)s"
    )
    options.add_argument(
        "--peer-folder",
        type=pathlib.Path,
        default=pathlib.Path("../shared/data/weights/parity"),
        help="default: %(default)s",
    )
    options.add_argument(
        "--no-memory", action="store_true", help="measure seconds only"
    )
    options.add_argument("--measure-memory", nargs=2, help=argparse.SUPPRESS)
    return options.parse_args(arguments)


def networks_rows(arguments):
    """Rows of the networks at each size, and the lines of a summary."""
    memory = {}
    if not arguments.no_memory:
        for size in arguments.sizes:
            for name in NETWORKS:
                memory[name, size] = in_own_process(
                    __file__,
                    *("--threads", arguments.threads),
                    *("--measure-memory", name, "{}x{}".format(*size)),
                )
    set_threads(arguments.threads)
    made = {name: make_network(name) for name in NETWORKS}
    rows, summary = [], []
    for name, (network, _) in made.items():
        millions = network.count_params() / 1e6
        rows.append(row(f"{TITLES[name]}, parameters", millions, "M"))
    conditions = f"{arguments.threads} threads, batch 1"
    rounds = f"{conditions}, {arguments.repeats} rounds"
    for size in arguments.sizes:
        label = f"{size[0]}x{size[1]}"
        runs, graphs = {}, {}
        for name, (network, style_dim) in made.items():
            runs[name], graphs[name] = make_run(network, style_dim, *size)
        seconds = take_turns(runs, arguments.repeats)
        yardstick = f"{TITLES['yardstick']}, {label}"
        for name in NETWORKS:
            title = f"{TITLES[name]}, {label}"
            peer = None if name == "yardstick" else yardstick
            median = statistics.median(seconds[name])
            cost = multiply_adds(graphs[name]) / 1e9
            rows.append(row(title, median, "s", peer, rounds))
            rows.append(row(title, cost, "GMAC", peer))
            peak = memory.get((name, size))
            if peak is not None:
                mebibytes = peak / 2**20
                rows.append(row(title, mebibytes, "MiB", peer, conditions))
            summary.append(
                f"| {TITLES[name]} | {made[name][0].count_params() / 1e6:.2f} "
                f"| {label} | {cost:.1f} | {median:.3f} | "
                f"{'' if peak is None else f'{peak / 2**20:.0f}'} |"
            )
        for name in NETWORKS[:-1]:
            rows.append(
                row(
                    f"{TITLES['yardstick']} / {TITLES[name]}, {label}",
                    median_ratio(seconds["yardstick"], seconds[name]),
                    "ratio",
                    yardstick,
                    f"{AIM_YARDSTICK}; {rounds}" if name == "light" else rounds,
                )
            )
    return rows, summary


def peer_rows(arguments):
    """Rows of the light generator beside Magenta's networks."""
    label = f"{PEER_SIZE[0]}x{PEER_SIZE[1]}"
    network, style_dim = make_network("light")
    runs = {"light": make_run(network, style_dim, *PEER_SIZE)[0]}
    for title, file in PEERS.items():
        path = arguments.peer_folder / file
        if path.is_file():
            runs[title] = make_peer_run(path, arguments.threads)
        else:
            print(f"Not measured: {title}, there is no file {path}.")
    if len(runs) == 1:
        return []
    seconds = take_turns(runs, arguments.repeats)
    rounds = f"{arguments.threads} threads, batch 1, {arguments.repeats} rounds"
    light = f"{TITLES['light']}, {label}, in turn with Magenta"
    rows = [row(light, statistics.median(seconds["light"]), "s", None, rounds)]
    for title in [title for title in runs if title != "light"]:
        peer = f"{title}, {label}"
        median = statistics.median(seconds[title])
        ratio = median_ratio(seconds["light"], seconds[title])
        rows.append(row(peer, median, "s", None, f"TFLite, {rounds}"))
        rows.append(
            row(
                f"{TITLES['light']} / {title}, {label}",
                ratio,
                "ratio",
                peer,
                f"{AIM_PEER}; {rounds}",
            )
        )
    return rows


def main(arguments=None):
    arguments = parse(arguments)
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.measure_memory:
        name, size = arguments.measure_memory
        set_threads(arguments.threads)
        print(json.dumps(measure_memory(name, *size_of(size))))
        return
    rows, summary = networks_rows(arguments)
    rows += peer_rows(arguments)
    print("| network | parameters, M | size | GMAC | seconds | peak, MiB |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    print("\n".join(summary) + "\n")
    report("Inference", rows, arguments.json)


if __name__ == "__main__":
    main()
