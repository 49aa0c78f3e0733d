import numpy as np

from tests.test_case import TestCase
from tests.tiny_families import TinyCodes


class LatentGeneratorTest(TestCase):
    def test_generate_equals_the_arithmetic_by_hand(self):
        generator = TinyCodes()
        pictures = generator.generate(3, seed=4, truncation=0.5)
        self.assertShape(pictures, (3, 32, 32, 3))
        self.assertDType(pictures, "uint8")
        codes = np.random.default_rng(4).standard_normal((3, 5), "float32")
        outputs = self.numpy(generator({"codes": 0.5 * codes}))
        self.assertAllClose(
            pictures.astype("float32"),
            (outputs + 1.0) * 127.5,
            atol=0.51,
            rtol=0.0,
        )

    def test_seeds(self):
        generator = TinyCodes()
        first = generator.generate(2, seed=1)
        self.assertAllEqual(first, generator.generate(2, seed=1))
        self.assertGreater(np.abs(first - generator.generate(2)).max(), 0)
        self.assertAllEqual(
            generator.generate(2, seed=1, truncation=0.0)[0],
            generator.generate(2, seed=2, truncation=0.0)[1],
        )

    def test_errors(self):
        for count in (0, 1.5, "2"):
            with self.assertRaisesRegex(
                ValueError, "`count` must be a positive integer. Received: "
            ):
                TinyCodes().generate(count)
        with self.assertRaisesRegex(
            ValueError, r"`truncation` must be in \[0, 1\]. Received: "
        ):
            TinyCodes().generate(truncation=1.5)
