import keras
from absl.testing import parameterized
from keras import ops

from keras_comic.models import Generator
from keras_comic.video import VideoStylizer
from tests.test_case import TestCase


class WithLayer(Generator):
    """A network with one more layer between its convolutions."""

    def __init__(self, make_layer, **kwargs):
        super().__init__(**kwargs)
        self.convolution = keras.layers.Conv2D(4, 3, padding="same")
        self.convolution.build((None, None, None, 3))
        self.inner = make_layer()
        self.inner.build((None, None, None, 4))
        self.last = keras.layers.Conv2D(3, 3, padding="same")
        self.last.build((None, None, None, 4))
        self.built = True

    def call(self, inputs, training=False):
        features = self.convolution(inputs["photos"])
        return ops.tanh(self.last(self.inner(features)))


class Centred(keras.layers.Layer):
    """Looks at all positions, without Keras's layers."""

    def build(self, shape):
        pass

    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=(1, 2), keepdims=True)


class PositionLayersTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (lambda: keras.layers.GroupNormalization(groups=-1), "GroupNorm"),
        (lambda: keras.layers.GroupNormalization(groups=2), "GroupNorm"),
        (Centred, "some layer of `WithLayer`"),
    )
    def test_layer_that_does_not_report_is_refused(self, make_layer, name):
        generator = WithLayer(make_layer)
        VideoStylizer(generator, consistency="none")
        for consistency in ("statistics", "difference", "flow"):
            with self.assertRaisesRegex(
                ValueError, f"{name}.*LayerNorm.*consistency 'none'"
            ):
                VideoStylizer(generator, consistency=consistency)

    @parameterized.parameters(
        keras.layers.BatchNormalization,
        keras.layers.LayerNormalization,
        lambda: keras.layers.Conv2D(4, 3, padding="same"),
    )
    def test_layer_without_far_pixels_is_taken(self, make_layer):
        stylizer = VideoStylizer(
            WithLayer(make_layer), consistency="statistics"
        )
        self.assertFalse(stylizer.needs_first_pass)
