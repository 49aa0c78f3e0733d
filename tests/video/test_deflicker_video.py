import numpy as np
from absl.testing import parameterized

from keras_comic.provenance import Provenance
from keras_comic.provenance import read_provenance
from keras_comic.video import conversion
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.deflicker_video import deflicker_video
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from tests.data.videos import scene
from tests.test_case import TestCase
from tests.video.clips import save_with_sound


class DeflickerVideoTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        before = conversion.PIECE_FRAMES
        self.addCleanup(setattr, conversion, "PIECE_FRAMES", before)
        conversion.PIECE_FRAMES = 4
        self.frames = np.concatenate([scene(7, seed=0), scene(7, seed=1)])
        generator = np.random.default_rng(0)
        steps = generator.integers(0, 30, (14, 1, 1, 1)).astype("uint8")
        self.comics = self.frames + steps
        self.source = self.save("source.mkv", self.frames)
        self.stylized = self.save("stylized.mkv", self.comics)
        self.output = self.folder / "output"

    def save(self, name, frames, rate=25):
        path = self.folder / name
        write_frames(frames, path, rate, codec="ffv1")
        return path

    def images(self, path):
        frames = open_frames(path, scene_cuts=False)
        return np.stack([frame.image for frame in frames])

    def expected(self):
        deflicker = Deflicker()
        return np.stack(
            [
                deflicker.process(source, comic, number in (0, 7))
                for number, (source, comic) in enumerate(
                    zip(self.frames, self.comics)
                )
            ]
        )

    def test_is_a_deflicker(self):
        calls = []
        done = deflicker_video(
            self.source,
            self.stylized,
            self.output,
            progress=lambda *numbers: calls.append(numbers),
        )
        self.assertEqual((done.num_frames, done.problem), (14, None))
        self.assertEqual(calls[-1], (14, 14))
        # A folder's images are written without loss.
        self.assertAllEqual(self.images(self.output), self.expected())

    def test_provenance_is_kept(self):
        said = Provenance("ink", "1.0")
        for name, kept in (
            ("said.mp4", "kept.mp4"),
            ("said.mkv", "kept.webp"),
            ("said", "kept.mkv"),
        ):
            stylized = self.folder / name
            write_frames(self.comics, stylized, 25, provenance=said)
            deflicker_video(self.source, stylized, self.folder / kept)
            self.assertEqual(read_provenance(self.folder / kept), said)
        output = self.folder / "plain.mp4"
        deflicker_video(self.source, self.stylized, output)
        self.assertIsNone(read_provenance(output))

    def test_goes_on_where_it_stopped(self):
        class Stopped(Exception):
            pass

        def stop(number, total):
            if number == 6:
                raise Stopped

        with self.assertRaises(Stopped):
            deflicker_video(
                self.source, self.stylized, self.output, progress=stop
            )
        with self.assertRaisesRegex(ValueError, "(?s)unfinished"):
            deflicker_video(
                self.source,
                self.stylized,
                self.output,
                Deflicker(strength=0.5),
                resume=True,
            )
        done = deflicker_video(
            self.source, self.stylized, self.output, resume=True
        )
        self.assertEqual((done.num_frames, done.num_resumed), (14, 4))
        self.assertAllEqual(self.images(self.output), self.expected())

    def test_has_the_size_of_the_stylised_video(self):
        small = self.save("small.mkv", self.comics[:, ::2, ::2])
        deflicker_video(self.source, small, self.output)
        self.assertShape(self.images(self.output), (14, 24, 32, 3))

    def test_folder_of_stylised_images(self):
        folder = self.folder / "comics"
        write_frames(self.comics, folder, 25)
        deflicker_video(self.source, folder, self.output)
        self.assertAllEqual(self.images(self.output), self.expected())

    def test_stylised_video_is_shorter(self):
        short = self.save("short.mkv", self.comics[:9])
        done = deflicker_video(self.source, short, self.output)
        self.assertEqual(done.num_frames, 9)
        self.assertRegex(done.problem, "ends before its source.*9 frames")
        self.assertAllEqual(self.images(self.output), self.expected()[:9])

    def test_keeps_the_sound_of_the_source(self):
        source = self.folder / "with_sound.mkv"
        save_with_sound(source, self.frames)
        stylized = self.save("silent.mkv", self.comics)
        output = self.folder / "with_sound_too.mkv"
        done = deflicker_video(source, stylized, output)
        self.assertLen(done.tracks, 1)
        done = deflicker_video(
            source, stylized, output, overwrite=True, sound=False
        )
        self.assertEqual(done.tracks, [])

    def test_errors(self):
        slow = self.save("slow.mkv", self.comics, rate=20)
        with self.assertRaisesRegex(
            ValueError, "frame rate.*Received: 25.000 .*20.000"
        ):
            deflicker_video(self.source, slow, self.output)
        tall = self.save("tall.mkv", self.comics[:, :, :48])
        with self.assertRaisesRegex(
            ValueError, "shape. Received: 64 x 48 .*48 x 48"
        ):
            deflicker_video(self.source, tall, self.output)
