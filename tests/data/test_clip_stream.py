import numpy as np
import pytest

from tests.test_case import photos

pytest.importorskip("tensorflow")
pytest.importorskip("cv2")

from keras_comic.data.clip_stream import ClipStream  # noqa: E402
from keras_comic.data.crops import Crops  # noqa: E402
from keras_comic.data.optical_flow import encode_flow  # noqa: E402
from tests.data.batches import DatasetTestCase  # noqa: E402
from tests.data.batches import levels  # noqa: E402
from tests.data.batches import samples_of  # noqa: E402
from tests.data.small_records import clip_record  # noqa: E402

# What the picture moves by from frame to frame: x, y.
MOTION = (3, -2)


def moving_frames(count, height=60, width=80):
    """A picture that moves, smooth enough to be sampled anywhere."""
    rows, columns = np.indices((height, width))
    frames = []
    for number in range(count):
        x = columns - MOTION[0] * number
        y = rows - MOTION[1] * number
        channels = [
            128 + 100 * np.sin(x / 9.0),
            128 + 100 * np.sin(y / 7.0),
            128 + 50 * np.sin(x / 11.0) + 50 * np.cos(y / 13.0),
        ]
        frames.append(np.stack(channels, axis=-1).round().astype("uint8"))
    return frames


def warped(frame, flow):
    """A frame, sampled where the flow points."""
    size = frame.shape[0]
    rows, columns = np.indices((size, size))
    x = np.clip(columns + flow[..., 0], 0, size - 1)
    y = np.clip(rows + flow[..., 1], 0, size - 1)
    left, top = (np.minimum(np.floor(a).astype(int), size - 2) for a in (x, y))
    x, y = (x - left)[..., None], (y - top)[..., None]
    upper = frame[top, left] * (1 - x) + frame[top, left + 1] * x
    lower = frame[top + 1, left] * (1 - x) + frame[top + 1, left + 1] * x
    return upper * (1 - y) + lower * y


class ClipStreamTest(DatasetTestCase):
    def clips(
        self,
        records,
        num_frames,
        size=24,
        zoom=(1.0, 1.0),
        flow=False,
        count=8,
        **arguments,
    ):
        crops = Crops(size, zoom, **arguments)
        stream = ClipStream(records, 0, "clips", crops, num_frames, flow)
        return samples_of(stream, count)

    def write_moving(self, valid=None):
        frames = moving_frames(4)
        flow = np.broadcast_to(np.float32(MOTION), (60, 80, 2)).copy()
        flows = [encode_flow(flow, valid)] * 3
        times = [0.0, 0.5, 1.0, 1.5]
        return self.write("clips", [clip_record(frames, times, flows)])

    def test_frames_have_the_same_crop(self):
        image = photos(30, 40, 3)
        records = self.write(
            "clips", [clip_record([image, 255 - image], [0.0, 0.04])]
        )
        for arguments in (
            {},
            {"zoom": (0.4, 1.0)},
        ):
            found = self.clips(records, 2, 16, **arguments)
            self.assertEqual(set(found), {"frames", "times"})
            self.assertShape(found["frames"], (8, 2, 16, 16, 3))
            self.assertAllClose(found["times"], [[0.0, 0.04]] * 8)
            frames = levels(found["frames"])
            self.assertLessEqual(abs(frames.sum(axis=1) - 255).max(), 1)
            self.assertEqual(len({f.tobytes() for f in frames}), 8)

    def test_starts_at_any_frame(self):
        frames = [np.full((8, 8, 3), i, "uint8") for i in range(5)]
        times = [0.0, 0.1, 0.25, 0.3, 0.4]
        flows = [
            encode_flow(np.full((8, 8, 2), i, "float32")) for i in range(4)
        ]
        records = self.write("clips", [clip_record(frames, times, flows)])
        found = self.clips(records, 3, 8, flow=True, count=40, flip=False)
        starts = levels(found["frames"])[:, 0, 0, 0, 0]
        self.assertEqual(set(starts), {0, 1, 2})
        for i, start in enumerate(starts):
            self.assertAllClose(found["times"][i], times[start : start + 3])
            self.assertAllEqual(
                levels(found["frames"])[i, :, 0, 0, 0], start + np.arange(3)
            )
        # The first flow is 0 everywhere; the others lead out of the crop.
        flow = found["flow"][starts == 0][:, :, 0, 0, 0]
        self.assertAllClose(flow, np.tile([[0.0, 1.0]], (len(flow), 1)))

    def test_flow_leads_to_the_same_thing(self):
        records = self.write_moving()
        for arguments in (
            {},
            {"zoom": (0.5, 1.0)},
            {"zoom": (1.5, 2.0)},
        ):
            found = self.clips(records, 4, flow=True, **arguments)
            self.assertShape(found["flow"], (8, 3, 24, 24, 2))
            self.assertShape(found["valid"], (8, 3, 24, 24))
            self.assertDType(found["flow"], "float32")
            self.assertDType(found["valid"], "bool")
            self.assertGreater(found["valid"].mean(), 0.5)
            for frames, flow, valid in zip(
                levels(found["frames"]), found["flow"], found["valid"]
            ):
                for t in range(3):
                    error = abs(warped(frames[t + 1], flow[t]) - frames[t])
                    self.assertLess(error[valid[t]].mean(), 2.0)
                    self.assertLess(np.median(error[valid[t]]), 2.0)
                    self.assertAllEqual(flow[t][~valid[t]], 0.0)

    def test_flow_by_hand(self):
        records = self.write_moving()
        found = self.clips(records, 2, flow=True, zoom=(0.5, 0.5))
        signs = set()
        for flow, valid in zip(found["flow"][:, 0], found["valid"][:, 0]):
            (vector,) = {tuple(v) for v in flow[valid].round(4).tolist()}
            # Half as large; mirrored, x is the other way round.
            self.assertEqual(np.abs(vector).tolist(), [1.5, 1.0])
            self.assertEqual(vector[1], -1.0)
            signs.add(np.sign(vector[0]))
            # One row and one column lead out of the crop.
            self.assertEqual(valid.sum(), 23 * 23)
        self.assertEqual(signs, {-1.0, 1.0})

    def test_errors(self):
        frames = [photos(8, 8, 3)] * 3
        records = self.write("clips", [clip_record(frames, [0.0, 1.0, 2.0])])
        with self.assertRaisesRegex(
            ValueError, "`num_frames` must be at most 3, .*num_frames=4"
        ):
            self.clips(records, 4)
        with self.assertRaisesRegex(ValueError, "Received: num_frames=0"):
            self.clips(records, 0)
        with self.assertRaisesRegex(ValueError, "have no optical flow"):
            self.clips(records, 2, flow=True)
        with self.assertRaisesRegex(ValueError, "must hold clips"):
            self.clips(self.write_noise("photos"), 2)
