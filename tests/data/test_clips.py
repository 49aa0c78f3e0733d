import numpy as np
import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")
pytest.importorskip("cv2")

from keras_comic.data.clips import clip_dataset  # noqa: E402
from keras_comic.data.optical_flow import encode_flow  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import take  # noqa: E402
from tests.data.small_records import clip_record  # noqa: E402


class ClipDatasetTest(DatasetTestCase):
    def make(self, **arguments):
        flow = encode_flow(np.zeros((24, 32, 2), "float32"))
        clips = [
            clip_record(
                list(photos(4, 24, 32, 3, seed=i)),
                [0.0, 1.0, 2.0, 3.0],
                [flow] * 3,
            )
            for i in range(3)
        ]
        records = self.write("clips", clips)
        return clip_dataset(records, 3, 16, 2, **arguments)

    def test_form(self):
        spec = self.make().element_spec
        self.assertEqual(set(spec), {"frames", "times"})
        spec = self.make(flow=True).element_spec
        shapes = {key: tuple(value.shape) for key, value in spec.items()}
        self.assertEqual(
            shapes,
            {
                "frames": (2, 3, 16, 16, 3),
                "times": (2, 3),
                "flow": (2, 2, 16, 16, 2),
                "valid": (2, 2, 16, 16),
            },
        )

    def test_values(self):
        batch = take(self.make(flow=True), 1)[0]
        self.assertAllEqual(batch["flow"], np.zeros((2, 2, 16, 16, 2)))
        self.assertTrue(batch["valid"].all())
        self.assertAllEqual(np.diff(batch["times"]), np.ones((2, 2)))
        self.assertLessEqual(abs(batch["frames"]).max(), 1.0)

    def test_start_step_skips(self):
        batches = take(self.make(flow=True), 6)
        later = take(self.make(flow=True, start_step=4), 2)
        self.assertSameBatches(later, batches[4:])
        parts = take(self.make(flow=True, shard=(1, 2)), 6)
        self.assertSameBatches(
            parts, [{k: v[1:] for k, v in batch.items()} for batch in batches]
        )
