import numpy as np
import pytest
from PIL import Image

from keras_comic import presets
from keras_comic.data import read_image
from keras_comic.models import AdaINGenerator
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.errors import ServingError
from keras_comic.serving.web_media import MediaError
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_stylizer import Choice
from keras_comic.serving.web_stylizer import Stopped
from keras_comic.serving.web_stylizer import WebStylizer
from keras_comic.video import open_frames
from keras_comic.video import write_frames
from tests.test_case import TestCase
from tests.test_case import photos
from tests.video.clips import save_with_sound

CHOICE = Choice("tiny", "light")


def tiny_generator():
    """A small generator with two styles."""
    generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    generator.add_style("light", photos(32, 32, 3, seed=1))
    generator.add_style("dark ink", photos(32, 32, 3, seed=2) // 4)
    return generator


class WebStylizerTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.generator = tiny_generator()

    def setUp(self):
        self.folder = self.temporary_folder()
        self.photo = self.folder / "my photo?.jpg.png"
        Image.fromarray(photos(40, 60, 3)).save(self.photo)
        self.stylizer = WebStylizer(
            {"tiny": self.generator}, MediaLimits(max_side=128)
        )

    def make(self, choice=CHOICE, path=None, **arguments):
        folder = self.folder / "made"
        folder.mkdir(exist_ok=True)
        path = path or self.photo
        return self.stylizer.make(path, choice, folder, **arguments)

    def test_photo(self):
        result = self.make()
        self.assertEqual(result.kind, "photo")
        self.assertEqual(result.path.name, "my_photo_.jpg-light.png")
        expected = self.generator.stylize(photos(40, 60, 3), "light")
        self.assertAllEqual(read_image(result.path), expected)
        self.assertAllEqual(result.after, expected)
        self.assertAllEqual(result.before, photos(40, 60, 3))
        self.assertEqual(result.notes, ["60 × 40 pixels"])
        self.assertEqual(read_provenance(result.path).preset, "tiny")

    def test_choices(self):
        for choice, expected in (
            (
                CHOICE._replace(second="dark ink", share=0.25),
                {"style": {"light": 0.75, "dark ink": 0.25}},
            ),
            (CHOICE._replace(second="dark ink"), {"style": "light"}),
            (
                CHOICE._replace(style="dark ink", strength=0.4),
                {"style": "dark ink", "strength": 0.4},
            ),
            (
                CHOICE._replace(keep_color=True),
                {"style": "light", "keep_color": True},
            ),
        ):
            self.assertAllEqual(
                self.make(choice).after,
                self.generator.stylize(photos(40, 60, 3), **expected),
            )
        choice = CHOICE._replace(second="dark ink", share=0.5)
        name = self.make(choice).path.name
        self.assertEqual(name, "my_photo_.jpg-light-dark_ink.png")

    def test_large_photo(self):
        Image.fromarray(photos(64, 256, 3)).save(self.photo)
        self.assertEqual(
            self.stylizer.check(self.photo).facts,
            "128 × 32 pixels, shrunk from 256 × 64",
        )
        self.assertEqual(self.make().after.shape, (32, 128, 3))

    def test_check(self):
        preview = self.stylizer.check(self.photo)
        self.assertEqual(preview.kind, "photo")
        self.assertAllEqual(preview.image, photos(40, 60, 3))
        path = self.folder / "notes.txt"
        path.write_text("Dear all")
        for use in (self.stylizer.check, lambda path: self.make(path=path)):
            with self.assertRaisesRegex(MediaError, "^notes.txt is neither"):
                use(path)

    def test_choice_errors(self):
        for choice, message in (
            (CHOICE._replace(preset="huge"), r"`preset` must be .*'huge'"),
            (CHOICE._replace(style="ink"), r"`style` must be .*'ink'"),
            (CHOICE._replace(second="ink"), r"`style` must be .*'ink'"),
            (CHOICE._replace(second="light", share=2), "share=2"),
            (CHOICE._replace(strength=-1), "strength=-1"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self.make(choice)

    def test_preset_errors(self):
        with self.assertRaisesRegex(ValueError, "must name a preset"):
            WebStylizer({})
        nameless = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        with self.assertRaisesRegex(ValueError, "preset='ink'"):
            WebStylizer({"ink": nameless})
        with self.assertRaisesRegex(ValueError, "max_side=3"):
            WebStylizer({"tiny": self.generator}, MediaLimits(max_side=3))

    def test_preset_folders(self):
        folder = self.folder / "my_preset"
        self.generator.save_to_preset(folder)
        stylizer = WebStylizer([str(folder)])
        self.assertEqual(list(stylizer.generators), ["my_preset"])

    def test_built_in_presets(self):
        generators = WebStylizer().generators
        self.assertEqual(list(generators), list(presets.list_presets()))
        for generator in generators.values():
            self.assertTrue(generator.style_names)

    @pytest.mark.slow
    def test_video(self):
        path = self.folder / "clip.mp4"
        save_with_sound(path, photos(6, 32, 48, 3))
        preview = self.stylizer.check(path)
        self.assertEqual(preview.kind, "video")
        told = []
        choice = CHOICE._replace(second="dark ink", share=0.3)
        result = self.make(choice, path, progress=lambda *now: told.append(now))
        self.assertEqual(result.path.name, "clip-light-dark_ink.mp4")
        source, made = open_frames(path), open_frames(result.path)
        self.assertEqual((made.width, made.height), preview.image.shape[1::-1])
        number = len(list(source))
        self.assertEqual(len(list(made)), number)
        self.assertEqual(told[-1][0], number)
        self.assertIn(f"{number} frames", result.notes[0])
        self.assertEqual(result.before.shape, result.after.shape)
        self.assertGreater(
            np.abs(result.before.astype(int) - result.after).mean(), 1
        )
        self.assertTrue(_has_sound(result.path))
        self.assertEqual(read_provenance(result.path).preset, "tiny")

    def test_video_is_stopped(self):
        path = self.folder / "clip.mp4"
        write_frames(photos(6, 32, 48, 3), path, frame_rate=5)

        def stop(done, total):
            raise Stopped

        with self.assertRaises(Stopped):
            self.make(path=path, progress=stop)

    def test_content_review(self):
        seen = []

        def classify(images):
            seen.extend(images)
            return [image.mean() > 5 for image in images]

        self.stylizer.content_review = ContentReview(classify, timeout=60)
        result = self.make()
        self.assertAllEqual(seen.pop(), result.after)
        clip = self.folder / "clip.gif"
        write_frames(photos(3, 32, 48, 3), clip, frame_rate=5)
        self.make(path=clip)
        # Some of the video and, later, each of the comic.
        source = [frame.image for frame in open_frames(clip).read(every=2)]
        self.assertAllEqual(seen[: len(source)], source)
        self.assertEqual(len(seen), len(source) + 3)
        black = self.folder / "black.png"
        Image.new("RGB", (40, 40)).save(black)
        with self.assertRaisesRegex(ServingError, "withheld"):
            # A strength of 0 gives the photo itself.
            self.make(CHOICE._replace(strength=0.0), black)
        made = [path.name for path in (self.folder / "made").iterdir()]
        self.assertNotIn("black-light.png", made)

    def test_video_is_reviewed_before_it_is_drawn(self):
        frames = np.full((9, 32, 48, 3), 200, "uint8")
        frames[6:] = 0
        path = self.folder / "clip.mp4"
        write_frames(frames, path, frame_rate=6)
        seen, told = [], []

        def classify(images):
            seen.extend(images)
            return [image.mean() > 20 for image in images]

        self.stylizer.content_review = ContentReview(classify, timeout=60)
        with self.assertRaisesRegex(ServingError, "withheld"):
            self.make(path=path, progress=lambda *now: told.append(now))
        # Frames 0, 3 and 6, of each half second; nothing is drawn.
        self.assertEqual([round(s.mean(), -2) for s in seen], [200, 200, 0])
        self.assertEqual({done for done, _ in told}, {0})
        self.assertEqual(list((self.folder / "made").iterdir()), [])
        # What only the comic shows, is found when it is there.
        seen.clear()
        frames[6:] = 200
        write_frames(frames, path, frame_rate=6)
        review = ContentReview(
            lambda images: seen.extend(images) or [len(seen) < 5], timeout=60
        )
        self.stylizer.content_review = review
        with self.assertRaisesRegex(ServingError, "withheld"):
            self.make(path=path)
        self.assertEqual(len(seen), 5)

    def test_review_of_a_video_is_stopped(self):
        path = self.folder / "clip.gif"
        write_frames(photos(6, 32, 48, 3), path, frame_rate=2)
        seen = []
        self.stylizer.content_review = ContentReview(
            lambda images: seen.extend(images) or [True] * len(images)
        )

        def stop(done, total):
            if len(seen) == 2:
                raise Stopped

        with self.assertRaises(Stopped):
            self.make(path=path, progress=stop)
        self.assertEqual(len(seen), 2)

    def test_video_is_shrunk(self):
        path = self.folder / "clip.gif"
        write_frames(photos(3, 50, 80, 3), path, frame_rate=5)
        self.stylizer.limits = MediaLimits(max_video_side=64)
        result = self.make(path=path)
        self.assertEqual(result.after.shape, (40, 64, 3))
        self.assertEqual(
            result.notes, ["3 frames, 64 × 40 pixels, shrunk from 80 × 50"]
        )


def _has_sound(path):
    import av

    with av.open(str(path)) as container:
        return bool(container.streams.audio)
