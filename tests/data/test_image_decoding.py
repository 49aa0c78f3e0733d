import base64
import functools
import struct

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.decoders import FORMATS
from keras_comic.data.images import ImageError
from keras_comic.data.images import open_image
from tests.data import bad_files
from tests.data.bad_files import encode
from tests.data.bad_files import encode_png
from tests.data.bad_files import encode_tiff
from tests.data.bad_files import exif
from tests.data.bad_files import picture
from tests.data.bad_files import with_segment
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data.image_decoding import decode_image  # noqa: E402
from keras_comic.data.image_decoding import graph_decoder  # noqa: E402
from keras_comic.data.image_decoding import graph_decoder_package  # noqa: E402

# Lossless JPEG XL of `jxl_picture()`: RGB, RGBA, grey, RGB in a container, and
# an animation of it and its negative.
JXL = {
    "rgb": (
        "/wooQBAJCAABAIQDSygx3Yy9ozD+jaOCgoKSiwIiRiyIUdERMYyIiMEEe8E5BkOKRgxjGI"
        "GlMXhWDNaNMYwxxsYYAzEYYYy6QNQAEGhMACyhGm68GX3y4/HjxzPz4MePx4+r7x6PHz8e"
        "R5E9fjx+vA2D8YYrFOb4wxhC8M38Q918XfiLOoCD5X6+op4M4pIXfJAXlJ/uy8+At3+f+B"
        "IvzuvABn6JG1fY/hLES4j7OwVkRwlgpeEMGUNmX4GMISszRcaQIcMnZrI4MxoxkmdgA7vw"
        "Qjx27+w27t39/y+/KX5iPzEyiH/UCQ/gDhAA"
    ),
    "rgba": (
        "/wooQLASCAAQAGgESyg0Fh6Jm4KCkgBgjToGIQzDokaMjHUYwAXEBjglTgCAVLx6oOd5Qz"
        "7ba88H+kC+Qc/zmvmAPkDPz/4C5Bv+AX2gD+gNV255gx7oDX+DnrNi6Hmg5/ABcgBo3Ysg"
        "njdGnH2W4M6vDw4i/lfgNt6LExh+xLfUR9TVg3GS8gZPnNN7gOkZL1DwC2EgyvKLfxG+yq"
        "swdfFeRiT/973mVxFu1x/iKV1LgLyfsSB8ADUyCH4HQSoG73BhjoSUw8ZdwIh890IgfAeK"
        "VlIN+qD8D3TDYJ9ALcgH8oAfGAXweQDwg0/YFngPAOcGAQ7gewCeG0BErBfAc8CjcADgAR"
        "ixoQ2JQCPTQaL8JbsWBAlGdBSK9JwTCggiCYDmAExV"
    ),
    "grey": ("/wooQBAUNwIIAAEAYABLOGmYyoP3KyhIigsUAA6ABEiABEiABAA="),
    "boxed": (
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAD1anhsY/8KKEAQCQgAAQCEA0"
        "soMd2MvaMw/o2jgoKCkosCIkYsiFHRETGMiIjBBHvBOQZDikYMYxiBpTF4VgzWjTGMMcbG"
        "GAMxGGGMukDUABBoTAAsoRpuvBl98uPx48cz8+DHj8ePq+8ejx8/HkeRPX48frwNg/GGKx"
        "Tm+MMYQvDN/EPdfF34izqAg+V+vqKeDOKSF3yQF5Sf7svPgLd/n/gSL87rwAZ+iRtX2P4S"
        "xEuI+zsFZEcJYKXhDBlDZl+BjCErM0XGkCHDJ2ayODMaMZJnYAO78EI8du/sNu7d/f8vvy"
        "l+Yj8xMoh/1AkP4A4QAA=="
    ),
    "film": (
        "/wooQEETAIgJCAQBAHgDSyg0Fh6F71dQUFIUYMSCGBUdEcOI6BiDd6N2jIxuGMKlF4gagD"
        "kuBAB6QBNKzwN/HvgP/IGP9f7Af+AP/GfZC/4Df+A/8GjuH/gD/4H/pGnDH/gP/Af+OHvB"
        "f+DPA38e0Mf1Az1+LObjWyRpf/SG0erVgu0D/K3TuNKnUUN58SG3Dxf6+pxaDF7xIkw/Xu"
        "6Fr1kF4uYvAvEiLwhxAW6P5oAJCMMQ8BDDENOrRwxDLPcAMQwxCGPEMDFL41jsICcJRODt"
        "QXwzZ9qmTNNm/8vvxMyjf2xyazuozwdIBwQACAQFAHwDSygz3TwLGoXbtwoKSkoERnqOio"
        "6IiDEYVVo7RkoOQ4x1MXhGjMGBGBGDEzGiMUZfIGqAP6PZFRd6QM8DjzR7HvgP/IH/wLty"
        "f+AP/Af+A3/gfeA/8B/4A/+BFy78wB/4D/wHTrj9wH/gzwN/HtB81PMen1J5Ax/6pZr2Z7"
        "/0hl9yP37pX2HQbp/0iN4Nd+SCHpZM/wV8xQv5Ioi/TvBFEa8I4IIL6W9YAGAhcJjYYTCs"
        "SldYIUV2Hjo93rTgj4+dA6a5c+YQddaEjFqDZSVD1fFAmP+V2E8g1BPyO2DmAQ=="
    ),
}


def jxl_picture():
    y, x = np.mgrid[:6, :9]
    channels = [40 * y, 28 * x, 255 - 12 * (x + y), 255 - 20 * (x + y)]
    return np.stack(channels, axis=-1).astype("uint8")


