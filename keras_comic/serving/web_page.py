"""The web page: a photo or a short video in, a comic out."""

from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.web_gradio import LOOPBACK
from keras_comic.serving.web_gradio import free_port
from keras_comic.serving.web_gradio import import_gradio
from keras_comic.serving.web_gradio import in_event_loop
from keras_comic.serving.web_layout import WebLayout
from keras_comic.serving.web_stylizer import WebStylizer


def make_page(
    presets=None, limits=None, content_review=None, cache_folder=None
):
    """Makes a web page that turns photos and short videos into comics.

    One drops a photo or a video, chooses a preset, a style by its picture, a
    second style to mix in, the strength, and whether the photo's colours are
    kept; the comic appears beside it, with a slider between before and after,
    and is downloaded as PNG, or as MP4 with the video's sound. A file that
    cannot be used is named, with the reason.

    The page loads nothing from any other server, is used by mouse, touch or
    keyboard, and fits a telephone. One comic is made at a time and 16 may
    wait; files are deleted after an hour or two. What is downloaded says in
    its metadata that a trained network made it.

    Args:
        presets: List of strings, names, folders or handles, as
            `keras_comic.from_preset` takes them, or dict of name to
            generator; each needs a named style. Defaults to `None`, all
            built-in presets.
        limits: `MediaLimits`: `max_side` (1280) and `max_video_side` (640),
            pixels, to which photos and videos are shrunk; `max_seconds` (15)
            of a video and `max_upload_mb` (64), mebibytes of a file, beyond
            which files are refused. Defaults to `None`, these numbers.
        content_review: `keras_comic.serving.ContentReview` or `None`. Is
            asked about each comic, of a video about each frame, before it is
            shown; of a video first about frames of the video itself, one of
            each half second and the first of each scene, before any is drawn.
            Defaults to `None`, nothing is reviewed, and `serve_page` keeps
            the page to this computer.
        cache_folder: String, path or `None`. Where the pictures of the styles
            are kept, which are made at the first call. Defaults to `None`,
            `web` in the folder of fetched files.

    Returns:
        `gradio.Blocks`; `serve_page` serves it, or its own `launch`.

    Raises:
        ImportError: If gradio is not installed.
        ValueError: If there is no preset, one is unknown or has no named
            style, or a limit is wrong.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> _ = generator.add_style("ink", drawing)
    >>> page = keras_comic.serving.make_page(
    ...     {"my_preset": generator}, cache_folder="pictures")
    >>> page.title
    'keras_comic'
    """
    gradio = import_gradio()
    stylizer = WebStylizer(presets, limits, content_review)
    layout = in_event_loop(WebLayout, gradio, stylizer, cache_folder)
    return layout.blocks


def serve_page(
    page,
    host=LOOPBACK,
    port=7860,
    wait=True,
    without_content_review=False,
):
    """Serves a page until the program is interrupted.

    Args:
        page: What `make_page` returns.
        host: String. The address to listen at; `"0.0.0.0"` is every address
            of this computer, by which others can use the page too. Defaults
            to `"127.0.0.1"`, this computer alone.
        port: Integer. `0` takes one that is free. Defaults to `7860`.
        wait: Boolean. Whether to return only when the program is interrupted
            (Ctrl+C). If not, the page is served until `page.close()`.
            Defaults to `True`.
        without_content_review: Boolean. Whether other computers may be given
            comics that nobody has reviewed. Defaults to `False`.

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
    >>> page = keras_comic.serving.make_page(
    ...     {"my_preset": generator}, cache_folder="pictures")
    >>> url = keras_comic.serving.serve_page(page, port=0, wait=False)
    >>> url.startswith("http://127.0.0.1:")
    True
    >>> page.close()
    """
    check_is_reviewed(
        host, getattr(page, "content_review", None), without_content_review
    )
    port = free_port(host, port)
    _, url, _ = page.launch(
        server_name=host, server_port=port, prevent_thread_lock=True
    )
    if wait:
        page.block_thread()
    return url.rstrip("/")
