"""Memory that converting a long video takes, early and late.

    python examples/benchmarks/video_memory.py --json video_memory.json
    python examples/benchmarks/video_memory.py --preset adain_storybook \
        --consistency difference --frames 400

A 1080p video with sound, a short clip repeated to 2,000 frames, is converted
from file to file in a process of its own, which tells how much memory it holds
after frame 200 and after the last one: it must not grow with the length. By
default the stylizer costs next to nothing, a negative, so that what is
measured is reading, encoding and what is kept for going on; `--preset` takes a
network, at a level of `--consistency`.

The clip is a part of one of scikit-image's samples that moves, with noise.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

from benchmark import parser
from benchmark import report
from benchmark import row

# Heavy libraries are imported in the process that is measured.
RATE = 25
CLIP_FRAMES = 50
SAMPLE_RATE = 48_000
AIM = 1.05


def make_clip(path, width, height, count):
    """Writes a clip: a picture that moves, with noise.

    Args:
        path: Path of an MP4 file.
        width: Integer, pixels.
        height: Integer, pixels.
        count: Integer, frames.
    """
    import numpy as np
    from PIL import Image
    from skimage import data

    import keras_comic

    picture = Image.fromarray(data.coffee())
    picture = picture.resize((width + 2 * count, height + count))
    picture = np.asarray(picture).astype("int16")
    random = np.random.default_rng(0)

    def frames():
        for number in range(count):
            part = picture[number : number + height, 2 * number :][:, :width]
            noise = random.integers(-3, 4, part.shape, dtype="int16")
            yield np.clip(part + noise, 0, 255).astype("uint8")

    # Frames in the order of decoding, so that a repetition may end anywhere.
    keras_comic.video.write_frames(
        frames(), path, RATE, codec_options={"bf": "0"}
    )


def repeat_clip(path, target, count):
    """Repeats a clip, without encoding it again, and adds a tone.

    Args:
        path: Path of an MP4 file.
        target: Path of the MP4 file to write.
        count: Integer, frames.
    """
    import av
    import numpy as np

    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        packets = [p for p in source.demux(stream) if p.size]
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in packets]
        ticks = round(1 / RATE / stream.time_base)
        samples = np.sin(np.arange(SAMPLE_RATE) * 440 * 2 * np.pi / SAMPLE_RATE)
        with av.open(str(target), "w") as output:
            video = output.add_stream_from_template(stream)
            sound = output.add_stream("aac", rate=SAMPLE_RATE)
            sound.codec_context.layout = "mono"
            step = 1024
            for first in range(0, count, len(packets)):
                for data, pts, dts, is_key in packets[: count - first]:
                    packet = av.Packet(data)
                    packet.pts = pts + first * ticks
                    packet.dts = dts + first * ticks
                    packet.duration = ticks
                    packet.time_base = stream.time_base
                    packet.is_keyframe = is_key
                    packet.stream = video
                    output.mux(packet)
            for first in range(0, count * SAMPLE_RATE // RATE, step):
                part = np.take(
                    samples, np.arange(first, first + step), mode="wrap"
                )
                frame = av.AudioFrame.from_ndarray(
                    part[None].astype("float32"), "fltp", "mono"
                )
                frame.sample_rate, frame.pts = SAMPLE_RATE, first
                frame.time_base = Fraction(1, SAMPLE_RATE)
                output.mux(sound.encode(frame))
            output.mux(sound.encode())


def make_stylizer(preset, consistency):
    """What is measured: a preset's stylizer, or a negative."""
    import keras_comic

    if preset:
        return keras_comic.video.VideoStylizer(
            keras_comic.from_preset(preset), consistency=consistency
        )

    class Negative(keras_comic.video.FrameStylizer):
        def stylize(self, frame, starts_scene=False):
            return 255 - frame

    return Negative()


