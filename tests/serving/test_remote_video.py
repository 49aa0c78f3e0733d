import time
from concurrent import futures

import numpy as np
from absl.testing import parameterized

from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.client import Client
from keras_comic.serving.errors import ServingError
from keras_comic.serving.remote_video import convert_remotely
from keras_comic.video import conversion
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from tests.data.videos import scene
from tests.export.small_models import small_model
from tests.serving.flaky_servers import BUSY
from tests.serving.flaky_servers import GONE
from tests.serving.flaky_servers import start_flaky_server
from tests.test_case import TestCase
from tests.video.clips import save_with_sound
from tests.video.clips import times_of


class VideoTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def images(self, path):
        return np.stack([f.image for f in open_frames(path, scene_cuts=False)])

    def save(self, num_frames=25, name="in.mkv"):
        frames = scene(num_frames, 0)
        path = self.folder / name
        write_frames(frames, path, 25, codec="ffv1")
        return path, frames


class ConvertRemotelyTest(VideoTestCase):
    def convert(self, source, num_ahead, work, **options):
        with futures.ThreadPoolExecutor(num_ahead) as pool:
            return convert_remotely(
                source,
                self.folder / "out.png",
                lambda frame: pool.submit(work, frame),
                num_ahead,
                {"any": "key"},
                options,
            )

    def test_order_and_bound(self):
        path, frames = self.save()
        running, most = [], []
        random = np.random.default_rng(0)
        waits = iter(random.uniform(0.0, 0.06, len(frames)).tolist())

        def work(frame):
            running.append(1)
            most.append(len(running))
            time.sleep(next(waits))
            running.pop()
            return 255 - frame

        done = self.convert(path, 4, work)
        self.assertEqual((done.num_frames, done.problem), (len(frames), None))
        self.assertAllEqual(self.images(done.output), 255 - frames)
        self.assertGreater(max(most), 1)
        self.assertLessEqual(max(most), 4)

    def test_small_frames(self):
        frames = scene(5, 0, height=20, width=24)
        path = self.folder / "in.mkv"
        write_frames(frames, path, 25, codec="ffv1")
        shapes = []

        def work(frame):
            shapes.append(frame.shape)
            return 255 - frame

        done = self.convert(path, 2, work)
        self.assertEqual(set(shapes), {(32, 32, 3)})
        self.assertAllEqual(self.images(done.output), 255 - frames)

    def test_video_that_breaks_off(self):
        path, frames = self.save()
        contents = path.read_bytes()
        path.write_bytes(contents[: len(contents) // 2])
        done = self.convert(path, 4, lambda frame: 255 - frame)
        self.assertIsNotNone(done.problem)
        found = self.images(done.output)
        self.assertLess(len(found), len(frames))
        self.assertGreater(len(found), 5)
        self.assertAllEqual(found, 255 - frames[: len(found)])


class StylizeVideoTest(VideoTestCase, parameterized.TestCase):
    def start(self, protocol, **options):
        self.model, address, _ = start_flaky_server(self, protocol)
        client = Client(address, **options)
        self.addCleanup(client.close)
        return client

    def check(self, path, expected):
        difference = np.abs(self.images(path).astype(int) - expected)
        self.assertLessEqual(difference.max(), 1)

    @parameterized.parameters("grpc", "http")
    def test_video(self, protocol):
        client = self.start(protocol, concurrency=4)
        self.model.failures += [GONE, BUSY, GONE]
        path, frames = self.save()
        calls = []
        done = client.stylize_video(
            path,
            self.folder / "out.png",
            "wash",
            progress=lambda *numbers: calls.append(numbers),
        )
        self.check(done.output, small_model("painter").stylize(frames, "wash"))
        self.assertEqual(calls, [(k, 25) for k in range(1, 26)])
        self.assertLessEqual(self.model.most_running, 4)

    def test_sound_is_kept(self):
        client = self.start("grpc")
        source = save_with_sound(self.folder / "in.mp4", scene(25, 0))
        done = client.stylize_video(source, self.folder / "out.mp4")
        self.assertEqual(done.tracks, ["aac, copied"])
        self.assertAllClose(times_of(done.output)[1], 0.4, atol=1 / 25)

    def test_provenance(self):
        client = self.start("grpc")
        path, _ = self.save(3)
        other = Provenance("other", "1")
        for options, expected in (
            ({}, Provenance("ink", "7")),
            ({"provenance": False}, None),
            ({"provenance": other}, other),
        ):
            done = client.stylize_video(
                path, self.folder / "out.mp4", overwrite=True, **options
            )
            self.assertEqual(read_provenance(done.output), expected)

    def test_goes_on_where_it_stopped(self):
        before = conversion.PIECE_FRAMES
        self.addCleanup(setattr, conversion, "PIECE_FRAMES", before)
        conversion.PIECE_FRAMES = 5
        client = self.start("grpc", concurrency=2, timeout=5.0)
        path, frames = self.save()
        output = self.folder / "out.png"

        def progress(done, total):
            if done == 12:
                self.model.failures += [GONE] * 1000

        with self.assertRaises(ServingError) as raised:
            client.stylize_video(path, output, progress=progress)
        self.assertEqual(raised.exception.code, "UNAVAILABLE")
        self.assertFalse(output.exists())
        del self.model.failures[:]
        # Not with another style.
        with self.assertRaisesRegex(ValueError, "of something else"):
            client.stylize_video(path, output, "wash", resume=True)
        done = client.stylize_video(path, output, resume=True)
        self.assertEqual((done.num_frames, done.num_resumed), (25, 10))
        self.check(output, small_model("painter").stylize(frames))
