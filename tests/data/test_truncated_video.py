from absl.testing import parameterized

from keras_comic.data.video_frames import read_frames
from tests.data.videos import VideoTestCase
from tests.data.videos import save_video
from tests.data.videos import scene


class TruncatedVideoTest(VideoTestCase):
    @parameterized.parameters(
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mkv", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
    )
    def test_truncated(self, name, codec, pixel_format):
        path = save_video(
            self.folder / name,
            scene(20, seed=0),
            codec=codec,
            pixel_format=pixel_format,
        )
        contents = path.read_bytes()
        whole = [f.image for f in read_frames(path)]
        for tenth in range(1, 10):
            path.write_bytes(contents[: len(contents) * tenth // 10])
            found, error = self.read_with_error(read_frames(path))
            self.assertEqual(error.reason, "truncated", str(error))
            for frame, image in zip(found[:-1], whole, strict=False):
                self.assertAllEqual(frame.image, image)
        if name != "a.mp4":
            # An MP4's table of contents stands at its end.
            self.assertGreater(len(found), 10)
