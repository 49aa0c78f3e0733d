import numpy as np
from keras import ops

from keras_comic.training.compiled import compiled
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic


class CompiledTest(TestCase):
    def test_calls_the_network(self):
        comic = TinyComic()

        def draw(frames, scale):
            frames = ops.cast(frames, "float32") * scale[0, 0]
            return comic({"photos": frames}, training=False)

        function = compiled(comic, draw, (1,))
        for size in ((32, 40), (64, 48)):
            frames, scale = photos(1, *size, 3), np.float32([[0.01]])
            self.assertAllClose(
                function(frames, scale),
                draw(ops.convert_to_tensor(frames), scale),
                atol=1e-5,
            )
