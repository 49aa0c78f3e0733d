import pytest
from typer.testing import CliRunner

from keras_comic.cli.tfrecords import app
from tests.data.pictures import save_noise
from tests.test_case import TestCase

pytest.importorskip("tensorflow")


class BuildTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.output = self.folder / "records"

    def run_build(self, *arguments):
        arguments = ["build", *arguments, "-o", self.output]
        return CliRunner().invoke(app, [str(a) for a in arguments])

    def test_folders(self):
        save_noise(self.folder / "ink", "a.png", "b.jpg")
        save_noise(self.folder / "wash", "a.png")
        result = self.run_build(
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

        save_noise(self.folder / "ink", "a.png", "b.png")
        manifest = self.folder / "list.csv"
        manifest.write_text("file,source,licence\nink/a.png,here,CC0\n")
        result = self.run_build(
            self.folder / "ink",
            *("--kind", "photos", "--split", "eval", "--image-size", "12"),
            *("--num-shards", "2", "--manifest", manifest),
        )
        self.assertEqual(result.exit_code, 0, result.output)
        names = sorted(path.name for path in self.output.iterdir())
        self.assertEqual(
            names, [f"eval-0000{i}-of-00002.tfrecord" for i in range(2)]
        )
        record = next(iter(read_records(self.output)))
        self.assertEqual(int(record["image/height"]), 12)
        self.assertEqual(record["image/license"].numpy(), b"CC0")

    def test_broken_file(self):
        save_noise(self.folder / "ink", "a.png", "b.jpg", "c.png")
        broken = self.folder / "ink" / "b.jpg"
        broken.write_bytes(broken.read_bytes()[:300])
        result = self.run_build(self.folder / "ink", "--kind", "comics")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("ink: 2 comics", result.stdout)
        self.assertIn("1 files could not be read", result.stderr)
        self.assertRegex(
            result.stderr, r"b\.jpg: The image is broken.*[Tt]runc"
        )

    def test_nothing_to_build(self):
        result = self.run_build(self.folder / "missing", "--kind", "comics")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("There is no such folder", result.stderr)
        save_noise(self.folder / "ink", "a.png")
        result = self.run_build(self.folder / "ink", "--kind", "ink")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("`kind` must be one of photos, comics", result.stderr)
        result = self.run_build(self.folder / "ink")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("kind", result.stderr)
