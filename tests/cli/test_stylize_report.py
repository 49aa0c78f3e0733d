import contextlib
import io
from pathlib import Path

import typer

from keras_comic.cli.stylize_report import report_comics
from keras_comic.cli.stylize_report import report_others
from keras_comic.models.image_files import StylizedFiles
from tests.test_case import TestCase


class StylizeReportTest(TestCase):
    def said(self, function, *arguments):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            with contextlib.redirect_stderr(output):
                function(*arguments)
        return output.getvalue()

    def test_comics(self):
        paths = [Path(f"{name}.png") for name in "ab"]
        results = StylizedFiles(paths, [], [])
        said = self.said(report_comics, results, Path("out"))
        self.assertEqual(said, "Wrote 2 comics to out\n")
        # Nothing is written, and the failures say why.
        results = StylizedFiles([], [], [(paths[0], "broken")])
        self.assertEqual(self.said(report_comics, results, Path("a.png")), "")

    def test_one_that_is_there_does_not_stop_the_videos(self):
        results = StylizedFiles([], [Path("a.png")], [])
        said = self.said(report_comics, results, Path("out"), ["clip"])
        self.assertIn("Left 1 that were there already", said)
        with self.assertRaises(typer.Exit):
            self.said(report_comics, results, Path("out"))

    def test_others_are_counted(self):
        paths = [Path(f"{name}.txt") for name in "abcd"]
        said = self.said(report_others, paths)
        self.assertIn("videos (4)", said)
        self.assertIn("a.txt, b.txt, c.txt, ...", said)
        self.assertEqual(self.said(report_others, []), "")
