import os
import struct
import warnings

import numpy as np
from PIL import Image

from keras_comic.data.images import image_label
from keras_comic.data.images import labelled_images
from keras_comic.data.images import list_images
from keras_comic.data.images import open_image
from keras_comic.data.images import read_image
from keras_comic.data.images import resize_short_side
from tests.test_case import TestCase
from tests.test_case import photos


class ListImagesTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def touch(self, *names):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def test_sorted_and_recursive(self):
        self.touch("b.PNG", "a/z.jpg", "a.jpeg", "a/b/c.webp", "c.tiff")
        found = [
            p.relative_to(self.folder).as_posix()
            for p in list_images(self.folder)
        ]
        self.assertEqual(
            found, ["a/b/c.webp", "a/z.jpg", "a.jpeg", "b.PNG", "c.tiff"]
        )

    def test_other_and_hidden_files_are_left_out(self):
        self.touch(
            "a.jpg", "notes.txt", "._a.jpg", ".cache/b.jpg", "c.jpg.part"
        )
        found = [p.name for p in list_images(str(self.folder))]
        self.assertEqual(found, ["a.jpg"])

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such folder\. Received: folder=.*missing"
        ):
            list_images(self.folder / "missing")
        self.touch("notes.txt")
        with self.assertRaisesRegex(ValueError, r"no image; .*\.jpg.*Received"):
            list_images(self.folder)
        with self.assertRaisesRegex(ValueError, r"not a file; .*notes\.txt"):
            list_images(self.folder / "notes.txt")

    def test_labels(self):
        self.assertEqual(image_label("books/ink/1/a.png", "books"), "ink")
        self.assertEqual(image_label("books/a.png", "books"), "books")
        self.assertEqual(image_label("ink/train/a.png", "ink/train"), "ink")
        self.assertEqual(image_label("ink/eval/a.png", "ink/eval"), "eval")
        self.assertEqual(
            image_label("ink/eval/a.png", "ink/eval", split="eval"), "ink"
        )

    def test_label_of_the_current_folder(self):
        self.touch("ink/a.png")
        start = os.getcwd()
        self.addCleanup(os.chdir, start)
        os.chdir(self.folder / "ink")
        self.assertEqual(image_label("a.png", "."), "ink")

    def test_labelled_images(self):
        self.touch("ink/a.png", "wash/b.png")
        ink, wash = self.folder / "ink", self.folder / "wash"
        pairs = [("ink", ink, ink / "a.png"), ("wash", wash, wash / "b.png")]
        self.assertEqual(labelled_images([ink, str(wash)]), pairs)
        self.assertEqual(
            labelled_images({"pen": ink}), [("pen", ink, ink / "a.png")]
        )
        self.assertEqual(
            labelled_images(self.folder),
            [(label, self.folder, path) for label, _, path in pairs],
        )
        with self.assertRaisesRegex(ValueError, r"Received: folders=\[\]"):
            labelled_images([])


class ReadImageTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def save(self, image, name, **arguments):
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        path = self.folder / name
        image.save(path, **arguments)
        return path

    def assertPixels(self, path, expected, atol=0):
        image = read_image(path)
        self.assertDType(image, "uint8")
        self.assertAllClose(image.astype(int), expected, atol=atol, rtol=0)

    def test_rgb_of_odd_size(self):
        pixels = photos(33, 47, 3)
        for suffix in ("png", "bmp", "tif", "ppm"):
            path = self.save(pixels, f"a.{suffix}")
            self.assertPixels(path, pixels)
            self.assertPixels(str(path), pixels)

    def test_grey(self):
        grey = photos(9, 7)
        expected = np.repeat(grey[..., None], 3, axis=-1)
        self.assertPixels(self.save(grey, "a.png"), expected)

    def test_one_bit(self):
        bits = photos(9, 7) > 127
        expected = np.repeat(bits[..., None], 3, axis=-1) * 255
        self.assertPixels(self.save(bits, "a.png"), expected)

    def test_sixteen_bits(self):
        values = np.array([[0, 128, 129, 257], [65535, 65279, 32896, 2]])
        expected = np.array([[0, 0, 1, 1], [255, 254, 128, 0]])
        expected = np.repeat(expected[..., None], 3, axis=-1)
        for suffix in ("png", "tif"):
            path = self.save(values.astype("uint16"), f"a.{suffix}")
            self.assertPixels(path, expected)

    def test_palette(self):
        pixels = np.zeros((8, 8, 3), "uint8")
        pixels[:4] = [200, 30, 10]
        pixels[4:] = [10, 30, 200]
        image = Image.fromarray(pixels).quantize(4)
        self.assertPixels(self.save(image, "a.png"), pixels)
        self.assertPixels(self.save(image, "a.gif"), pixels)

    def test_transparency_lies_on_white(self):
        pixels = np.zeros((2, 3, 4), "uint8")
        pixels[..., 0] = 200
        pixels[..., 3] = [0, 51, 255]
        expected = np.array([[255, 255, 255], [244, 204, 204], [200, 0, 0]])
        for suffix in ("png", "tif", "webp"):
            arguments = {"lossless": True} if suffix == "webp" else {}
            path = self.save(pixels, f"a.{suffix}", **arguments)
            self.assertPixels(path, np.stack([expected] * 2))

    def test_transparent_grey_and_palette(self):
        grey = Image.new("LA", (2, 1), (100, 255))
        grey.putpixel((0, 0), (100, 0))
        path = self.save(grey, "grey.png")
        self.assertPixels(path, [[[255] * 3, [100] * 3]])
        palette = Image.new("P", (2, 1))
        palette.putpalette([9, 9, 9, 50, 60, 70])
        palette.putdata([0, 1])
        path = self.save(palette, "palette.png", transparency=0)
        self.assertPixels(path, [[[255] * 3, [50, 60, 70]]])

    def test_cmyk(self):
        image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
        expected = np.full((16, 16, 3), [255, 0, 0])
        path = self.save(image, "a.jpg", quality=95)
        self.assertPixels(path, expected, atol=2)
        self.assertPixels(self.save(image, "a.tif"), expected)

    def test_orientation(self):
        pixels = np.zeros((16, 32, 3), "uint8")
        pixels[:, :16] = 255
        # As the camera stores it: 6 is to be turned by 90 degrees clockwise.
        expected = np.zeros((32, 16, 3))
        expected[:16] = 255
        exif = Image.Exif()
        exif[0x0112] = 6
        for suffix in ("jpg", "png"):
            path = self.save(pixels, f"a.{suffix}", exif=exif)
            self.assertPixels(path, expected, atol=3)
            self.assertFalse(open_image(path)[2])

    def test_plain_files(self):
        path = self.save(photos(8, 8, 3), "a.jpg")
        self.assertEqual(open_image(path)[1:], ("JPEG", True, ()))
        path = self.save(photos(8, 8, 4), "a.png")
        self.assertEqual(open_image(path)[1:], ("PNG", False, ("alpha",)))

    def test_no_file(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such file\. Received: path=.*missing\.jpg"
        ):
            read_image(self.folder / "missing.jpg")
        with self.assertRaisesRegex(
            ValueError, "not a folder. Received: path="
        ):
            read_image(self.folder)

    def test_not_an_image(self):
        for content in (b"No picture, but a letter.", bytes(1000)):
            path = self.folder / "letter.jpg"
            path.write_bytes(content)
            with self.assertRaisesRegex(
                ValueError, r"not an image that .*Received: path=.*letter\.jpg"
            ):
                read_image(path)

    def test_truncated(self):
        for suffix in ("jpg", "png", "bmp", "tif", "webp", "gif"):
            path = self.save(photos(64, 64, 3), f"cut.{suffix}")
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2])
            with self.assertRaisesRegex(
                ValueError, rf"Received: path=.*cut\.{suffix}"
            ):
                read_image(path)

    def test_damaged_at_any_place(self):
        # Either it is read all the same, or the error names the file.
        random = np.random.default_rng(0)
        for suffix in ("jpg", "png", "tif", "webp", "gif", "bmp"):
            path = self.save(photos(32, 32, 3), f"damaged.{suffix}")
            content = np.frombuffer(path.read_bytes(), "uint8")
            for _ in range(40):
                damaged = content.copy()
                places = random.integers(0, min(len(content), 200), 4)
                damaged[places] = random.integers(0, 256, 4)
                path.write_bytes(damaged.tobytes())
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        self.assertEqual(read_image(path).ndim, 3)
                except ValueError as error:
                    self.assertIn(path.name, str(error))

    def test_unknown_range(self):
        path = self.save(np.zeros((4, 4), "float32"), "a.tif")
        with self.assertRaisesRegex(ValueError, "floating point.*a.tif"):
            read_image(path)
        path = self.save(np.full((4, 4), 70000, "int32"), "b.tif")
        with self.assertRaisesRegex(ValueError, r"\(70000 to 70000\).*b.tif"):
            read_image(path)

    def test_bomb(self):
        # A header that promises 60000 x 60000 pixels.
        path = self.save(photos(4, 4, 3), "bomb.png")
        content = bytearray(path.read_bytes())
        content[16:24] = struct.pack(">II", 60000, 60000)
        path.write_bytes(content)
        with self.assertRaisesRegex(ValueError, "bomb.png"):
            read_image(path)


class ResizeTest(TestCase):
    def test_sizes(self):
        for height, width in ((64, 48), (48, 64), (33, 33), (200, 31)):
            image = resize_short_side(photos(height, width, 3), 24)
            self.assertEqual(min(image.shape[:2]), 24)
            scale = 24 / min(height, width)
            self.assertAllClose(
                image.shape[:2], (height * scale, width * scale), atol=0.5
            )
            self.assertDType(image, "uint8")

    def test_right_size_is_left_alone(self):
        image = photos(24, 40, 3)
        self.assertIs(resize_short_side(image, 24), image)

    def test_antialiasing(self):
        stripes = np.zeros((64, 64, 3), "uint8")
        stripes[:, ::2] = 255
        image = resize_short_side(stripes, 16)
        self.assertAllClose(image[:, 2:-2], np.full((16, 12, 3), 127), atol=3)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: size=0"):
            resize_short_side(photos(8, 8, 3), 0)
        for image in (photos(8, 8), np.zeros((8, 8, 3)), photos(8, 8, 4)):
            with self.assertRaisesRegex(ValueError, "must be uint8.*Received"):
                resize_short_side(image, 4)
