from keras_comic.data.crops import Crops
from tests.test_case import TestCase


class CropsTest(TestCase):
    def test_attributes(self):
        crops = Crops(64, [1, 2], 0, [1, 0])
        self.assertEqual(
            vars(crops),
            {
                "size": 64,
                "zoom": (1.0, 2.0),
                "flip": False,
                "max_blank": (1.0, 0.0),
            },
        )

    def test_errors(self):
        for name, value, message in (
            ("size", 0, "must be a positive integer"),
            ("zoom", (0, 1), "must be a pair of positive"),
            ("zoom", (1, 0.5), "must be a pair of positive"),
            ("zoom", (1,), "must be a pair of positive"),
            ("max_blank", (0.5,), r"must be a pair of numbers in \[0, 1\]"),
            ("max_blank", (0.5, 2), r"must be a pair of numbers in \[0, 1\]"),
        ):
            with self.assertRaisesRegex(ValueError, f"`{name}` {message}"):
                Crops(**{name: value})
