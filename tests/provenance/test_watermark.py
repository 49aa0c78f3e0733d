import hashlib
import io

import numpy as np
from absl.testing import parameterized
from PIL import Image
from skimage import data

from keras_comic.provenance import watermark
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.provenance.watermark import read_watermark

IDENTIFIER = 0xDEADBEEF


def sample(name, height=256, width=320):
    image = Image.fromarray(getattr(data, name)())
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def jpeg(image, quality=75):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def halved(image, resampling=Image.Resampling.LANCZOS):
    size = image.shape[1] // 2, image.shape[0] // 2
    return np.asarray(Image.fromarray(image).resize(size, resampling))


def psnr(image, other):
    error = np.mean((image.astype("float64") - other) ** 2)
    return 10 * np.log10(255**2 / error)


class WatermarkTest(parameterized.TestCase):
    @parameterized.parameters("astronaut", "coffee", "chelsea")
    def test_survives(self, name):
        image = sample(name)
        marked = embed_watermark(image, IDENTIFIER)
        self.assertGreater(psnr(image, marked), 38)
        for changed in (
            marked,
            jpeg(marked),
            halved(marked),
            halved(marked, Image.Resampling.BOX),
            halved(marked, Image.Resampling.BILINEAR),
            np.asarray(Image.fromarray(marked).resize((500, 333))),
            marked[:, ::-1],
            marked[::-1],
            np.rot90(marked),
            np.rot90(marked, 2),
            np.rot90(marked, 3),
            np.clip(marked * 0.8 + 20, 0, 255).astype("uint8"),
        ):
            self.assertEqual(read_watermark(changed), IDENTIFIER)
        self.assertIsNone(read_watermark(image))

    def test_sizes(self):
        for height, width in ((256, 257), (300, 901), (1080, 720)):
            image = sample("astronaut", height, width)
            marked = embed_watermark(image, 7)
            self.assertEqual(marked.shape, image.shape)
            self.assertGreater(psnr(image, marked), 38)
            self.assertEqual(read_watermark(jpeg(marked)), 7)
            self.assertEqual(read_watermark(halved(marked)), 7)

    @parameterized.parameters(0, 255, 128)
    def test_flat_pictures(self, level):
        image = np.full((256, 256, 3), level, "uint8")
        marked = embed_watermark(image, IDENTIFIER)
        self.assertEqual(read_watermark(marked), IDENTIFIER)
        self.assertIsNone(read_watermark(image))

    @parameterized.parameters(0, 1, 2**32 - 1, 0x80000000)
    def test_identifiers(self, identifier):
        marked = embed_watermark(sample("chelsea"), np.uint32(identifier))
        self.assertEqual(read_watermark(marked), identifier)

    def test_repetition(self):
        image = sample("coffee")
        marked = embed_watermark(image, IDENTIFIER)
        np.testing.assert_array_equal(
            embed_watermark(image, IDENTIFIER), marked
        )
        # Marked again, the last mark is read.
        self.assertEqual(read_watermark(embed_watermark(marked, 5)), 5)

    def test_noise_holds_no_mark(self):
        random = np.random.default_rng(0)
        for _ in range(20):
            noise = random.integers(0, 256, (96, 96, 3), dtype="uint8")
            self.assertIsNone(read_watermark(noise))

    def test_layout_stays(self):
        # Marks that are out there are read by it.
        rows, columns, bits, weights, dither = watermark._band()
        self.assertEqual(np.bincount(bits).tolist(), [len(bits) // 124] * 124)
        self.assertEqual(bits[:4].tolist(), [82, 15, 11, 24])
        self.assertAlmostEqual(weights[0], 0.07280828, 7)
        self.assertAlmostEqual(dither[0], 0.15949703, 7)
        values = np.concatenate([rows, columns, bits, weights > 0])
        digest = hashlib.sha256(values.astype("<i4").tobytes()).hexdigest()
        self.assertEqual(digest[:16], "54b2e5c6368b5b6a")

    def test_code_corrects_errors(self):
        bits = watermark._checked_bits(IDENTIFIER)
        code = 1 - 2 * watermark._encode(bits)
        self.assertLen(code, 124)
        random = np.random.default_rng(0)
        wrong = np.tile(code.astype("float64"), (50, 1))
        for row in wrong:
            row[random.choice(124, 7, replace=False)] *= -0.5
            row += random.normal(0, 0.3, 124)
        wrong[7] = code  # The likeliest.
        found = watermark._decode(wrong)
        self.assertLen(found, 50)
        for word in found:
            self.assertEqual(watermark._check(word), IDENTIFIER)
        self.assertIsNone(watermark._check(bytes(7 * [1])))

    def test_code_is_that_of_the_standard(self):
        # The impulse response of the generators 171 and 133, octal.
        code = watermark._encode([1])
        pairs = code.reshape(-1, 2).T
        self.assertEqual("".join(map(str, pairs[0])), f"{0o171:07b}"[::-1])
        self.assertEqual("".join(map(str, pairs[1])), f"{0o133:07b}"[::-1])

    @parameterized.named_parameters(
        ("large", 2**32, "in .0, 4294967295.*identifier=42949"),
        ("negative", -1, "identifier=-1"),
        ("float", 1.0, "must be an integer.*identifier=1.0"),
        ("boolean", True, "must be an integer"),
    )
    def test_wrong_identifier(self, identifier, message):
        with self.assertRaisesRegex(ValueError, message):
            embed_watermark(sample("coffee"), identifier)

    def test_wrong_arguments(self):
        image = sample("coffee")
        with self.assertRaisesRegex(ValueError, "at least 128 pixels"):
            embed_watermark(image[:127], 1)
        with self.assertRaisesRegex(ValueError, "at least 64 pixels"):
            read_watermark(image[:60])
        with self.assertRaisesRegex(ValueError, "dtype=float64"):
            read_watermark(image * 1.0)
        with self.assertRaisesRegex(ValueError, r"shape=\(256, 320\)"):
            embed_watermark(image[..., 0], 1)
