import functools
import http.server
import threading

import numpy as np
import pytest
from PIL import Image

from keras_comic.data import read_image
from keras_comic.data.paths import path_of
from keras_comic.data.paths import write_whole
from keras_comic.models.image_files import FORMATS
from keras_comic.models.image_files import plan_outputs
from keras_comic.models.image_files import stylize_files
from keras_comic.models.image_files import write_image
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.provenance.watermark import read_watermark
from tests.models.test_style_generator import MeanColorGenerator
from tests.test_case import TestCase
from tests.test_case import photos


def save(path, height=32, width=40, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photos(height, width, 3, seed=seed)).save(path)
    return path


class GreedyGenerator(MeanColorGenerator):
    """Has no memory for photos wider than 40 pixels."""

    def call(self, inputs, training=False):
        if inputs["photos"].shape[2] > 40:
            raise MemoryError
        return super().call(inputs, training=training)


class ImageFilesTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()


class PlanOutputsTest(ImageFilesTest):
    def plan(self, sources, output):
        if isinstance(sources, str):
            sources = self.folder / sources
        else:
            sources = [self.folder / source for source in sources]
        return [
            tuple(p.relative_to(self.folder).as_posix() for p in pair)
            for pair in plan_outputs(sources, self.folder / output)
        ]

    def test_plans(self):
        for name in (
            "a.jpg",
            "in/b/x.y.JPG",
            "in/a.png",
            "one/a.jpg",
            "two/a.jpg",
            "same/a.jpg",
            "same/a.png",
            "same/comics/a.png",
        ):
            save(self.folder / name)
        (self.folder / "v1.0").mkdir()
        for sources, output, *expected in (
            ("a.jpg", "b.webp", ("a.jpg", "b.webp")),
            ("a.jpg", "out", ("a.jpg", "out/a.png")),
            ("a.jpg", "v1.0", ("a.jpg", "v1.0/a.png")),
            # Sub-folders are kept.
            (
                "in",
                "out",
                ("in/a.png", "out/a.png"),
                ("in/b/x.y.JPG", "out/b/x.y.png"),
            ),
            (
                ["one", "two", "a.jpg"],
                "out",
                ("one/a.jpg", "out/one/a.png"),
                ("two/a.jpg", "out/two/a.png"),
                ("a.jpg", "out/a.png"),
            ),
            # Of one stem; comics within the folder are no sources.
            (
                "same",
                "same/comics",
                ("same/a.jpg", "same/comics/a.jpg.png"),
                ("same/a.png", "same/comics/a.png.png"),
            ),
        ):
            self.assertEqual(self.plan(sources, output), expected)

    def test_errors(self):
        save(self.folder / "a.png")
        save(self.folder / "in" / "a.png")
        save(self.folder / "only" / "comics" / "a.png")
        for sources, output, message in (
            ("a.png", "b.heic", "must end in one of .*b.heic"),
            ("a.png", "a.png", "would replace a photo.*a.png"),
            ("in", "in", "another folder.*in"),
            ("in", "comics.png", "must be a folder.*comics.png"),
            ("in", "a.png", "must be a folder.*a.png"),
            ("only", "only/comics", "holds no image besides.*only"),
            (["a.png", "a.png"], "out", "the same comic.*a.png and"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self.plan(sources, output)
        with self.assertRaisesRegex(ValueError, "must name a file"):
            plan_outputs([], "out")
        for sources, output in (
            ("none", "out"),
            ("none", "out.png"),
            (["none", "a.png"], "out"),
        ):
            with self.assertRaisesRegex(
                FileNotFoundError, "no such file or folder.*none"
            ):
                self.plan(sources, output)


class WriteImageTest(ImageFilesTest):
    def test_formats(self):
        image = photos(33, 35, 3)
        for name, file_format in (
            ("a.png", "PNG"),
            ("new/a.JPG", "JPEG"),
            ("a.webp", "WEBP"),
            ("a.tif", "TIFF"),
        ):
            path = self.folder / name
            write_image(path, image)
            with Image.open(path) as opened:
                self.assertEqual(opened.format, file_format)
            difference = np.abs(read_image(path) - image.astype("float32"))
            limit = 0 if file_format in ("PNG", "TIFF") else 60
            self.assertLessEqual(difference.mean(), limit)
        self.assertEqual(list(self.folder.glob("**/.*")), [])
        with self.assertRaisesRegex(ValueError, "must end in one of.*a.heic"):
            write_image(self.folder / "a.heic", image)

    def test_provenance(self):
        image = photos(33, 35, 3)
        said = Provenance("ink", "1")
        for suffix in FORMATS:
            plain = self.folder / f"plain{suffix}"
            path = self.folder / f"comic{suffix}"
            write_image(plain, image)
            self.assertIsNone(read_provenance(plain))
            write_image(path, image, said)
            self.assertEqual(read_provenance(path), said)
            self.assertAllEqual(read_image(path), read_image(plain))
            first = path.read_bytes()
            write_image(path, image, said)
            self.assertEqual(path.read_bytes(), first)

    def test_nothing_partial_is_left(self):
        path = self.folder / "a.png"
        path.mkdir()
        with self.assertRaises(OSError):
            write_image(path, photos(32, 32, 3))
        self.assertEqual(list(self.folder.iterdir()), [path])


class StylizeFilesTest(ImageFilesTest):
    def setUp(self):
        super().setUp()
        self.generator = MeanColorGenerator()
        gray = np.full((32, 32, 3), 100, "uint8")
        self.generator.add_style("gray", gray)
        self.photo = save(self.folder / "photo.png")

    def stylize(self, output="comic.png", **arguments):
        """The comic of one photo."""
        results = stylize_files(
            self.generator, self.photo, self.folder / output, **arguments
        )
        self.assertEqual(results.failures, [])
        self.assertEqual(results.written, [self.folder / output])
        return read_image(self.folder / output)

    def test_same_as_stylize(self):
        for number, arguments in enumerate(
            ({}, {"style": "gray", "strength": 0.5, "keep_color": True})
        ):
            self.assertAllEqual(
                self.stylize(f"{number}.png", **arguments),
                self.generator.stylize(photos(32, 40, 3), **arguments),
            )

    def test_provenance_is_on_by_default(self):
        path = self.folder / "comic.png"
        comic = self.stylize()
        self.assertEqual(read_provenance(path), Provenance())
        self.generator.preset_name = "ink"
        self.generator.preset_version = "1"
        self.stylize(overwrite=True)
        self.assertEqual(read_provenance(path), Provenance("ink", "1"))
        said = Provenance("ink", "1")
        self.stylize(overwrite=True, provenance=said)
        self.assertEqual(read_provenance(path), said)
        self.assertAllEqual(
            self.stylize(overwrite=True, provenance=False), comic
        )
        self.assertIsNone(read_provenance(path))
        with self.assertRaisesRegex(TypeError, "provenance='no'"):
            self.stylize(provenance="no")

    def test_watermark(self):
        save(self.photo, 256, 288)
        plain = self.stylize()
        self.assertIsNone(read_watermark(plain))
        comic = self.stylize(overwrite=True, watermark=0xC0FFEE)
        self.assertEqual(read_watermark(comic), 0xC0FFEE)
        self.assertAllEqual(comic, embed_watermark(plain, 0xC0FFEE))
        for watermark, error in ((2**32, ValueError), ("1", ValueError)):
            with self.assertRaisesRegex(error, "identifier must be"):
                self.stylize(watermark=watermark)

    def test_orientation_is_applied_and_dropped(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        image = Image.fromarray(photos(32, 40, 3))
        image.save(self.photo, exif=exif)
        comic = self.stylize()
        self.assertShape(comic, (40, 32, 3))
        with Image.open(self.folder / "comic.png") as opened:
            self.assertEqual(dict(opened.getexif()), {})

    def test_style_of_files(self):
        drawing = save(self.folder / "drawing.png", seed=1)
        picture = read_image(drawing)
        for style, same in (
            (drawing, picture),
            (str(drawing), picture),
            (
                [("gray", 3.0), (str(drawing), 1)],
                [("gray", 3.0), (picture, 1)],
            ),
            ({"gray": 3, drawing: 1}, [("gray", 3.0), (picture, 1)]),
        ):
            self.assertAllEqual(
                self.stylize(style=style, overwrite=True),
                self.generator.stylize(photos(32, 40, 3), same),
            )

    def test_mask(self):
        values = np.zeros((32, 40, 3), "uint8")
        values[:, 20:] = 255
        path = self.folder / "mask.png"
        Image.fromarray(values).save(path)
        photo = photos(32, 40, 3)
        comic = self.stylize(mask=path)
        self.assertAllEqual(comic[:, :20], photo[:, :20])
        whole = self.generator.stylize(photo)
        self.assertAllEqual(comic[:, 20:], whole[:, 20:])

    def test_max_side(self):
        save(self.photo, 64, 160)
        mask = np.zeros((64, 160), "float32")
        comic = self.stylize(max_side=80, mask=mask)
        image = Image.open(self.photo).resize((80, 32), Image.LANCZOS)
        self.assertAllEqual(comic, np.asarray(image))
        comic = self.stylize(max_side=160, overwrite=True)
        self.assertShape(comic, (64, 160, 3))

    def test_goes_on_past_broken_files(self):
        source = self.folder / "in"
        save(source / "a.jpg")
        (source / "b.jpg").write_bytes(b"no image")
        (source / "c.png").write_bytes(self.photo.read_bytes()[:900])
        save(source / "d.png", 20, 40)
        save(source / "sub" / "e.png")
        output = self.folder / "out"
        calls = []
        results = stylize_files(
            self.generator,
            source,
            output,
            progress=lambda *numbers: calls.append(numbers),
        )
        self.assertEqual(
            results.written, [output / "a.png", output / "sub" / "e.png"]
        )
        self.assertEqual(results.skipped, [])
        self.assertEqual(calls, [(n, 5) for n in range(1, 6)])
        paths, reasons = zip(*results.failures)
        self.assertEqual([p.name for p in paths], ["b.jpg", "c.png", "d.png"])
        for reason, message in zip(
            reasons, ("not an image", "truncated", "at least 32 pixels")
        ):
            self.assertIn(message, reason)

    def test_goes_on_with_an_interrupted_folder(self):
        source, output = self.folder / "in", self.folder / "out"
        save(source / "a.png")
        save(source / "b.png")
        (output / "a.png").parent.mkdir()
        (output / "a.png").write_bytes(b"made before")
        results = stylize_files(self.generator, source, output)
        self.assertEqual(results.skipped, [output / "a.png"])
        self.assertEqual(results.written, [output / "b.png"])
        self.assertEqual((output / "a.png").read_bytes(), b"made before")
        self.assertEqual(
            sorted(p.name for p in output.iterdir()), ["a.png", "b.png"]
        )
        results = stylize_files(self.generator, source, output, overwrite=True)
        self.assertEqual(len(results.written), 2)
        self.assertShape(read_image(output / "a.png"), (32, 40, 3))

    def test_too_large_for_memory(self):
        source = self.folder / "in"
        save(source / "a.png", 40, 48)
        save(source / "b.png")
        generator = GreedyGenerator(styles=self.generator.styles)
        output = self.folder / "out"
        results = stylize_files(generator, source, output)
        self.assertEqual(results.written, [output / "b.png"])
        path, reason = results.failures[0]
        self.assertEqual(path, source / "a.png")
        self.assertRegex(reason, "too large for the memory; set `max_side`")
        results = stylize_files(generator, source, output, max_side=40)
        self.assertEqual(results.failures, [])
        self.assertEqual(results.written, [output / "a.png"])

    def test_errors(self):
        (self.folder / "broken.png").write_bytes(b"no image")
        batch = photos(2, 32, 32, 3)
        for error, message, arguments in (
            (ValueError, "in .0, 1.*strength=1.5", {"strength": 1.5}),
            (ValueError, "positive integer.*max_side=0", {"max_side": 0}),
            (ValueError, "one of .'gray'.*style='grey'", {"style": "grey"}),
            (
                ValueError,
                "not an image.*broken.png",
                {"style": self.folder / "broken.png"},
            ),
            (FileNotFoundError, "no such file.*no.png", {"style": "no.png"}),
            (ValueError, "one image.*2 style images", {"style": batch}),
            (FileNotFoundError, "no such file.*no.png", {"mask": "no.png"}),
        ):
            with self.assertRaisesRegex(error, message):
                stylize_files(
                    self.generator,
                    self.photo,
                    self.folder / "c.png",
                    **arguments,
                )
        results = stylize_files(
            self.generator,
            self.photo,
            self.folder / "c.png",
            mask=np.zeros((8, 8)),
            max_side=38,
        )
        self.assertIn("height and width", results.failures[0][1])
        self.assertFalse((self.folder / "c.png").exists())


class RemoteFilesTest(ImageFilesTest):
    """Photos and comics in a store; a subclass gives another one."""

    def setUp(self):
        super().setUp()
        self.generator = MeanColorGenerator()
        self.generator.add_style("gray", np.full((32, 32, 3), 100, "uint8"))
        self.store = path_of(self.start_store())

    def start_store(self):
        """URL of an empty folder."""
        system = pytest.importorskip("fsspec").filesystem("memory")
        system.store.clear()
        system.pseudo_dirs[:] = [""]
        return "memory://bucket"

    def put(self, *names):
        for seed, name in enumerate(names):
            local = save(self.folder / "local" / name, seed=seed)
            write_whole(self.store / name, local.read_bytes())
        return self.folder / "local"

    def test_plan_is_that_of_local_files(self):
        names = ("in/a.jpg", "in/a.webp", "in/b/c.JPG", "in/out/a.png")
        local = self.put(*names, "other/d.png")
        for sources, output in (
            (["in"], "out"),
            (["in"], "in/out"),
            (["in", "other", "in/a.jpg"], "out"),
            (["in/a.jpg"], "comic.webp"),
            (["in/a.jpg"], "out"),
        ):
            found, expected = (
                [
                    tuple(str(p.relative_to(root)) for p in pair)
                    for pair in plan_outputs(
                        [root / source for source in sources], root / output
                    )
                ]
                for root in (self.store, local)
            )
            self.assertEqual(found, expected)
        # From here to there, and back.
        ((_, target),) = plan_outputs(local / "other", self.store / "out")
        self.assertEqual(target, self.store / "out" / "d.png")
        ((source, target),) = plan_outputs(self.store / "other", local)
        self.assertEqual(source, self.store / "other" / "d.png")
        self.assertEqual(target, local / "d.png")

    def test_stylize(self):
        local = self.put("in/a.png", "in/b/c.png")
        (self.store / "in" / "cut.png").write_bytes(
            (local / "in" / "a.png").read_bytes()[:900]
        )
        style = self.store / "in" / "a.png"
        arguments = {"style": str(style), "strength": 0.5}
        output = self.store / "out"
        results = stylize_files(
            self.generator, str(self.store / "in"), str(output), **arguments
        )
        self.assertEqual(
            results.written, [output / "a.png", output / "b/c.png"]
        )
        ((path, reason),) = results.failures
        self.assertEqual(path, self.store / "in" / "cut.png")
        self.assertIn("truncated", reason)
        self.assertEqual(
            sorted(
                str(file.relative_to(output)) for file in output.rglob("*.*")
            ),
            ["a.png", "b/c.png"],
        )
        expected = stylize_files(
            self.generator,
            local / "in",
            self.folder / "out",
            **{**arguments, "style": local / "in" / "a.png"},
        )
        for comic, other in zip(results.written, expected.written, strict=True):
            self.assertEqual(comic.read_bytes(), other.read_bytes())

        # Again: what is there is left.
        (output / "a.png").unlink()
        (output / "b" / "c.png").write_bytes(b"made before")
        results = stylize_files(
            self.generator, self.store / "in", output, **arguments
        )
        self.assertEqual(results.written, [output / "a.png"])
        self.assertEqual(results.skipped, [output / "b" / "c.png"])
        self.assertEqual((output / "b/c.png").read_bytes(), b"made before")


class WebFilesTest(ImageFilesTest):
    def test_one_lost_connection(self):
        pytest.importorskip("aiohttp")
        save(self.folder / "a.png")
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0),
            functools.partial(BreakingHandler, directory=self.folder),
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"
        (self.folder / "lost.png").write_bytes(bytes(100_000))
        generator = MeanColorGenerator()
        generator.add_style("gray", np.full((32, 32, 3), 100, "uint8"))
        results = stylize_files(
            generator,
            [f"{url}/lost.png", f"{url}/a.png?size=large"],
            self.folder / "out",
        )
        self.assertEqual(results.written, [self.folder / "out" / "a.png"])
        ((path, reason),) = results.failures
        self.assertEqual(str(path), f"{url}/lost.png")
        self.assertRegex(reason, "cannot be reached.*Received: .*/lost.png")
        with self.assertRaisesRegex(FileNotFoundError, "http://.*/none.png"):
            plan_outputs(f"{url}/none.png", self.folder / "out")


class BreakingHandler(http.server.SimpleHTTPRequestHandler):
    """A web server's, which breaks off in the middle of `lost.png`."""

    def copyfile(self, source, outputfile):
        if self.path.startswith("/lost"):
            outputfile.write(source.read(1000))
            self.close_connection = True
        else:
            super().copyfile(source, outputfile)

    def log_message(self, *args):
        pass


@pytest.mark.slow
class S3FilesTest(RemoteFilesTest):
    def start_store(self):
        from tests.data.s3_server import s3_server

        return f"{self.enterContext(s3_server())}/comics"
