import shutil

import keras
import numpy as np
import pytest
from keras import ops

from keras_comic import losses
from keras_comic.layers import warp_images
from keras_comic.losses import temporal
from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from keras_comic.models import PatchDiscriminator
from keras_comic.models.recurrent import recurrent_style_transfer_gan as module
from keras_comic.models.recurrent.clip_discriminator import ClipDiscriminator
from keras_comic.models.recurrent.recurrent_generator import RecurrentGenerator
from keras_comic.models.stylization_losses import stylization_losses
from keras_comic.models.temporal_discriminator import TemporalDiscriminator
from keras_comic.presets import from_preset
from tests.test_case import SHARED
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow
from tests.test_case import shared

BATCH = {
    "clips": noise(2, 3, 32, 32, 3),
    "flow": 2.0 * noise(2, 2, 32, 32, 2, seed=1),
    "valid": noise(2, 2, 32, 32, seed=2) > -0.8,
    "style_images": noise(2, 32, 32, 3, seed=3),
}
OPTIONAL = (
    "gram",
    "structure",
    "smoothness",
    "tone",
    "total_variation",
    "adversarial",
    "short_term",
    "long_term",
    "temporal_adversarial",
)


def make_gan(dtype=None, **kwargs):
    return module.RecurrentStyleTransferGAN(
        RecurrentGenerator.from_generator(
            AdaINGenerator.light((4, 8, 4, 4), 1, 5, dtype=dtype), filters=3
        ),
        ClipDiscriminator(
            PatchDiscriminator(4, 2, dtype=dtype),
            TemporalDiscriminator(3, 4, 2, dtype=dtype),
        ),
        FeatureNetwork((1, 1, 3), (4, 4, 4), dtype=dtype),
        **kwargs,
    )


def tensors(batch):
    return keras.tree.map_structure(ops.convert_to_tensor, batch)


class RecurrentStyleTransferGANTest(TestCase):
    def test_gan(self):
        self.run_gan_test(
            make_gan,
            BATCH,
            {"photos": BATCH["clips"][:, 0], "style": BATCH["style_images"]},
        )

    def test_every_term(self):
        gan = make_gan()
        gan.compile(loss_weights=dict.fromkeys(gan.default_loss_weights, 1.0))
        found = gan.generator_losses(tensors(BATCH))
        self.assertEqual(
            {*found, "discriminator", "temporal_discriminator"},
            set(gan.default_loss_weights),
        )
        # The clips are played backwards.
        clips, flow, valid = (
            BATCH[name][:, ::-1].copy() for name in ("clips", "flow", "valid")
        )
        drawings = BATCH["style_images"]
        comics = gan.generator.stylize_clips(clips, drawings, flow)
        expected = {
            "short_term": temporal.short_term_warping_loss(
                comics, clips, flow, valid
            ),
            "long_term": temporal.long_term_warping_loss(
                comics, clips, flow, valid
            ),
        }
        masks = [np.ones((2, 32, 32, 1), "float32")]
        masks += [mask for _, mask in temporal.chained_flows(flow, valid)]
        shown = self.numpy(comics) * np.stack(masks, axis=1)
        expected["temporal_adversarial"] = losses.least_squares_generator_loss(
            gan.discriminator.temporal_discriminator(shown)
        )
        by_frame = [
            {
                **stylization_losses(
                    comics[:, t],
                    clips[:, t],
                    drawings,
                    gan.feature_network,
                    gan.is_used,
                )[0],
                "adversarial": losses.least_squares_generator_loss(
                    gan.discriminator.frame_discriminator(comics[:, t])
                ),
            }
            for t in range(3)
        ]
        for name in by_frame[0]:
            expected[name] = sum(terms[name] for terms in by_frame) / 3
        self.assertEqual(set(found), set(expected))
        for name, value in expected.items():
            self.assertShape(found[name], (2,))
            self.assertAllClose(found[name], value, 1e-5, 1e-4)

    def test_drawings_that_move_with_the_clip_are_real(self):
        gan = make_gan(adversarial_loss="hinge")
        gan.compile()
        # A smooth motion of two pixels a frame.
        flow = np.tile(np.float32([2.0, 0.0]), (2, 2, 32, 32, 1))
        batch = {**BATCH, "flow": flow, "valid": np.ones((2, 2, 32, 32), bool)}
        drawings = BATCH["style_images"]
        comics = self.numpy(
            gan.generator.stylize_clips(
                batch["clips"][:, ::-1].copy(), drawings, flow
            )
        )
        real = [drawings]
        for t in (1, 2):
            real.append(self.numpy(warp_images(drawings, t * flow[:, 0])))
        real, fake = np.stack(real, axis=1), comics.copy()
        for t, outside in ((1, 2), (2, 4)):
            real[:, t, :, -outside:] = 0.0
            fake[:, t, :, -outside:] = 0.0
        judge = gan.discriminator.temporal_discriminator
        # The call moves the vectors of the normalisation; so that it moves
        # little, it comes after many.
        for _ in range(30):
            judge(real, training=True)
        found = gan.discriminator_losses(tensors(batch))
        expected = losses.hinge_discriminator_loss(judge(real), judge(fake))
        self.assertAllClose(
            found["temporal_discriminator"], expected, 1e-3, 1e-3
        )
        self.assertShape(found["discriminator"], (2,))

    def test_terms_of_no_weight_cost_nothing(self):
        gan = make_gan()
        gan.compile(loss_weights=dict.fromkeys(OPTIONAL, 0.0))
        found = gan.generator_losses(tensors(BATCH))
        self.assertEqual(set(found), {"content", "style"})
        self.assertEqual(gan.discriminator_losses(tensors(BATCH)), {})

    @pytest.mark.slow
    def test_one_discriminator_alone(self):
        for off in ("adversarial", "temporal_adversarial"):
            gan = make_gan()
            gan.compile(loss_weights={off: 0.0})
            history = gan.fit(Batches(BATCH, 1), verbose=0).history
            self.assertNotIn(off, history)

    @pytest.mark.slow
    def test_mixed_precision(self):
        gan = make_gan(dtype="mixed_bfloat16")
        gan.compile()
        history = gan.fit(Batches(BATCH, 1), verbose=0).history
        for values in history.values():
            self.assertFinite(values)

    @pytest.mark.slow
    def test_the_warping_loss_falls(self):
        gan = make_gan()
        off = dict.fromkeys((*OPTIONAL, "style", "content"), 0.0)
        gan.compile(
            keras.optimizers.Adam(3e-3), loss_weights={**off, "short_term": 1.0}
        )
        # The scene stands still, and its light flickers.
        clips = np.repeat(noise(2, 1, 32, 32, 3), 3, axis=1)
        clips += 0.1 * noise(2, 3, 1, 1, 3, seed=5)
        batch = {
            **BATCH,
            "clips": clips,
            "flow": np.zeros_like(BATCH["flow"]),
            "valid": np.ones_like(BATCH["valid"]),
        }
        history = gan.fit(
            Batches(batch, 6), epochs=4, shuffle=False, verbose=0
        ).history["short_term"]
        self.assertLess(history[-1], 0.8 * history[0])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "adversarial_loss='soft'"):
            make_gan(adversarial_loss="soft")
        gan = make_gan()
        with self.assertRaisesRegex(ValueError, "must reach relu3_3"):
            module.RecurrentStyleTransferGAN(
                gan.generator,
                gan.discriminator,
                FeatureNetwork((1, 1, 1), (4, 4, 4)),
            )


