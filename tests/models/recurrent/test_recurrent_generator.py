import numpy as np
from keras import ops

from keras_comic import presets
from keras_comic.models import AdaINGenerator
from keras_comic.models import LightContentEncoder
from keras_comic.models import LightDecoder
from keras_comic.models import LightStyleEncoder
from keras_comic.models.recurrent.recurrent_generator import RecurrentGenerator
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import gradients
from tests.test_case import noise
from tests.test_case import photos


def make_generator(dtype=None):
    return RecurrentGenerator(
        LightContentEncoder((4, 8), dtype=dtype),
        LightDecoder((8, 6, 4), 1, dtype=dtype),
        LightStyleEncoder((4, 6), 5, 8, dtype=dtype),
        filters=3,
        dtype=dtype,
    )


def frame_inputs(generator, height=33, width=47, batch=1):
    frames = noise(batch, height, width, 3)
    return {
        "photos": frames,
        "style": noise(batch, 5, seed=1),
        "state": generator.initial_state(frames),
    }


class RecurrentGeneratorTest(TestCase):
    def test_generator(self):
        self.run_generator_test(make_generator)

    def test_a_picture_is_a_video_of_one_frame(self):
        generator = make_generator()
        inputs = frame_inputs(generator)
        outputs = generator(inputs)
        self.assertEqual(set(outputs), {"comics", "state"})
        self.assertShape(outputs["comics"], (1, 33, 47, 3))
        self.assertShape(outputs["state"], (1, 9, 12, 3))
        self.assertDType(outputs["state"], "float32")
        del inputs["state"]
        self.assertAllClose(generator(inputs), outputs["comics"], atol=1e-6)
        shapes = generator.compute_output_shape(
            {"photos": (1, 33, 47, 3), "style": (1, 5)}
        )
        self.assertEqual(shapes, (1, 33, 47, 3))

    def test_the_state_counts(self):
        generator = make_generator()
        # More than the small weights that it starts with.
        generator.projection.convolution.kernel.assign(noise(1, 1, 3, 8))
        inputs = frame_inputs(generator)
        first = generator(inputs)
        second = generator({**inputs, "state": first["state"]})
        self.assertNotAllClose(second["comics"], first["comics"], 1e-3)
        self.assertNotAllClose(second["state"], first["state"], 1e-3)

    def test_what_moves_is_remembered_where_it_is(self):
        generator = make_generator()
        state = noise(1, 16, 16, 3)
        inputs = {
            **frame_inputs(generator, 64, 64),
            "state": ops.convert_to_tensor(state),
        }
        # Two positions of the features to the right: eight pixels.
        flow = np.tile(np.float32([8.0, 0.0]), (1, 64, 64, 1))
        moved = np.concatenate([state[:, :, 2:], state[:, :, -1:]], axis=2)
        moved = np.concatenate([moved, state[:, :, -1:]], axis=2)
        expected = generator({**inputs, "state": ops.convert_to_tensor(moved)})
        found = generator({**inputs, "flow": flow})
        self.assertAllClose(found["state"], expected["state"], atol=1e-5)
        self.assertAllClose(found["comics"], expected["comics"], atol=1e-5)
        still = generator({**inputs, "flow": np.zeros_like(flow)})
        self.assertAllClose(still["comics"], generator(inputs)["comics"], 1e-6)

    def test_clips_are_drawn_frame_by_frame(self):
        generator = make_generator()
        clips, flow = noise(2, 3, 32, 36, 3), 3.0 * noise(2, 2, 32, 36, 2)
        style = noise(2, 5, seed=1)
        comics = generator.stylize_clips(clips, style, flow)
        self.assertShape(comics, clips.shape)
        state = generator.initial_state(clips[:, 0])
        for i in range(3):
            inputs = {"photos": clips[:, i], "style": style, "state": state}
            if i:
                inputs["flow"] = flow[:, i - 1]
            outputs = generator(inputs)
            state = outputs["state"]
            self.assertAllClose(comics[:, i], outputs["comics"], atol=1e-5)
        drawings = noise(2, 40, 36, 3, seed=2)
        self.assertAllClose(
            generator.stylize_clips(clips, drawings),
            generator.stylize_clips(clips, generator.encode_style(drawings)),
            atol=1e-6,
        )

    def test_gradients_reach_back_in_time(self):
        generator = make_generator()
        clips, flow = noise(1, 3, 32, 32, 3), noise(1, 2, 32, 32, 2)

        def last_frame():
            comics = generator.stylize_clips(clips, noise(1, 5), flow)
            return comics[:, -1] ** 2

        found = gradients(last_frame, generator.memory.trainable_variables)
        for gradient in found:
            self.assertGreater(np.abs(gradient).max(), 0.0)

    def test_compiled(self):
        generator = make_generator()
        inputs = {
            **frame_inputs(generator),
            "flow": 3.0 * noise(1, 33, 47, 2),
        }
        expected = generator(inputs)
        found = compiled(lambda arrays: generator(arrays))(inputs)
        for name, value in expected.items():
            self.assertAllClose(found[name], value, atol=1e-5)

    def test_mixed_precision_keeps_the_state(self):
        generator = make_generator(dtype="mixed_float16")
        outputs = generator(frame_inputs(generator))
        for value in outputs.values():
            self.assertDType(value, "float32")

    def test_from_generator(self):
        source = AdaINGenerator.light((4, 8, 6, 4), 1, 5)
        source.add_style("noise", photos(32, 32, 3), licence="CC0-1.0")
        generator = RecurrentGenerator.from_generator(source, filters=3)
        self.assertEqual(generator.styles, source.styles)
        self.assertEqual(generator.filters, 3)
        inputs = {"photos": noise(1, 33, 47, 3), "style": noise(1, 5)}
        # Nearly what it comes from; exactly, without what the memory adds.
        expected = self.numpy(source(inputs))
        difference = np.abs(self.numpy(generator(inputs)) - expected).mean()
        self.assertGreater(difference, 0.0)
        self.assertLess(difference, 0.05)
        kernel = generator.projection.convolution.kernel
        kernel.assign(np.zeros(kernel.shape))
        self.assertAllClose(generator(inputs), expected, atol=1e-5)
        # A copy: the source does not move with it.
        for variable in generator.variables:
            variable.assign(variable + 1.0)
        self.assertAllClose(source(inputs), expected, atol=1e-6)
        with self.assertRaisesRegex(
            ValueError, r"`AdaINGenerator` without \['style_encoder'\]"
        ):
            RecurrentGenerator.from_generator(
                AdaINGenerator.classic((2, 2, 4, 4))
            )

    def test_preset(self):
        generator = make_generator()
        generator.add_style("noise", photos(32, 32, 3), licence="CC0-1.0")
        folder = self.temporary_folder() / "recurrent_noise"
        generator.save_to_preset(folder, {"licence": "CC0-1.0"})
        self.assertLessEqual(presets.verify_preset(folder), 1e-4)
        loaded = RecurrentGenerator.from_preset(folder)
        picture = photos(41, 35, 3, seed=2)
        self.assertAllEqual(loaded.stylize(picture), generator.stylize(picture))
        inputs = {**frame_inputs(loaded), "flow": noise(1, 33, 47, 2)}
        self.assertAllClose(
            loaded(inputs)["state"], generator(inputs)["state"], atol=1e-6
        )

    def test_errors(self):
        generator = make_generator()
        with self.assertRaisesRegex(
            ValueError, r"Received: inputs with \['flow', 'photos', 'style'\]"
        ):
            inputs = frame_inputs(generator)
            del inputs["state"]
            generator.call({**inputs, "flow": noise(1, 33, 47, 2)})
        with self.assertRaisesRegex(ValueError, "kernel_size=2"):
            RecurrentGenerator(
                LightContentEncoder((4, 8)),
                LightDecoder((8, 6, 4), 1),
                LightStyleEncoder((4, 6), 5, 8),
                kernel_size=2,
            )
