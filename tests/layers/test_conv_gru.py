import numpy as np

from keras_comic.layers.conv_gru import ConvGRUCell
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def shifted(x, y, *shape):
    return np.tile(np.float32([x, y]), (*shape, 1))


class ConvGRUCellTest(TestCase):
    def test_layer(self):
        self.run_layer_test(
            ConvGRUCell,
            {"filters": 3, "kernel_size": 3},
            (noise(2, 8, 6, 4), noise(2, 8, 6, 3, seed=1)),
            (2, 8, 6, 3),
            odd_inputs=(noise(1, 5, 7, 4), noise(1, 5, 7, 3)),
            odd_shape=(1, 5, 7, 3),
            num_trainable=4,
        )

    def test_the_equations(self):
        # One channel, kernels of one pixel: numbers for a pocket calculator.
        cell = ConvGRUCell(1, kernel_size=1)
        cell.build((None, None, None, 1))
        cell.set_weights(
            [
                # From the input and the state, to update and reset.
                np.float32([[1.0, -1.0], [0.5, 2.0]]).reshape(1, 1, 2, 2),
                np.float32([0.1, -0.2]),
                np.float32([0.7, -0.4]).reshape(1, 1, 2, 1),
                np.float32([0.3]),
            ]
        )
        x, h = 0.8, -0.6
        update = sigmoid(1.0 * x + 0.5 * h + 0.1)
        reset = sigmoid(-1.0 * x + 2.0 * h - 0.2)
        candidate = np.tanh(0.7 * x - 0.4 * reset * h + 0.3)
        expected = (1.0 - update) * h + update * candidate
        self.assertAllClose(
            cell(
                np.full((1, 1, 1, 1), x, "float32"),
                np.full((1, 1, 1, 1), h, "float32"),
            ),
            np.full((1, 1, 1, 1), expected),
            1e-5,
        )
        # Without a state it is zero.
        expected = sigmoid(x + 0.1) * np.tanh(0.7 * x + 0.3)
        self.assertAllClose(
            cell(np.full((1, 1, 1, 1), x, "float32")),
            np.full((1, 1, 1, 1), expected),
            1e-5,
        )

    def test_no_state_is_zeros(self):
        cell = ConvGRUCell(3)
        inputs = noise(2, 6, 7, 4)
        zeros = np.zeros((2, 6, 7, 3), "float32")
        self.assertAllEqual(cell(inputs), cell(inputs, zeros))
        # Which stay zeros wherever they are moved to.
        flow = 3.0 * noise(2, 6, 7, 2)
        self.assertAllClose(cell(inputs, zeros, flow), cell(inputs))

    def test_the_state_moves_with_the_scene(self):
        cell = ConvGRUCell(3)
        inputs, state = noise(1, 12, 12, 4), noise(1, 12, 12, 3, seed=1)
        expected = self.numpy(cell(inputs, state))
        # The scene moves by 2 to the left and 1 down: what is at (x, y) now
        # was at (x + 2, y - 1).
        moved = np.roll(inputs, (1, -2), axis=(1, 2))
        found = cell(moved, state, shifted(2.0, -1.0, 1, 12, 12))
        inner = np.s_[:, 4:-4, 4:-4]
        self.assertAllClose(
            self.numpy(found)[inner],
            np.roll(expected, (1, -2), axis=(1, 2))[inner],
            1e-5,
        )
        without = cell(moved, state)
        self.assertNotAllClose(self.numpy(without)[inner], found[inner], 1e-2)

    def test_a_state_stays_bounded(self):
        cell = ConvGRUCell(2)
        inputs = 50.0 * noise(1, 6, 6, 3)
        state = None
        for _ in range(20):
            state = cell(inputs, state)
        self.assertLessEqual(np.abs(self.numpy(state)).max(), 1.0)

    def test_gradients_reach_state_and_flow(self):
        cell = ConvGRUCell(3)
        inputs, state = noise(1, 6, 6, 2), noise(1, 6, 6, 3, seed=1)
        flow = 0.4 * noise(1, 6, 6, 2, seed=2)
        cell(inputs)
        for function, start in (
            (lambda s: cell(inputs, s, flow), state),
            (lambda f: cell(inputs, state, f), flow),
        ):
            gradient = input_gradient(function, start)
            self.assertFinite(gradient)
            self.assertGreater(np.abs(gradient).max(), 0.0)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "kernel_size=4"):
            ConvGRUCell(2, kernel_size=4)
        with self.assertRaisesRegex(ValueError, "filters=0"):
            ConvGRUCell(0)