@shared
@pytest.mark.slow
@requires_tensorflow
class RealTrainingTest(TestCase):
    def setUp(self):
        super().setUp()
        from keras_comic.data import ClipRecordMaker
        from keras_comic.data import write_records

        self.folder = self.temporary_folder()
        drawings = self.folder / "drawings_in"
        drawings.mkdir()
        wright = SHARED / "data/drawings/wright"
        for path in sorted(wright.rglob("*.jpg"))[:16]:
            shutil.copy(path, drawings)
        write_records(drawings, self.folder / "drawings", "comics")
        maker = ClipRecordMaker(
            num_frames=3, step=2, stride=16, image_size=120, flow=True
        )
        for name in ("street_static", "interior_pan"):
            clips = self.folder / f"{name}_in"
            clips.mkdir()
            shutil.copy(SHARED / f"data/clips/{name}.mp4", clips)
            write_records(clips, self.folder / name, maker)

    def batches(self, name, seed):
        from keras_comic.data.style_clips import style_clip_dataset

        return style_clip_dataset(
            self.folder / name,
            self.folder / "drawings",
            num_frames=3,
            image_size=64,
            batch_size=2,
            seed=seed,
            zoom=(0.5, 0.9),
        )

    def test_warping_loss_falls_and_comics_stay_comics(self):
        generator = RecurrentGenerator.from_generator(
            from_preset("adain_storybook")
        )
        gan = module.RecurrentStyleTransferGAN(
            generator,
            ClipDiscriminator(
                PatchDiscriminator(8), TemporalDiscriminator(3, 8)
            ),
            SHARED / "data/weights/vgg19_blocks1to3.npz",
            ema_momentum=0.9,
        )
        gan.compile(keras.optimizers.Adam(4e-4, global_clipnorm=3.0))
        # Another scene than that of the training.
        held_out = self.batches("interior_pan", 7).take(4).cache()
        before = gan.evaluate(held_out, verbose=0, return_dict=True)
        gan.fit(
            self.batches("street_static", 1).take(60), shuffle=False, verbose=0
        )
        after = gan.evaluate(held_out, verbose=0, return_dict=True)
        for name in ("short_term", "long_term"):
            self.assertLess(after[name], 0.95 * before[name], name)
        for name in ("content", "style"):
            self.assertLess(after[name], 1.25 * before[name], name)
