from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from keras_comic.cli.provenance import inspect
from keras_comic.models.image_files import write_image
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.watermark import embed_watermark
from tests.provenance.test_watermark import sample
from tests.test_case import TestCase


class InspectTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.app = Typer()
        self.app.command()(inspect)

    def run_inspect(self, *paths, exit_code=0):
        result = CliRunner().invoke(self.app, [str(path) for path in paths])
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def test_says_what_it_finds(self):
        said = self.folder / "said.jpg"
        image = embed_watermark(sample("chelsea"), 0xBEEF)
        write_image(said, image, Provenance("ink", "7", "keras_comic 1"))
        plain = self.folder / "plain.png"
        Image.new("RGB", (64, 64)).save(plain)
        printed = self.run_inspect(said, plain).splitlines()
        self.assertEqual(
            printed,
            [
                f"{said}: Made from a photo or video by keras_comic 1, preset "
                "ink, version 7; watermark 0x0000beef",
                f"{plain}: does not say how it was made; no watermark was read",
            ],
        )

    def test_what_others_say(self):
        path = self.folder / "other.png"
        packet = Provenance().to_xmp().replace("Made from", "Drawn from")
        Image.new("RGB", (64, 64)).save(path, "WEBP", xmp=packet.encode())
        self.assertIn("digital source type http:", self.run_inspect(path))

    def test_goes_on_past_what_it_cannot_read(self):
        text = self.folder / "text.png"
        text.write_bytes(b"My dog")
        plain = self.folder / "plain.png"
        Image.new("RGB", (64, 64)).save(plain)
        printed = self.run_inspect(
            text, self.folder / "none.png", plain, exit_code=1
        )
        self.assertIn("plain.png: does not say", printed)
        self.assertIn("2 could not be read", printed)
        self.assertIn(
            "text.png: The file is no picture", " ".join(printed.split())
        )
