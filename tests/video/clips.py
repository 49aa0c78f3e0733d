"""Small videos, and stylizers, that the tests of this folder share."""

from fractions import Fraction

import av
import numpy as np

from keras_comic.video.frame_stylizer import FrameStylizer


class Negative(FrameStylizer):
    """Stateless."""

    def stylize(self, frame, starts_scene=False):
        return 255 - frame


class Trail(FrameStylizer):
    """Mixes each frame with the output before it, and counts frames."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.last, self.count = None, 0

    def stylize(self, frame, starts_scene=False):
        if starts_scene or self.last is None:
            self.last = frame
        mixed = frame.astype("uint16") + self.last + self.count % 7
        self.last = (mixed // 2).clip(0, 255).astype("uint8")
        self.count += 1
        return self.last

    def get_state(self):
        state = {"count": np.array(self.count)}
        if self.last is not None:
            state["last"] = self.last
        return state

    def set_state(self, state):
        self.count = int(state["count"])
        self.last = state.get("last")


class Shifted(FrameStylizer):
    """Needs to see frames before: adds their mean colour."""

    needs_first_pass = True

    def __init__(self):
        self.reset()

    def reset(self):
        self.mean, self.seen = None, []

    def prepare(self, frames):
        means = []
        for frame in frames:
            self.seen.append(frame.number)
            means.append(frame.image.mean())
        self.mean = np.array(np.mean(means))

    def stylize(self, frame, starts_scene=False):
        return (frame // 2 + int(self.mean) // 2).astype("uint8")

    def get_state(self):
        return {"mean": self.mean}

    def set_state(self, state):
        self.mean = state["mean"]


def save_with_sound(
    path, frames, codec="aac", burst=0.4, delay=0.0, seconds=1.0, rate=25
):
    """Saves a video with sound: silence, and a burst of noise of 50 ms.

    Args:
        path: `pathlib.Path`. The suffix says which container.
        frames: Uint8 array `(num_frames, height, width, 3)`.
        codec: String, FFmpeg's name of the sound's encoder.
        burst: Float, seconds, when the burst begins.
        delay: Float, seconds, when the first frame is shown.
        seconds: Float, length of the sound.
        rate: Integer, frames per second.

    Returns:
        The path.
    """
    video_codec = "libvpx-vp9" if path.suffix == ".webm" else "libx264"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(video_codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if video_codec == "libx264":
            stream.options = {"x264-params": "log-level=none"}
        audio = container.add_stream(codec, rate=48000)
        audio.codec_context.layout = "mono"
        samples = np.zeros((1, round(seconds * 48000)), "float32")
        start = round(burst * 48000)
        noise = np.random.default_rng(0).uniform(-0.9, 0.9, 2400)
        samples[0, start : start + 2400] = noise
        packets = []
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts = round((number / rate + delay) * 1000)
            frame.time_base = Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode()
        sound = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
        sound.sample_rate, sound.pts = 48000, 0
        sound.time_base = Fraction(1, 48000)
        target = audio.codec_context
        target.open()
        resampler = av.AudioResampler(
            target.format, target.layout, 48000, target.frame_size or None
        )
        for part in [*resampler.resample(sound), *resampler.resample(None)]:
            packets += audio.encode(part)
        packets += audio.encode()
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        container.mux(packets)
    return path


def times_of(path):
    """When the first frame is shown, and when the burst is heard.

    Args:
        path: Path of what `save_with_sound` wrote, or was made of it.

    Returns:
        Floats: seconds from the start of the file; and the burst's time
        from the first frame on.
    """
    with av.open(str(path)) as container:
        start = (container.start_time or 0) / 10**6
        frame = next(container.decode(video=0))
        first = float(frame.pts * frame.time_base)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray().astype("float64")).max(axis=0)
            if frame.format.name.startswith("s16"):
                loud /= 2**15
            if (loud > 0.2).any():
                begin = float(frame.pts * frame.time_base)
                begin += np.argmax(loud > 0.2) / frame.sample_rate
                return first - start, begin - first
    return first - start, None


def duration_of(path, kind):
    """How long a stream lasts, by its packets.

    Args:
        path: Path of a media file.
        kind: String, `"video"` or `"audio"`.

    Returns:
        Float, seconds.
    """
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        times = [
            (p.pts * p.time_base, (p.pts + (p.duration or 0)) * p.time_base)
            for p in container.demux(stream)
            if p.pts is not None
        ]
    return float(max(end for _, end in times) - max(0, min(times)[0]))
