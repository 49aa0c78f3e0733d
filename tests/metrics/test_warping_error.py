import numpy as np
from absl.testing import parameterized

from keras_comic.metrics.warping_error import WarpingError
from keras_comic.metrics.warping_error import warp_back
from tests.test_case import TestCase
from tests.test_case import noise


def warp_by_numpy(image, flow):
    """One channel-last picture at its grid plus a flow, pixel by pixel."""
    height, width = image.shape[:2]
    warped = np.zeros(image.shape)
    for y in range(height):
        for x in range(width):
            column = min(max(x + float(flow[y, x, 0]), 0), width - 1)
            row = min(max(y + float(flow[y, x, 1]), 0), height - 1)
            left, top = int(column), int(row)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            across, down = column - left, row - top
            warped[y, x] = (
                (1 - down) * (1 - across) * image[top, left]
                + (1 - down) * across * image[top, right]
                + down * (1 - across) * image[bottom, left]
                + down * across * image[bottom, right]
            )
    return warped


def by_numpy(frame, next_frame, flow, valid):
    """The published code's arithmetic for one pair, in double precision."""
    frame, next_frame = (
        (f.astype("float64") + 1) / 2 for f in (frame, next_frame)
    )
    mask = np.repeat(valid[..., None], 3, axis=-1).astype("float64")
    difference = (warp_by_numpy(next_frame, flow) - frame) * mask
    count = mask.sum()
    if count == 0:
        count = difference.size
    return (difference**2).sum() / count


class WarpingErrorTest(TestCase, parameterized.TestCase):
    def example(self, batch=3, seed=0):
        frames, next_frames = noise(2, batch, 9, 11, 3, seed=seed)
        flow = 4 * noise(batch, 9, 11, 2, seed=seed + 1)
        valid = noise(batch, 9, 11, seed=seed + 2) > -0.3
        return frames, next_frames, flow, valid

    def test_by_hand(self):
        # Black, then white, of which two thirds are valid: (1 - 0)^2.
        frames = np.full((1, 2, 3, 3), -1.0, "float32")
        valid = np.ones((1, 2, 3), bool)
        valid[..., 0] = False
        still = np.zeros((1, 2, 3, 2), "float32")
        metric = WarpingError()
        metric.update_state(frames, -frames, still, valid)
        self.assertEqual(float(metric.result()), 1.0)
        # One channel of one of four valid pixels by half of the range.
        changed = frames.copy()
        changed[0, 1, 2, 0] = 0.0
        metric.reset_state()
        metric.update_state(frames, changed, still, valid)
        self.assertAllClose(metric.result(), 0.5**2 / (4 * 3))

    def test_by_numpy(self):
        metric = WarpingError()
        expected = []
        for seed in (0, 10):
            arrays = self.example(seed=seed)
            metric.update_state(*arrays)
            expected += [by_numpy(*pair) for pair in zip(*arrays)]
        self.assertAllClose(metric.result(), np.mean(expected), rtol=1e-4)
        self.assertAllClose(metric.report().value, np.mean(expected), rtol=1e-4)

    def test_nothing_valid(self):
        # As in the published code, such a pair counts, as 0.
        frames, next_frames, flow, valid = self.example(2)
        valid[0] = False
        metric = WarpingError()
        metric.update_state(frames, next_frames, flow, valid)
        expected = by_numpy(frames[1], next_frames[1], flow[1], valid[1]) / 2
        self.assertAllClose(metric.result(), expected, rtol=1e-4)

    def test_known_motion(self):
        # A thing that moves by the flow has no error; one that stays has.
        frames = noise(1, 8, 8, 3)
        moved = np.roll(frames, (2, 1), axis=(1, 2))
        flow = np.tile(np.float32([1, 2]), (1, 8, 8, 1))
        valid = np.zeros((1, 8, 8), bool)
        valid[:, :-2, :-1] = True
        metric = WarpingError()
        metric.update_state(frames, moved, flow, valid)
        self.assertEqual(float(metric.result()), 0.0)
        metric.reset_state()
        metric.update_state(frames, frames, flow, valid)
        self.assertGreater(float(metric.result()), 0.1)

    def test_not_a_number_where_not_valid(self):
        frames, next_frames, flow, valid = self.example(1)
        frames[0][~valid[0]] = np.nan
        metric = WarpingError()
        metric.update_state(frames, next_frames, flow, valid)
        self.assertFinite(metric.result())

    def test_protocol(self):
        stated = {"resize": "none", "crop": "none"}
        metrics = [WarpingError("DIS", 1, stated), WarpingError("known", 1)]
        for metric in metrics:
            metric.update_state(*self.example())
        first, second = (metric.report() for metric in metrics)
        facts = {"metric": "WarpingError", "flow": "DIS", "frames_apart": 1}
        self.assertEqual(first.protocol, {**facts, "pairs": 3, **stated})
        with self.assertRaisesRegex(ValueError, "flow .known, DIS."):
            second - first

    def test_errors(self):
        frames, next_frames, flow, valid = self.example()
        metric = WarpingError()
        for arrays, error, message in (
            ((frames, next_frames[:, :5], flow), ValueError, "one shape"),
            ((frames, next_frames, flow[..., :1]), ValueError, "`flow` of"),
            (
                (frames, next_frames, flow, valid[:, :4]),
                ValueError,
                r"`valid` must be boolean.*\(3, 4, 11\)",
            ),
            (
                (frames, next_frames, flow, valid.astype("float32")),
                ValueError,
                "`valid` must be boolean.*float32",
            ),
            (
                ((frames * 9).astype("uint8"), next_frames, flow),
                TypeError,
                "float dtype",
            ),
        ):
            with self.assertRaisesRegex(error, message):
                metric.update_state(*arrays)

    def test_warp_back(self):
        frames, next_frames, flow, valid = self.example(1)
        warped = self.numpy(warp_back(frames, next_frames, flow, valid))
        expected = warp_by_numpy(next_frames[0], flow[0])
        self.assertAllClose(warped[0][valid[0]], expected[valid[0]], atol=1e-5)
        self.assertAllEqual(warped[0][~valid[0]], frames[0][~valid[0]])
        warped = warp_back(frames, next_frames, flow)
        self.assertAllClose(warped[0], expected, atol=1e-5)
