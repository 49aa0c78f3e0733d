import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_comic.data import synthetic_motion
from keras_comic.data.optical_flow import warp_image
from keras_comic.data.synthetic_motion import random_motion
from keras_comic.data.synthetic_motion import synthetic_flow
from tests.test_case import TestCase
from tests.test_case import noise

PARTS = ("max_shift", "max_affine", "max_deformation")


def only(**arguments):
    return {**dict.fromkeys(PARTS, 0.0), **arguments}


def numpy_flow(shape, seed, **arguments):
    return synthetic_flow(shape, seed, **arguments)


def graph_flow(shape, seed, **arguments):
    images = np.zeros((*shape, 1), "float32")
    return random_motion(images, seed, **arguments)[1].numpy()


class FlowTest(TestCase, parameterized.TestCase):
    """What holds of both kinds of random flow."""

    @parameterized.product(
        flow_of=(numpy_flow, graph_flow), shape=((33, 48), (1, 7), (1, 1))
    )
    def test_shape_and_seed(self, flow_of, shape):
        flow = flow_of(shape, 1)
        self.assertShape(flow, (*shape, 2))
        self.assertDType(flow, "float32")
        self.assertFinite(flow)
        self.assertAllEqual(flow, flow_of(shape, 1))
        self.assertNotAllClose(flow, flow_of(shape, 2), atol=1e-3)

    @parameterized.product(
        flow_of=(numpy_flow, graph_flow),
        part=PARTS,
        cell_size=(4, 100),
    )
    def test_each_part_is_bounded(self, flow_of, part, cell_size):
        flows = [
            flow_of((24, 32), seed, cell_size=cell_size, **only(**{part: 3.0}))
            for seed in range(20)
        ]
        largest = np.abs(flows).max()
        self.assertLessEqual(largest, 3.0001)
        self.assertGreater(largest, 1.2)
        # To the left and up as often as to the right and down.
        self.assertLess(np.abs(np.mean(flows)), 1.0)

    @parameterized.parameters(numpy_flow, graph_flow)
    def test_all_parts(self, flow_of):
        self.assertAllEqual(
            flow_of((9, 8), 0, **only()), np.zeros((9, 8, 2), "float32")
        )
        together = flow_of((24, 32), 5, cell_size=10)
        parts = [
            flow_of((24, 32), 5, cell_size=10, **only(**{part: limit}))
            for part, limit in zip(PARTS, (10.0, 4.0, 8.0), strict=True)
        ]
        self.assertAllClose(together, sum(parts), atol=1e-5)

    @parameterized.parameters(numpy_flow, graph_flow)
    def test_shift_is_constant(self, flow_of):
        flow = flow_of((9, 8), 3, **only(max_shift=5.0))
        self.assertAllClose(flow, np.broadcast_to(flow[0, 0], (9, 8, 2)))

    @parameterized.parameters(numpy_flow, graph_flow)
    def test_affine_part_is_affine_about_the_centre(self, flow_of):
        flow = flow_of((9, 15), 3, **only(max_affine=5.0))
        self.assertAllClose(flow[4, 7], [0.0, 0.0], atol=1e-6)
        for axis in (0, 1):
            steps = np.diff(flow, axis=axis)
            first = np.take(steps, [0], axis=axis)
            self.assertAllClose(
                steps, np.broadcast_to(first, steps.shape), atol=1e-5
            )
        self.assertNotAllClose(flow[0, 0], flow[0, -1], atol=0.1)

    @parameterized.parameters(numpy_flow, graph_flow)
    def test_deformation_is_smooth(self, flow_of):
        for seed in range(5):
            flow = flow_of(
                (50, 60), seed, cell_size=10, **only(max_deformation=6.0)
            )
            for axis in (0, 1):
                steps = np.diff(flow.astype("float64"), axis=axis)
                self.assertLessEqual(np.abs(steps).max(), 2 * 6 / 10)
                # Second derivative of the spline: 4 times the largest value
                # by the square of the spacing.
                bends = np.diff(steps, axis=axis)
                self.assertLessEqual(np.abs(bends).max(), 4 * 6 / 10**2 + 1e-5)
            self.assertGreater(flow.std(), 0.5)

    def test_both_agree_on_the_spline(self):
        for size, cell_size in ((1, 5), (2, 1), (31, 10), (101, 100), (64, 7)):
            weights = synthetic_motion._spline_weights(size, cell_size)
            self.assertAllClose(weights.sum(axis=1), np.ones(size))
            self.assertGreaterEqual(weights.min(), 0.0)
            in_graph = synthetic_motion._tf_spline_weights(
                tf.constant(size), cell_size
            )
            self.assertShape(in_graph, weights.shape)
            self.assertAllClose(in_graph, weights, atol=2e-6)
        # At a control point: 1/6, 2/3, 1/6.
        weights = synthetic_motion._spline_weights(11, 5)[5]
        self.assertAllClose(weights, [0, 1 / 6, 2 / 3, 1 / 6, 0])

    def test_errors(self):
        for part in PARTS:
            for value in (-1.0, float("nan")):
                for flow_of in (numpy_flow, graph_flow):
                    with self.assertRaisesRegex(
                        ValueError, f"`{part}` must.*Received: {part}={value}"
                    ):
                        flow_of((8, 8), 0, **{part: value})
        with self.assertRaisesRegex(ValueError, "`cell_size` must.*=0"):
            synthetic_flow((8, 8), 0, cell_size=0)


