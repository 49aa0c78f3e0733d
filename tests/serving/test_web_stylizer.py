import numpy as np
from PIL import Image

from keras_comic import presets
from keras_comic.data import read_image
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.errors import ServingError
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_stylizer import Choice
from keras_comic.serving.web_stylizer import Stopped
from keras_comic.serving.web_stylizer import WebStylizer
from keras_comic.video import open_frames
from keras_comic.video import write_frames
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter

LIGHT = (("light", 1.0),)
MIX = (("light", 0.75), ("dark ink", 0.25))


def tiny_painter():
    """A generator with two styles."""
    generator = TinyPainter()
    generator.add_style("light", photos(32, 32, 3, seed=1))
    generator.add_style("dark ink", photos(32, 32, 3, seed=2) // 4)
    return generator


class WebStylizerTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.generators = {"painter": tiny_painter(), "comic": TinyComic()}

    def setUp(self):
        self.folder = self.temporary_folder()
        self.photo = self.folder / "my photo?.jpg.png"
        Image.fromarray(photos(40, 60, 3)).save(self.photo)
        self.clip = self.folder / "clip.mp4"
        self.stylizer = WebStylizer(self.generators, MediaLimits(max_side=128))

    def make(self, choice, path=None, **arguments):
        folder = self.folder / "made"
        folder.mkdir(exist_ok=True)
        path = path or self.photo
        return self.stylizer.make(path, choice, folder, **arguments)

    def test_photo(self):
        for choice, name, expected in (
            (Choice("painter", LIGHT), "light", {"style": "light"}),
            (
                Choice("painter", MIX, 0.4),
                "light-dark_ink",
                {"style": dict(MIX), "strength": 0.4},
            ),
            (
                Choice("comic", (), 0.5, True),
                "comic",
                {"strength": 0.5, "keep_color": True},
            ),
        ):
            result = self.make(choice)
            self.assertEqual(result.kind, "photo")
            self.assertEqual(result.path.name, f"my_photo_.jpg-{name}.png")
            generator = self.generators[choice.preset]
            comic = generator.stylize(photos(40, 60, 3), **expected)
            self.assertAllEqual(read_image(result.path), comic)
            self.assertAllEqual(result.after, comic)
            self.assertAllEqual(result.before, photos(40, 60, 3))
            self.assertEqual(result.notes, ["60 × 40 pixels"])
            said = read_provenance(result.path)
            self.assertEqual(said.preset, choice.preset)

    def test_large_photo(self):
        Image.fromarray(photos(64, 256, 3)).save(self.photo)
        preview = self.stylizer.check(self.photo)
        facts = "128 × 32 pixels, shrunk from 256 × 64"
        self.assertEqual((preview.kind, preview.facts), ("photo", facts))
        self.assertEqual(self.make(Choice("comic")).after.shape, (32, 128, 3))

    def test_presets(self):
        for generators, message in (
            ({}, "must name a preset"),
            ({"ink": TinyPainter()}, "needs a named style .*preset='ink'"),
            ({"codes": TinyCodes()}, "'codes' of the kind latent_generator"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                WebStylizer(generators)
        with self.assertRaisesRegex(ValueError, "max_side=3"):
            WebStylizer(self.generators, MediaLimits(max_side=3))

    def test_built_in_presets(self):
        generators = WebStylizer().generators
        self.assertEqual(list(generators), list(presets.list_presets()))

    def test_video(self):
        write_frames(photos(6, 50, 80, 3), self.clip, frame_rate=6)
        self.stylizer.limits = MediaLimits(max_video_side=64)
        preview = self.stylizer.check(self.clip)
        facts = "1.0 seconds, 64 × 40 pixels, shrunk from 80 × 50"
        self.assertEqual((preview.kind, preview.facts), ("video", facts))
        for choice in (Choice("painter", MIX), Choice("comic", (), 0.5)):
            result = self.make(choice, self.clip)
            self.assertEqual(len(list(open_frames(result.path))), 6)
            self.assertEqual(result.notes, [f"6 frames, {facts[13:]}"])
            self.assertEqual(result.after.shape, (40, 64, 3))
            difference = result.before.astype(int) - result.after
            self.assertGreater(np.abs(difference).mean(), 1)
            said = read_provenance(result.path)
            self.assertEqual(said.preset, choice.preset)

    def test_video_is_stopped(self):
        write_frames(photos(6, 32, 48, 3), self.clip, frame_rate=5)

        def stop(done, total):
            raise Stopped

        with self.assertRaises(Stopped):
            self.make(Choice("painter", LIGHT), self.clip, progress=stop)

    def test_content_review(self):
        seen = []

        def classify(images):
            seen.extend(images)
            return [image.mean() > 5 for image in images]

        self.stylizer.content_review = ContentReview(classify, timeout=60)
        result = self.make(Choice("painter", LIGHT))
        self.assertAllEqual(seen.pop(), result.after)
        write_frames(photos(3, 32, 48, 3), self.clip, frame_rate=5)
        self.make(Choice("painter", LIGHT), self.clip)
        self.assertEqual(len(seen), 3)
        black = self.folder / "black.png"
        Image.new("RGB", (40, 40)).save(black)
        with self.assertRaisesRegex(ServingError, "withheld"):
            # A strength of 0 gives the photo itself.
            self.make(Choice("comic", (), 0.0), black)
        made = [path.name for path in (self.folder / "made").iterdir()]
        self.assertNotIn("black-comic.png", made)
