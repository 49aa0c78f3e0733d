import numpy as np
from keras import ops

from keras_comic.layers.random_transforms import compose
from keras_comic.layers.random_transforms import matrix_of
from keras_comic.layers.random_transforms import transform_colors
from keras_comic.layers.random_transforms import transform_geometry
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise


def moves(*matrices):
    return np.asarray(matrices, "float32")


def shift(x, y):
    return [[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]


class TransformGeometryTest(TestCase):
    def test_identity(self):
        for shape in ((2, 8, 8, 3), (2, 7, 5, 3), (2, 1, 9, 1)):
            images = noise(*shape)
            found = transform_geometry(images, moves(shift(0, 0), shift(0, 0)))
            self.assertAllEqual(found, images)

    def test_whole_pixels_and_their_mirror_image(self):
        images = noise(2, 5, 8, 3)
        found = transform_geometry(images, moves(shift(2, 0), shift(0, -3)))
        padded = np.pad(
            images, ((0, 0), (3, 0), (0, 2), (0, 0)), mode="reflect"
        )
        self.assertAllEqual(found[0], padded[0, 3:, 2:])
        self.assertAllEqual(found[1], padded[1, :5, :8])

    def test_far_outside(self):
        images = noise(1, 4, 6, 2)
        # One period is 10 pixels wide.
        for x, expected in ((10, images), (20, images), (-10, images)):
            found = transform_geometry(images, moves(shift(x, 0)))
            self.assertAllClose(found, expected)

    def test_flip_and_turn(self):
        images = noise(1, 6, 6, 3)
        flip = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        found = transform_geometry(images, moves(flip))
        self.assertAllEqual(found, images[:, :, ::-1])
        turn = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
        found = transform_geometry(images, moves(turn))
        self.assertAllEqual(found, np.rot90(images, -1, axes=(1, 2)))

    def test_scipy_agrees(self):
        from scipy import ndimage

        image = noise(9, 12, 1)
        matrix = np.array([[0.9, 0.3, 1.7], [-0.2, 1.1, -0.6], [0.0, 0.0, 1.0]])
        found = transform_geometry(image[None], moves(matrix))
        y, x = np.mgrid[:9, :12].astype(float)
        places = matrix @ [
            (x - 5.5).ravel(),
            (y - 4.0).ravel(),
            np.ones(x.size),
        ]
        expected = ndimage.map_coordinates(
            image[..., 0].astype(float),
            [places[1] + 4.0, places[0] + 5.5],
            order=1,
            mode="mirror",
        )
        self.assertAllClose(
            self.numpy(found)[0, ..., 0], expected.reshape(9, 12), 1e-5
        )

    def test_gradient(self):
        images = noise(1, 5, 5, 1)
        weights = noise(1, 5, 5, 1, seed=1)
        matrix = moves(shift(0.25, 0.0))
        found = input_gradient(
            lambda x: (
                ops.convert_to_tensor(weights) * transform_geometry(x, matrix)
            ),
            images,
        )
        # Linear, so that differences are exact.
        for y, x in ((0, 0), (2, 3), (4, 4)):
            moved = np.zeros_like(images)
            moved[0, y, x] = 1.0
            expected = (
                weights * self.numpy(transform_geometry(moved, matrix))
            ).sum()
            self.assertAllClose(found[0, y, x, 0], expected)


class TransformColorsTest(TestCase):
    def test_identity(self):
        images = noise(2, 5, 7, 3)
        found = transform_colors(images, np.stack([np.eye(4, dtype="f4")] * 2))
        self.assertAllEqual(found, images)

    def test_numpy_agrees(self):
        images, matrices = noise(2, 5, 7, 3), noise(2, 4, 4, seed=1)
        matrices[:, 3] = (0.0, 0.0, 0.0, 1.0)
        ones = np.ones((2, 5, 7, 1), "float32")
        expected = np.einsum(
            "bij,bhwj->bhwi", matrices, np.concatenate([images, ones], -1)
        )
        self.assertAllClose(
            transform_colors(images, matrices), expected[..., :3], 1e-5
        )


class MatricesTest(TestCase):
    def test_compose(self):
        first, second = noise(3, 4, 4), noise(3, 4, 4, seed=1)
        self.assertAllClose(compose(first, second), first @ second, 1e-5)

    def test_matrix_of(self):
        found = matrix_of([[1.0, ops.convert_to_tensor([2.0, 3.0])], [0, 4]])
        self.assertAllEqual(
            found, [[[1.0, 2.0], [0.0, 4.0]], [[1.0, 3.0], [0.0, 4.0]]]
        )
