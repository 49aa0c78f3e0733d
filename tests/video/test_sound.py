import av
import numpy as np
from absl.testing import parameterized

from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from keras_comic.video.sink import PacketWriter
from keras_comic.video.sound import Sound
from tests.data.videos import scene
from tests.test_case import TestCase
from tests.video.clips import duration_of
from tests.video.clips import save_with_sound
from tests.video.clips import times_of

RATE = 25


def convert(source, target, end=None):
    """Writes the frames anew, with the sound of the source."""
    frames = open_frames(source, scene_cuts=False)
    size = (frames.width, frames.height)
    sink = open_sink(target, size, frames.frame_rate, frames.time_base)
    encoder, last = sink.make_encoder(), None
    sound = Sound(source, end)
    with sink.open(target, sound) as file:
        writer = PacketWriter(file)
        for frame in frames:
            if end is not None and frame.time >= end:
                break
            last = sink.place(frame.time, last)
            writer.show(last)
            writer.add(encoder.encode(frame.image, last))
        writer.add(encoder.finish())
        writer.finish(sink.end(frames.end_time if end is None else end, last))
    return sound.report


class SoundTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    @parameterized.parameters(
        ("a.mp4", "aac", "b.mp4", ["aac, copied"]),
        ("a.mp4", "aac", "b.mkv", ["aac, copied"]),
        ("a.mp4", "aac", "b.mov", ["aac, copied"]),
        ("a.mp4", "aac", "b.ts", ["aac, copied"]),
        ("a.ts", "aac", "b.mp4", ["aac, copied"]),
        ("a.mkv", "libopus", "b.webm", ["opus, copied"]),
        ("a.mkv", "flac", "b.mp4", ["flac, copied"]),
        ("a.mkv", "pcm_s16le", "b.mov", ["pcm_s16le, copied"]),
        ("a.mkv", "pcm_s16le", "b.mp4", ["pcm_s16le, converted to aac"]),
        ("a.mp4", "aac", "b.webm", ["aac, converted to opus"]),
        ("a.webm", "libopus", "b.mp4", ["opus, copied"]),
    )
    def test_in_sync(self, source, codec, target, report):
        source, target = self.folder / source, self.folder / target
        save_with_sound(source, scene(25, seed=0), codec)
        self.assertEqual(convert(source, target), report)
        self.assertAllClose(times_of(source)[1], 0.4, atol=0.5 / RATE)
        self.assertAllClose(times_of(target)[1], 0.4, atol=1 / RATE)
        for kind in ("video", "audio"):
            self.assertAllClose(
                duration_of(target, kind),
                duration_of(source, kind),
                # Encoders fill their first and last packet.
                atol=(1 if "copied" in report[0] else 2) / RATE,
            )

    @parameterized.parameters("b.mp4", "b.mkv", "b.webm", "b.ts")
    def test_picture_that_begins_later(self, name):
        source, target = self.folder / "a.mp4", self.folder / name
        save_with_sound(source, scene(20, seed=0), delay=0.2)
        convert(source, target)
        # The burst comes 0.2 seconds behind the first frame.
        self.assertAllClose(times_of(source)[1], 0.2, atol=0.5 / RATE)
        self.assertAllClose(times_of(target)[1], 0.2, atol=1 / RATE)
        second = list(open_frames(target, scene_cuts=False))[1].time
        if name != "b.webm":
            self.assertAllClose(second, 0.24, atol=1 / RATE)

    @parameterized.parameters("b.mp4", "b.webm")
    def test_part(self, name):
        source, target = self.folder / "a.mp4", self.folder / name
        save_with_sound(source, scene(25, seed=0), seconds=3.0)
        convert(source, target, end=0.6)
        self.assertAllClose(duration_of(target, "video"), 0.6, atol=1e-3)
        self.assertAllClose(duration_of(target, "audio"), 0.6, atol=1.5 / RATE)

    def test_sound_that_is_longer_than_the_picture(self):
        source, target = self.folder / "a.mp4", self.folder / "b.mp4"
        save_with_sound(source, scene(10, seed=0), seconds=2.0, burst=1.5)
        convert(source, target)
        self.assertAllClose(times_of(target)[1], 1.5, atol=1 / RATE)
        self.assertAllClose(duration_of(target, "audio"), 2.0, atol=1.1 / RATE)

    def test_samples_stay_the_same(self):
        source, target = self.folder / "a.mkv", self.folder / "b.mov"
        save_with_sound(source, scene(10, seed=0), "pcm_s16le")
        convert(source, target)
        samples = []
        for path in (source, target):
            with av.open(str(path)) as container:
                parts = [f.to_ndarray() for f in container.decode(audio=0)]
                samples.append(np.concatenate(parts, axis=-1))
        self.assertAllEqual(samples[0], samples[1])

    def test_no_sound(self):
        source, target = self.folder / "a.mp4", self.folder / "b.mp4"
        write_frames(scene(3, seed=0), source, RATE)
        self.assertEqual(convert(source, target), [])
        with av.open(str(target)) as container:
            self.assertLen(container.streams, 1)
