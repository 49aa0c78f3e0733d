import shutil

import numpy as np
import pytest
from PIL import Image

from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
from tests.examples.test_demo import load_script
from tests.serving.test_web_stylizer import tiny_painter
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos


class WebScreenshotsTest(TestCase):
    def test_save(self):
        script = load_script("web_screenshots")
        path = self.temporary_folder() / "new" / "noise.jpg"
        # Noise is what JPEG is worst at.
        script.save(Image.fromarray(photos(600, 800, 3)), path)
        self.assertLess(path.stat().st_size, script.MAX_BYTES)
        with Image.open(path) as picture:
            self.assertEqual(picture.size, (800, 600))

    def test_pictures_of_the_documentation(self):
        for name, least in (("web_desktop", 1280), ("web_phone", 390)):
            path = ROOT / "examples" / "pictures" / f"{name}.jpg"
            self.assertLess(path.stat().st_size, 250_000)
            with Image.open(path) as picture:
                self.assertGreaterEqual(picture.width, least)

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore:.*no_silent_downcasting")
    @pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")
    @pytest.mark.skipif(
        shutil.which("chromium") is None, reason="needs Chromium"
    )
    def test_pictures(self):
        pytest.importorskip("playwright.sync_api")
        script = load_script("web_screenshots")
        page = make_page({"tiny": tiny_painter()})
        self.addCleanup(page.close)
        url = serve_page(page, port=0, wait=False)
        with script.open_browser() as browser:
            desktop = script.desktop_picture(browser, url)
            phone = script.phone_picture(browser, url)
        self.assertEqual(desktop.size, (1280, 800))
        self.assertEqual(phone.size, (1242, 1314))
        for picture in (desktop, phone):
            self.assertGreater(np.asarray(picture).std(), 20)
