import numpy as np

from keras_comic.video.change_detector import ChangeDetector
from tests.test_case import TestCase


class ChangeDetectorTest(TestCase):
    def detector(self, noise_floor=10.0, refresh_frames=None):
        detector = ChangeDetector(16, noise_floor, refresh_frames)
        detector.start((96, 160))
        return detector

    def test_changes_and_reach(self):
        difference = np.zeros((96, 160), "uint8")
        difference[36:44, 68:76] = 200
        for reach, expected in ((0, 1), (8, 9)):
            changed = self.detector().changed(difference, reach)
            self.assertShape(changed, (6, 10))
            self.assertTrue(changed[2, 4])
            self.assertEqual(changed.sum(), expected)

    def test_odd_sides(self):
        detector = ChangeDetector(16, 10.0, None)
        detector.start((95, 33))
        difference = np.zeros((95, 33), "uint8")
        difference[-3:, -3:] = 200
        self.assertTrue(detector.changed(difference, 0)[-1, -1])

    def test_noise_is_measured(self):
        random = np.random.default_rng(0)
        detector = self.detector(noise_floor=None)
        noise = random.integers(0, 8, (96, 160)).astype("uint8")
        self.assertFalse(detector.changed(noise, 0).any())
        noise[40:56, 40:56] += 40
        self.assertTrue(detector.changed(noise, 0)[2:4, 2:4].any())

    def test_each_tile_has_its_turn(self):
        detector = self.detector(refresh_frames=5)
        difference = np.ones((96, 160), "uint8")
        turns = [detector.refreshed(difference) for _ in range(5)]
        self.assertAllEqual(np.sum(turns, axis=0), np.ones((6, 10), int))
        self.assertFalse(detector.refreshed(0 * difference).any())
        self.assertFalse(self.detector().refreshed(difference).any())
