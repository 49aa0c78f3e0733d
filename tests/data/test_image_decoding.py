import functools

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.images import open_image
from tests.data import bad_files
from tests.data.bad_files import encode
from tests.data.bad_files import encode_png
from tests.data.bad_files import exif
from tests.data.bad_files import picture
from tests.data.bad_files import with_segment
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data.image_decoding import decode_image  # noqa: E402
from keras_comic.data.image_decoding import graph_formats  # noqa: E402


def images():
    """Names and bytes of files that TensorFlow itself reads."""
    image = picture(17, 23)
    rgba = picture(17, 23, 4)
    colours, grey = Image.fromarray(image), Image.fromarray(image[..., 0])
    palette = colours.quantize(8)
    yield "jpeg", encode(colours, "JPEG")
    yield "jpeg_444", encode(colours, "JPEG", subsampling=0)
    yield "jpeg_progressive", encode(colours, "JPEG", progressive=True)
    yield "jpeg_grey", encode(grey, "JPEG")
    yield "jpeg_cmyk", encode(colours.convert("CMYK"), "JPEG")
    for orientation in range(1, 9):
        turned = encode(colours, "JPEG", exif=exif(orientation))
        yield f"jpeg_{orientation}", turned
        # With EXIF behind JFIF, as some cameras write.
        plain = encode(colours, "JPEG")
        segment = b"Exif\0\0" + exif(orientation).tobytes()[6:]
        swapped = with_segment(plain[:2] + plain[20:], 0xE1, segment)
        yield (
            f"jpeg_jfif_{orientation}",
            with_segment(swapped, 0xE0, plain[6:20]),
        )
    yield (
        "jpeg_broken_exif",
        with_segment(encode(colours, "JPEG"), 0xE1, bad_files.BROKEN_EXIF),
    )
    yield "png", encode(colours, "PNG")
    yield "png_alpha", encode(rgba, "PNG")
    yield "png_grey", encode(grey, "PNG")
    yield "png_grey_alpha", encode_png(rgba[..., 2:])
    yield "png_bits", encode(grey.convert("1"), "PNG")
    yield "png_palette", encode(palette, "PNG")
    yield "png_palette_alpha", encode(palette, "PNG", transparency=1)
    yield "gif", encode(palette, "GIF")
    yield "gif_grey_with_comment", encode(grey, "GIF", comment=b"drawn " * 99)
    yield "gif_interlaced", encode(palette, "GIF", interlace=1)
    # Of another kind, so that it has a table of its own.
    frames = {"save_all": True, "append_images": [grey]}
    yield "gif_animated", encode(palette, "GIF", **frames)
    yield "bmp", encode(colours, "BMP")
    yield "bmp_32_bits", encode(rgba, "BMP")


@functools.cache
def mapped(**arguments):
    """A queue of files, and a dataset that decodes what lies in it."""
    queue = []
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(queue), output_signature=tf.TensorSpec([], tf.string)
    )
    return queue, dataset.map(lambda c: decode_image(c, **arguments))


