from unittest import mock

import numpy as np

from keras_comic.serving import request_parts
from keras_comic.serving.request_parts import split_numbers
from keras_comic.serving.request_parts import split_photos
from tests.test_case import TestCase


class RequestPartsTest(TestCase):
    def test_numbers(self):
        self.assertEqual(split_numbers([], len), [])
        self.assertEqual(split_numbers([4, 2], lambda n: n), [[4, 2]])
        parts = split_numbers(range(19), lambda n: 1)
        self.assertEqual([len(part) for part in parts], [8, 8, 3])
        self.assertEqual(sum(parts, []), list(range(19)))

    def test_bytes(self):
        with mock.patch.object(request_parts, "BYTES_PER_REQUEST", 10):
            sizes = [4, 6, 1, 11, 5, 5, 5]
            parts = split_numbers(range(7), sizes.__getitem__)
        # The fourth is too large, and goes alone.
        self.assertEqual(parts, [[0, 1], [2], [3], [4, 5], [6]])

    def test_photos(self):
        photos = [np.zeros((4, 5 + k % 2, 3), "uint8") for k in range(5)]
        self.assertEqual(split_photos(photos, 1), [[0, 2, 4], [1, 3]])
        with mock.patch.object(request_parts, "BYTES_PER_REQUEST", 250):
            self.assertEqual(split_photos(photos, 1), [[0, 2, 4], [1, 3]])
            self.assertEqual(split_photos(photos, 2), [[0, 2], [4], [1], [3]])
        self.assertEqual(split_photos([], 1), [])
