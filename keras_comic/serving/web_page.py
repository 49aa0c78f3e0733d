"""The web page: a photo or a short video in, a comic out."""

import asyncio
import atexit
import functools
import os
import shutil
import socket
import tempfile

from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.web_layout import WebLayout
from keras_comic.serving.web_stylizer import WebStylizer

# This computer alone.
LOOPBACK = "127.0.0.1"


def make_page(presets=None, limits=None, content_review=None):
    """Makes a web page that turns photos and short videos into comics.

    One drops a photo or a video, chooses a preset, where it has styles one by
    its picture and a second one to mix in, the strength, and whether the
    photo's colours are kept; the comic appears beside it, with a slider
    between before and after, and is downloaded as PNG, or as MP4 with the
    video's sound. A file that cannot be used is named, with the reason.

    The page loads nothing from any other server, is used by mouse, touch or
    keyboard, and fits a telephone. One comic is made at a time and 16 may
    wait; files are deleted after an hour or two. Downloads say in their
    metadata that a trained network made them.

    Args:
        presets: List of strings, names, folders or handles, as
            `keras_comic.from_preset` takes them, or dict of name to
            generator; one that takes a style needs a named one. Defaults to
            `None`, all built-in presets.
        limits: `MediaLimits`: `max_side` (1280) and `max_video_side` (640),
            pixels, to which photos and videos are shrunk; `max_seconds` (15)
            of a video and `max_upload_mb` (64), mebibytes of a file, beyond
            which files are refused. Defaults to `None`, these numbers.
        content_review: `keras_comic.serving.ContentReview` or `None`. Is
            asked about each comic, of a video about each frame, before it is
            shown. Defaults to `None`, nothing is reviewed, and `serve_page`
            keeps the page to this computer.

    Returns:
        `gradio.Blocks`; `serve_page` serves it, or its own `launch`.

    Raises:
        ImportError: If gradio is not installed.
        ValueError: If there is no preset, one is unknown, draws no photos or
            has no named style, or a limit is wrong.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> _ = generator.add_style("ink", drawing)
    >>> page = keras_comic.serving.make_page({"my_preset": generator})
    >>> page.title
    'keras_comic'
    """
    gradio = _import_gradio()
    stylizer = WebStylizer(presets, limits, content_review)
    page, looks = _in_event_loop(WebLayout(gradio, stylizer).build)
    launch = functools.partial(page.launch, **looks)
    page.launch = functools.partial(_in_event_loop, launch)
    page.close = functools.partial(page.close, verbose=False)
    page.content_review = content_review
    return page


def serve_page(
    page,
    host=LOOPBACK,
    port=7860,
    wait=True,
    without_content_review=False,
):
    """Serves a page until the program is interrupted.

    Args:
        page: The page from `make_page`.
        host: String. The address to listen at; `"0.0.0.0"` is every address
            of this computer, by which others can use the page too. Defaults
            to `"127.0.0.1"`, this computer alone.
        port: Integer. `0` takes one that is free. Defaults to `7860`.
        wait: Boolean. Returns only when the program is interrupted (Ctrl+C).
            If not, the page is served until `page.close()`. Defaults to
            `True`.
        without_content_review: Boolean. Lets other computers have comics that
            nobody has reviewed. Defaults to `False`.

    Returns:
        String, the page's URL.

    Raises:
        OSError: If the port is taken.
        ValueError: If the host is another than this computer alone, and the
            page has no content review.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> _ = generator.add_style("ink", drawing)
    >>> page = keras_comic.serving.make_page({"my_preset": generator})
    >>> url = keras_comic.serving.serve_page(page, port=0, wait=False)
    >>> url.startswith("http://127.0.0.1:")
    True
    >>> page.close()
    """
    review = getattr(page, "content_review", None)
    check_is_reviewed(host, review, without_content_review)
    port = _free_port(host, port)
    _, url, _ = page.launch(
        server_name=host, server_port=port, prevent_thread_lock=True
    )
    if wait:
        page.block_thread()
    return url.rstrip("/")


def _import_gradio():
    """Imports gradio, told to call nobody and to keep files to itself."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if "GRADIO_TEMP_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="keras_comic_web_")
        os.environ["GRADIO_TEMP_DIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"The web page needs gradio, which cannot be imported ({error}). "
            "Install it with `pip install 'keras-comic[web]'`."
        ) from error
    return gradio


def _in_event_loop(function, *arguments, **options):
    """Calls a function in an event loop, which gradio looks for."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:

        async def call():
            return function(*arguments, **options)

        return asyncio.run(call())
    return function(*arguments, **options)


def _free_port(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                error.errno,
                "The page cannot be served there; is the port taken? "
                f"Received: host={host!r}, port={port}: {error.strerror}",
            ) from error
        return probe.getsockname()[1]
