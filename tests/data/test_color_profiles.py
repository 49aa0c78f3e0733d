import struct

import numpy as np
from absl.testing import parameterized
from PIL import Image
from PIL import ImageCms

from keras_comic.data import read_image
from keras_comic.data.color_profiles import srgb_profile
from keras_comic.data.color_profiles import to_srgb
from tests.test_case import TestCase
from tests.test_case import photos

# The colorants of D50 profiles: red, green and blue in XYZ, and a gamma.
SPACES = {
    "Display P3": (
        (0.51512, 0.2412, -0.00105),
        (0.29198, 0.69225, 0.04189),
        (0.1571, 0.06657, 0.78407),
        2.2,
    ),
    "Adobe RGB": (
        (0.60974, 0.31111, 0.01947),
        (0.20528, 0.62567, 0.06087),
        (0.14919, 0.06322, 0.74457),
        2.19921875,
    ),
}


def profile_of(name):
    """The bytes of an ICC profile of version 2."""
    *colorants, gamma = SPACES[name]

    def tag(kind, data):
        return kind + bytes(4) + data

    def xyz(values):
        fixed = (struct.pack(">i", round(v * 65536)) for v in values)
        return tag(b"XYZ ", b"".join(fixed))

    curve = tag(b"curv", struct.pack(">IH", 1, round(gamma * 256)))
    title = name.encode() + b"\0"
    tags = {
        b"desc": tag(
            b"desc", struct.pack(">I", len(title)) + title + bytes(78)
        ),
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        **{f"{c}TRC".encode(): curve for c in "rgb"},
        **{
            f"{c}XYZ".encode(): xyz(values)
            for c, values in zip("rgb", colorants, strict=True)
        },
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        table += key + struct.pack(">II", start + len(body), len(value))
        body += value
    head = struct.pack(">I4sI", start + len(body), b"", 0x02400000)
    head += b"mntrRGB XYZ " + struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def encoded(linear, name):
    """sRGB light as the numbers of a space, by hand."""
    *colorants, gamma = SPACES[name]
    srgb = np.array(
        [
            (0.43607, 0.38515, 0.14307),
            (0.22249, 0.71687, 0.06061),
            (0.01392, 0.09708, 0.7141),
        ]
    )
    space = np.linalg.inv(np.transpose(colorants)) @ srgb
    return np.clip(linear @ space.T, 0.0, 1.0) ** (1.0 / gamma)


def to_linear(pixels):
    values = pixels / 255.0
    return np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )


class ColorProfilesTest(TestCase, parameterized.TestCase):
    @parameterized.product(
        name=tuple(SPACES), file=("a.png", "a.jpg", "a.tif", "a.webp")
    )
    def test_profiles(self, name, file):
        # Colours well inside of sRGB, in blocks that JPEG keeps.
        expected = np.uint8([[200, 60, 50], [60, 170, 70], [120, 120, 120]])
        expected = expected.repeat(16, 0)[None].repeat(32, 0)
        stored = np.rint(255 * encoded(to_linear(expected), name))
        path = self.temporary_folder() / file
        picture = Image.fromarray(stored.astype("uint8"))
        options = {".jpg": {"quality": 100, "subsampling": 0}}
        options[".webp"] = {"lossless": True}
        picture.save(
            path, icc_profile=profile_of(name), **options.get(path.suffix, {})
        )
        found = read_image(path)
        self.assertAllClose(found, expected, atol=6, rtol=0)
        self.assertGreater(np.abs(stored - expected).max(), 8)

    def test_a_palette_and_transparency(self):
        picture = Image.fromarray(photos(32, 32, 3)).convert("RGBA")
        picture.putalpha(Image.new("L", (32, 32), 0))
        picture.info["icc_profile"] = profile_of("Adobe RGB")
        converted, changed = to_srgb(picture)
        self.assertTrue(changed)
        self.assertEqual(converted.mode, "RGBA")
        self.assertAllEqual(np.asarray(converted)[..., 3], 0)
        palette = Image.fromarray(photos(32, 32, 3)).quantize(16)
        palette.info["icc_profile"] = profile_of("Adobe RGB")
        converted, changed = to_srgb(palette)
        self.assertEqual((converted.mode, changed), ("RGB", True))

    def test_what_says_srgb_stays(self):
        picture = Image.fromarray(photos(32, 32, 3))
        for profile in (srgb_profile(), b"broken", b""):
            picture.info["icc_profile"] = profile
            self.assertIs(to_srgb(picture)[0], picture)
        self.assertIn(
            "sRGB",
            ImageCms.getProfileDescription(
                ImageCms.getOpenProfile(
                    self.write("profile.icc", srgb_profile())
                )
            ),
        )

    def write(self, name, contents):
        path = self.temporary_folder() / name
        path.write_bytes(contents)
        return str(path)

    def test_gamma_of_png(self):
        picture = Image.fromarray(np.full((32, 32, 3), 128, "uint8"))
        picture.info["gamma"] = 1.0
        converted, changed = to_srgb(picture)
        self.assertTrue(changed)
        # Linear light of 128/255 is 188 in sRGB.
        self.assertAllEqual(np.asarray(converted), 188)
        picture.info["gamma"] = 0.45455
        self.assertFalse(to_srgb(picture)[1])
        picture.info["srgb"], picture.info["gamma"] = 0, 1.0
        self.assertFalse(to_srgb(picture)[1])

    def test_primaries_of_png(self):
        picture = Image.fromarray(np.uint8([[[255, 0, 0], [90, 90, 90]]]))
        bt2020 = (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046)
        picture.info |= {"gamma": 0.45455, "chromaticity": bt2020}
        converted, changed = to_srgb(picture)
        self.assertTrue(changed)
        red, grey = np.asarray(converted)[0]
        self.assertAllEqual(red, [255, 0, 0])
        self.assertAllClose(grey, [90, 90, 90], atol=2)
