from pathlib import Path

from keras_comic.cli.parsing import parse_drawings
from keras_comic.cli.parsing import parse_settings
from keras_comic.cli.parsing import parse_size
from keras_comic.cli.parsing import parse_styles
from keras_comic.cli.parsing import parse_watermark
from tests.test_case import TestCase


class ParsingTest(TestCase):
    def test_drawings(self):
        self.assertIsNone(parse_drawings(None))
        self.assertEqual(parse_drawings(["ink"]), Path("ink"))
        folder = self.temporary_folder() / "a=b"
        folder.mkdir()
        self.assertEqual(parse_drawings([str(folder)]), folder)
        self.assertEqual(
            parse_drawings(["ink=a", "wash=b=c"]),
            {"ink": Path("a"), "wash": Path("b=c")},
        )
        for texts in (
            ["a", "b"],
            ["ink=a", "b"],
            ["=a", "ink=b"],
            ["ink="],
            ["ink=a", "ink=b"],
        ):
            with self.assertRaisesRegex(ValueError, "NAME=FOLDER with a name"):
                parse_drawings(texts)

    def test_settings(self):
        self.assertEqual(parse_settings(None, "--set"), {})
        self.assertEqual(
            parse_settings(["a=1e-4", "b=None", "c=flow", "d=(1, 2)"], "--set"),
            {"a": 1e-4, "b": None, "c": "flow", "d": (1, 2)},
        )

    def test_styles(self):
        names = ["ink", "a:b"]
        self.assertIsNone(parse_styles(None, names))
        self.assertEqual(parse_styles(["a:b"], names), "a:b")
        self.assertEqual(
            parse_styles(["ink:0.6", "b.png"], names),
            [("ink", 0.6), ("b.png", 1.0)],
        )
        with self.assertRaisesRegex(ValueError, "a second --style.*ink:0.5"):
            parse_styles(["ink:0.5"], names)

    def test_numbers(self):
        self.assertEqual(parse_watermark("0xC0FFEE"), 0xC0FFEE)
        self.assertEqual(parse_watermark("1234"), 1234)
        for text in ("ink", "-1", "0x1FFFFFFFF"):
            with self.assertRaisesRegex(ValueError, f"--watermark {text}"):
                parse_watermark(text)
        self.assertEqual(parse_size("640x480", "--size"), (640, 480))
        with self.assertRaisesRegex(ValueError, "--size must be.*--size 640"):
            parse_size("640", "--size")
