import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tests.export import served_cases
from tests.export.small_models import run
from tests.export.small_models import small_model


class CodesGraphTest(parameterized.TestCase):
    def test_codes(self):
        model = small_model("codes")
        codes = model.sample_codes(2, seed=3)
        pictures = run("codes", "serving_default", {"codes": codes})
        served_cases.compare(self, pictures, model.generate(2, seed=3), "")
        files = run("codes", "serving_bytes", {"codes": codes})
        for file, picture in zip(files, pictures, strict=True):
            np.testing.assert_array_equal(served_cases.unpack(file), picture)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "`codes` must be finite"
        ):
            run("codes", "serving_default", {"codes": codes * np.nan})
