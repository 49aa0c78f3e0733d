import io

import cv2
import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.optical_flow import decode_flow
from keras_comic.data.optical_flow import encode_flow
from keras_comic.data.optical_flow import flow_validity
from keras_comic.data.optical_flow import optical_flow
from keras_comic.data.optical_flow import warp_image
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import shared

CLIPS = SHARED / "data" / "clips"


def texture(height=96, width=128, seed=0):
    """Noise with detail of 2 to 8 pixels."""
    generator = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for scale in (2, 4, 8):
        noise = generator.normal(size=(height, width, 3))
        total += cv2.GaussianBlur(noise, (0, 0), scale) * scale
    total = 127 + 110 * total / np.abs(total).max()
    return np.round(total).astype("uint8")


def constant_flow(shape, x, y):
    return np.full((*shape[:2], 2), (x, y), "float32")


def decode(encoded):
    return [value.numpy() for value in decode_flow(encoded)]


class OpticalFlowTest(TestCase, parameterized.TestCase):
    @parameterized.parameters((3, 0), (0, -4), (-5, 2), (7, 6))
    def test_shift_by_whole_pixels(self, x, y):
        # What is at (x, y) of the first is at (x, y) + shift of the second.
        picture = texture(128, 160)
        first = picture[16:112, 16:144]
        second = picture[16 - y : 112 - y, 16 - x : 144 - x]
        flow = optical_flow(first, second)
        self.assertShape(flow, (96, 128, 2))
        self.assertDType(flow, "float32")
        inner = flow[24:-24, 24:-24]
        self.assertLess(np.abs(inner - (x, y)).max(), 0.1)
        difference = warp_image(second, flow).astype("float64") - first
        self.assertLess(np.abs(difference[24:-24, 24:-24]).max(), 4)

    def test_errors(self):
        picture = photos(16, 16, 3)
        with self.assertRaisesRegex(
            ValueError, "same shape.*Received: first.s"
        ):
            optical_flow(picture, photos(16, 17, 3))


class WarpImageTest(TestCase, parameterized.TestCase):
    def test_by_hand(self):
        image = np.array([[0.0, 10.0, 20.0], [30.0, 40.0, 50.0]], "float32")
        flow = np.zeros((2, 3, 2), "float32")
        flow[0, 0] = (0.5, 0.0)
        flow[0, 1] = (0.25, 0.5)
        flow[1, 0] = (-4.0, 0.0)
        flow[1, 2] = (9.0, -0.5)
        expected = [[5.0, 27.5, 20.0], [30.0, 40.0, 35.0]]
        self.assertAllClose(warp_image(image, flow), expected)


class FlowValidityTest(TestCase):
    def test_consistent_flow(self):
        shape = (12, 16)
        valid = flow_validity(
            constant_flow(shape, 3, -2), constant_flow(shape, -3, 2)
        )
        expected = np.zeros(shape, bool)
        expected[2:, :-3] = True
        self.assertAllEqual(valid, expected)

    def test_thresholds_of_the_way_back(self):
        # |w + w'|^2 = e^2 against 0.01 (|w|^2 + |w'|^2) + 0.5.
        shape = (8, 64)
        for error, expected in ((0.8, True), (0.9, False)):
            valid = flow_validity(
                constant_flow(shape, 4.0, 0.0),
                constant_flow(shape, -4.0 + error, 0.0),
            )
            bound = 0.01 * (16 + (4 - error) ** 2) + 0.5
            self.assertEqual(error**2 <= bound, expected)
            self.assertAllEqual(valid[:, :60], np.full((8, 60), expected))

    def test_thresholds_of_boundaries(self):
        # A flow whose gradient is g everywhere, and its exact inverse.
        columns = np.arange(33, dtype="float32") - 16
        for gradient, expected in ((0.04, True), (0.05, False)):
            forward = np.zeros((8, 33, 2), "float32")
            backward = np.zeros((8, 33, 2), "float32")
            forward[..., 0] = -gradient * columns
            backward[..., 0] = columns / (1 - gradient) - columns
            valid = flow_validity(forward, backward)
            # Where the flow is zero, the bound is 0.002.
            self.assertEqual(gradient**2 <= 0.002, expected)
            self.assertAllEqual(valid[:, 16], np.full(8, expected))

    def test_occlusion_by_a_moving_square(self):
        background = texture(64, 96, seed=0)
        square = texture(24, 24, seed=1)
        first, second = background.copy(), background.copy()
        first[20:44, 30:54] = square
        second[20:44, 38:62] = square
        forward = optical_flow(first, second)
        backward = optical_flow(second, first)
        valid = flow_validity(forward, backward)
        # Covered by the square in the second picture.
        self.assertLess(valid[24:40, 56:60].mean(), 0.2)
        self.assertGreater(valid[26:38, 36:48].mean(), 0.95)
        self.assertGreater(valid[8:56, 72:90].mean(), 0.95)
        error = np.abs(warp_image(second, forward).astype("float64") - first)
        self.assertLess(error[valid].mean(), 2)
        self.assertGreater(error[~valid].mean(), 5 * error[valid].mean())


