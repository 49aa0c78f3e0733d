import numpy as np

from keras_comic.models import AdaINGenerator
from keras_comic.models import load_adain_weights
from keras_comic.models.drawing import run_network
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import shared

# What stands in the `Sequential`s of pytorch-AdaIN: c a convolution, p a
# padding, r an activation, m a pooling, u an upsampling.
ENCODER = "c pcr pcr m pcr pcr m pcr pcr pcr pcr m pcr pcr pcr pcr m pcr"
DECODER = "pcr u pcr pcr pcr pcr u pcr pcr u pcr pc"
FILTERS = (4, 5, 6, 7)


def arrays_of(layers, names):
    """What a file holds: PyTorch's arrays, under the layers' new names."""
    arrays = {}
    for layer, name in zip(layers, names, strict=False):
        kernel, bias = layer.get_weights()
        arrays[f"{name}.weight"] = kernel.transpose(3, 2, 0, 1)
        arrays[f"{name}.bias"] = bias
    return arrays


def indices(sequential):
    modules = sequential.replace(" ", "")
    return [str(i) for i, kind in enumerate(modules) if kind == "c"]


def layers_of(generator):
    encoder = generator.content_encoder
    return (
        [encoder.color, *encoder.convolutions],
        generator.decoder.convolutions,
    )


class LoadAdaINWeightsTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.generator = AdaINGenerator.classic(FILTERS)
        # Biases too must land in their places.
        for variable in self.generator.variables:
            value = np.random.normal(0.0, 0.3, variable.shape)
            variable.assign(value)
        encoder, decoder = layers_of(self.generator)
        names = [
            f"conv{layer.name[4:].replace('_', '')}"
            for layer in encoder[1:] + decoder
        ]
        self.distilled = (
            arrays_of(encoder, ["conv0", *names[:9]]),
            arrays_of(decoder, names[9:]),
        )
        self.sequential = (
            arrays_of(encoder, indices(ENCODER)),
            arrays_of(decoder, indices(DECODER)),
        )

    def load(self, arrays, **kwargs):
        encoder, decoder = arrays
        np.savez(self.folder / "encoder.npz", **encoder)
        np.savez(self.folder / "decoder.npz", **decoder)
        return load_adain_weights(
            self.folder / "encoder.npz",
            str(self.folder / "decoder.npz"),
            **kwargs,
        )

    def check(self, generator):
        self.assertEqual(generator.content_encoder.filters, FILTERS)
        self.assertEqual(generator.decoder.filters, FILTERS)
        for found, expected in zip(
            generator.get_weights(), self.generator.get_weights(), strict=True
        ):
            self.assertAllEqual(found, expected)

    def test_names_of_collaborative_distillation(self):
        self.assertIn("conv34.bias", self.distilled[0])
        self.assertIn("conv34.bias", self.distilled[1])
        encoder = {**self.distilled[0], "conv41_aux.weight": np.zeros(3)}
        self.check(self.load((encoder, self.distilled[1])))

    def test_names_of_pytorch_adain(self):
        # Published files hold the whole of VGG-19; the rest is left out.
        encoder = {**self.sequential[0], "32.weight": np.zeros((1, 1, 3, 3))}
        self.assertIn("29.weight", encoder)
        self.assertIn("28.weight", self.sequential[1])
        self.check(self.load((encoder, self.sequential[1])))

    def test_mixed_names(self):
        self.check(self.load((self.distilled[0], self.sequential[1])))

    def test_keyword_arguments(self):
        generator = self.load(self.sequential, dtype="mixed_bfloat16")
        self.assertEqual(generator.dtype_policy.name, "mixed_bfloat16")
        self.check(generator)

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError,
            "`encoder` must be a file that exists. "
            "Received: encoder='nowhere.npz'",
        ):
            load_adain_weights("nowhere.npz", "nowhere.npz")
        self.load(self.sequential)
        text = self.folder / "text.npz"
        text.write_text("no arrays")
        with self.assertRaisesRegex(
            ValueError,
            "`decoder` must be an `.npz` file of arrays. "
            "Received: decoder='.*text.npz'",
        ):
            load_adain_weights(self.folder / "encoder.npz", text)
        encoder, decoder = self.sequential
        with self.assertRaisesRegex(
            ValueError,
            "`encoder` must hold an array '0.weight'. Received: encoder="
            r"'.*encoder.npz' with \['1.bias', '1.weight', ",
        ):
            self.load((decoder, encoder))
        with self.assertRaisesRegex(
            ValueError, "`decoder` must hold an array '5.bias'"
        ):
            part = {k: v for k, v in decoder.items() if k != "5.bias"}
            self.load((encoder, part))
        with self.assertRaisesRegex(
            ValueError,
            "`encoder` must hold convolutions: .* with "
            r"5.weight.shape=\(3, 3\), 5.bias.shape=\(4,\)",
        ):
            self.load(({**encoder, "5.weight": np.zeros((3, 3))}, decoder))
        with self.assertRaisesRegex(
            ValueError,
            r"Layer 'conv2_2' must have a kernel of shape .* \(3, 3, 5, 5\), "
            r".* Received: \(3, 3, 6, 5\) and a bias of shape \(5,\) in "
            "'.*encoder.npz'",
        ):
            wrong = np.zeros((5, 6, 3, 3))
            self.load(({**encoder, "12.weight": wrong}, decoder))

    @shared
    def test_outputs_of_an_independent_build(self):
        weights = SHARED / "data" / "weights"
        distilled = weights / "distilled_vgg19_16x"
        generator = load_adain_weights(
            distilled / "4SE.npz", distilled / "4SD.npz"
        )
        self.assertEqual(generator.content_encoder.filters, (16, 32, 64, 128))
        stored = np.load(weights / "parity" / "io" / "adain_distilled_lvl4.npz")
        photos, style = (
            stored[name][None].astype("float32") / 127.5 - 1.0
            for name in ("content", "style")
        )
        features = generator.content_encoder(photos)[-1]
        self.assertAllClose(
            features, stored["enc_content"], atol=1e-4, rtol=0.0
        )
        self.assertAllClose(
            generator.decoder.adain(features, generator.encode_style(style)),
            stored["adain"],
            atol=1e-4,
            rtol=0.0,
        )
        outputs = generator({"photos": photos, "style": style})
        # Stored in [0, 1].
        self.assertAllClose(
            (self.numpy(outputs) + 1.0) / 2.0,
            stored["out"],
            atol=1e-4,
            rtol=0.0,
        )

    @shared
    def test_outputs_do_not_depend_on_the_padding(self):
        # Odd sizes are padded to a multiple of 8 by reflection; the inside
        # stays what it is for the padded picture.
        distilled = SHARED / "data" / "weights" / "distilled_vgg19_16x"
        generator = load_adain_weights(
            distilled / "4SE.npz", distilled / "4SD.npz"
        )
        photos = noise(1, 33, 47, 3)
        style = generator.encode_style(noise(1, 40, 40, 3, seed=1))
        padded = np.pad(photos, [(0, 0), (3, 4), (0, 1), (0, 0)], "reflect")
        expected = generator({"photos": padded, "style": style})
        self.assertAllClose(
            run_network(generator, photos, {"style": style}),
            self.numpy(expected)[:, 3:36, :47],
            atol=1e-5,
        )