class DecodeTest(parameterized.TestCase, TestCase):
    def decode(self, contents, **arguments):
        """Decoded eagerly and in `Dataset.map`, which must agree."""
        image = decode_image(contents, **arguments)
        queue, dataset = mapped(**arguments)
        self.assertEqual(
            dataset.element_spec, tf.TensorSpec([None, None, 3], tf.uint8)
        )
        queue[:] = [contents]
        (again,) = dataset
        self.assertAllEqual(image, again)
        return image.numpy()

    def assertRefused(self, pattern, contents, **arguments):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, pattern):
            decode_image(contents, **arguments)
        queue, dataset = mapped(**arguments)
        queue[:] = [contents]
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, pattern):
            list(dataset)

    def assertAsOpened(self, contents, atol=0):
        expected = np.asarray(open_image("file", contents).image)
        difference = self.decode(contents).astype(int) - expected
        self.assertLessEqual(np.abs(difference).max(), atol)

    @parameterized.named_parameters(*images())
    def test_as_opened(self, contents):
        self.assertAsOpened(contents)

    def test_sixteen_bits(self):
        deep = picture(17, 23).astype("uint16") * 251
        for channels in (1, 3):
            self.assertAsOpened(encode_png(deep[..., :channels]), atol=1)

    @parameterized.parameters(
        {"lossless": True}, {"quality": 80}, {"exif": exif(1)}
    )
    def test_webp(self, **arguments):
        self.skip_unless_decoded("WEBP")
        for channels in (3, 4):
            image = picture(17, 23, channels)
            self.assertAsOpened(encode(image, "WEBP", **arguments), atol=1)

    def test_animated_webp(self):
        self.skip_unless_decoded("WEBP")
        contents = encode(
            picture(17, 23),
            "WEBP",
            save_all=True,
            append_images=[Image.fromarray(picture(17, 23, seed=1))],
        )
        self.assertRefused("Animated WebP", contents)

    def test_gif_is_cut_behind_its_first_picture(self):
        image = Image.fromarray(picture(17, 23)).quantize(8)
        contents = encode(image, "GIF")
        # A picture of 65,535 by 65,535 pixels, with no end.
        second = b"," + bytes(4) + b"\xff" * 4 + b"\0\x08" + b"\xff" * 999
        self.assertAsOpened(contents[:-1] + second)
        # The first picture begins behind the table of colours.
        start = contents.index(b"," + bytes(4) + contents[6:10])
        moved = bytearray(contents)
        moved[start + 1] = 1
        smaller = bytearray(contents)
        smaller[6] += 1
        for broken in (moved, smaller, contents[: start + 5], contents[:13]):
            self.assertRefused("first picture does not fill", bytes(broken))
        comments = b"!\xfe\x01a\0" * 300
        many = contents[:start] + comments + contents[start:]
        self.assertRefused("first picture does not fill", many)

    def test_bmp_of_other_kinds(self):
        palette = Image.fromarray(picture(17, 23)).quantize(8)
        pattern = "24 or 32 plain bits"
        self.assertRefused(pattern, encode(palette, "BMP"))

    def skip_unless_decoded(self, name):
        if name not in graph_formats():
            self.skipTest(f"Nothing installed decodes {name} in a graph.")

    def test_bounds(self):
        for name, contents, _ in bad_files.bombs():
            title = {
                "bomb.bmp": "BMP",
                "bomb.gif": "GIF",
                "bomb.jpg": "JPEG",
                "bomb.png": "PNG",
                "bomb.strip.png": "PNG",
                "bomb.webp": "WebP",
            }.get(name)
            if title == "WebP" and "WEBP" not in graph_formats():
                continue
            if title:
                pattern = f"{title} image is too large"
                self.assertRefused(pattern, contents)

    def test_max_pixels(self):
        image = picture(20, 30)
        pattern = r"at most 599 pixels.*Received: \(height, width\)"
        for name in ("JPEG", "PNG", "GIF", "BMP"):
            contents = encode(image, name)
            self.assertShape(decode_image(contents, 600), (20, 30, 3))
            self.assertRefused(pattern, contents, max_pixels=599)

    @parameterized.parameters(
        b"", b"\xff", b"Dear Sir or Madam", bytes(100), b"II*\0\1"
    )
    def test_other_files(self, contents):
        self.assertRefused(
            "not an image that can be decoded here; expected one of JPEG, PNG",
            contents,
        )

    def test_cut_files(self):
        for _, contents, _ in bad_files.truncated_files():
            with self.assertRaises(tf.errors.InvalidArgumentError):
                decode_image(contents)

    def test_saved(self):
        class Decoder(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
            def decode(self, contents):
                return decode_image(contents)

        folder = str(self.temporary_folder() / "decoder")
        tf.saved_model.save(Decoder(), folder)
        decode = tf.saved_model.load(folder).decode
        for height, width in ((8, 9), (31, 17)):
            image = picture(height, width)
            self.assertAllEqual(decode(encode(image, "PNG")), image)
