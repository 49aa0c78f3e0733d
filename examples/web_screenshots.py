"""Takes the pictures of the web page that the documentation shows.

    python examples/web_screenshots.py
    python examples/web_screenshots.py --preset adain_storybook -o outputs

Serves the page with a preset on this computer, makes comics of photographs of
scikit-image in headless Chromium, at the widths of a desk and of a telephone,
and writes `web_desktop.jpg` and `web_phone.jpg`. Needs playwright and
Chromium; nothing is fetched. About a minute on two processor cores.
"""

import argparse
import contextlib
import io
import pathlib
import shutil

from PIL import Image

import keras_comic

MAX_BYTES = 250_000
TIMEOUT = 300_000
GAP = 24
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}


@contextlib.contextmanager
def open_browser():
    """Headless Chromium, as the system has it.

    Yields:
        `playwright.sync_api.Browser`.
    """
    from playwright import sync_api

    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("Chromium is not installed.")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def make_comic(tab, url, example, style):
    """Makes a comic of an example picture on the page.

    Args:
        tab: `playwright.sync_api.Page`.
        url: String, the web page's.
        example: String, `"astronaut"`, `"coffee"` or `"chelsea"`.
        style: Integer, the style's place on the page, from 1.
    """
    tab.set_default_timeout(TIMEOUT)
    tab.goto(url)
    tab.click(f"#kc-example-{example}")
    tab.wait_for_selector(".kc-single")
    tab.click(f"#kc-style label:nth-of-type({style})")
    tab.click("#kc-run")
    tab.wait_for_selector("#kc-download")
    # Nothing is under the mouse, and nothing moves.
    tab.mouse.move(2, 2)
    tab.wait_for_timeout(1000)


def desktop_picture(browser, url, example="coffee", style=2):
    """The page on a desk, its comic beside the controls.

    Args:
        browser: `playwright.sync_api.Browser`.
        url: String, the web page's.
        example: As in `make_comic`. Defaults to `"coffee"`.
        style: As in `make_comic`. Defaults to `2`.

    Returns:
        `PIL.Image.Image`.
    """
    with contextlib.closing(browser.new_context(**DESKTOP)) as context:
        tab = context.new_page()
        make_comic(tab, url, example, style)
        return read(tab.screenshot())


def phone_picture(browser, url, example="chelsea", style=1):
    """Two screens of a telephone: the controls, and the comic.

    Args:
        browser: `playwright.sync_api.Browser`.
        url: String, the web page's.
        example: As in `make_comic`. Defaults to `"chelsea"`.
        style: As in `make_comic`. Defaults to `1`.

    Returns:
        `PIL.Image.Image`.
    """
    with contextlib.closing(browser.new_context(**PHONE)) as context:
        tab = context.new_page()
        make_comic(tab, url, example, style)
        screens = []
        for place in ("0", "document.body.scrollHeight"):
            tab.evaluate(f"window.scrollTo(0, {place})")
            tab.wait_for_timeout(500)
            screens.append(read(tab.screenshot()))
    width, height = screens[0].size
    picture = Image.new("RGB", (2 * width + 3 * GAP, height + 2 * GAP), "#888")
    for number, screen in enumerate(screens):
        picture.paste(screen, (GAP + number * (width + GAP), GAP))
    return picture


def read(contents):
    """A picture of the bytes of a PNG."""
    return Image.open(io.BytesIO(contents)).convert("RGB")


def save(picture, path):
    """Writes a JPEG of less than 250 KB, as good as may be.

    Args:
        picture: `PIL.Image.Image`.
        path: `pathlib.Path`.
    """
    for quality in range(92, 20, -4):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() < MAX_BYTES:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.getvalue())
    print(f"Wrote {path}, {len(file.getvalue()) / 1000:.0f} KB")


def main():
    options = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument(
        "-o",
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("examples", "pictures"),
    )
    arguments = options.parse_args()
    page = keras_comic.serving.make_page([arguments.preset])
    url = keras_comic.serving.serve_page(page, port=0, wait=False)
    try:
        with open_browser() as browser:
            desktop = desktop_picture(browser, url)
            phone = phone_picture(browser, url)
    finally:
        page.close()
    save(desktop, arguments.output / "web_desktop.jpg")
    save(phone, arguments.output / "web_phone.jpg")


if __name__ == "__main__":
    main()
