import io

from PIL import Image

from keras_comic.serving.web_media import PHOTO
from keras_comic.serving.web_media import VIDEO
from keras_comic.serving.web_media import MediaError
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_media import media_kind
from keras_comic.serving.web_media import open_clip
from keras_comic.serving.web_media import read_photo
from keras_comic.video import write_frames
from tests.test_case import TestCase
from tests.test_case import photos

LIMITS = MediaLimits()


class MediaKindTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()

    def write(self, name, contents):
        path = self.folder / name
        path.write_bytes(contents)
        return path

    def picture(self, name, **options):
        file = io.BytesIO()
        Image.fromarray(photos(32, 40, 3)).save(file, **options)
        return self.write(name, file.getvalue())

    def test_by_contents(self):
        for number, file_format in enumerate(("JPEG", "PNG", "WEBP", "GIF")):
            # The name is not what counts.
            path = self.picture(f"{number}.mp4", format=file_format)
            self.assertEqual(media_kind(path, LIMITS), PHOTO)
        for suffix in (".gif", ".webp", ".png"):
            path = self.folder / f"moves{suffix}"
            write_frames(photos(3, 32, 40, 3), path, frame_rate=5)
            self.assertEqual(media_kind(path, LIMITS), VIDEO)
        path = self.folder / "clip.mp4"
        write_frames(photos(3, 32, 40, 3), path, frame_rate=5)
        self.assertEqual(
            media_kind(path.rename(self.folder / "a.jpg"), LIMITS), VIDEO
        )

    def test_text(self):
        for number, text in enumerate(("Dear all,\n", "é" * 100, "a,b\r\n1,2")):
            path = self.write(f"notes{number}.txt", text.encode())
            with self.assertRaisesRegex(
                MediaError,
                rf"^notes{number}.txt is neither a picture nor a video, but "
                "text. Pictures are read as JPEG",
            ):
                media_kind(path, LIMITS)

    def test_empty_and_large(self):
        with self.assertRaisesRegex(MediaError, "^none.jpg is empty"):
            media_kind(self.write("none.jpg", b""), LIMITS)
        path = self.write("large.jpg", bytes(300_000))
        with self.assertRaisesRegex(
            MediaError, "^large.jpg has 0.3 MB, and this page takes 0.25 MB"
        ):
            media_kind(path, MediaLimits(max_upload_mb=0.25))


class ReadPhotoTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "photo.png"

    def test_size(self):
        image = photos(40, 60, 3)
        Image.fromarray(image).save(self.path)
        photo, size = read_photo(self.path, LIMITS)
        self.assertAllEqual(photo, image)
        self.assertEqual(size, (60, 40))
        photo, size = read_photo(self.path, MediaLimits(max_side=48))
        self.assertEqual(photo.shape, (32, 48, 3))
        self.assertEqual(size, (60, 40))

    def test_too_small(self):
        Image.fromarray(photos(31, 40, 3)).save(self.path)
        with self.assertRaisesRegex(
            MediaError, "^photo.png is 40 x 31 pixels; a picture needs sides"
        ):
            read_photo(self.path, LIMITS)
        # It would be too small after it is shrunk.
        Image.fromarray(photos(40, 400, 3)).save(self.path)
        with self.assertRaisesRegex(MediaError, "shrunk to 128"):
            read_photo(self.path, MediaLimits(max_side=128))

    def test_broken(self):
        Image.fromarray(photos(64, 64, 3)).save(self.path)
        contents = self.path.read_bytes()
        self.path.write_bytes(contents[: len(contents) // 2])
        with self.assertRaises(MediaError) as raised:
            read_photo(self.path, LIMITS)
        text = str(raised.exception)
        self.assertRegex(text, "^photo.png cannot be used: ")
        # Where files lie on the server is nobody's business.
        self.assertNotIn(str(self.path.parent), text)

    def test_bomb(self):
        # A header of 40,000 by 40,000 pixels, and nothing else.
        file = io.BytesIO()
        Image.new("RGB", (32, 32)).save(file, "BMP")
        header = bytearray(file.getvalue())
        header[18:22] = header[22:26] = (40_000).to_bytes(4, "little")
        self.path.write_bytes(header)
        with self.assertRaisesRegex(
            MediaError, "^photo.png cannot be used.*too .*Save it smaller"
        ):
            read_photo(self.path, LIMITS)


class OpenClipTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "clip.mp4"

    def save(self, num_frames=10, size=(32, 48), frame_rate=5):
        frames = photos(num_frames, *size, 3)
        write_frames(frames, self.path, frame_rate=frame_rate)

    def test_size(self):
        self.save(size=(40, 64))
        frames, size = open_clip(self.path, LIMITS)
        self.assertEqual((frames.width, frames.height), size)
        frames, size = open_clip(self.path, MediaLimits(max_video_side=50))
        self.assertEqual(size, (64, 40))
        self.assertEqual((frames.width, frames.height), (50, 30))
        images = [frame.image.shape for frame in frames]
        self.assertEqual(images, [(30, 50, 3)] * 10)

    def test_too_long(self):
        self.save()
        with self.assertRaisesRegex(
            MediaError,
            "^clip.mp4 is 2 seconds long, and this page takes 1 seconds at "
            "most. Cut it, or use",
        ):
            open_clip(self.path, MediaLimits(max_seconds=1.0))


class MediaLimitsTest(TestCase):
    def test_errors(self):
        LIMITS.check()
        for name, value in (
            ("max_side", 31),
            ("max_side", 64.5),
            ("max_video_side", 0),
            ("max_seconds", 0.0),
            ("max_upload_mb", float("inf")),
        ):
            with self.assertRaisesRegex(
                ValueError, f"`{name}` must be .* Received: {name}={value}"
            ):
                LIMITS._replace(**{name: value}).check()
