"""The web page: a photo or a short video in, a comic out."""

import asyncio
import atexit
import functools
import logging
import os
import shutil
import socket
import tempfile
import threading
import weakref
from concurrent import futures
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageOps

from keras_comic.serving import web_design
from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.errors import ServingError
from keras_comic.serving.web_headers import SelfContained
from keras_comic.serving.web_media import MEBIBYTE
from keras_comic.serving.web_media import PHOTO
from keras_comic.serving.web_styles import SAMPLES
from keras_comic.serving.web_styles import StylePictures
from keras_comic.serving.web_styles import encode_jpeg
from keras_comic.serving.web_styles import sample_photo
from keras_comic.serving.web_stylizer import Choice
from keras_comic.serving.web_stylizer import Stopped
from keras_comic.serving.web_stylizer import WebStylizer

LOOPBACK = "127.0.0.1"
# Seconds between two looks for old files, and the age at which they go.
CLEANING_INTERVAL = 600
LONGEST_AGE = 3600
# Who waits; the next one is told that the page is busy.
MAX_WAITING = 16
# Seconds between two looks at how far a video is.
POLLING_INTERVAL = 0.4
# Pictures on the page; the download has all pixels.
SHOWN_SIDE = 1280
EXAMPLE_SIDE = 96

_logger = logging.getLogger(__name__)


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
            shown. Defaults to `None`, nothing is reviewed, and `serve_page`
            keeps the page to this computer.
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
    page = _in_event_loop(_Page, gradio, stylizer, cache_folder)
    return page.blocks


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
    port = _free_port(host, port)
    _, url, _ = page.launch(
        server_name=host, server_port=port, prevent_thread_lock=True
    )
    if wait:
        page.block_thread()
    return url.rstrip("/")


def import_gradio():
    """Imports gradio, told to call nobody and to keep files to itself.

    Its own folder of uploads could be read by every user of the computer;
    unless another is set, it gets one that goes when the program ends.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.
    """
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


