"""Tiny videos that the tests of this folder share."""

import struct
from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized

from keras_comic.data.video_reader import VideoError
from tests.test_case import TestCase


class VideoTestCase(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def read_with_error(self, frames):
        """What came before the error, and the error."""
        found = []
        with self.assertRaises(VideoError) as caught:
            for frame in frames:
                found.append(frame)
        return found, caught.exception


def scene(num_frames, seed, height=48, width=64):
    """A smooth picture of random colours that drifts to the left."""
    generator = np.random.default_rng(seed)
    rows = np.arange(height)[:, None, None]
    columns = np.arange(width + num_frames)[None, :, None]
    base = generator.uniform(60, 190, 3)
    phases = generator.uniform(0, 6, (2, 3))
    picture = base + 30 * np.sin(rows / 4 + phases[0])
    picture = picture + 30 * np.sin(columns / 5 + phases[1])
    picture = np.round(np.clip(picture, 0, 255)).astype("uint8")
    return np.stack([picture[:, k : k + width] for k in range(num_frames)])


def save_video(
    path,
    frames,
    codec="png",
    pixel_format="rgb24",
    rate=10,
    ticks=None,
    aspect=None,
    colorspace=None,
    key_interval=None,
    sound=False,
):
    """Saves a video, by default without loss (PNG frames)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, rate)
        if codec == "libx264":
            stream.options = {"x264-params": "log-level=none"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        if key_interval is not None:
            stream.gop_size = key_interval
        audio = _add_silence(container) if sound else None
        source = "rgba" if frames.shape[-1] == 4 else "rgb24"
        for number, pixels in enumerate(frames):
            if pixel_format == "yuv444p":
                source, pixels = pixel_format, _to_yuv(pixels, colorspace)
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels), source
            )
            if colorspace is not None:
                frame.colorspace = colorspace
            frame.pts = number if ticks is None else ticks[number]
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            container.mux(audio.encode())
    return path


def _to_yuv(pixels, colorspace):
    """Planes of luma and colour differences, of limited range."""
    red, blue = (0.2126, 0.0722) if colorspace == 1 else (0.299, 0.114)
    pixels = pixels / 255
    luma = pixels @ (red, 1 - red - blue, blue)
    planes = [
        16 + 219 * luma,
        128 + 112 * (pixels[..., 2] - luma) / (1 - blue),
        128 + 112 * (pixels[..., 0] - luma) / (1 - red),
    ]
    return np.round(planes).astype("uint8")


def save_sound(path):
    """Saves a second of silence."""
    with av.open(str(path), "w") as container:
        stream = _add_silence(container)
        container.mux(stream.encode())
    return path


def _add_silence(container):
    stream = container.add_stream("aac", rate=16000)
    samples = np.zeros((1, 16000), "float32")
    frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
    frame.sample_rate = 16000
    container.mux(stream.encode(frame))
    return stream


def set_display_matrix(path, a, b, c, d):
    """Changes how players turn an MP4 or MOV file."""
    contents = path.read_bytes()
    # The matrix of the first track; its header holds 40 bytes before it.
    place = contents.index(b"tkhd") + 4 + 40
    one = 65536
    matrix = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 2**30)
    matrix = struct.pack(">9i", *matrix)
    path.write_bytes(
        contents[:place] + matrix + contents[place + len(matrix) :]
    )