def on_white(rgba):
    color, alpha = np.split(rgba.astype(float), [3], axis=-1)
    return (color * alpha + 255 * (255 - alpha)) / 255


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
    frames = {"save_all": True, "append_images": [grey.convert("P")]}
    yield "gif_film", encode(palette, "GIF", **frames)
    yield "bmp", encode(colours, "BMP")
    yield "bmp_32", encode(rgba, "BMP")


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

    @parameterized.parameters(*JXL)
    def test_jpeg_xl(self, name):
        self.skip_unless_decoded("JXL")
        rgba = jxl_picture()
        expected = {
            "rgba": on_white(rgba),
            "grey": np.repeat(rgba[..., :1], 3, axis=-1),
        }.get(name, rgba[..., :3])
        contents = base64.b64decode(JXL[name])
        image = self.decode(contents)
        self.assertAllClose(image, expected, atol=0.51)
        # The same when a file is opened, by TensorFlow or a plugin.
        opened = open_image("a.jxl", contents)
        self.assertAllClose(np.asarray(opened.image), expected, atol=1)
        self.assertEqual(opened.file_format, "JXL")
        self.assertEqual("alpha" in opened.conversions, name == "rgba")
        self.assertEqual("grey" in opened.conversions, name == "grey")
        self.assertEqual("animated" in opened.conversions, name == "film")
        with self.assertRaises(ImageError):
            open_image("a.jxl", contents[: len(contents) // 2])

    def test_tiff(self):
        self.skip_unless_decoded("TIFF")
        image = Image.fromarray(picture(17, 23))
        for contents in (
            encode(image, "TIFF"),
            encode(image, "TIFF", compression="tiff_lzw"),
            encode(image.convert("L"), "TIFF"),
            encode(image.quantize(8), "TIFF"),
            encode(picture(17, 23, 4), "TIFF"),
        ):
            self.assertAsOpened(contents, atol=1)
        large = encode_tiff(picture(8, 8), t256=30_000, t257=30_000)
        self.assertRefused("TIFF image is too large", large)

    def test_jpeg2000_and_netpbm(self):
        self.skip_unless_decoded("JPEG2000")
        for channels in (3, 4):
            image = picture(17, 23, channels)
            self.assertAsOpened(encode(image, "JPEG2000"), atol=1)
        large = bytearray(encode(picture(17, 23), "JPEG2000"))
        struct.pack_into(">I", large, large.index(b"ihdr") + 4, 30_000)
        self.assertRefused("JPEG 2000 image is too large", bytes(large))
        # The codestream alone.
        stream = encode(picture(17, 23), "JPEG2000", no_jp2=True)
        self.assertRefused("JPEG 2000 image", stream)
        self.assertAsOpened(encode(picture(17, 23), "PPM"))
        self.assertAsOpened(encode(picture(17, 23)[..., 0], "PPM"))
        self.assertRefused("Netpbm image", b"P6\n30000 2\n255\n" + bytes(99))
        self.assertRefused("Netpbm image", b"P6\n\xff\xfe 2 2\n")

    def test_avif(self):
        self.skip_unless_decoded("AVIF")
        contents = base64.b64decode(FORMATS["AVIF"].sample)
        self.assertAsOpened(contents, atol=1)
        large = bytearray(contents)
        struct.pack_into(">I", large, large.index(b"ispe") + 8, 30_000)
        self.assertRefused("AVIF image is too large", bytes(large))
        # Read through tensorflow-io, where Pillow does not.
        with self.assertRaisesRegex(ImageError, "too large: 30000 x 1"):
            open_image("a.avif", bytes(large))

    def skip_unless_decoded(self, name):
        if graph_decoder(name) is None:
            self.skipTest(f"Nothing installed decodes {name} in a graph.")

    def test_bounds(self):
        bombs = {n: c for n, c, _ in bad_files._bombs()}
        for name, title in (
            ("header.jpg", "JPEG"),
            ("header.gif", "GIF"),
            ("header.bmp", "BMP"),
            ("header60000.png", "PNG"),
            ("strip.png", "PNG"),
        ):
            self.assertRefused(f"{title} image is too large", bombs[name])
        for name, key in (("header.webp", "WEBP"), ("header.jxl", "JXL")):
            if graph_decoder(key) is not None:
                self.assertRefused("image is too large", bombs[name])

    def test_max_pixels(self):
        image = picture(20, 30)
        pattern = r"at most 599 pixels.*Received: \(height, width\)"
        for name in ("JPEG", "PNG", "GIF", "BMP"):
            contents = encode(image, name)
            self.assertShape(decode_image(contents, 600), (20, 30, 3))
            self.assertRefused(pattern, contents, max_pixels=599)

    def test_palettes_of_bmp(self):
        image = Image.fromarray(picture()).quantize(8)
        self.assertRefused("24 or 32 bits", encode(image, "BMP"))

    @parameterized.parameters(
        b"", b"\xff", b"Dear Sir or Madam", bytes(100), b"II*\0\1"
    )
    def test_other_files(self, contents):
        if contents[:2] == b"II" and graph_decoder("TIFF") is not None:
            self.skipTest("TIFF is decoded.")
        self.assertRefused(
            "not an image that can be decoded here; expected one of JPEG, PNG,",
            contents,
        )

    def test_cut_files(self):
        for name, contents, _ in bad_files._truncated():
            if name.endswith("webp") and graph_decoder("WEBP") is None:
                continue
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

    def test_packages(self):
        self.assertEqual(graph_decoder_package("JPEG"), "TensorFlow")
        self.assertIsNone(graph_decoder_package("TGA"))
        for name in ("WEBP", "JXL", "TIFF", "AVIF"):
            self.assertEqual(
                graph_decoder(name) is None, graph_decoder_package(name) is None
            )
