"""The page in a real browser, which tells of each request it makes."""

import contextlib
import re
import shutil
import urllib.parse

import numpy as np
import pytest
from PIL import Image

from keras_comic.data import read_image
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page
from keras_comic.video import open_frames
from keras_comic.video import write_frames
from tests.serving.test_web_stylizer import tiny_painter
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyComic
from tests.video.clips import save_with_sound

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT = 60_000
# Notes when the page has changed last.
WATCH = """
window.changed = 0;
new MutationObserver(() => { window.changed = performance.now(); }).observe(
  document, { attributes: true, childList: true, subtree: true });
"""
# A photo with edges and colours, small enough to be quick.
PHOTO = np.kron(photos(5, 8, 3), np.ones((16, 16, 1), "uint8"))

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.slow,
    # gradio sets options of pandas that are going away.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]


class BrowserTest(TestCase):
    @classmethod
    def setUpClass(cls):
        sync_api = pytest.importorskip("playwright.sync_api")
        cls.generator, cls.comic = tiny_painter(), TinyComic()
        generators = {"tiny": cls.generator, "comic": cls.comic}
        cls.page = make_page(
            generators,
            MediaLimits(max_side=256, max_seconds=3.0, max_upload_mb=0.5),
        )
        cls.url = serve_page(cls.page, port=0, wait=False)
        cls.addClassCleanup(cls.page.close)
        playwright = cls.enterClassContext(sync_api.sync_playwright())
        # With a profile of its own, which goes with it.
        cls.browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS
        )
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.folder = self.temporary_folder()
        self.photo = self.folder / "photo.png"
        Image.fromarray(PHOTO).save(self.photo)
        self.requests, self.errors = [], []
        self.open()

    def open(self, **options):
        """Opens the page anew, as a wide window unless said otherwise."""
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        context = self.browser.new_context(**options)
        self.addCleanup(context.close)
        context.set_default_timeout(TIMEOUT)
        context.on("request", lambda r: self.requests.append(r.url))
        self.tab = context.new_page()
        self.tab.on("websocket", lambda w: self.requests.append(w.url))
        self.tab.on("pageerror", lambda e: self.errors.append(str(e)))
        self.tab.on("dialog", self.dismiss)
        # Asked for now: a chooser that opens before the browser knows that
        # somebody wants it is never heard of.
        self.tab.on("filechooser", lambda chooser: None)
        self.tab.add_init_script(WATCH)
        self.tab.goto(self.url)
        self.tab.wait_for_selector("#kc-run")
        self.tab.wait_for_selector("#kc-upload > button[data-named]")
        self.tab.wait_for_selector('input[name="kc-style"]', state="attached")
        # The page has settled.
        self.tab.wait_for_function("performance.now() > window.changed + 250")

    def dismiss(self, dialog):
        self.errors.append(dialog.message)
        dialog.dismiss()

    def tearDown(self):
        own = urllib.parse.urlsplit(self.url).netloc
        self.assertGreater(len(self.requests), 10)
        for url in self.requests:
            parts = urllib.parse.urlsplit(url)
            if parts.scheme not in ("data", "blob"):
                self.assertEqual(parts.netloc, own, url)
        self.assertEqual(self.errors, [])

    def upload(self, path):
        self.tab.set_input_files('#kc-upload input[type="file"]', path)

    def look_at(self, path):
        """Uploads a file and waits until it is shown."""
        self.upload(path)
        self.tab.wait_for_selector(".kc-single")

    def run_page(self):
        """Makes the comic and waits for it."""
        self.tab.click("#kc-run")
        self.tab.wait_for_selector("#kc-download")
        return self.tab.text_content("#kc-stage figcaption")

    def download(self, press=None):
        """Path of what is downloaded, under the name it is given."""
        with self.tab.expect_download() as download:
            if press:
                self.tab.keyboard.press(press)
            else:
                self.tab.click("#kc-download")
        path = self.folder / "downloads" / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def assertComic(self, path, *arguments, **options):
        """The file holds the generator's comic of the photo."""
        expected = self.generator.stylize(PHOTO, *arguments, **options)
        self.assertAllEqual(read_image(path), expected)

    def assertFits(self):
        """Nothing has to be scrolled sideways to be seen."""
        wide, seen = self.tab.evaluate(
            "[document.documentElement.scrollWidth,"
            " document.documentElement.clientWidth]"
        )
        self.assertLessEqual(wide, seen)
        beyond = self.tab.evaluate(
            """() => [...document.querySelectorAll("#kc-desk *, #kc-head *")]
            .filter(e => e.checkVisibility() && e.offsetWidth > 2)
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1
              || e.getBoundingClientRect().left < -1)
            .map(e => e.outerHTML.slice(0, 100))"""
        )
        self.assertEqual(beyond, [])

    def test_photo(self):
        self.assertIn("An example", self.tab.text_content("#kc-stage"))
        self.look_at(self.photo)
        caption = self.tab.text_content("#kc-stage figcaption")
        self.assertIn("photo.png", caption)
        self.assertIn("128 × 80 pixels", caption)
        self.assertIn("Light", self.run_page())
        path = self.download()
        self.assertEqual(path.name, "photo-light.png")
        self.assertComic(path)
        said = read_provenance(path)
        self.assertEqual(said.preset, "tiny")
        # The page shows the same pair of pictures.
        sizes = self.tab.evaluate(
            """() => [...document.querySelectorAll(".kc-compare img")]
            .map(e => [e.naturalWidth, e.naturalHeight])"""
        )
        self.assertEqual(sizes, [[128, 80], [128, 80]])

    def test_slider(self):
        self.look_at(self.photo)
        self.run_page()

        def shown():
            return self.tab.evaluate(
                """() => getComputedStyle(
                document.querySelector(".kc-before")).clipPath"""
            )

        slider = self.tab.locator(".kc-frame input[type=range]")
        slider.focus()
        shares = []
        for key in ("ArrowRight", "End", "ArrowLeft", "Home"):
            self.tab.keyboard.press(key)
            shares.append((slider.input_value(), shown()))
        self.assertEqual([s[0] for s in shares], ["51", "100", "99", "0"])
        self.assertEqual(len({s[1] for s in shares}), 4)
        self.assertRegex(shares[1][1], r"inset\(0px( 0(px|%)?)?.*\)")
        box = slider.bounding_box()
        self.tab.mouse.click(
            box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2
        )
        self.assertAlmostEqual(int(slider.input_value()), 25, delta=3)

    def test_mix_and_strength(self):
        self.look_at(self.photo)
        self.tab.click("#kc-mix > button")
        self.tab.click("#kc-second label:nth-of-type(3)")
        self.tab.fill("#kc-share input[type=number]", "30")
        self.tab.fill("#kc-strength input[type=number]", "70")
        self.tab.keyboard.press("Tab")
        self.tab.check("#kc-keep input")
        caption = self.run_page()
        for said in ("Light 70 %, Dark ink 30 %", "strength 70 %", "colours"):
            self.assertIn(said, caption)
        path = self.download()
        self.assertEqual(path.name, "photo-light-dark_ink.png")
        self.assertComic(
            path, {"light": 0.7, "dark ink": 0.3}, 0.7, keep_color=True
        )
        # The same picture again, by a preset that draws in one way.
        self.tab.click("#kc-preset label:nth-of-type(2)")
        self.tab.wait_for_selector("#kc-style", state="hidden")
        self.assertFalse(self.tab.is_visible("#kc-mix"))
        self.tab.uncheck("#kc-keep input")
        self.tab.click("#kc-run")
        self.tab.wait_for_selector(".kc-caption >> text=/^Comic$/")
        self.tab.wait_for_selector("#kc-download")
        path = self.download()
        self.assertEqual(path.name, "photo-comic.png")
        expected = self.comic.stylize(PHOTO, strength=0.7)
        self.assertAllEqual(read_image(path), expected)
        self.assertEqual(read_provenance(path).preset, "comic")

    def test_errors(self):
        self.tab.click("#kc-run")
        alert = self.tab.locator('#kc-stage [role="alert"]')
        alert.wait_for()
        self.assertIn("There is no picture yet", alert.text_content())
        notes = self.folder / "notes.txt"
        notes.write_text("Dear all,\n")
        self.upload(notes)
        message = "notes.txt is neither a picture nor a video, but text"
        self.tab.wait_for_selector(f"#kc-stage >> text={message}")
        self.assertFalse(self.tab.is_visible("#kc-download"))
        # And the page works on.
        self.tab.click("#kc-upload .icon-button-wrapper button")
        self.tab.wait_for_selector("#kc-stage >> text=An example")
        self.look_at(self.photo)
        self.run_page()

    def test_refused_files(self):
        clip = self.folder / "long.mp4"
        write_frames(photos(12, 32, 48, 3), clip, frame_rate=2)
        torn = self.folder / "torn.png"
        torn.write_bytes(self.photo.read_bytes()[:200])
        name = "<img src=x onerror=alert(1)>${alert(2)}{{3}}.txt"
        named = self.folder / name
        named.write_text("Dear all")
        for path, message in (
            (clip, "long.mp4 is 6 seconds long, and this page takes 3"),
            (torn, "torn.png cannot be used"),
            (named, "is neither a picture nor a video"),
        ):
            self.upload(path)
            self.tab.wait_for_selector(f"#kc-stage >> text={message}")
            self.tab.click("#kc-upload .icon-button-wrapper button")
            self.tab.wait_for_selector("#kc-stage >> text=An example")

    def test_large_file(self):
        large = self.folder / "large.png"
        Image.fromarray(photos(500, 500, 3)).save(large)
        self.upload(large)
        toast = self.tab.locator("[data-testid=toast-body]")
        toast.get_by_text(
            "large.png has more than 512 KB, the most that this page takes. "
            "Save the photo smaller"
        ).wait_for()

    def test_phone(self):
        self.open(
            viewport={"width": 390, "height": 844},
            is_mobile=True,
            has_touch=True,
        )
        self.assertFits()
        self.tab.click("#kc-mix > button")
        self.tab.wait_for_selector("#kc-second label:nth-of-type(3)")
        self.assertFits()
        self.tab.click("#kc-mix > button")
        long = self.folder / f"{'holiday_' * 12}.png"
        shutil.copy(self.photo, long)
        self.look_at(long)
        self.assertFits()
        self.tab.tap("#kc-run")
        self.tab.wait_for_selector("#kc-download")
        self.assertFits()
        # The page has gone to where the comic is.
        self.tab.wait_for_function(
            """() => {
              const box = document.querySelector("#kc-stage")
                .getBoundingClientRect();
              return box.top >= -1 && box.top < innerHeight * 0.6
                || box.bottom <= innerHeight;
            }"""
        )
        # Fingers are as wide as 44 pixels.
        small = self.tab.evaluate(
            """() => [...document.querySelectorAll(
              "#kc-desk :is(button, label:has(input), "
              + "input[type=number], input[type=range])")]
            .filter(e => e.checkVisibility())
            .filter(e => e.offsetHeight < 44 || e.offsetWidth < 44)
            .map(e => e.outerHTML.slice(0, 100))"""
        )
        self.assertEqual(small, [])

    def focused(self):
        """Returns the focused element, and the width of its mark."""
        return self.tab.evaluate(
            """() => {
              const e = document.activeElement;
              const marks = [e, e.closest("label"), e.parentElement &&
                e.parentElement.querySelector(".kc-line")].filter(Boolean)
                .flatMap(m => [getComputedStyle(m),
                  getComputedStyle(m, "::after")])
                .map(s => s.outlineStyle === "none" ? 0
                  : parseFloat(s.outlineWidth));
              return [e.id || (e.closest("[id]") || {}).id || e.tagName,
                Math.max(...marks)];
            }"""
        )

    def tab_to(self, name, most=40):
        """Presses Tab until something has the focus; it can be seen."""
        for _ in range(most):
            self.tab.keyboard.press("Tab")
            found, width = self.focused()
            if found != "BODY":
                self.assertGreaterEqual(width, 2, found)
            if found == name:
                return
        self.fail(f"{name} is not reached by the Tab key.")

    def test_keyboard_only(self):
        self.tab_to("kc-upload")
        with self.tab.expect_file_chooser() as chooser:
            self.tab.keyboard.press("Enter")
        chooser.value.set_files(self.photo)
        self.tab.wait_for_selector(".kc-single")
        # One stop for the styles; arrows move among them.
        self.tab_to("kc-style")
        self.tab.keyboard.press("ArrowRight")
        self.tab.wait_for_selector(
            '#kc-style input[value="0:1"]:checked', state="attached"
        )
        self.tab.keyboard.press("Tab")
        self.assertNotEqual(self.focused()[0], "kc-style")
        self.tab_to("kc-run")
        self.tab.keyboard.press("Enter")
        self.tab.wait_for_selector("#kc-download")
        # Whoever started it is still there.
        self.tab.wait_for_function("document.activeElement.id === 'kc-run'")
        for _ in range(40):
            self.tab.keyboard.press("Tab")
            if self.tab.evaluate(
                "document.activeElement.closest('.kc-frame') !== null"
            ):
                break
        self.assertGreaterEqual(self.focused()[1], 2)
        before = self.tab.input_value(".kc-frame input")
        self.tab.keyboard.press("ArrowLeft")
        self.assertEqual(
            int(self.tab.input_value(".kc-frame input")), int(before) - 1
        )
        self.tab_to("kc-download")
        self.assertComic(self.download("Enter"), "dark ink")

    def test_everything_has_a_name(self):
        self.tab.click("#kc-mix > button")
        self.look_at(self.photo)
        self.run_page()
        nameless = self.tab.evaluate(
            """() => [...document.querySelectorAll(
              "#kc-desk :is(input, button, a, progress, img, video)")]
            .filter(e => e.checkVisibility())
            .filter(e => ![e.getAttribute("aria-label"), e.alt, e.title,
                e.textContent, ...[...(e.labels || [])].map(l => l.textContent)]
              .some(t => t && t.trim()))
            .map(e => e.outerHTML.slice(0, 200))"""
        )
        self.assertEqual(nameless, [])
        groups = self.tab.evaluate(
            """() => [...document.querySelectorAll("[role=radiogroup]")]
            .map(e => e.getAttribute("aria-label"))"""
        )
        self.assertEqual(groups, ["Preset", "Style", "Second style"])

    def test_light_and_dark(self):
        for scheme in ("light", "dark"):
            self.open(color_scheme=scheme)
            self.look_at(self.photo)
            pairs = self.tab.evaluate(
                """() => [".kc-step h2", ".kc-step span", ".kc-caption span",
                  ".kc-title p", ".kc-foot", "#kc-run", ".kc-example",
                  "#kc-style label span", "#kc-mix > button"]
                .map(s => {
                  const e = document.querySelector(s);
                  let p = e, color;
                  do { color = getComputedStyle(p).backgroundColor;
                    p = p.parentElement;
                  } while (p && color === "rgba(0, 0, 0, 0)");
                  return [s, getComputedStyle(e).color, color];
                })"""
            )
            for selector, text, ground in pairs:
                # As WCAG 2 asks for.
                contrast = _contrast(text, ground)
                self.assertGreaterEqual(contrast, 4.5, (scheme, selector))
            dark = _luminance(_color(pairs[3][2])) < 0.2
            self.assertEqual(dark, scheme == "dark")

    def test_video(self):
        clip = save_with_sound(
            self.folder / "clip.mp4", photos(8, 32, 48, 3), rate=8
        )
        self.look_at(clip)
        self.assertIn("1.0 seconds", self.tab.text_content("#kc-stage"))
        self.assertIn("8 frames, 48 × 32 pixels", self.run_page())
        self.tab.wait_for_function(
            "document.querySelector('#kc-video video')?.videoWidth === 48"
        )
        self.assertFalse(self.tab.is_visible(".kc-compare"))
        self.tab.check("#kc-view-frame", force=True)
        self.assertTrue(self.tab.is_visible(".kc-compare"))
        self.assertFalse(self.tab.is_visible("#kc-video"))
        path = self.download()
        self.assertEqual(path.name, "clip-light.mp4")
        frames = list(open_frames(path))
        self.assertEqual(len(frames), 8)
        self.assertEqual(read_provenance(path).preset, "tiny")
        import av

        with contextlib.closing(av.open(str(path))) as container:
            self.assertEqual(len(container.streams.audio), 1)

    def test_video_is_stopped(self):
        clip = self.folder / "clip.mp4"
        write_frames(photos(170, 48, 64, 3), clip, frame_rate=60)
        self.look_at(clip)
        first = self.tab
        self.open()
        self.look_at(self.photo)
        first.focus("#kc-run")
        first.keyboard.press("Enter")
        first.wait_for_selector("#kc-stop")
        # Another visitor waits, and has a turn in the end.
        self.tab.click("#kc-run")
        # The focus has gone where the next step is.
        first.wait_for_function("document.activeElement.id === 'kc-stop'")
        first.keyboard.press("Enter")
        first.wait_for_selector("#kc-stage >> text=Stopped")
        first.wait_for_function("document.activeElement.id === 'kc-run'")
        self.assertFalse(first.is_visible("#kc-download"))
        self.tab.wait_for_selector("#kc-download")


def _color(text):
    return [float(c) for c in re.findall(r"[\d.]+", text)[:3]]


def _luminance(color):
    """Relative luminance, as WCAG 2 defines it."""
    color = np.array(color) / 255
    linear = np.where(
        color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _contrast(text, ground):
    lighter, darker = sorted(
        (_luminance(_color(text)), _luminance(_color(ground))), reverse=True
    )
    return (lighter + 0.05) / (darker + 0.05)