class _Page:
    """The components of the page, and what happens on it."""

    def __init__(self, gradio, stylizer, cache_folder):
        self.gradio = gradio
        self.stylizer = stylizer
        self.pictures = {
            name: StylePictures(generator, cache_folder)
            for name, generator in stylizer.generators.items()
        }
        self.first = next(iter(stylizer.generators))
        # Of each session that makes a comic: an event that stops it.
        self.stops = {}
        self.folder = tempfile.mkdtemp(prefix="keras_comic_web_")
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.rules = {}
        self.blocks = self._blocks()

    def _blocks(self):
        gr = self.gradio
        with gr.Blocks(
            title="keras_comic",
            analytics_enabled=False,
            fill_width=True,
            delete_cache=(CLEANING_INTERVAL, LONGEST_AGE),
        ) as blocks:
            gr.HTML(web_design.heading(), elem_id="kc-head")
            with gr.Row(elem_id="kc-desk"):
                with gr.Column(elem_id="kc-controls"):
                    self._controls()
                with gr.Column(elem_id="kc-result"):
                    self._result()
            gr.HTML(web_design.footer(self.stylizer.limits), elem_id="kc-foot")
            self._connect(blocks)
        blocks.queue(max_size=MAX_WAITING, default_concurrency_limit=1)
        launch = functools.partial(blocks.launch, **self._looks())
        blocks.launch = functools.partial(_in_event_loop, launch)
        blocks.content_review = self.stylizer.content_review
        blocks.close = functools.partial(blocks.close, verbose=False)
        return blocks

    def _looks(self):
        """Arguments of `launch`, with nothing of any other server."""
        gr = self.gradio
        from starlette.middleware import Middleware

        icon = Path(self.folder) / "icon.png"
        _draw_icon(icon)
        return {
            "theme": gr.themes.Base(
                font=list(web_design.FONTS), font_mono=["monospace"]
            ),
            "css": web_design.CSS + web_design.picture_rules(self.rules),
            "head": web_design.SCRIPT,
            "favicon_path": str(icon),
            "footer_links": [],
            "run_history": False,
            # Whatever the environment says.
            "server_name": LOOPBACK,
            "share": False,
            "quiet": True,
            "show_error": True,
            "ssr_mode": False,
            "pwa": False,
            "mcp_server": False,
            "enable_monitoring": False,
            "max_file_size": int(self.stylizer.limits.max_upload_mb * MEBIBYTE),
            "app_kwargs": {
                "middleware": [Middleware(SelfContained)],
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
        }

    def _controls(self):
        gr = self.gradio
        limits = self.stylizer.limits
        gr.HTML(
            web_design.step(
                1,
                "Your picture",
                f"a photo, or a video of up to {limits.max_seconds:g} seconds",
            )
        )
        self.upload = gr.File(
            label="Your picture",
            file_count="single",
            type="filepath",
            elem_id="kc-upload",
        )
        self.examples = {}
        with gr.Row(elem_id="kc-examples"):
            gr.HTML('<span class="kc-or">or try</span>')
            for name in SAMPLES:
                self.examples[name] = gr.Button(
                    name.capitalize(),
                    elem_id=f"kc-example-{name}",
                    elem_classes=["kc-example"],
                    size="sm",
                )
                side = EXAMPLE_SIDE
                photo = Image.fromarray(sample_photo(name))
                photo = ImageOps.fit(photo, (side, side), centering=(0.4, 0.2))
                jpeg = encode_jpeg(np.asarray(photo))
                self.rules[f"#kc-example-{name}"] = jpeg
        gr.HTML(web_design.step(2, "Style"))
        names = list(self.stylizer.generators)
        self.preset = gr.Radio(
            [(web_design.style_label(name), name) for name in names],
            value=self.first,
            label="Preset",
            visible=len(names) > 1,
            elem_id="kc-preset",
            elem_classes=["kc-presets"],
        )
        self.style = gr.Radio(
            self._style_choices(self.first),
            value=self._style_value(self.first, 0),
            label="Style",
            elem_id="kc-style",
            elem_classes=["kc-styles"],
        )
        self.credit = gr.HTML(
            self._credit(self._style_value(self.first, 0)), elem_id="kc-credit"
        )
        with gr.Accordion(
            "Mix in a second style", open=False, elem_id="kc-mix"
        ):
            self.second = gr.Radio(
                self._second_choices(self.first),
                value="",
                label="Second style",
                elem_id="kc-second",
                elem_classes=["kc-styles"],
            )
            self.share = gr.Slider(
                0,
                100,
                value=50,
                step=1,
                label="Share of the second style, %",
                elem_id="kc-share",
            )
        gr.HTML(web_design.step(3, "Ink"))
        with gr.Row(elem_id="kc-settings"):
            self.strength = gr.Slider(
                0,
                100,
                value=100,
                step=1,
                label="Strength, %",
                elem_id="kc-strength",
            )
            self.keep_color = gr.Checkbox(
                False, label="Keep colours", elem_id="kc-keep"
            )
        self.run = gr.Button(
            "Make the comic", variant="primary", elem_id="kc-run"
        )
        self.stop = gr.Button("Stop", visible=False, elem_id="kc-stop")

    def _result(self):
        gr = self.gradio
        self.stage = gr.HTML(self._opening(), elem_id="kc-stage")
        self.video = gr.Video(
            visible=False,
            interactive=False,
            show_label=False,
            label="The comic",
            autoplay=True,
            loop=True,
            elem_id="kc-video",
        )
        self.download = gr.DownloadButton(
            "Download", visible=False, elem_id="kc-download"
        )

    def _connect(self, blocks):
        gr = self.gradio
        shown = [self.stage, self.video, self.download]
        look = {
            "fn": self._look,
            "inputs": [self.upload],
            "outputs": shown,
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 2,
        }
        self.upload.upload(**look)
        self.upload.clear(
            fn=self._clear,
            outputs=shown,
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )
        for name, button in self.examples.items():
            button.click(
                functools.partial(self._example, name),
                outputs=[self.upload],
                show_progress="hidden",
                api_visibility="private",
                concurrency_limit=2,
            ).then(**look)
        self.preset.change(
            self._change_preset,
            inputs=[self.preset],
            outputs=[self.style, self.second, self.credit],
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )
        self.style.change(
            self._credit,
            inputs=[self.style],
            outputs=[self.credit],
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )

        # gradio gives the request to what is annotated so.
        def make(
            path,
            style,
            second,
            share,
            strength,
            keep_color,
            request: gr.Request,
        ):
            yield from self._make(
                path,
                style,
                second,
                share,
                strength,
                keep_color,
                request.session_hash,
            )

        def stop(request: gr.Request):
            self._stop(request.session_hash)

        blocks.unload(stop)
        self.run.click(
            make,
            inputs=[
                self.upload,
                self.style,
                self.second,
                self.share,
                self.strength,
                self.keep_color,
            ],
            outputs=[*shown, self.run, self.stop],
            show_progress="minimal",
            show_progress_on=[self.stage],
            api_visibility="private",
            concurrency_limit=1,
        )
        self.run.click(None, js=web_design.SHOW_STAGE)
        self.stop.click(
            stop,
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )

    # Of each style the value holds the preset too: pictures are put on the
    # choices by their values, and presets may have styles of one name.

    def _style_value(self, preset, number):
        names = list(self.stylizer.generators)
        return f"{names.index(preset)}:{number}"

    def _of_value(self, value):
        """Names of the preset and the style that a value stands for."""
        try:
            preset, style = (int(part) for part in str(value).split(":"))
            if preset < 0 or style < 0:
                raise ValueError(value)
            name = list(self.stylizer.generators)[preset]
            return name, self.stylizer.generators[name].style_names[style]
        except (IndexError, ValueError) as error:
            raise ValueError(
                "The style is not one of those on the page. "
                f"Received: style={value!r}"
            ) from error

    def _style_choices(self, preset):
        choices = []
        names = self.stylizer.generators[preset].style_names
        for number, name in enumerate(names):
            value = self._style_value(preset, number)
            choices.append((web_design.style_label(name), value))
            selector = f'.kc-styles label:has(input[value="{value}"])::before'
            if selector not in self.rules:
                self.rules[selector] = self.pictures[preset].thumbnail(name)
        return choices

    def _second_choices(self, preset):
        return [("No second", ""), *self._style_choices(preset)]

    def _credit(self, value):
        preset, style = self._of_value(value)
        entry = self.stylizer.generators[preset].styles[style]
        return web_design.credit(style, entry)

    def _change_preset(self, preset):
        gr = self.gradio
        if preset not in self.stylizer.generators:
            preset = self.first
        first = self._style_value(preset, 0)
        return (
            gr.Radio(choices=self._style_choices(preset), value=first),
            gr.Radio(choices=self._second_choices(preset), value=""),
            self._credit(first),
        )

    def _example(self, name):
        path = Path(self.folder) / f"{name}.png"
        if not path.exists():
            Image.fromarray(sample_photo(name)).save(path)
        return str(path)

    def _shown(self, stage, video=None, download=None, kind=PHOTO):
        """Values of the stage, the video and the download."""
        gr = self.gradio
        label = "Download the PNG" if kind == PHOTO else "Download the MP4"
        return (
            stage,
            gr.Video(value=video, visible=video is not None),
            gr.DownloadButton(
                label, value=download, visible=download is not None
            ),
        )

    def _opening(self):
        """What the stage shows while there is no file."""
        before, after, size = self.pictures[self.first].opening()
        style = self.stylizer.generators[self.first].style_names[0]
        caption = [
            "An example: move the line.",
            f"Style {web_design.style_label(style)}",
        ]
        return web_design.compare(before, after, caption, size)

    def _clear(self):
        return self._shown(self._opening())

    def _look(self, path):
        """Shows a file that was dropped, or says why it cannot be used."""
        if path is None:
            return self._clear()
        try:
            preview = self.stylizer.check(path)
        except Exception as error:
            return self._shown(self._failure(error))
        caption = [Path(path).name, preview.facts]
        size = _size(preview.image)
        stage = web_design.single(_jpeg(preview.image), caption, size)
        return self._shown(stage)

    def _make(self, path, style, second, share, strength, keep_color, session):
        """Makes the comic, and tells how far it is.

        Yields:
            Values of the stage, the video, the download and both buttons.
        """
        gr = self.gradio
        idle = (
            gr.Button(interactive=True, visible=True),
            gr.Button(visible=False),
        )
        if path is None:
            text = "Choose a photo or a short video first, or an example."
            stage = web_design.failure(text, "There is no picture yet")
            yield (*self._shown(stage), *idle)
            return
        stopped = self.stops[session] = threading.Event()
        folder = tempfile.mkdtemp(dir=self.folder)
        try:
            choice = self._choice(style, second, share, strength, keep_color)
            preview = self.stylizer.check(path)
            image, size = _jpeg(preview.image), _size(preview.image)
            is_photo = preview.kind == PHOTO
            text = "Drawing …" if is_photo else "Looking through the video …"
            yield (
                *self._shown(web_design.working(image, text, size)),
                gr.Button(interactive=False, visible=is_photo),
                gr.Button(visible=not is_photo),
            )
            work = _Work(self.stylizer, path, choice, folder, stopped)
            for done, total in work.progress():
                text = f"Drawing frame {done}"
                text += f" of {total}" if total else ""
                stage = web_design.working(image, text, size, done, total)
                yield (stage, *[gr.skip()] * 4)
            yield (*self._finished(choice, work.result()), *idle)
        except Stopped:
            caption = ["Stopped", Path(path).name]
            stage = web_design.single(image, caption, size)
            yield (*self._shown(stage), *idle)
        except Exception as error:
            yield (*self._shown(self._failure(error)), *idle)
        finally:
            # Also where the visitor has left. What is to be downloaded, the
            # page has copied by now.
            stopped.set()
            if self.stops.get(session) is stopped:
                del self.stops[session]
            shutil.rmtree(folder, ignore_errors=True)

    def _choice(self, style, second, share, strength, keep_color):
        preset, style = self._of_value(style)
        if second:
            other, second = self._of_value(second)
            if other != preset:
                raise ValueError("Both styles must be of one preset.")
        return Choice(
            preset,
            style,
            second or None,
            float(share) / 100 if second else 0.0,
            float(strength) / 100,
            bool(keep_color),
        )

    def _finished(self, choice, result):
        label = web_design.style_label(choice.style)
        if choice.second is not None and choice.share:
            second = web_design.style_label(choice.second)
            share = round(100 * choice.share)
            label = f"{label} {100 - share} %, {second} {share} %"
        caption = [label, *result.notes]
        if choice.strength < 1:
            caption.append(f"strength {100 * choice.strength:.0f} %")
        if choice.keep_color:
            caption.append("the photo's colours")
        stage = web_design.compare(
            _jpeg(result.before),
            _jpeg(result.after),
            caption,
            _size(result.before),
            is_video=result.kind != PHOTO,
        )
        path = str(result.path)
        video = None if result.kind == PHOTO else path
        return self._shown(stage, video, path, result.kind)

    def _stop(self, session):
        """Ends what a session is making, at its next frame."""
        stopped = self.stops.get(session)
        if stopped is not None:
            stopped.set()

    def _failure(self, error):
        if isinstance(error, ServingError):
            return web_design.failure(str(error), "This comic is not shown")
        if isinstance(error, (ImportError, OSError, ValueError)):
            text = str(error).split(" Received:")[0]
        elif _is_out_of_memory(error):
            text = "The picture is too large for the memory of this computer."
        else:
            text = (
                "Something went wrong that should not have; the server's log "
                f"says more ({type(error).__name__})."
            )
            _logger.exception("The page failed.", exc_info=error)
        return web_design.failure(text)


class _Work:
    """A comic in the making, in a thread of its own."""

    def __init__(self, stylizer, path, choice, folder, stopped):
        self._stopped = stopped
        self._last = None
        self._pool = futures.ThreadPoolExecutor(1, "keras_comic_web")
        self._future = self._pool.submit(
            stylizer.make, path, choice, folder, self._tell
        )
        self._pool.shutdown(wait=False)

    def _tell(self, done, total):
        if self._stopped.is_set():
            raise Stopped
        self._last = done, total

    def progress(self):
        """Waits for the end; yields frames done and all, as they change."""
        told = None
        try:
            while not self._future.done():
                futures.wait([self._future], POLLING_INTERVAL)
                if self._last != told:
                    told = self._last
                    yield told
        finally:
            if not self._future.done():
                # Nobody asks any more: it ends at its next frame, before the
                # folder that it writes to goes.
                self._stopped.set()
                futures.wait([self._future])

    def result(self):
        return self._future.result()


def _in_event_loop(function, *arguments, **options):
    """Calls a function where an event loop runs.

    Elsewhere gradio makes loops that it never closes.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:

        async def call():
            return function(*arguments, **options)

        return asyncio.run(call())
    return function(*arguments, **options)


def _is_out_of_memory(error):
    name = type(error).__name__.lower()
    return isinstance(error, MemoryError) or "resourceexhausted" in name


def _size(image):
    return image.shape[1], image.shape[0]


def _jpeg(image):
    """A JPEG to show, of a uint8 array."""
    if max(image.shape) > SHOWN_SIDE:
        smaller = Image.fromarray(image)
        smaller.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        image = np.asarray(smaller)
    return encode_jpeg(image)


def _draw_icon(path):
    """A speech bubble, for the browser's tab."""
    size = 128
    image = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(image)
    ink, yellow, red = "#1a1512", "#ffd23f", "#d7322e"
    draw.polygon([(34, 86), (70, 86), (28, 122)], fill=yellow, outline=ink)
    draw.line([(36, 92), (29, 121), (64, 96)], fill=ink, width=8)
    draw.ellipse((6, 12, 122, 98), fill=yellow, outline=ink, width=8)
    for x in (36, 64, 92):
        draw.ellipse((x - 9, 46, x + 9, 64), fill=red)
    image.save(path)


def _free_port(host, port):
    """The port to listen at; `0` becomes one that is free."""
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