def resident_bytes():
    """Bytes of memory that this process holds."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def measure(source, target, marks, preset=None, consistency="none"):
    """Converts a video.

    Args:
        source: Path.
        target: Path.
        marks: List of frames after which memory is measured.
        preset: String or `None`.
        consistency: String.

    Returns:
        Dict: `held`, bytes after each mark; `rate`, frames per second;
        `num_frames`; `seconds`, of the video and of its sound.
    """
    import keras_comic

    held = {}

    def progress(done, total):
        if done in marks:
            held[done] = resident_bytes()

    stylizer = make_stylizer(preset, consistency)
    start = time.perf_counter()
    done = keras_comic.video.convert_video(
        source, target, stylizer, progress=progress
    )
    seconds = time.perf_counter() - start
    return {
        "held": [held[mark] for mark in marks],
        "rate": done.num_frames / seconds,
        "num_frames": done.num_frames,
        "seconds": durations(target),
    }


def durations(path):
    """Seconds of a file's video and of its sound."""
    import av

    with av.open(str(path)) as container:
        streams = (container.streams.video[0], container.streams.audio[0])
        return [float(s.duration * s.time_base) for s in streams]


def measure_in_own_process(source, target, arguments, marks):
    """See `measure`."""
    command = [sys.executable, __file__, "--measure", str(source), str(target)]
    command += ["--marks", *map(str, marks)]
    command += ["--consistency", arguments.consistency]
    if arguments.preset:
        command += ["--preset", arguments.preset]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        command, capture_output=True, env=environment, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def make_rows(found, marks, conditions):
    """Rows of what was measured.

    Args:
        found: Dict that `measure` gives.
        marks: List of frames.
        conditions: String.
    """
    rows = [
        row(
            f"memory after {mark} frames", held / 2**20, "MiB", None, conditions
        )
        for mark, held in zip(marks, found["held"])
    ]
    growth = found["held"][-1] / found["held"][0]
    rows.append(
        row(
            "memory, end / early",
            growth,
            "ratio",
            None,
            f"aim: at most {AIM}; {conditions}",
        )
    )
    rows.append(row("speed", found["rate"], "frames/s", None, conditions))
    video, sound = found["seconds"]
    rows.append(
        row(
            "sound - picture",
            (sound - video) * RATE,
            "frames",
            None,
            f"aim: within 1; {conditions}",
        )
    )
    return rows


def size_of(text):
    """Width and height, of `WIDTHxHEIGHT`."""
    try:
        width, height = map(int, text.split("x"))
    except ValueError:
        width = height = 0
    if min(width, height) < 32:
        raise argparse.ArgumentTypeError(
            f"expected WIDTHxHEIGHT, at least 32x32; received {text!r}"
        )
    return width, height


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument(
        "--size",
        type=size_of,
        default=(1920, 1080),
        help="default: 1920x1080",
    )
    options.add_argument(
        "--frames", type=int, default=2000, help="default: %(default)s"
    )
    options.add_argument(
        "--early",
        type=int,
        default=200,
        help="frame after which memory is measured first "
        "(default: %(default)s)",
    )
    options.add_argument("--preset", help="a preset, instead of a negative")
    options.add_argument(
        "--consistency",
        default="none",
        help="its level (default: %(default)s)",
    )
    options.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options.add_argument("--marks", nargs="+", type=int, help=argparse.SUPPRESS)
    return options.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    if arguments.measure:
        found = measure(
            *arguments.measure,
            arguments.marks,
            arguments.preset,
            arguments.consistency,
        )
        print(json.dumps(found))
        return
    width, height = arguments.size
    marks = [arguments.early, arguments.frames]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_clip(folder / "clip.mp4", width, height, CLIP_FRAMES)
        repeat_clip(folder / "clip.mp4", folder / "long.mp4", arguments.frames)
        found = measure_in_own_process(
            folder / "long.mp4", folder / "comic.mp4", arguments, marks
        )
    stylizer = "negative"
    if arguments.preset:
        stylizer = f"{arguments.preset}, {arguments.consistency}"
    conditions = f"{width}x{height}, {stylizer}"
    rows = make_rows(found, marks, conditions)
    report("Memory of a long video", rows, arguments.json)


if __name__ == "__main__":
    main()
