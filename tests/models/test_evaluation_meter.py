from PIL import Image

from keras_comic.models.evaluation_meter import Squares
from tests.test_case import TestCase
from tests.test_case import photos


class SquaresTest(TestCase):
    def test_squares(self):
        folder = self.temporary_folder()
        picture = photos(32, 48, 3)
        Image.fromarray(picture).save(folder / "a.png")
        (folder / "b.png").write_bytes(b"no picture")
        paths = [folder / "a.png", folder / "b.png"]
        squares = Squares(32, 1, 2, None)
        ((path, number, square),) = squares.read(paths)
        self.assertEqual((path, number), (paths[0], 0))
        self.assertAllEqual(square, picture[:, 8:40])
        self.assertEqual([p for p, _ in squares.failures], [paths[1]])
        # Random crops are the same in every run.
        several = [
            [square for _, _, square in Squares(32, 3, 1, None).read(paths[:1])]
            for _ in range(2)
        ]
        self.assertAllEqual(*several)
        self.assertEqual(len(several[0]), 3)
