import numpy as np

from keras_comic.layers import flow as flows
from keras_comic.layers.warp import warp_images
from tests.test_case import TestCase


def constant(x, y, height=6, width=8):
    return np.tile(np.float32([x, y]), (1, height, width, 1))


class ComposeFlowTest(TestCase):
    def test_constant_flows_add_up(self):
        flow = flows.compose_flow(constant(1.0, -2.0), constant(0.5, 3.0))
        self.assertAllClose(flow, constant(1.5, 1.0))

    def test_the_second_is_read_where_the_first_leads(self):
        second = np.zeros((1, 1, 4, 2), "float32")
        second[0, 0, :, 0] = [10.0, 20.0, 30.0, 40.0]
        flow = flows.compose_flow(constant(1.0, 0.0, 1, 4), second)
        self.assertAllClose(
            self.numpy(flow)[0, 0, :, 0], [21.0, 31.0, 41.0, 41.0]
        )

    def test_warps_as_two_warps_in_turn(self):
        # Linear in x and y, so that interpolation loses nothing.
        rows, columns = np.mgrid[:16, :16].astype("float32")
        image = (0.3 * rows + 0.7 * columns)[None, ..., None]
        first, second = constant(1.25, 0.5, 16, 16), constant(-2.0, 1.5, 16, 16)
        once = warp_images(image, flows.compose_flow(first, second))
        twice = warp_images(warp_images(image, second), first)
        inner = np.s_[:, 4:-4, 4:-4]
        self.assertAllClose(
            self.numpy(once)[inner], self.numpy(twice)[inner], 1e-5
        )


class FlowStaysInsideTest(TestCase):
    def test_half_a_pixel_beyond_the_last(self):
        inside = flows.flow_stays_inside(constant(0.5, 0.0, 2, 3))
        self.assertAllEqual(self.numpy(inside)[..., 0], np.ones((1, 2, 3)))
        inside = flows.flow_stays_inside(constant(0.51, 0.0, 2, 3))
        self.assertAllEqual(self.numpy(inside)[0, 0, :, 0], [1.0, 1.0, 0.0])
        inside = flows.flow_stays_inside(constant(0.0, -1.0, 3, 2))
        self.assertAllEqual(self.numpy(inside)[0, :, 0, 0], [0.0, 1.0, 1.0])

    def test_what_is_no_number_is_outside(self):
        flow = constant(np.nan, 0.0, 2, 2)
        self.assertAllEqual(
            flows.flow_stays_inside(flow), np.zeros((1, 2, 2, 1))
        )