class RandomMotionTest(TestCase, parameterized.TestCase):
    limits = dict(max_shift=4.0, max_affine=2.0, max_deformation=3.0)

    @parameterized.parameters(((30, 41, 3),), ((1, 9, 1),), ((16, 16, 4),))
    def test_flow_explains_the_moved_picture(self, shape):
        image = noise(*shape)
        moved, flow, valid = random_motion(
            image, seed=3, cell_size=12, **self.limits
        )
        self.assertAllClose(moved, warp_image(image, flow.numpy()), atol=1e-5)
        self.assertNotAllClose(moved, image, atol=0.1)
        height, width = shape[:2]
        columns = np.arange(width) + flow[..., 0].numpy()
        rows = np.arange(height)[:, None] + flow[..., 1].numpy()
        inside = (columns >= 0) & (columns <= width - 1)
        inside &= (rows >= 0) & (rows <= height - 1)
        self.assertAllEqual(valid, inside)
        self.assertDType(valid, "bool")

    def test_direction(self):
        # A shift alone: a bright pixel stands where its flow leads to it.
        image = np.zeros((41, 41, 1), "float32")
        image[20, 20] = 1.0
        moved, flow, _ = random_motion(image, 1, **only(max_shift=5.0))
        weights = moved.numpy()[..., 0]
        rows, columns = np.mgrid[:41, :41]
        centre = [(weights * columns).sum(), (weights * rows).sum()]
        self.assertAllClose(weights.sum(), 1.0, atol=1e-5)
        self.assertAllClose(centre + flow[0, 0].numpy(), [20, 20], atol=1e-3)

    def test_optical_flow_agrees(self):
        from keras_comic.data.optical_flow import optical_flow
        from tests.data.test_optical_flow import texture

        image = texture(96, 112)
        moved, flow, _ = random_motion(image / np.float32(127.5) - 1, seed=2)
        moved = np.clip(np.rint((moved + 1) * 127.5), 0, 255).astype("uint8")
        found = optical_flow(moved, image)
        difference = np.abs(found - flow)[24:-24, 24:-24]
        self.assertLess(difference.mean(), 0.1)

    def test_batch(self):
        images = noise(3, 20, 24, 3)
        moved, flow, valid = random_motion(images, seed=4, **self.limits)
        self.assertShape(valid, (3, 20, 24))
        for k in range(3):
            expected = warp_image(images[k], flow[k].numpy())
            self.assertAllClose(moved[k], expected, atol=1e-5)
        self.assertNotAllClose(flow[0], flow[1], atol=0.1)
        single = random_motion(images[0], seed=4, **self.limits)
        alone = random_motion(images[:1], seed=4, **self.limits)
        for one, batch in zip(single, alone, strict=True):
            self.assertAllEqual(one, batch[0])

    @parameterized.parameters(((20, 24, 3),), ((2, 20, 24, 3),))
    def test_in_a_dataset(self, shape):
        arguments = dict(max_noise=0.1, cell_size=8, **self.limits)
        images = noise(5, *shape)

        def move(number, image):
            return random_motion(image, [7, number], **arguments)

        dataset = tf.data.Dataset.from_tensor_slices(images).enumerate()
        specs = dataset.map(move).element_spec
        self.assertEqual(
            [tuple(spec.shape) for spec in specs],
            [shape, (*shape[:-1], 2), shape[:-1]],
        )
        unknown = [None] * (len(shape) - 1) + [3]
        varying = dataset.map(lambda k, i: (k, tf.ensure_shape(i, unknown)))
        for source in (dataset, varying):
            for calls in (1, 4):
                found = source.map(move, num_parallel_calls=calls)
                for k, values in enumerate(found):
                    expected = random_motion(images[k], (7, k), **arguments)
                    for value, other in zip(values, expected, strict=True):
                        self.assertAllClose(
                            tf.cast(value, "float32"),
                            tf.cast(other, "float32"),
                            atol=1e-5,
                        )

    def test_unknown_shape(self):
        function = tf.function(
            lambda images: random_motion(images, 1),
            input_signature=[tf.TensorSpec((None, None, None, None))],
        )
        images = noise(2, 9, 8, 3)
        for value, other in zip(
            function(images), random_motion(images, 1), strict=True
        ):
            self.assertAllClose(
                tf.cast(value, "float32"), tf.cast(other, "float32"), atol=1e-5
            )

    def test_seeds(self):
        image = noise(12, 12, 3)
        flows = [
            random_motion(image, seed)[1].numpy().tobytes()
            for seed in (0, 1, 2**40, -1, (0, 1), (1, 1), (0, 2))
        ]
        self.assertLen(set(flows), 7)
        for seed in (1, (1, 0), np.int32(1), tf.constant([1, 0])):
            flow = random_motion(image, seed)[1].numpy().tobytes()
            self.assertEqual(flow, flows[1])

    def test_noise(self):
        images = np.zeros((40, 16, 16, 3), "float32")
        moved, flow, _ = random_motion(images, seed=1, max_noise=0.2)
        _, without, _ = random_motion(images, seed=1)
        self.assertAllEqual(flow, without)
        deviations = moved.numpy().std(axis=(1, 2, 3))
        self.assertGreater(deviations.min(), 0.09)
        self.assertLess(deviations.max(), 0.22)
        self.assertGreater(deviations.max() - deviations.min(), 0.05)
        self.assertLess(np.abs(moved.numpy().mean()), 0.01)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`images` must.*dtype=uint8"):
            random_motion(np.zeros((8, 8, 3), "uint8"), 0)
        with self.assertRaisesRegex(
            ValueError, r"`images` must.*shape=\(8, 8\)"
        ):
            random_motion(np.zeros((8, 8), "float32"), 0)
        with self.assertRaisesRegex(ValueError, "`max_noise` must.*=-1"):
            random_motion(noise(8, 8, 3), 0, max_noise=-1)
