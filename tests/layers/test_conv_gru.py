import keras
import numpy as np
from keras import ops

from keras_comic.layers.conv_gru import ConvGRU
from keras_comic.layers.conv_gru import ConvGRUCell
from tests.test_case import MIXED_POLICIES
from tests.test_case import TestCase
from tests.test_case import compiled
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

    def test_layer_with_flow(self):
        self.run_layer_test(
            ConvGRUCell,
            {"filters": 3, "kernel_size": 5, "activation": "relu"},
            (
                noise(2, 8, 6, 4),
                noise(2, 8, 6, 3, seed=1),
                2.0 * noise(2, 8, 6, 2, seed=2),
            ),
            (2, 8, 6, 3),
            num_trainable=4,
        )

    def test_the_equations(self):
        # One channel, kernels of one pixel: numbers for a pocket calculator.
        cell = ConvGRUCell(1, kernel_size=1)
        cell.build((None, None, None, 1))
        cell.set_weights(
            [
                # Of the input and the state, to update and reset.
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
        )
        # Without a state it is zero.
        expected = sigmoid(x + 0.1) * np.tanh(0.7 * x + 0.3)
        self.assertAllClose(
            cell(np.full((1, 1, 1, 1), x, "float32")),
            np.full((1, 1, 1, 1), expected),
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

    def test_a_long_state_of_half_precision(self):
        # A state in float32 is taken as it is.
        for policy in MIXED_POLICIES:
            cell = ConvGRUCell(3, dtype=policy)
            state = cell(
                noise(1, 6, 6, 2), noise(1, 6, 6, 3), noise(1, 6, 6, 2)
            )
            self.assertDType(state, policy[len("mixed_") :])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "kernel_size=4"):
            ConvGRUCell(2, kernel_size=4)
        with self.assertRaisesRegex(ValueError, "filters=0"):
            ConvGRUCell(0)


class ConvGRUTest(TestCase):
    def test_layer(self):
        for sequences, shape in (
            (True, (2, 3, 6, 5, 3)),
            (False, (2, 6, 5, 3)),
        ):
            self.run_layer_test(
                ConvGRU,
                {"filters": 3, "return_sequences": sequences},
                (noise(2, 3, 6, 5, 4), noise(2, 2, 6, 5, 2, seed=1)),
                shape,
                num_trainable=4,
            )

    def test_the_cell_frame_by_frame(self):
        layer = ConvGRU(3)
        clips, flow = noise(2, 4, 6, 6, 2), 2.0 * noise(2, 3, 6, 6, 2, seed=1)
        for motion in (None, flow):
            states = self.numpy(layer(clips, motion))
            state = layer.cell(clips[:, 0])
            for i in range(4):
                if i:
                    step = None if motion is None else motion[:, i - 1]
                    state = layer.cell(clips[:, i], state, step)
                self.assertAllClose(states[:, i], state)
        last = ConvGRU(3, return_sequences=False)
        last(clips)
        last.set_weights(layer.get_weights())
        self.assertAllClose(last(clips, flow), states[:, -1])

    def test_any_size(self):
        clips = keras.Input((3, None, None, 2))
        model = keras.Model(clips, ConvGRU(4)(clips))
        self.assertEqual(model.output.shape, (None, 3, None, None, 4))
        self.assertShape(model(noise(1, 3, 9, 5, 2)), (1, 3, 9, 5, 4))

    def test_learns_to_remember(self):
        # The last frame is blank: its state must come from the first.
        keras.utils.set_random_seed(1)
        layer = ConvGRU(2, 1, return_sequences=False)
        clips = noise(8, 3, 4, 4, 2)
        clips[:, 1:] = 0.0
        target = 0.8 * clips[:, 0]
        model = keras.Sequential([keras.Input(clips.shape[1:]), layer])
        model.compile(keras.optimizers.Adam(0.05), "mse")
        for _ in range(150):
            model.train_on_batch(clips, target)
        error = self.numpy(ops.mean((layer(clips) - target) ** 2))
        self.assertLess(error, 0.3 * np.mean(target**2))

    def test_compiled(self):
        layer = ConvGRU(2)
        clips = noise(1, 3, 6, 6, 2)
        expected = layer(clips)
        self.assertAllClose(
            compiled(lambda x: layer(x))(clips), expected, atol=1e-6
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"Received: inputs.shape=\(1, 3, 4, 4, 2\), "
            r"flow.shape=\(1, 3, 4, 4, 2\)",
        ):
            ConvGRU(2)(noise(1, 3, 4, 4, 2), noise(1, 3, 4, 4, 2))
