import configparser
import re

from keras_comic.serving import web_design
from keras_comic.serving.web_media import MediaLimits
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos

HOSTILE = "<img src=x onerror=alert(1)>${alert(1)}{{7*7}}`.png"
IMAGE = photos(32, 48, 3)


class WebDesignTest(TestCase):
    def test_nothing_is_fetched(self):
        for page in (
            web_design.CSS,
            web_design.SCRIPT,
            web_design.heading(),
            web_design.footer(MediaLimits()),
            web_design.compare(IMAGE, IMAGE, ["a"]),
            web_design.picture_rules({"#a": web_design.encode_jpeg(IMAGE)}),
        ):
            page = re.sub("base64,[A-Za-z0-9+/=]*", "base64,", page)
            self.assertNotRegex(page, r"https?:|//[a-z]|@import|@font-face")
            for url in re.findall(r"(?:src=|url\()[\"']?([^\"')]*)", page):
                self.assertRegex(url, "^data:image/jpeg;base64,")

    def test_files_are_installed(self):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(ROOT / "setup.cfg")
        patterns = settings["options.package_data"]["keras_comic.serving"]
        self.assertEqual(patterns.split(), ["*.css", "*.js"])
        self.assertEqual(web_design.CSS.count("{"), web_design.CSS.count("}"))
        # A closing tag in the script would end it.
        self.assertEqual(web_design.SCRIPT.count("</"), 1)

    def test_names_are_only_text(self):
        for page in (
            web_design.failure(HOSTILE, HOSTILE),
            web_design.single(IMAGE, [HOSTILE, HOSTILE]),
            web_design.compare(IMAGE, IMAGE, [HOSTILE]),
            web_design.working(IMAGE, HOSTILE),
            web_design.step(1, HOSTILE, HOSTILE),
            web_design.credit(HOSTILE, {"source": HOSTILE, "licence": None}),
        ):
            self.assertNotIn("onerror=alert(1)>", page)
            self.assertNotIn("${", page)
            self.assertNotIn("{{", page)
            self.assertIn("&lt;img src=x", page)

    def test_compare(self):
        page = web_design.compare(IMAGE, IMAGE, ["Wright", "3 x 2"])
        self.assertIn("--ratio: 1.5000; --width: 48px", page)
        self.assertIn("<b>Wright</b><span>3 x 2</span>", page)
        self.assertNotIn("kc-views", page)
        page = web_design.compare(IMAGE, IMAGE, ["a"], is_video=True)
        self.assertIn('id="kc-view-frame"', page)

    def test_working(self):
        page = web_design.working(IMAGE, "Drawing", 4, 10)
        self.assertIn('value="4" max="10"', page)
        page = web_design.working(IMAGE, "Drawing", 4, None)
        self.assertNotIn("value=", page)

    def test_credit(self):
        entry = {"source": "W. W. Denslow (1900)", "licence": "public domain"}
        self.assertEqual(
            web_design.credit("denslow_plates", entry),
            '<p class="kc-credit">Denslow plates: W. W. Denslow (1900); '
            "public domain.</p>",
        )