class EncodeFlowTest(TestCase, parameterized.TestCase):
    def random_flow(self, height=20, width=31, scale=100.0):
        generator = np.random.default_rng(0)
        flow = generator.normal(scale=scale, size=(height, width, 2))
        valid = generator.uniform(size=(height, width)) < 0.7
        return flow.astype("float32"), valid

    def test_round_trip(self):
        flow, valid = self.random_flow()
        encoded = encode_flow(flow, valid)
        self.assertEqual(encoded, encode_flow(flow.copy(), valid.copy()))
        decoded, decoded_valid = decode(encoded)
        self.assertDType(decoded, "float32")
        self.assertDType(decoded_valid, "bool")
        self.assertLessEqual(np.abs(decoded - flow).max(), 1 / 128)
        self.assertAllEqual(decoded_valid, valid)
        # What has been stored once stays as it is.
        self.assertEqual(encode_flow(decoded, decoded_valid), encoded)
        self.assertTrue(decode(encode_flow(flow))[1].all())

    def test_layout_of_kitti(self):
        # Read by Pillow, which gives the upper 8 bits of each channel, and by
        # OpenCV, whose order is blue, green, red.
        flow = constant_flow((4, 5), 4.0, -8.0)
        valid = np.eye(4, 5, dtype=bool)
        encoded = encode_flow(flow, valid)
        image = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        self.assertAllEqual(image[..., 0], np.full((4, 5), 129))
        self.assertAllEqual(image[..., 1], np.full((4, 5), 126))
        pixels = cv2.imdecode(
            np.frombuffer(encoded, "uint8"), cv2.IMREAD_UNCHANGED
        )
        self.assertAllEqual(pixels[..., 0], valid)
        self.assertAllEqual(
            pixels[..., 2], np.full((4, 5), 4 * 64 + 2**15, "uint16")
        )

    def test_range(self):
        values = [-512, 512 - 1 / 64, -513, 512, np.nan, np.inf, -np.inf]
        flow = np.zeros((1, 7, 2), "float32")
        flow[0, :, 0] = values
        decoded, valid = decode(encode_flow(flow))
        self.assertAllEqual(valid[0], [True, True] + [False] * 5)
        self.assertAllEqual(decoded[0, :2, 0], values[:2])
        self.assertAllEqual(decoded[..., 1], np.zeros((1, 7)))


@shared
class SharedClipsTest(TestCase):
    def test_flow_explains_a_moving_camera(self):
        from keras_comic.data.video_frames import read_clips

        clip = next(read_clips(CLIPS / "interior_pan.mp4", 2, step=3))
        first, second = clip.frames
        forward = optical_flow(first, second)
        valid = flow_validity(forward, optical_flow(second, first))
        before = np.abs(second.astype("float64") - first)
        after = np.abs(warp_image(second, forward).astype("float64") - first)
        self.assertGreater(valid.mean(), 0.6)
        self.assertLess(after[valid].mean(), 0.5 * before[valid].mean())
