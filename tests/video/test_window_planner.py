import numpy as np
from absl.testing import parameterized

from keras_comic.video.window_planner import WindowPlanner


def make_planner(**kwargs):
    options = {
        "shape": (128, 192),
        "tile": 16,
        "halo": 8,
        "overhead": 100,
        "sizes": range(1, 200),
        **kwargs,
    }
    return WindowPlanner(**options)


def marked_tiles(*boxes):
    marked = np.zeros((8, 12), bool)
    for top, left, bottom, right in boxes:
        marked[top:bottom, left:right] = True
    return marked


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


class WindowPlannerTest(parameterized.TestCase):
    def test_one_window_with_its_halo(self):
        windows = make_planner().plan(marked_tiles((2, 3, 4, 6)))
        self.assertEqual(windows, [((32, 48, 64, 96), (24, 40, 72, 104))])

    def test_no_halo_beyond_the_frame(self):
        windows = make_planner().plan(marked_tiles((0, 10, 2, 12)))
        self.assertEqual(windows, [((0, 160, 32, 192), (0, 152, 40, 192))])

    def test_far_ones_are_apart_near_ones_together(self):
        far = make_planner().plan(marked_tiles((0, 0, 2, 2), (6, 10, 8, 12)))
        self.assertEqual(
            sorted(inner for inner, _ in far),
            [(0, 0, 32, 32), (96, 160, 128, 192)],
        )
        near = marked_tiles((0, 0, 2, 2), (0, 3, 2, 5))
        self.assertEqual(
            [inner for inner, _ in make_planner().plan(near)],
            [(0, 0, 32, 80)],
        )
        # The constant decides.
        apart = make_planner(overhead=0, halo=0).plan(near)
        self.assertEqual(len(apart), 2)

    def test_an_angle_is_two_windows(self):
        marked = marked_tiles((0, 0, 8, 1), (7, 0, 8, 12))
        windows = make_planner(overhead=0, halo=0).plan(marked)
        self.assertEqual(sum(area(inner) for inner, _ in windows), 19 * 256)

    def test_the_whole_frame_where_it_costs_less(self):
        whole = (0, 0, 128, 192)
        self.assertEqual(
            make_planner().plan(np.ones((8, 12), bool)), [(whole, whole)]
        )
        rings = np.ones((8, 12), bool)
        rings[2:6, 2:10] = False
        rings[3:5, 4:8] = True
        self.assertEqual(make_planner().plan(rings), [(whole, whole)])

    def test_sides_of_which_there_are_few(self):
        planner = make_planner(sizes=(64, 96))
        ((inner, outer),) = planner.plan(marked_tiles((6, 3, 8, 6)))
        self.assertEqual(inner, (96, 48, 128, 96))
        # The frame's end is no hindrance.
        self.assertEqual(outer, (64, 40, 128, 104))

    def test_a_frame_that_tiles_do_not_divide(self):
        planner = make_planner(shape=(120, 192), halo=0)
        ((inner, outer),) = planner.plan(marked_tiles((7, 0, 8, 1)))
        self.assertEqual(inner, (112, 0, 120, 16))
        self.assertEqual(outer, inner)

    def test_nothing(self):
        self.assertEqual(make_planner().plan(np.zeros((8, 12), bool)), [])

    @parameterized.parameters(*range(8))
    def test_all_that_is_marked_is_covered(self, seed):
        random = np.random.default_rng(seed)
        marked = random.random((8, 12)) < random.uniform(0.02, 0.3)
        covered = np.zeros((128, 192), bool)
        cost = 0
        for inner, outer in make_planner().plan(marked):
            covered[inner[0] : inner[2], inner[1] : inner[3]] = True
            self.assertLessEqual(outer[0], inner[0])
            self.assertLessEqual(outer[1], inner[1])
            self.assertGreaterEqual(outer[2], inner[2])
            self.assertGreaterEqual(outer[3], inner[3])
            cost += area(outer) + 100
        self.assertTrue(covered[np.kron(marked, np.ones((16, 16))) > 0].all())
        self.assertLessEqual(cost, 128 * 192 + 100)
