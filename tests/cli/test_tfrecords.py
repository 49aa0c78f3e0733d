import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_comic.cli.tfrecords import app
from tests.data.pictures import save_flat
from tests.data.pictures import save_noise
from tests.test_case import TestCase

pytest.importorskip("tensorflow")


class CommandTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.output = self.folder / "records"

    def run_command(self, *arguments):
        return CliRunner().invoke(app, [str(a) for a in arguments])

    def build(self, *arguments):
        return self.run_command("build", *arguments, "-o", self.output)

    def save(self, *names):
        """Noise that the rules let pass."""
        save_noise(self.folder, *names, height=72, width=80)


class BuildTest(CommandTest):
    def test_folders(self):
        self.save("ink/a.png", "ink/b.jpg", "wash/a.png")
        result = self.build(
            self.folder / "ink", self.folder / "wash", "--kind", "comics"
        )
        self.assertEqual(result.exit_code, 0, result.output)
        shard = self.output / "train-00000-of-00001.tfrecord"
        self.assertEqual(
            result.stdout.splitlines(),
            ["ink: 2 comics", "wash: 1 comics", str(shard)],
        )
        self.assertTrue(shard.is_file())

    def test_options(self):
        from keras_comic.data import read_records

        self.save("ink/a.png", "ink/b.png")
        manifest = self.folder / "list.csv"
        manifest.write_text("file,source,licence\nink/a.png,here,CC0\n")
        result = self.build(
            self.folder / "ink",
            *("--kind", "photos", "--split", "eval", "--image-size", "12"),
            *("--num-shards", "2", "--manifest", manifest),
            *("--variant", "grayscale"),
        )
        self.assertEqual(result.exit_code, 0, result.output)
        shards = sorted(path.name for path in self.output.glob("*.tfrecord"))
        self.assertEqual(
            shards, [f"eval-0000{i}-of-00002.tfrecord" for i in range(2)]
        )
        record = next(iter(read_records(self.output)))
        self.assertEqual(int(record["image/height"]), 12)
        self.assertEqual(record["image/license"].numpy(), b"CC0")
        self.assertShape(record["variant/grayscale"], (1,))
        self.assertShape(record["variant/blurred"], (0,))

    def test_kinds_by_the_names_of_folders(self):
        self.save("set/photos/a.png", "set/comics/ink/b.png")
        result = self.build(
            self.folder / "set/photos", self.folder / "set/comics"
        )
        self.assertEqual(result.exit_code, 0, result.output)
        for kind in ("photos", "comics"):
            shard = self.output / kind / "train-00000-of-00001.tfrecord"
            self.assertTrue(shard.is_file())
            self.assertIn(str(shard), result.stdout)

    def test_rules(self):
        self.save("ink/a.png", "ink/c.png")
        ink = self.folder / "ink"
        save_noise(ink, "small.png", height=20)
        save_flat(ink, {"flat.png": (9, 99, 200)}, size=80)
        shutil.copy(ink / "a.png", ink / "b.png")
        kind = ("--kind", "comics")
        result = self.build(ink, *kind)
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual(
            result.stdout.splitlines()[:4],
            [
                "ink: 2 comics",
                "left out, blank: 1",
                "left out, duplicate: 1",
                "left out, too small: 1",
            ],
        )
        result = self.build(ink, *kind, "--no-clean")
        self.assertIn("ink: 5 comics", result.stdout)
        result = self.build(
            ink,
            *kind,
            *("--min-side", 0, "--max-blank", 1, "--min-sharpness", 0),
            *("--no-exact-duplicates", "--duplicate-distance", -1),
        )
        self.assertIn("ink: 5 comics", result.stdout)

    def test_dry_run(self):
        self.save("ink/a.png")
        save_noise(self.folder / "ink", "small.png", height=20)
        result = self.build(
            self.folder / "ink", "--kind", "comics", "--dry-run"
        )
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("left out, too small: 1", result.stdout)
        names = [path.name for path in self.output.iterdir()]
        self.assertEqual(names, ["left_out.png"])
        image = np.asarray(Image.open(self.output / "left_out.png"))
        self.assertGreater(image.std(), 1)

    def test_broken_file(self):
        self.save("ink/a.png", "ink/b.jpg", "ink/c.png")
        broken = self.folder / "ink" / "b.jpg"
        broken.write_bytes(broken.read_bytes()[:300])
        result = self.build(self.folder / "ink", "--kind", "comics")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("ink: 2 comics", result.stdout)
        self.assertIn("1 files could not be read", result.stderr)
        self.assertRegex(result.stderr, r"b\.jpg: The JPEG image is truncated")

    def test_nothing_to_build(self):
        result = self.build(self.folder / "missing", "--kind", "comics")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("no such file or folder", result.stderr)
        self.save("ink/a.png")
        result = self.build(self.folder / "ink", "--kind", "ink")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("--kind must be one of photos, comics", result.stderr)
        result = self.build(self.folder / "ink")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("--kind photos, comics, pairs or", result.stderr)

    def test_options_of_another_kind(self):
        self.save("ink/a.png")
        result = self.build(
            self.folder / "ink", "--kind", "photos", "--clip-length", "4"
        )
        self.assertEqual(result.exit_code, 2)
        self.assertIn("--clip-length is for clips only", result.stderr)
        result = self.build(self.folder / "ink", "--kind", "photos", "--panels")
        self.assertIn("--panels is for comics only", result.stderr)


class InspectTest(CommandTest):
    def test_what_is_there(self):
        self.save("ink/a.png", "wash/b.jpg")
        sources = (self.folder / "ink", self.folder / "wash")
        self.build(*sources, "--kind", "comics")
        result = self.run_command("inspect", self.output, "--verify")
        self.assertEqual(result.exit_code, 0, result.output)
        lines = result.stdout.splitlines()
        self.assertRegex(lines[0], "^2 records of comics in 1 shards, 0.0 MiB")
        for line in ("  ink: 1", "  (not given): 2", "  png: 1"):
            self.assertIn(line, lines)
        self.assertIn("every image can be decoded", lines[-1])
        sheet = self.output / "inspection" / "contact_sheet.png"
        self.assertIn(str(sheet), lines)
        self.assertTrue(sheet.is_file())

    def test_a_flipped_byte(self):
        self.save("ink/a.png", "ink/b.png")
        self.build(self.folder / "ink", "--kind", "comics")
        shard = next(self.output.glob("*.tfrecord"))
        content = bytearray(shard.read_bytes())
        content[300] ^= 1
        shard.write_bytes(content)
        result = self.run_command("inspect", self.output, "--verify")
        self.assertEqual(result.exit_code, 1)
        self.assertRegex(result.stderr, "record at byte 12 .* its checksum")
        self.assertRegex(result.stderr, "SHA-256 is not that of train.manifest")

    def test_nothing_there(self):
        result = self.run_command("inspect", self.folder)
        self.assertEqual(result.exit_code, 2)
        self.assertIn("no TFRecord shards", result.stderr)
