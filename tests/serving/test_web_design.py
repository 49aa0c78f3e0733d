import configparser
import re

from keras_comic.serving import web_design
from keras_comic.serving.web_media import MediaLimits
from tests.test_case import ROOT
from tests.test_case import TestCase

HOSTILE = "<img src=x onerror=alert(1)>${alert(1)}{{7*7}}`.png"
JPEG = b"\xff\xd8jpeg"


class WebDesignTest(TestCase):
    def test_nothing_is_fetched(self):
        pages = [
            web_design.CSS,
            web_design.SCRIPT,
            web_design.heading(),
            web_design.step(1, "Style"),
            web_design.footer(MediaLimits()),
            web_design.compare(JPEG, JPEG, ["a"], (3, 2)),
            web_design.failure("a"),
        ]
        for page in pages:
            self.assertNotRegex(page, r"https?:|//[a-z]|@import|@font-face")
            for url in re.findall(r"(?:src=|url\()[\"']?([^\"')]*)", page):
                self.assertRegex(url, "^data:image/jpeg;base64,")

    def test_files_are_installed(self):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(ROOT / "setup.cfg")
        patterns = settings["options.package_data"]["keras_comic.serving"]
        self.assertEqual(patterns.split(), ["*.css", "*.js"])
        self.assertEqual(web_design.CSS.count("{"), web_design.CSS.count("}"))
        self.assertIn("@media (pointer: coarse)", web_design.CSS)
        # A closing tag in the script would end it.
        self.assertEqual(web_design.SCRIPT.count("</"), 1)

    def test_names_are_only_text(self):
        for page in (
            web_design.failure(HOSTILE, HOSTILE),
            web_design.single(JPEG, [HOSTILE, HOSTILE], (3, 2)),
            web_design.compare(JPEG, JPEG, [HOSTILE], (3, 2)),
            web_design.working(JPEG, HOSTILE, (3, 2)),
            web_design.step(1, HOSTILE, HOSTILE),
            web_design.credit(HOSTILE, {"source": HOSTILE, "licence": None}),
        ):
            self.assertNotIn("onerror=alert(1)>", page)
            self.assertNotIn("${", page)
            self.assertNotIn("{{", page)
            self.assertIn("&lt;img src=x", page)

    def test_compare(self):
        page = web_design.compare(JPEG, JPEG, ["Wright", "3 x 2"], (3, 2))
        self.assertEqual(page.count("<img "), 2)
        self.assertIn('type="range"', page)
        self.assertIn("aria-label=", page)
        self.assertIn("--ratio: 1.5000; --width: 3px", page)
        self.assertIn("<b>Wright</b><span>3 x 2</span>", page)
        self.assertNotIn("kc-views", page)
        page = web_design.compare(JPEG, JPEG, ["a"], (3, 2), is_video=True)
        self.assertIn('id="kc-view-frame"', page)

    def test_working(self):
        page = web_design.working(JPEG, "Drawing", (3, 2), 4, 10)
        self.assertIn('value="4" max="10"', page)
        self.assertIn('role="status"', page)
        for known in ((None, None), (4, None)):
            page = web_design.working(JPEG, "Drawing", (3, 2), *known)
            self.assertNotIn("value=", page)

    def test_failure_is_announced(self):
        self.assertIn('role="alert"', web_design.failure("No."))

    def test_credit(self):
        entry = {"source": "W. W. Denslow (1900)", "licence": "public domain"}
        self.assertEqual(
            web_design.credit("denslow_plates", entry),
            '<p class="kc-credit">Denslow plates: W. W. Denslow (1900); '
            "public domain.</p>",
        )
        entry = {"source": None, "licence": None}
        self.assertEqual(
            web_design.credit("ink", entry), '<p class="kc-credit"></p>'
        )

    def test_picture_rules(self):
        rules = web_design.picture_rules({"#a": JPEG, "#b": JPEG})
        self.assertEqual(rules.count("url("), 2)
        self.assertRegex(rules, r"^#a \{ background-image: url\(")

    def test_footer(self):
        text = web_design.footer(MediaLimits(800, 400, 7.5, 12))
        for said in ("800 pixels", "videos to 400", "7.5 seconds", "12 MB"):
            self.assertIn(said, text)
