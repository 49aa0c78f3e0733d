import math

import numpy as np
from keras import ops

from keras_comic.losses import temporal
from tests.test_case import TestCase
from tests.test_case import noise


def still(batch, frames, height, width):
    return np.zeros((batch, frames, height, width, 2), "float32")


def colored(values, shape=(2, 2)):
    """A clip of one sample whose frames are of one value each."""
    frames = [np.full((*shape, 3), value, "float32") for value in values]
    return np.stack(frames)[None]


def of_clips(loss):
    """The loss, with a gradient (of zeros) by the source."""
    return lambda comics, clips, flow: (
        loss(comics, clips, flow) + 0.0 * ops.sum(ops.cast(clips, "float32"))
    )


class PhotometricWeightsTest(TestCase):
    def test_by_hand(self):
        frames = np.zeros((1, 1, 3, 3), "float32")
        warped = frames.copy()
        # A difference of 0.2 in [-1, 1] is one of 0.1 in [0, 1].
        warped[0, 0, 1, 0] = 0.2
        warped[0, 0, 2] = 0.2
        weights = temporal.photometric_weights(frames, warped)
        self.assertShape(weights, (1, 1, 3, 1))
        self.assertAllClose(
            self.numpy(weights).ravel(),
            [1.0, math.exp(-50 * 0.01), math.exp(-50 * 0.03)],
        )
        weights = temporal.photometric_weights(frames, warped, alpha=0.0)
        self.assertAllEqual(weights, np.ones((1, 1, 3, 1)))


class WarpingLossTest(TestCase):
    def test_by_hand(self):
        # Two samples of 1x2 pixels, one channel; the second moves: its left
        # pixel was the right one.
        comics = np.float32([[1.0, 3.0], [5.0, 2.0]]).reshape(2, 1, 2, 1)
        earlier = np.float32([[0.5, 1.0], [9.0, 4.0]]).reshape(2, 1, 2, 1)
        flow = np.zeros((2, 1, 2, 2), "float32")
        flow[1, 0, 0, 0] = 1.0
        weights = np.float32([[1.0, 0.5], [0.25, 1.0]]).reshape(2, 1, 2, 1)
        # (0.5 + 0.5 * 2) / 2; (0.25 * |5 - 4| + |2 - 4|) / 2.
        self.run_loss_test(
            temporal.warping_loss,
            (comics, earlier, flow, weights),
            [0.75, 1.125],
        )
        # (0.25 + 0.5 * 4) / 2; (0.25 * 1 + 4) / 2.
        self.assertAllClose(
            temporal.warping_loss(comics, earlier, flow, weights, norm="l2"),
            [1.125, 2.125],
        )

    def test_errors(self):
        pixels, flow = noise(1, 2, 2, 3), np.zeros((1, 2, 2, 2), "float32")
        with self.assertRaisesRegex(ValueError, "Received: norm='l3'"):
            temporal.warping_loss(pixels, pixels, flow, 1.0, norm="l3")
        with self.assertRaisesRegex(ValueError, "earlier_comics.shape"):
            temporal.warping_loss(pixels, noise(1, 2, 3, 3), flow, 1.0)


class ShortTermWarpingLossTest(TestCase):
    def test_by_hand(self):
        clips = np.concatenate([colored([0.0, 0.0, 0.2])] * 2)
        comics = np.concatenate(
            [colored([0.1, 0.3, 0.7]), colored([0.5, 0.5, 0.5])]
        )
        # The photometric weight of the last frame is exp(-50 * 3 * 0.1^2).
        expected = (0.2 + math.exp(-1.5) * 0.4) / 2
        self.run_loss_test(
            of_clips(temporal.short_term_warping_loss),
            (comics, clips, still(2, 2, 2, 2)),
            [expected, 0.0],
        )

    def test_validity(self):
        clips = colored([0.0, 0.0, 0.0])
        comics = colored([0.0, 1.0, 3.0])
        valid = np.ones((1, 2, 2, 2), bool)
        valid[0, 0, 0] = False
        # Half of the first difference of 1, all of the second of 2.
        loss = temporal.short_term_warping_loss(
            comics, clips, still(1, 2, 2, 2), valid
        )
        self.assertAllClose(loss, [(0.5 + 2.0) / 2])
        loss = temporal.short_term_warping_loss(
            comics, clips, still(1, 2, 2, 2), valid, norm="l2"
        )
        self.assertAllClose(loss, [(0.5 + 4.0) / 2])

    def test_errors(self):
        clips = colored([0.0, 0.0])
        with self.assertRaisesRegex(
            ValueError, r"at least 3 frames.*flow.shape=\(1, 1, 2, 2, 2\)"
        ):
            temporal.long_term_warping_loss(clips, clips, still(1, 1, 2, 2))
        with self.assertRaisesRegex(ValueError, "at least 2 frames"):
            temporal.short_term_warping_loss(clips, clips, still(1, 2, 2, 2))


class LongTermWarpingLossTest(TestCase):
    def test_by_hand(self):
        clips = np.concatenate([colored([0.0, 0.0, 0.2, 0.0])] * 2)
        comics = np.concatenate(
            [colored([0.1, 0.3, 0.7, 0.2]), colored([0.5] * 4)]
        )
        # Frames 2 and 3 against frame 0; frame 1 is left to the short term.
        expected = (math.exp(-1.5) * 0.6 + 0.1) / 2
        self.run_loss_test(
            of_clips(temporal.long_term_warping_loss),
            (comics, clips, still(2, 3, 2, 2)),
            [expected, 0.0],
        )


class ChainedFlowsTest(TestCase):
    def test_flow_and_validity(self):
        # One row of four pixels, all moving by one: from x to x - 1.
        flow = still(1, 2, 1, 4)
        flow[..., 0] = -1.0
        (first, mask), (second, both) = temporal.chained_flows(flow)
        self.assertAllClose(self.numpy(first)[0, 0, :, 0], [-1.0] * 4)
        self.assertAllClose(self.numpy(second)[0, 0, :, 0], [-2.0] * 4)
        # One column came from outside, then two.
        self.assertAllEqual(self.numpy(mask).ravel(), [0.0, 1.0, 1.0, 1.0])
        self.assertAllEqual(self.numpy(both).ravel(), [0.0, 0.0, 1.0, 1.0])
        valid = np.ones((1, 2, 1, 4), bool)
        # What is at 3 in the last frame was at 2 in the middle one.
        valid[0, 0, 0, 2] = False
        _, (_, both) = temporal.chained_flows(flow, valid)
        self.assertAllEqual(self.numpy(both).ravel(), [0.0, 0.0, 1.0, 0.0])
