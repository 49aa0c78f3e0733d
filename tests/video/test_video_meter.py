import numpy as np
from PIL import Image
from skimage import data

from keras_comic.layers import to_float
from keras_comic.metrics import ColorDistance
from keras_comic.metrics import StructuralSimilarity
from keras_comic.models import FeatureNetwork
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.video.known_motion import moving_object
from keras_comic.video.known_motion import moving_photo
from keras_comic.video.strip import VideoStrip
from keras_comic.video.video_meter import TO_THE_FIRST
from keras_comic.video.video_meter import VideoMeter
from tests.metrics import test_warping_error as warping
from tests.test_case import TestCase
from tests.test_case import photos

SIZE = (24, 32)


def smooth_photo():
    """A photo without details that sampling would change."""
    image = Image.fromarray(data.astronaut()).resize((12, 12))
    return np.asarray(image.resize((160, 160), Image.Resampling.BICUBIC))


def flicker(frames, strength=20, seed=0):
    """Frames that are lighter and darker by turns."""
    levels = np.random.default_rng(seed).normal(0, strength, len(frames))
    return [
        np.clip(frame + level, 0, 255).astype("uint8")
        for frame, level in zip(frames, levels)
    ]


class VideoMeterTest(TestCase):
    def measure(self, meter, frames, outputs, starts=()):
        for number, frame in enumerate(frames):
            meter.add(
                frame,
                {name: video[number] for name, video in outputs.items()},
                number in starts,
            )
        return self.found(meter)

    def found(self, meter):
        """Values by video, metric, flow and distance."""
        measured, self.missing = meter.report()
        return {
            (
                of,
                result.metric,
                *(
                    result.protocol[key]
                    for key in ("flow", "frames_apart")
                    if key in result.protocol
                ),
            ): result
            for of, result in measured
        }

    def test_warping_errors_by_numpy(self):
        clip = moving_photo(data.astronaut(), 7, SIZE)
        frames = list(clip)
        made = flicker(frames)
        meter = VideoMeter([clip], [1, 3, TO_THE_FIRST])
        found = self.measure(meter, frames, {"made": made})
        for distance, pairs in (
            (1, [(n, n + 1) for n in range(6)]),
            (3, [(n, n + 3) for n in range(4)]),
            (TO_THE_FIRST, [(0, n) for n in range(1, 7)]),
        ):
            for of, video in (("made", made), ("source", frames)):
                expected = [
                    warping.by_numpy(
                        video[a] / 127.5 - 1,
                        video[b] / 127.5 - 1,
                        *clip.flow(a, b),
                    )
                    for a, b in pairs
                ]
                result = found[of, "WarpingError", "known", distance]
                self.assertAllClose(
                    result.value, np.mean(expected), rtol=1e-4, atol=1e-8
                )
                self.assertEqual(result.protocol["pairs"], len(pairs))

    def test_alone_and_still(self):
        clip = moving_object(data.coffee(), None, 12, SIZE, 0.1)
        frames = list(clip)
        made = flicker([255 - frame for frame in frames])
        found = self.measure(
            VideoMeter([clip], [1]), frames, {"a": made, "b": frames}
        )
        for metric in (ColorDistance(), StructuralSimilarity()):
            for frame, comic in zip(frames, made):
                metric.update_state(
                    to_float(frame[None]), to_float(comic[None])
                )
            self.assertAllClose(
                found["a", type(metric).__name__].value, metric.result()
            )
        sharpness = np.mean(
            [
                sum(
                    (np.diff(frame / 255.0, axis=axis) ** 2).mean()
                    for axis in (0, 1)
                )
                for frame in made
            ]
        )
        self.assertAllClose(found["a", "Sharpness"].value, sharpness, rtol=1e-5)
        # Runs of 9 and 4 frames; what stands still, and nothing else, counts.
        expected, count = 0.0, 0
        for run in (slice(0, 9), slice(8, 12)):
            before = np.stack(frames[run]).astype("float64") / 255
            still = (np.ptp(before, axis=0) <= 2.001 / 255).all(-1)
            after = np.stack(made[run]).astype("float64") / 255
            steps = np.abs(np.diff(after, axis=0)).mean((0, 3))
            expected, count = expected + steps[still].sum(), count + still.sum()
        change = found["a", "Stillness.change"]
        self.assertAllClose(change.value, expected / count, rtol=1e-4)
        self.assertEqual(change.protocol["frames"], 13)
        self.assertGreater(change.protocol["still_share"], 0.6)
        self.assertLess(found["b", "Stillness.variance"].value, 1e-6)
        self.assertEqual(found["b", "ColorDistance"].value, 0.0)

    def test_perceptual(self):
        network = FeatureNetwork((1, 1), (2, 3))
        evaluation = load_evaluation_network(network)
        clip = moving_photo(data.astronaut(), 4, SIZE)
        frames, made = list(clip), flicker(list(clip))
        meter = VideoMeter([clip], [1], evaluation)
        found = self.measure(meter, frames, {"made": made})
        layers = evaluation.content_layers

        def features(frame):
            maps = network(to_float(frame[None]), layers=layers)
            return [self.numpy(maps[name]).astype("float64") for name in layers]

        def unit(maps):
            lengths = np.linalg.norm(maps, axis=-1, keepdims=True)
            return maps / (lengths + 1e-10)

        def distance(frame, other):
            return sum(
                ((unit(first) - unit(second)) ** 2).sum(-1).mean()
                for first, second in zip(features(frame), features(other))
            )

        expected = np.mean(
            [
                np.abs(
                    distance(made[n], made[n + 1])
                    - distance(*frames[n : n + 2])
                )
                for n in range(3)
            ]
        )
        self.assertAllClose(
            found["made", "TemporalDistance"].value, expected, rtol=1e-3
        )
        expected = np.mean([distance(*pair) for pair in zip(frames, made)])
        self.assertAllClose(
            found["made", "PerceptualDistance"].value, expected, rtol=1e-3
        )
        warped = []
        for n in range(3):
            flow, valid = clip.flow(n, n + 1)
            moved = warping.warp_by_numpy(made[n + 1], flow)
            moved = np.where(valid[..., None], moved, made[n])
            warped.append(distance(made[n], moved))
        self.assertAllClose(
            found["made", "WarpedDistance", "known", 1].value,
            np.mean(warped),
            rtol=1e-3,
        )
        result = found["made", "PerceptualDistance"]
        self.assertEqual(result.protocol["network"], "FeatureNetwork")
        self.assertEqual(self.missing, [])

    def test_flicker_is_less_still_than_its_source(self):
        clip = moving_photo(smooth_photo(), 6, (48, 64))
        frames = list(clip)
        meter = VideoMeter([clip, "dis", "dis_fine"], [1, 4])
        found = self.measure(
            meter, frames, {"flicker": flicker(frames), "same": frames}
        )
        errors = [key for key in found if key[1] == "WarpingError"]
        self.assertEqual(len(errors), 3 * 3 * 2)
        for _, _, flow, distance in errors:
            values = [
                found[of, "WarpingError", flow, distance].value
                for of in ("flicker", "same", "source")
            ]
            self.assertGreater(values[0], 3 * values[1])
            self.assertEqual(values[1], values[2])

    def test_own_flow(self):
        def still(first, second):
            return np.zeros((*first.shape[:2], 2), "float32")

        frames = list(photos(3, *SIZE, 3))
        found = self.measure(VideoMeter([still], [1]), frames, {})
        expected = np.mean(np.diff(np.stack(frames) / 255.0, axis=0) ** 2)
        self.assertAllClose(
            found["source", "WarpingError", "still", 1].value,
            expected,
            rtol=1e-5,
        )

    def test_scenes(self):
        # Two scenes of three frames that do not move.
        frames = [photos(*SIZE, 3, seed=number // 3) for number in range(6)]
        found = self.measure(
            VideoMeter(["dis"], [1, TO_THE_FIRST]), frames, {}, starts=(0, 3)
        )
        for key, result in found.items():
            if key[1] == "WarpingError":
                self.assertEqual(result.value, 0.0)
                self.assertEqual(result.protocol["pairs"], 4)
        # Without the cut, its frames are compared.
        found = self.measure(VideoMeter(["dis"], [1]), frames, {})
        result = found["source", "WarpingError", "DIS, medium (OpenCV)", 1]
        self.assertEqual(result.protocol["pairs"], 5)

    def test_what_is_missing(self):
        frames = [photos(*SIZE, 3, seed=number) for number in range(3)]
        meter = VideoMeter(["dis"], [10])
        found = self.measure(meter, frames, {"made": frames})
        self.assertNotIn("WarpingError", {key[1] for key in found})
        missing = {(metric, of) for metric, of, _ in self.missing}
        self.assertEqual(
            missing,
            {
                ("Stillness", "made"),
                ("Stillness", "source"),
                ("WarpedDistance", "all"),
                ("TemporalDistance", "all"),
            },
        )

    def test_strip(self):
        clip = moving_photo(smooth_photo(), 20, (48, 64))
        meter = VideoMeter([clip], [1], strip=VideoStrip())
        frames = list(clip)
        self.measure(meter, frames, {"made": flicker(frames)})
        path = self.temporary_folder() / "strip.png"
        meter.strip.save(path)
        with Image.open(path) as image:
            # Two versions, each with its changes.
            self.assertGreater(image.height, 4 * 240)

    def test_errors(self):
        for flows, distances, message in (
            (["raft"], [1], "dis, dis_fine.*'raft'"),
            (["dis"], [0], "integer > 0.*distance=0"),
            (["dis"], ["the first"], "distance='the first'"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                VideoMeter(flows, distances)
        meter = VideoMeter(["dis"])
        frame = photos(*SIZE, 3)
        with self.assertRaisesRegex(ValueError, "of one size"):
            meter.add(frame, {"made": frame[:8]})
        with self.assertRaisesRegex(ValueError, 'named "source"'):
            meter.add(frame, {"source": frame})
        meter.add(frame, {"made": frame})
        with self.assertRaisesRegex(ValueError, "names.*'other'"):
            meter.add(frame, {"other": frame})
        with self.assertRaisesRegex(ValueError, "of one size"):
            meter.add(frame[:16], {"made": frame[:16]})
