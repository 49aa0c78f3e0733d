"""What the page answers to what is done on it."""

import logging
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

from PIL import Image

from keras_comic.serving import web_design
from keras_comic.serving.errors import ServingError
from keras_comic.serving.web_media import PHOTO
from keras_comic.serving.web_pictures import shown_jpeg
from keras_comic.serving.web_pictures import size_of
from keras_comic.serving.web_styles import StylePictures
from keras_comic.serving.web_styles import sample_photo
from keras_comic.serving.web_stylizer import Choice
from keras_comic.serving.web_stylizer import Stopped
from keras_comic.serving.web_work import Busy
from keras_comic.serving.web_work import Turns
from keras_comic.serving.web_work import Work

LOOKING = "Looking through the video …"

_logger = logging.getLogger(__name__)


class WebAnswers:
    """New values of the page's components, whatever is done on it."""

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
        self.turns = Turns()
        # Photos are decoded whole: two at a time.
        self.reading = threading.BoundedSemaphore(2)
        self.folder = tempfile.mkdtemp(prefix="keras_comic_web_")
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        # Pictures that the style sheet puts on the choices, by selector.
        self.rules = {}

    # Of each style the value holds the preset too: pictures are put on the
    # choices by their values, and presets may have styles of one name.

    def style_value(self, preset, number):
        """What stands for a style, by its preset and its place there."""
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

    def style_choices(self, preset):
        """Pairs of label and value; their pictures join the rules."""
        choices = []
        names = self.stylizer.generators[preset].style_names
        for number, name in enumerate(names):
            value = self.style_value(preset, number)
            choices.append((web_design.style_label(name), value))
            selector = f'.kc-styles label:has(input[value="{value}"])::before'
            if selector not in self.rules:
                self.rules[selector] = self.pictures[preset].thumbnail(name)
        return choices

    def second_choices(self, preset):
        """As `style_choices`, and none."""
        return [("No second", ""), *self.style_choices(preset)]

    def credit(self, value):
        """HTML that says whose drawings a style is of."""
        preset, style = self._of_value(value)
        entry = self.stylizer.generators[preset].styles[style]
        return web_design.credit(style, entry)

    def change_preset(self, preset):
        """Both lists of styles and the credit, for another preset."""
        gr = self.gradio
        if preset not in self.stylizer.generators:
            preset = self.first
        first = self.style_value(preset, 0)
        return (
            gr.Radio(choices=self.style_choices(preset), value=first),
            gr.Radio(choices=self.second_choices(preset), value=""),
            self.credit(first),
        )

    def example(self, name):
        """Path of a photograph to try."""
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

    def opening(self):
        """What the stage shows while there is no file."""
        before, after, size = self.pictures[self.first].opening()
        style = self.stylizer.generators[self.first].style_names[0]
        caption = [
            "An example: move the line.",
            f"Style {web_design.style_label(style)}",
        ]
        return web_design.compare(before, after, caption, size)

    def clear(self):
        """The page as it was at first."""
        return self._shown(self.opening())

    def look(self, path):
        """Shows a file that was dropped, or says why it cannot be used."""
        if path is None:
            return self.clear()
        try:
            with self.reading:
                preview = self.stylizer.check(path)
        except Exception as error:
            return self._shown(self._failure(error))
        caption = [Path(path).name, preview.facts]
        size = size_of(preview.image)
        stage = web_design.single(shown_jpeg(preview.image), caption, size)
        return self._shown(stage)

    def make(self, path, style, second, share, strength, keep_color, session):
        """Makes the comic, and tells how far it is."""
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
        stopped = threading.Event()
        folder = tempfile.mkdtemp(dir=self.folder)
        ticket = None
        try:
            choice = self._choice(style, second, share, strength, keep_color)
            ticket = self.turns.enter()
            self.stops[session] = stopped
            with self.reading:
                preview = self.stylizer.check(path)
            image, size = shown_jpeg(preview.image), size_of(preview.image)
            for before in self.turns.wait(ticket, stopped):
                text = f"Waiting: {before} before you …"
                yield (
                    *self._shown(web_design.working(image, text, size)),
                    gr.Button(visible=False),
                    gr.Button(visible=True),
                )
            is_photo = preview.kind == PHOTO
            text = "Drawing …" if is_photo else LOOKING
            yield (
                *self._shown(web_design.working(image, text, size)),
                gr.Button(interactive=False, visible=is_photo),
                gr.Button(visible=not is_photo),
            )
            work = Work(self.stylizer, path, choice, folder, stopped)
            for done, total in work.progress():
                text = f"Drawing frame {done}"
                text += f" of {total}" if total else ""
                text = text if done else LOOKING
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
            if ticket is not None:
                self.turns.leave(ticket)
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
            shown_jpeg(result.before),
            shown_jpeg(result.after),
            caption,
            size_of(result.before),
            is_video=result.kind != PHOTO,
        )
        path = str(result.path)
        video = None if result.kind == PHOTO else path
        return self._shown(stage, video, path, result.kind)

    def stop(self, session):
        """Ends what a session is making, at its next frame."""
        stopped = self.stops.get(session)
        if stopped is not None:
            stopped.set()

    def _failure(self, error):
        if isinstance(error, Busy):
            text = (
                f"{self.turns.max_waiting} comics wait to be drawn already. "
                "Try again in a minute."
            )
            return web_design.failure(text, "The page is busy")
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


def _is_out_of_memory(error):
    name = type(error).__name__.lower()
    return isinstance(error, MemoryError) or "resourceexhausted" in name
