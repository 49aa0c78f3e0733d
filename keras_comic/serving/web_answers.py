"""The page's answers to what is done on it."""

import logging
import shutil
import tempfile
import threading
import weakref
from concurrent import futures
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

from keras_comic.serving import web_design
from keras_comic.serving.errors import ServingError
from keras_comic.serving.web_design import encode_jpeg
from keras_comic.serving.web_media import PHOTO
from keras_comic.serving.web_stylizer import Choice
from keras_comic.serving.web_stylizer import Stopped

LOOKING = "Looking through the video …"
# Seconds between two looks at how far a comic is.
POLLING_INTERVAL = 0.4
# Photographs of scikit-image that are part of its package.
SAMPLES = ("astronaut", "coffee", "chelsea")
# A square of a face, shown in each style: (left, upper, right, lower), pixels.
THUMBNAIL_BOX = (70, 0, 370, 300)
THUMBNAIL_SIDE = 176
EXAMPLE_SIDE = 96
# Pictures on the page; the download has all pixels.
SHOWN_SIDE = 1280

_logger = logging.getLogger(__name__)


class WebAnswers:
    """New values of the page's components, whatever is done on it."""

    def __init__(self, gradio, stylizer):
        self.gradio = gradio
        self.stylizer = stylizer
        self.names = list(stylizer.generators)
        # For each session that makes a comic, an event that stops it.
        self.stops = {}
        # Photos are decoded whole: two at a time.
        self.reading = threading.BoundedSemaphore(2)
        self.folder = tempfile.mkdtemp(prefix="keras_comic_web_")
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        # Pictures that the style sheet puts on the choices, by selector.
        self.rules = {}
        self._opening = None
        left, upper, right, lower = THUMBNAIL_BOX
        face = Image.fromarray(sample_photo("chelsea")[upper:lower, left:right])
        self._face = np.asarray(face.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE)))

    # A style's value holds the preset too: pictures are put on the choices by
    # their values, and presets may have styles of one name.

    def style_names(self, preset):
        """Lists the styles of a preset; none if it draws in one way."""
        generator = self.stylizer.generators[preset]
        return list(generator.style_names) if generator.takes_style else []

    def style_choices(self, preset):
        """Lists pairs of label and value; their pictures join the rules."""
        choices = []
        for number, name in enumerate(self.style_names(preset)):
            value = f"{self.names.index(preset)}:{number}"
            choices.append((web_design.style_label(name), value))
            selector = f'.kc-styles label:has(input[value="{value}"])::before'
            if selector not in self.rules:
                generator = self.stylizer.generators[preset]
                comic = generator.stylize(self._face, name)
                self.rules[selector] = encode_jpeg(comic)
        return choices

    def _style(self, preset, value):
        """Finds the name of the style that a value stands for."""
        number, _, place = str(value).partition(":")
        names = self.style_names(preset)
        if (
            number == str(self.names.index(preset))
            and place.isdecimal()
            and int(place) < len(names)
        ):
            return names[int(place)]
        raise ValueError(
            "The style is not one of those of the preset. "
            f"Received: style={value!r}"
        )

    def credit(self, preset, value):
        """Writes whose drawings a style is of, as HTML."""
        if not self.style_names(preset):
            return ""
        name = self._style(preset, value)
        generator = self.stylizer.generators[preset]
        return web_design.credit(name, generator.styles[name])

    def change_preset(self, preset):
        """Both lists of styles, what mixes them, and the credit."""
        gr = self.gradio
        choices = self.style_choices(preset)
        first = choices[0][1] if choices else None
        return (
            gr.Radio(choices=choices, value=first, visible=bool(choices)),
            gr.Radio(choices=[("No second", ""), *choices], value=""),
            gr.Accordion(visible=len(choices) > 1),
            self.credit(preset, first),
        )

    def example(self, name):
        """Writes a photograph to try; returns its path."""
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
        """Shows an example, while there is no file."""
        if self._opening is None:
            photo = sample_photo("astronaut")
            comic = self.stylizer.generators[self.names[0]].stylize(photo)
            names = self.style_names(self.names[0])
            caption = ["An example: move the line."]
            if names:
                caption.append(f"Style {web_design.style_label(names[0])}")
            self._opening = web_design.compare(photo, comic, caption)
        return self._opening

    def clear(self):
        """Shows the page as it was at first."""
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
        image = shrunk(preview.image)
        caption = [Path(path).name, preview.facts]
        return self._shown(web_design.single(image, caption))

    def make(self, path, settings, session):
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
        stopped = self.stops[session] = threading.Event()
        folder = tempfile.mkdtemp(dir=self.folder)
        try:
            choice = self._choice(*settings)
            with self.reading:
                preview = self.stylizer.check(path)
            image = shrunk(preview.image)
            is_photo = preview.kind == PHOTO
            text = "Drawing …" if is_photo else LOOKING
            yield (
                *self._shown(web_design.working(image, text)),
                gr.Button(interactive=False, visible=is_photo),
                gr.Button(visible=not is_photo),
            )
            work = _Work(self.stylizer.make, path, choice, folder, stopped)
            for done, total in work.progress():
                text = f"Drawing frame {done}" if done else LOOKING
                text += f" of {total}" if done and total else ""
                stage = web_design.working(image, text, done, total)
                yield (stage, *[gr.skip()] * 4)
            yield (*self._finished(choice, work.result()), *idle)
        except Stopped:
            stage = web_design.single(image, ["Stopped", Path(path).name])
            yield (*self._shown(stage), *idle)
        except Exception as error:
            yield (*self._shown(self._failure(error)), *idle)
        finally:
            # This runs also if the visitor has left. The page has copied the
            # download by now.
            stopped.set()
            if self.stops.get(session) is stopped:
                del self.stops[session]
            shutil.rmtree(folder, ignore_errors=True)

    def _choice(self, preset, style, second, share, strength, keep_color):
        if preset not in self.names:
            raise ValueError(f"There is no such preset. Received: {preset!r}")
        styles = []
        if self.style_names(preset):
            share = float(share) / 100 if second else 0.0
            styles = [(self._style(preset, style), 1.0 - share)]
            if share:
                styles.append((self._style(preset, second), share))
        strength = float(strength) / 100
        return Choice(preset, tuple(styles), strength, bool(keep_color))

    def _finished(self, choice, result):
        label, *others = [
            web_design.style_label(name)
            for name in dict(choice.styles or [(choice.preset, 1.0)])
        ]
        if others:
            share = round(100 * choice.styles[1][1])
            label = f"{label} {100 - share} %, {others[0]} {share} %"
        caption = [label, *result.notes]
        if choice.strength < 1:
            caption.append(f"strength {100 * choice.strength:.0f} %")
        if choice.keep_color:
            caption.append("the photo's colours")
        is_video = result.kind != PHOTO
        stage = web_design.compare(
            shrunk(result.before), shrunk(result.after), caption, is_video
        )
        path = str(result.path)
        return self._shown(stage, path if is_video else None, path, result.kind)

    def stop(self, session):
        """Ends a session's comic, at its next frame."""
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

    def __init__(self, make, path, choice, folder, stopped):
        self._stopped = stopped
        self._last = None
        pool = futures.ThreadPoolExecutor(1, "keras_comic_web")
        self._future = pool.submit(make, path, choice, folder, self._tell)
        pool.shutdown(wait=False)
        self.result = self._future.result

    def _tell(self, done, total):
        if self._stopped.is_set():
            raise Stopped
        self._last = done, total

    def progress(self):
        """Waits for the end; yields how far it is."""
        previous = None
        try:
            while not self._future.done():
                futures.wait([self._future], POLLING_INTERVAL)
                if self._last != previous:
                    previous = self._last
                    yield previous
        finally:
            # If the visitor has left, the work ends at its next frame, before
            # the folder that it writes to is deleted.
            if not self._future.done():
                self._stopped.set()
                futures.wait([self._future])


def sample_photo(name):
    """Reads a photograph that scikit-image brings along."""
    from skimage import data

    return np.asarray(getattr(data, name)())


def example_picture(name):
    """Makes the small picture of a photograph to try, a JPEG."""
    photo = Image.fromarray(sample_photo(name))
    size = (EXAMPLE_SIDE, EXAMPLE_SIDE)
    photo = ImageOps.fit(photo, size, centering=(0.4, 0.2))
    return encode_jpeg(np.asarray(photo))


def shrunk(image):
    """Shrinks a picture to what is shown."""
    if max(image.shape) <= SHOWN_SIDE:
        return image
    smaller = Image.fromarray(image)
    smaller.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return np.asarray(smaller)


def _is_out_of_memory(error):
    name = type(error).__name__.lower()
    return isinstance(error, MemoryError) or "resourceexhausted" in name
