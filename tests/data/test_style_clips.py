import numpy as np
import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")
pytest.importorskip("cv2")

from keras_comic.data import style_clips  # noqa: E402
from keras_comic.data.clips import clip_dataset  # noqa: E402
from keras_comic.data.optical_flow import encode_flow  # noqa: E402
from keras_comic.data.optical_flow import warp_image  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import take  # noqa: E402
from tests.data.small_records import clip_record  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402

SHAPES = {
    "clips": (2, 3, 16, 16, 3),
    "flow": (2, 2, 16, 16, 2),
    "valid": (2, 2, 16, 16),
    "style_images": (2, 16, 16, 3),
}


class StyleClipsTest(DatasetTestCase):
    def pictures(self, kind, height=80, width=88):
        records = [
            picture_record(photos(height, width, 3, seed=i), kind=kind)
            for i in range(3)
        ]
        return self.write(kind, records)

    def check_start_step(self, make, batches):
        self.assertSameBatches(take(make(start_step=1), 1), batches[1:])
        parts = take(make(shard=(1, 2)), 1)
        for name in ("clips", "style_images"):
            self.assertShape(parts[0][name], (1, *SHAPES[name][1:]))

    def check_form(self, dataset):
        spec = dataset.element_spec
        shapes = {key: tuple(value.shape) for key, value in spec.items()}
        self.assertEqual(shapes, SHAPES)

    def test_clips(self):
        flow = encode_flow(np.full((24, 32, 2), 1.0, "float32"))
        frames = list(photos(4, 24, 32, 3))
        clips = self.write(
            "clips", [clip_record(frames, [0.0, 1.0, 2.0, 3.0], [flow] * 3)]
        )
        drawings = self.pictures("comics")

        def make(**arguments):
            return style_clips.style_clip_dataset(
                clips, drawings, 3, 16, **arguments
            )

        dataset = make()
        self.check_form(dataset)
        batches = take(dataset, 2)
        batch = batches[0]
        expected = take(clip_dataset(clips, 3, 16, 2, flow=True), 1)[0]
        self.assertAllEqual(batch["clips"], expected["frames"])
        self.assertAllEqual(batch["flow"], expected["flow"])
        self.assertAllEqual(batch["valid"], expected["valid"])
        self.check_start_step(make, batches)

    def test_synthetic(self):
        records, drawings = self.pictures("photos"), self.pictures("comics")

        def make(**arguments):
            return style_clips.synthetic_style_clip_dataset(
                records,
                drawings,
                3,
                16,
                zoom=(1.0, 1.0),
                motion=(6.0, 2.0, 2.0),
                **arguments,
            )

        dataset = make()
        self.check_form(dataset)
        batches = take(dataset, 2)
        batch = batches[0]
        self.assertGreater(np.abs(batch["flow"]).max(), 0.5)
        self.assertGreater(batch["valid"].mean(), 0.5)
        for i in range(2):
            # Noise, of which an interpolation leaves less than there was.
            frame, after = batch["clips"][0, i], batch["clips"][0, i + 1]
            warped = warp_image(after, batch["flow"][0, i])
            inner = np.s_[4:-4, 4:-4]
            still = np.abs(after - frame)[inner].mean()
            self.assertLess(np.abs(warped - frame)[inner].mean(), 0.7 * still)
        self.check_start_step(make, batches)
