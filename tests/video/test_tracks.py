from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized

from keras_comic.video.conversion import convert_video
from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from keras_comic.video.sink import PacketWriter
from keras_comic.video.tracks import Tracks
from tests.data.videos import scene
from tests.test_case import TestCase
from tests.video.clips import Negative
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
    tracks = Tracks(source, end)
    with sink.open(target, tracks) as file:
        writer = PacketWriter(file)
        for frame in frames:
            if end is not None and frame.time >= end:
                break
            last = sink.place(frame.time, last)
            writer.show(last)
            writer.add(encoder.encode(frame.image, last))
        writer.add(encoder.finish())
        writer.finish(sink.end(frames.end_time if end is None else end, last))
    return tracks.report


class TracksTest(TestCase, parameterized.TestCase):
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


def save_film(path):
    """Saves a film in two languages, of which French is the default one."""
    subtitles = path.with_suffix(".srt")
    subtitles.write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    marks = av.stream.Disposition
    with av.open(str(path), "w") as film, av.open(str(subtitles)) as texts:
        film.metadata.update(
            title="Film", artist="Ada", location="+48.1+11.6/", mood="calm"
        )
        video = film.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        voices = []
        for language, title in (("eng", "English"), ("fra", "Version")):
            voice = film.add_stream("aac", rate=48000)
            voice.codec_context.layout = "mono"
            voice.metadata.update(language=language, title=title)
            voice.disposition = marks.default if language == "fra" else 0
            voices.append(voice)
        text = film.add_stream_from_template(texts.streams[0])
        text.metadata["language"] = "deu"
        text.disposition = marks.forced
        film.add_attachment("font.ttf", "font/ttf", b"letters")
        second = Fraction(1, 1000)
        film.set_chapters(
            [
                {
                    "id": 1 + k,
                    "start": 500 * k,
                    "end": 500 * k + 500,
                    "time_base": second,
                    "metadata": {"title": f"Part {k}"},
                }
                for k in range(2)
            ]
        )
        packets = [p for p in texts.demux() if p.dts is not None]
        for packet in packets:
            packet.stream = text
        for pixels in scene(10, seed=0, height=48, width=64):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            packets += video.encode(frame)
        packets += video.encode()
        for voice in voices:
            samples = np.zeros((1, 1024), "float32")
            for number in range(46):
                sound = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
                sound.rate, sound.pts = 48000, 1024 * number
                packets += voice.encode(sound)
            packets += voice.encode()
        film.mux(sorted(packets, key=lambda p: p.dts * p.time_base))
    return path


def facts_of(path):
    """Returns titles, chapters and streams of a file."""
    with av.open(str(path)) as file:
        names = {k.lower(): v for k, v in file.metadata.items()}
        streams = [
            (
                s.codec_context.codec.canonical_name,
                s.metadata.get("language"),
                bool(s.disposition & av.stream.Disposition.default),
            )
            for s in file.streams
            if s.type in ("audio", "subtitle") and s.codec_context
        ]
        titles = [c["metadata"].get("title") for c in file.chapters()]
    return names, streams, titles


class FilmTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.film = save_film(self.folder / "film.mkv")

    @parameterized.parameters(
        ("b.mkv", "aac", "subrip", ["location (on purpose)"]),
        (
            "b.mp4",
            "aac",
            "mov_text",
            ["attachment font.ttf", "location (on purpose)", "mood"],
        ),
        (
            "b.webm",
            "opus",
            "webvtt",
            ["attachment font.ttf", "location (on purpose)"],
        ),
    )
    def test_everything_that_fits(self, name, sound, text, lost):
        report = convert(self.film, self.folder / name)
        names, streams, chapters = facts_of(self.folder / name)
        self.assertEqual((names["title"], names["artist"]), ("Film", "Ada"))
        self.assertNotIn("location", names)
        # In MP4 the only stream of a kind is the default one.
        expected = [(sound, "eng", False), (sound, "fra", True)]
        self.assertEqual(streams[:2], expected)
        self.assertEqual([s[:2] for s in streams[2:]], [(text, "deu")])
        self.assertEqual(chapters, ["Part 0", "Part 1"])
        self.assertStartsWith(report[-1], "left out: ")
        self.assertCountEqual(report[-1][10:].split(", "), lost)
        with av.open(str(self.folder / name)) as file:
            packets = [
                (round(float(p.pts * p.time_base), 3), bytes(p)[-5:])
                for p in file.demux(file.streams.subtitles[0])
                if p.size > 2
            ]
        self.assertEqual(packets, [(0.1, b"Hello")])

    def test_what_does_not_fit_is_named(self):
        report = convert(self.film, self.folder / "b.ts")
        _, streams, _ = facts_of(self.folder / "b.ts")
        self.assertEqual(
            [s[:2] for s in streams], [("aac", "eng"), ("aac", "fra")]
        )
        for lost in ("subrip (deu)", "font.ttf", "chapters", "mood", "artist"):
            self.assertIn(lost, report[-1])
        self.assertIn("default mark of aac (fra)", report[-1])

    def test_animations_hold_frames_alone(self):
        done = convert_video(self.film, self.folder / "b.gif", Negative())
        (report,) = done.tracks
        for lost in ("aac (eng)", "aac (fra)", "subrip (deu)", "chapters"):
            self.assertIn(lost, report)

    def test_without_sound(self):
        path = self.folder / "b.mkv"
        done = convert_video(self.film, path, Negative(), sound=False)
        _, streams, chapters = facts_of(path)
        self.assertEqual(streams, [("subrip", "deu", False)])
        self.assertLen(chapters, 2)
        self.assertNotIn("aac", "".join(done.tracks))

    def test_the_stream_that_players_show(self):
        path = self.folder / "two.mkv"
        with av.open(str(path), "w") as file:
            packets = []
            for side, shade in ((32, 50), (64, 200), (128, 100)):
                stream = file.add_stream("libx264", rate=10)
                stream.width = stream.height = side
                stream.pix_fmt = "yuv420p"
                marks = av.stream.Disposition
                stream.disposition = marks.default if side == 64 else 0
                pixels = np.full((side, side, 3), shade, "uint8")
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                packets += stream.encode(frame) + stream.encode()
            file.mux(packets)
        source = open_frames(path, scene_cuts=False)
        self.assertEqual((source.width, source.height), (64, 64))
        (frame,) = source
        self.assertAllClose(frame.image.mean(), 200, atol=3)
        done = convert_video(path, self.folder / "c.mp4", Negative())
        self.assertEqual(
            done.tracks,
            ["left out: second video h264, second video h264"],
        )
