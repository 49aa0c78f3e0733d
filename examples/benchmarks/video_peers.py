"""Frames per second on a clip, beside AnimeGANv2-shaped networks.

    python examples/benchmarks/video_peers.py --json video_peers.json

One clip (`--clip`), or a photograph before which a disc moves if there is
none, goes through this library's stylizers (frame by frame, shared statistics,
the difference engine) and, frame by frame, through a network of the layers of
AnimeGANv2's generator (2.14 M parameters, random weights) in PyTorch and in
ONNX Runtime. The peers run in processes of `--peer-python`, an interpreter
that has them; what it does not have is shown as not installed. All take turns
frame by frame, on the same number of threads, so that noise of the machine
hits all alike.
"""

import argparse
import io
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

PEERS = {
    "torch": "AnimeGANv2-shaped, PyTorch",
    "onnx": "AnimeGANv2-shaped, ONNX Runtime",
}
ENGINE = "difference engine"


def make_network():
    """AnimeGANv2's layers in PyTorch.

    Normalisation is over height, width and channels of each photo.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self, inputs, outputs, size=3, strides=1, groups=1):
            super().__init__()
            margin = size // 2
            # Before a stride of 2, at the bottom and at the right only.
            self.margins = [margin] * 4 if strides == 1 else [0, 1, 0, 1]
            self.convolution = nn.Conv2d(
                inputs,
                outputs,
                size,
                strides,
                groups=groups,
                bias=groups > 1,
            )
            self.normalization = nn.GroupNorm(1, outputs)
            self.activates = True

        def forward(self, x):
            if any(self.margins) and self.convolution.kernel_size[0] > 1:
                x = functional.pad(x, self.margins, mode="reflect")
            x = self.normalization(self.convolution(x))
            return functional.leaky_relu(x, 0.2) if self.activates else x

    class InvertedResidual(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            wide = 2 * inputs
            last = Block(wide, outputs, 1)
            last.activates = False
            self.layers = nn.Sequential(
                Block(inputs, wide, 1), Block(wide, wide, groups=wide), last
            )
            self.skips = inputs == outputs

        def forward(self, x):
            y = self.layers(x)
            return x + y if self.skips else y

    def upsampling():
        return nn.Upsample(scale_factor=2, mode="bilinear")

    torch.manual_seed(0)
    return nn.Sequential(
        Block(3, 32, 7),
        Block(32, 64, strides=2),
        Block(64, 64),
        Block(64, 128, strides=2),
        Block(128, 128),
        Block(128, 128),
        InvertedResidual(128, 256),
        *(InvertedResidual(256, 256) for _ in range(3)),
        Block(256, 128),
        upsampling(),
        Block(128, 128),
        Block(128, 128),
        upsampling(),
        Block(128, 64),
        Block(64, 64),
        Block(64, 32, 7),
        nn.Conv2d(32, 3, 1, bias=False),
        nn.Tanh(),
    ).eval()


def make_peer_run(kind, threads, height, width):
    """A function of uint8 frames `(1, height, width, 3)` to uint8 frames."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    network = make_network()
    if kind == "torch":

        def infer(photos):
            with torch.inference_mode():
                return network(torch.from_numpy(photos)).numpy()
    else:
        import onnxruntime

        file = io.BytesIO()
        example = torch.zeros(1, 3, height, width)
        torch.onnx.export(
            network, (example,), file, opset_version=17, dynamo=False
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(
            file.getvalue(), options, providers=["CPUExecutionProvider"]
        )
        (name,) = (entry.name for entry in session.get_inputs())

        def infer(photos):
            return session.run(None, {name: photos})[0]

    def run(frames):
        photos = frames.transpose(0, 3, 1, 2).astype("float32") / 127.5 - 1.0
        comics = (infer(np.ascontiguousarray(photos)) + 1.0) * 127.5
        comics = np.clip(np.rint(comics), 0, 255).astype("uint8")
        return comics.transpose(0, 2, 3, 1)

    return run


def serve(kind, path, threads):
    """Answers each line, the number of a frame, with seconds."""
    import numpy as np

    frames = np.load(path, mmap_mode="r")
    try:
        run = make_peer_run(kind, threads, *frames.shape[1:3])
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    run(frames[:1])
    print(json.dumps({"ready": kind}), flush=True)
    for line in sys.stdin:
        frame = np.array(frames[int(line)])[None]
        start = time.perf_counter()
        run(frame)
        print(json.dumps(time.perf_counter() - start), flush=True)


class Peer:
    """A network in a process of its own."""

    def __init__(self, python, kind, path, threads):
        command = [python, __file__, "--serve", kind, str(path)]
        self.process = subprocess.Popen(
            [*command, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        answer = self._answer()
        self.missing = answer.get("missing")

    def _answer(self):
        # Libraries may print, too.
        for line in self.process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        return {"missing": "it ended"}

    def seconds(self, number):
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def load_frames(clip, max_frames, size):
    """Frames as one array."""
    import numpy as np

    from keras_comic import video

    if clip.is_file():
        source = video.open_frames(str(clip), max_frames=max_frames)
        return clip.stem, np.stack([frame.image for frame in source])
    from skimage import data

    width, height = size
    scene = video.moving_object(data.astronaut(), size=(height, width))
    return "still scene", np.stack([scene.frame(n) for n in range(max_frames)])


def measure(stylizers, peers, frames):
    """Dict of name to the seconds of each frame."""
    runs = {
        name: lambda number, s=s: timed(s, frames[number], number == 0)
        for name, s in stylizers.items()
    }
    runs.update({PEERS[kind]: peer.seconds for kind, peer in peers.items()})
    seconds = {name: [] for name in runs}
    names = list(runs)
    for number in range(len(frames)):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(runs[name](number))
    return seconds


def timed(stylizer, frame, starts_scene):
    start = time.perf_counter()
    stylizer.stylize(frame, starts_scene)
    return time.perf_counter() - start


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument(
        "--clip",
        type=pathlib.Path,
        default=pathlib.Path("../shared/data/clips/person_walk_intel.mp4"),
        help="default: %(default)s",
    )
    options.add_argument("--max-frames", type=int, default=96)
    options.add_argument("--size", default="480x272", help="without a clip")
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument(
        "--peer-python",
        default=sys.executable,
        help="interpreter that has torch, onnx and onnxruntime",
    )
    options.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    return options.parse_args(arguments)


def main(arguments=None, runner=None):
    arguments = parse(arguments)
    if arguments.serve:
        serve(*arguments.serve, arguments.threads)
        return
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np

    import keras_comic
    from keras_comic import video

    if runner is None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        generator = keras_comic.from_preset(arguments.preset)
        runner = video.NetworkRunner(generator)
    size = tuple(map(int, arguments.size.split("x")))
    clip, frames = load_frames(arguments.clip, arguments.max_frames, size)
    # The peers' strides are 4.
    height, width = (side - side % 4 for side in frames.shape[1:3])
    frames = frames[:, :height, :width]
    stylizers = {
        "frame by frame": video.FrameByFrameStylizer(runner),
        "shared statistics": video.StatisticsStylizer(runner, "running"),
        ENGINE: video.DifferenceStylizer(runner, "running"),
    }
    for stylizer in stylizers.values():
        stylizer.stylize(frames[0])
        stylizer.stylize(255 - frames[0])
        stylizer.reset()
    missing, peers = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "frames.npy"
        np.save(path, frames)
        for kind in PEERS:
            peer = Peer(arguments.peer_python, kind, path, arguments.threads)
            if peer.missing is None:
                peers[kind] = peer
            else:
                missing[kind] = peer.missing
                peer.close()
        seconds = measure(stylizers, peers, frames)
        for peer in peers.values():
            peer.close()
    title = f"{clip}, {width}x{height}"
    conditions = f"{len(frames)} frames, {arguments.threads} threads"
    rows = []
    print("| | frames/s | difference engine / it |")
    print("| --- | ---: | ---: |")
    for name, values in seconds.items():
        rate = len(frames) / sum(values)
        ratio = sum(values) / sum(seconds[ENGINE])
        print(f"| {name} | {rate:.2f} | {ratio:.2f} |")
        rows.append(row(f"{name}, {title}", rate, "frames/s", None, conditions))
        if name != ENGINE:
            rows.append(
                row(
                    f"{ENGINE} / {name}, {title}",
                    ratio,
                    "ratio",
                    f"{name}, {title}",
                    conditions,
                )
            )
    for kind, message in missing.items():
        print(f"| {PEERS[kind]} | not installed ({message}) | |")
    median = statistics.median(seconds[ENGINE])
    print(f"\nMedian of the difference engine: {median:.3f} s a frame.\n")
    report("Video, beside peers", rows, arguments.json)


if __name__ == "__main__":
    main()
