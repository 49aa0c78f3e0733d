from PIL import Image

from examples import looks
from tests.test_case import TestCase


class LooksTest(TestCase):
    def test_sheet(self):
        path = self.temporary_folder() / "sheet.png"
        looks.main(["-o", str(path), "--looks", "comic", "--side", "64"])
        with Image.open(path) as sheet:
            self.assertEqual(sheet.size, (2 * 64, 3 * 64))
