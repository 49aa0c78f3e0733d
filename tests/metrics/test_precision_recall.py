import numpy as np

from keras_comic.metrics import PrecisionRecall
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise


def by_brute_force(points, centres, neighbors):
    """The part of points that is in some centre's ball."""
    covered = 0
    for point in points:
        for i, centre in enumerate(centres):
            others = sorted(
                np.linalg.norm(centre - other)
                for j, other in enumerate(centres)
                if i != j
            )
            if np.linalg.norm(point - centre) <= others[neighbors - 1]:
                covered += 1
                break
    return covered / len(points)


def measured(comics, fake_comics, neighbors=3):
    metric = PrecisionRecall(num_neighbors=neighbors)
    metric.update_state(comics, fake_comics)
    return metric.result()


class PrecisionRecallTest(TestCase):
    def test_brute_force(self):
        for seed, neighbors in ((0, 1), (1, 3), (2, 5)):
            comics = noise(24, 2, seed=seed).astype("float64")
            fake_comics = 0.7 * noise(17, 2, seed=seed + 9).astype("float64")
            result = measured(comics, fake_comics, neighbors)
            self.assertEqual(
                result["precision"],
                by_brute_force(fake_comics, comics, neighbors),
            )
            self.assertEqual(
                result["recall"],
                by_brute_force(comics, fake_comics, neighbors),
            )

    def test_another_project(self):
        result = measured(*make_golden.features())
        precision, recall = golden()["precision_recall"]["torch-fidelity"]
        self.assertAllClose(result["precision"], precision)
        self.assertAllClose(result["recall"], recall)

    def test_equal_sets(self):
        # Far from the origin, and with duplicates, whose balls are points.
        values = noise(10, 6).astype("float64").repeat(5, axis=0) + 1e3
        self.assertEqual(
            measured(values, values), {"precision": 1.0, "recall": 1.0}
        )

    def test_collapse_and_noise(self):
        comics = noise(60, 4)
        collapsed = comics[:1] + 1e-3 * noise(60, 4, seed=1)
        result = measured(comics, collapsed)
        self.assertGreater(result["precision"], 0.9)
        self.assertLess(result["recall"], 0.1)
        scattered = measured(comics, 9.0 * noise(60, 4, seed=1))
        self.assertLess(scattered["precision"], 0.1)

    def test_batches_and_report(self):
        comics, fake_comics = make_golden.features()
        metric = PrecisionRecall()
        for start in range(0, 120, 50):
            metric.update_state(
                comics[start : start + 50], fake_comics[start : start + 50]
            )
        self.assertEqual(metric.result(), measured(comics, fake_comics))
        report = metric.report()
        self.assertEqual(report["recall"].metric, "PrecisionRecall.recall")
        self.assertEqual(report["recall"].protocol["neighbors"], 3)
        with self.assertRaisesRegex(ValueError, "differ in: metric"):
            report["recall"] > report["precision"]  # noqa: B015

    def test_too_few_and_not_finite(self):
        result = measured(np.ones((3, 2)), np.ones((9, 2)))
        self.assertTrue(np.isnan(result["precision"]))
        result = measured(np.ones((9, 2)), np.full((9, 2), np.nan))
        self.assertTrue(np.isnan(result["recall"]))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: num_neighbors=0"):
            PrecisionRecall(num_neighbors=0)
