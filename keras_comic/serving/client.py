"""A client of a server of comics: the local one, or TensorFlow Serving."""

import collections
import hashlib
import io
import json
import numbers
import os
import threading
import time
from concurrent import futures
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.data import read_image
from keras_comic.models.image_files import plan_outputs
from keras_comic.models.image_files import read_style
from keras_comic.models.image_files import shrink
from keras_comic.models.image_files import write_image
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.errors import ServingError
from keras_comic.serving.file_stream import stream_files
from keras_comic.serving.retries import call_with_retries
from keras_comic.serving.transports import open_transport

# Of one request: small ones are joined by the server, and are tried again one
# by one. A larger photo goes alone.
IMAGES_PER_REQUEST = 8
BYTES_PER_REQUEST = 2**24
POLL_SECONDS = 0.2
COMICS = ("comics", "uint8")
COMIC_BYTES = ("comic_bytes", "object")
STYLE_NAMES = ("style_names", "object")
# PNG is for the way to the server; it is not kept.
PNG_COMPRESSION = 1


class Client:
    """Asks a server for comics, as `Generator.stylize` makes them.

    The server is TensorFlow Serving or `keras-comic serve`, with a model that
    `keras-comic export` wrote; the address says whether it is asked over gRPC
    or over HTTP. What comes back is what the generator itself gives, to within
    1 of 255. Over gRPC pixels are sent as they are. Over HTTP pictures go as
    PNG files where the model takes these, which is for the first style at full
    strength; else as text, which is several times larger and slower: prefer
    gRPC.

    A server that is busy (RESOURCE_EXHAUSTED, 429), is not there (UNAVAILABLE,
    503) or breaks the connection is asked again after a pause that grows, or
    after the `Retry-After` it gave, until `timeout`; a request that it does
    not understand is not sent again. One client may be used by many threads;
    it keeps its connections until `close`, or the end of a `with` statement.

    Certificates are checked: of `grpcs://` by those that gRPC trusts, or the
    file that the environment variable GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names;
    of `https://` by those that httpx trusts, or the file of SSL_CERT_FILE.

    Args:
        address: String: `"host:8500"` or `"grpc://host:8500"` (gRPC),
            `"grpcs://host:8500"` (encrypted), `"http://host:8501"` or
            `"https://host:8501"`.
        model: String, the model's name. Defaults to `"comic"`.
        version: Integer, a version; string, the label of one; or `None`, the
            newest. Defaults to `None`.
        token: String or `None`. Sent as `Authorization: Bearer TOKEN`.
            Defaults to `None`.
        timeout: Float > 0, seconds. How long a request may take, with all its
            tries. Defaults to `60.0`.
        concurrency: Integer > 0. How many requests are under way at a time.
            Defaults to `8`.
        style_names: List of strings, the model's styles in their order; the
            path of the `keras_comic.json` that lies in `assets.extra` beside
            the model; or `None`, which asks the model. Defaults to `None`.

    Raises:
        ValueError: If an argument is not as above.
        ImportError: If the extra `serving` is not installed.

    Example:

    >>> with keras_comic.serving.Client("localhost:8500") as client:
    ...     client.concurrency
    8
    """

    def __init__(
        self,
        address,
        model="comic",
        version=None,
        token=None,
        timeout=60.0,
        concurrency=8,
        style_names=None,
    ):
        if not isinstance(model, str) or not model:
            raise ValueError(
                "`model` must be a string that is not empty. "
                f"Received: model={model!r}"
            )
        if not isinstance(version, (int, str, type(None))) or version == "":
            raise ValueError(
                "`version` must be an integer, a label or None. "
                f"Received: version={version!r}"
            )
        _check_timeout(timeout)
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ValueError(
                "`concurrency` must be a positive integer. "
                f"Received: concurrency={concurrency!r}"
            )
        self.address = address
        self.model = model
        self.version = version
        self.timeout = timeout
        self.concurrency = concurrency
        self._given_names = _given_names(style_names)
        self._known_styles = None
        self._known_provenance = None
        self._closed = threading.Event()
        self._transport = open_transport(address, model, version, token)
        self._pool = futures.ThreadPoolExecutor(
            concurrency, thread_name_prefix="comic-client"
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Ends the requests under way, and the connections."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    @property
    def style_names(self):
        """Names that `stylize` takes as `style`, the default one first.

        Raises:
            ServingError: `FAILED_PRECONDITION` if the model does not tell
                them, and they were not given.
        """
        return list(self._names(self._styles()))

    def stylize(self, images, style=None, strength=1.0, keep_color=False):
        """Turns photos into comics, as `Generator.stylize` does.

        Photos of one size go together in requests of a few, several requests
        at a time.

        Args:
            images: uint8 `(batch, height, width, 3)` or `(height, width, 3)`,
                or a list of photos `(height, width, 3)` whose sizes may
                differ; RGB in `[0, 255]`, sides of at least 32 pixels.
            style: A name among `style_names`; a uint8 picture
                `(height, width, 3)`, or one for each image `(batch, height,
                width, 3)`; or a weighted mix of names, a dict of name to
                weight or a list of `(name, weight)`. Defaults to `None`, the
                first style.
            strength: Float in `[0, 1]`, see `Generator.stylize`. Defaults to
                `1.0`.
            keep_color: Boolean, see `Generator.stylize`. Defaults to `False`.

        Returns:
            uint8 array of the shape of `images`; of a list, a list.

        Raises:
            ValueError: If an argument is not as above.
            ServingError: If the server does not answer with comics.
        """
        if isinstance(images, (list, tuple)):
            photos = [as_pictures(image, "images")[0] for image in images]
            if any(len(photo) != 1 for photo in photos):
                raise ValueError(
                    "A list of `images` must hold single photos, (height, "
                    f"width, 3). Received: images={describe(images)}"
                )
            photos = [photo[0] for photo in photos]
            shape = None
        else:
            batch, single = as_pictures(images, "images")
            photos = list(batch)
            shape = batch.shape[1:] if single else batch.shape
        recipe = self._recipe(style, strength, keep_color, len(photos))
        value_bytes = self._transport.bytes_per_value
        parts = [
            part
            for group in _groups(photos)
            for part in _split(group, lambda n: photos[n].size * value_bytes)
        ]
        comics = [None] * len(photos)
        results = self._map(
            lambda part: self._comics(
                np.stack([photos[n] for n in part]), recipe, part
            ),
            parts,
        )
        for part, found in zip(parts, results, strict=True):
            for number, comic in zip(part, found, strict=True):
                comics[number] = comic
        if shape is None:
            return comics
        if not comics:
            return np.zeros(shape, "uint8")
        return np.stack(comics).reshape(shape)

    def stylize_bytes(self, contents):
        """Turns image files, as they are, into PNG files.

        The server decodes them: they come in the first style, at full
        strength, and their sizes may differ.

        Args:
            contents: List of bytes, each a JPEG, PNG or WebP file.

        Returns:
            List of bytes, each a PNG file, in the same order.

        Raises:
            ValueError: If it is not a list of bytes.
            ServingError: If the server does not answer with comics;
                `INVALID_ARGUMENT` if it cannot decode one.
        """
        if not isinstance(contents, (list, tuple)) or not all(
            isinstance(entry, bytes) for entry in contents
        ):
            raise ValueError(
                "`contents` must be a list of bytes, each an image file. "
                f"Received: {type(contents).__name__}"
            )
        parts = list(_split(range(len(contents)), lambda n: len(contents[n])))
        results = self._map(
            lambda part: self._encoded([contents[n] for n in part]), parts
        )
        return [comic for part in results for comic in part]

    def stylize_files(
        self,
        sources,
        output,
        style=None,
        strength=1.0,
        keep_color=False,
        max_side=None,
        overwrite=False,
        progress=None,
        provenance=True,
    ):
        """Turns image files into comics, and goes on past those it cannot.

        As `keras_comic.models.stylize_files`, with several files under way at
        a time: files are read and comics written here, each as soon as it is
        there. The same call goes on with a folder that was interrupted. If
        the server is gone, or refuses every request, the call ends with its
        error, and what is written stays.

        Args:
            sources: As in `keras_comic.models.stylize_files`.
            output: As in `keras_comic.models.stylize_files`.
            style: As in `stylize`; also the path of an image file. Defaults
                to `None`, the first style.
            strength: As in `stylize`. Defaults to `1.0`.
            keep_color: As in `stylize`. Defaults to `False`.
            max_side: Integer > 0 or `None`. Photos with a longer side than
                this are shrunk to it before they are sent, pixels. Defaults
                to `None`, which resizes nothing.
            overwrite: Boolean. Whether a comic that is there already is made
                anew. Defaults to `False`.
            progress: Callable or `None`. Called with the number of files done
                and the number of all after each file. Defaults to `None`.
            provenance: Boolean, or a `keras_comic.provenance.Provenance`.
                Whether, and as what, a comic says in its metadata how it was
                made. Defaults to `True`, what the model says of itself.

        Returns:
            Named tuple `StylizedFiles`: `written` and `skipped`, lists of the
            paths of comics; `failures`, a list of `(path, reason)`.

        Raises:
            FileNotFoundError: If a source does not exist.
            ValueError: If an argument is not as above, a folder holds no
                image, or a comic would replace a source.
            ServingError: If the server cannot be reached, lets nobody in, or
                has no such model.
            TypeError: If `provenance` is not as above.
        """
        if max_side is not None and not max_side > 0:
            raise ValueError(
                "`max_side` must be a positive integer or None. "
                f"Received: max_side={max_side}"
            )
        targets = plan_outputs(sources, output)
        recipe = self._recipe(self._read_style(style), strength, keep_color, 1)
        said = self._provenance(provenance)

        def make(source, target):
            photo, _ = shrink(read_image(source), None, max_side)
            photos, _ = as_pictures(photo, "photo")
            write_image(target, self._comics(photos, recipe, [0])[0], said)

        return stream_files(
            targets,
            make,
            self._submit,
            self.concurrency,
            overwrite,
            progress,
        )

    def stylize_video(
        self,
        source,
        output,
        style=None,
        strength=1.0,
        keep_color=False,
        **options,
    ):
        """Turns a video into a comic, each frame by itself.

        Frames are sent ahead, several at a time, and written in their order,
        in bounded memory; the sound is kept. As the server sees single
        frames, they do not hold still as those of
        `keras_comic.video.VideoStylizer` do; `keras_comic.video.
        deflicker_video` helps afterwards.

        Args:
            source: As in `keras_comic.video.convert_video`.
            output: As in `keras_comic.video.convert_video`.
            style: As in `stylize`. Defaults to `None`, the first style.
            strength: As in `stylize`. Defaults to `1.0`.
            keep_color: As in `stylize`. Defaults to `False`.
            **options: Further arguments of `keras_comic.video.convert_video`,
                such as `resume`, `sound`, `codec` and `progress`.

        Returns:
            Named tuple `Conversion`, as of `convert_video`.

        Raises:
            ValueError: As `stylize` and `convert_video`.
            ServingError: If the server does not answer; what is done is kept,
                for `resume=True`.
        """
        from keras_comic.serving.remote_video import convert_remotely

        recipe = self._recipe(style, strength, keep_color, 1)

        def submit(frame):
            photo = as_pictures(frame, "frame")[0]
            return self._submit(self._comics, photo, recipe, [0])

        key = {
            "model": self.model,
            "version": self.version,
            "recipe": recipe.description(),
        }
        # Another one than what the model says is for `convert_video`.
        is_asked = options.get("provenance", True) is True
        return convert_remotely(
            source,
            output,
            submit,
            self.concurrency,
            key,
            self._provenance(is_asked),
            options,
        )

    def status(self):
        """Asks for the states of the model's versions.

        Returns:
            List of named tuples `VersionStatus`: `version`, an integer;
            `state`, `"START"`, `"LOADING"`, `"AVAILABLE"`, `"UNLOADING"` or
            `"END"`; and `error`, a string or `None`.

        Raises:
            ServingError: `NOT_FOUND` if there is no such model, or another
                one if the server does not answer.
        """
        return self._call(self._transport.status)

    def metadata(self):
        """Asks for the model's signatures.

        Returns:
            Dict of name to named tuple `Signature`: `inputs` and `outputs`,
            dicts of name to `TensorInfo`, which has `dtype` and `shape`.

        Raises:
            ServingError: `NOT_FOUND` if there is no such model, or another
                one if the server does not answer.
        """
        return self._call(self._transport.metadata)[1]

    def wait_until_ready(self, timeout=60.0):
        """Waits for the server to have the model, as after its start.

        Args:
            timeout: Float > 0, seconds. Defaults to `60.0`.

        Raises:
            ServingError: `DEADLINE_EXCEEDED` if the model is not there in
                time, or another one if the server refuses the request.
        """
        _check_timeout(timeout)
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            try:
                if left > 0:
                    states = self._call(self._transport.status, timeout=left)
                    if any(found.state == "AVAILABLE" for found in states):
                        return
                    problem = f"Its versions: {states}"
            except ServingError as error:
                if error.code not in (
                    "DEADLINE_EXCEEDED",
                    "NOT_FOUND",
                    "UNAVAILABLE",
                ):
                    raise
                problem = str(error)
            if time.monotonic() + POLL_SECONDS >= end:
                raise ServingError(
                    "DEADLINE_EXCEEDED",
                    f"The model {self.model!r} was not ready within "
                    f"{timeout:g} seconds. {problem}",
                )
            self._sleep(POLL_SECONDS)

    # Requests.

    def _call(self, method, *args, timeout=None):
        self._check_open()
        return call_with_retries(
            lambda left: method(*args, timeout=left),
            timeout or self.timeout,
            self._sleep,
        )

    def _sleep(self, seconds):
        self._closed.wait(seconds)
        self._check_open()

    def _check_open(self):
        if self._closed.is_set():
            raise ServingError("CANCELLED", "The client is closed.")

    def _submit(self, function, *args):
        self._check_open()
        return self._pool.submit(function, *args)

    def _map(self, function, parts):
        """Results in the order of the parts, several being worked on."""
        if len(parts) == 1:
            return [function(parts[0])]
        running = [self._submit(function, part) for part in parts]
        try:
            return [future.result() for future in running]
        finally:
            for future in running:
                future.cancel()

    def _comics(self, photos, recipe, rows):
        """Comics of photos of one size, in one request."""
        if recipe.signature == "serving_style_weights":
            comics = self._mixed(photos, recipe)
        elif recipe.pictures is None and not self._transport.packs_arrays:
            comics = self._as_files(photos)
        else:
            inputs = {"images": photos, **recipe.inputs(rows)}
            comics = self._predict(recipe.signature, inputs, COMICS)
        if comics.shape != photos.shape:
            raise ServingError(
                "INTERNAL",
                "The server's comics must have the shape of the photos, "
                f"{photos.shape}. Received: shape={comics.shape}",
            )
        return comics

    def _mixed(self, photos, recipe):
        styles = self._styles()
        try:
            return self._predict_mix(photos, recipe, styles)
        except ServingError as error:
            # The version that the names are of was replaced.
            if error.code != "NOT_FOUND" or styles.version is None:
                raise
        self._known_styles = None
        return self._predict_mix(photos, recipe, self._styles())

    def _predict_mix(self, photos, recipe, styles):
        weights = self._weights(recipe.mix, styles)
        if recipe.is_plain and not (
            weights[1:].any() or self._transport.packs_arrays
        ):
            return self._as_files(photos, styles.version)
        inputs = {
            "images": photos,
            "style_weights": np.tile(weights, (len(photos), 1)),
            **recipe.inputs(range(len(photos))),
        }
        return self._predict(recipe.signature, inputs, COMICS, styles.version)

    def _as_files(self, photos, version=None):
        """Comics in the first style, by way of PNG files."""
        files = self._encoded([_to_png(photo) for photo in photos], version)
        return np.stack([_from_png(file) for file in files])

    def _encoded(self, contents, version=None):
        inputs = {"image_bytes": _texts(contents)}
        comics = self._predict("serving_bytes", inputs, COMIC_BYTES, version)
        if comics.shape != (len(contents),):
            raise ServingError(
                "INTERNAL",
                f"The server must send {len(contents)} files. "
                f"Received: shape={comics.shape}",
            )
        return comics.tolist()

    def _predict(self, signature, inputs, output, version=None):
        return self._call(
            self._transport.predict, signature, inputs, output, version
        )

    # Styles.

    def _recipe(self, style, strength, keep_color, count):
        """The signature to ask, and what it needs besides the photos."""
        if not isinstance(strength, numbers.Real) or not 0 <= strength <= 1:
            raise ValueError(
                "`strength` must be a number in [0, 1]. "
                f"Received: strength={describe(strength)}"
            )
        if is_picture(style):
            pictures, _ = as_pictures(style, "style")
            if len(pictures) not in (1, count):
                raise ValueError(
                    "`style` must be one image, or one for each of the "
                    f"{count} photos. Received: {len(pictures)} style images"
                )
            return _Recipe(
                "serving_style_image",
                pictures=pictures,
                strength=float(strength),
                keep_color=bool(keep_color),
            )
        mix = None if style is None else _mix_of(style)
        recipe = _Recipe(
            "serving_style_weights",
            mix=mix,
            strength=float(strength),
            keep_color=bool(keep_color),
        )
        if mix is not None:
            # Unknown names are found before anything is sent.
            self._weights(mix, self._styles())
        elif recipe.is_plain:
            return _Recipe("serving_default")
        return recipe

    def _read_style(self, style):
        """A style in which the paths of images are replaced by these."""
        if style is None or is_picture(style):
            return style
        is_path = isinstance(style, os.PathLike)
        return read_style(style, [] if is_path else self.style_names)

    def _provenance(self, provenance):
        """What is written into files, or `None`."""
        if isinstance(provenance, Provenance):
            return provenance
        if provenance not in (True, False, None):
            raise TypeError(
                "`provenance` must be a boolean or a "
                "`keras_comic.provenance.Provenance`. "
                f"Received: provenance={provenance!r}"
            )
        if not provenance:
            return None
        if self._known_provenance is None:
            self._known_provenance = self._ask_provenance() or Provenance()
        return self._known_provenance

    def _ask_provenance(self):
        """What the model writes into files of its own, or `None`."""
        probe = np.zeros((SMALLEST_SIDE, SMALLEST_SIDE, 3), "uint8")
        try:
            (file,) = self._encoded([_to_png(probe)])
            return read_provenance(file)
        except ServingError as error:
            # It makes no files.
            if error.code not in ("FAILED_PRECONDITION", "INVALID_ARGUMENT"):
                raise
        except ValueError as error:
            raise _not_png(error) from error
        return None

    def _weights(self, mix, styles):
        """A weight for each style; all for the first, if there is no mix."""
        weights = np.zeros(styles.count, "float32")
        if mix is None:
            weights[0] = 1.0
            return weights
        names = self._names(styles)
        for name, weight in mix:
            if name not in names:
                raise ValueError(
                    f"`style` must name styles among {names}. "
                    f"Received: style={name!r}"
                )
            weights[names.index(name)] += weight
        return weights

    def _names(self, styles):
        if styles.names is None:
            raise ServingError(
                "FAILED_PRECONDITION",
                "The model does not tell the names of its styles: give "
                "`style_names`, as a list or as the path of its "
                "keras_comic.json.",
            )
        return styles.names

    def _styles(self):
        """The model's styles, and the version that was asked for them."""
        if self._given_names is not None:
            return _Styles(None, len(self._given_names), self._given_names)
        styles = self._known_styles
        if styles is None:
            styles = self._known_styles = self._ask_styles()
        return styles

    def _ask_styles(self):
        version, signatures = self._call(self._transport.metadata)
        if "serving_style_weights" not in signatures:
            raise ServingError(
                "FAILED_PRECONDITION",
                "The model has no signature `serving_style_weights`; "
                f"it has {sorted(signatures)}.",
            )
        inputs = signatures["serving_style_weights"].inputs
        count = inputs["style_weights"].shape[1]
        names = None
        if "style_names" in signatures:
            found = self._predict(
                "style_names",
                {"style_index": np.arange(count, dtype="int32")},
                STYLE_NAMES,
                version,
            )
            names = [name.decode() for name in found]
        return _Styles(version, count, names)


class _Styles(NamedTuple):
    """Named styles: of which version, how many, and their names, if known."""

    version: int | None
    count: int
    names: list | None


class _Recipe(NamedTuple):
    """The signature to ask, and what it needs besides the photos.

    `mix` are pairs of name and weight; `pictures`, one for all photos or one
    for each.
    """

    signature: str
    mix: list | None = None
    pictures: np.ndarray | None = None
    strength: float = 1.0
    keep_color: bool = False

    @property
    def is_plain(self):
        """Whether it needs nothing but a style."""
        return self.strength == 1.0 and not self.keep_color

    def inputs(self, rows):
        """Inputs for some of the photos, besides these and the mix.

        Args:
            rows: Sequence of integers, the numbers of the photos.

        Returns:
            Dict of name to NumPy array.
        """
        if self.signature == "serving_default":
            return {}
        inputs = {
            "strength": np.full(len(rows), self.strength, "float32"),
            "keep_color": np.full(len(rows), self.keep_color),
        }
        if self.pictures is not None:
            is_shared = len(self.pictures) == 1
            numbers = [0] * len(rows) if is_shared else list(rows)
            inputs["style_images"] = self.pictures[numbers]
        return inputs

    def description(self):
        """What tells it from others.

        Returns:
            Dict for JSON.
        """
        pictures = self.pictures
        if pictures is not None:
            pictures = hashlib.sha256(pictures.tobytes()).hexdigest()
        mix = self.mix and [list(pair) for pair in self.mix]
        return {**self._asdict(), "mix": mix, "pictures": pictures}


def _mix_of(style):
    """Pairs of name and weight, from a name or a mix of names."""
    if isinstance(style, str):
        style = {style: 1.0}
    mix = list(style.items()) if isinstance(style, dict) else style
    if not isinstance(mix, (list, tuple)) or not all(
        isinstance(entry, (list, tuple)) and len(entry) == 2 for entry in mix
    ):
        raise ValueError(
            "`style` must be a name, an image (an array), or a mix of names: "
            "a dict of name to weight or a list of (name, weight). "
            f"Received: style={describe(style)}"
        )
    if not all(isinstance(name, str) for name, _ in mix):
        raise ValueError(
            "A server mixes named styles, and no images. "
            f"Received: style={describe(style)}"
        )
    weights = [weight for _, weight in mix]
    if (
        not all(isinstance(w, numbers.Real) for w in weights)
        or not np.all(np.isfinite(weights))
        or min(weights, default=0) < 0
        or sum(weights) <= 0
    ):
        raise ValueError(
            "The weights of a mix must be numbers of at least 0, and their "
            f"sum above 0. Received: weights={weights}"
        )
    return [(name, float(weight)) for name, weight in mix]


def _given_names(style_names):
    """The names, from a list or from the file beside a model."""
    if style_names is None:
        return None
    found = style_names
    if isinstance(found, (str, os.PathLike)):
        text = Path(found).read_text(encoding="utf-8")
        description = json.loads(text)
        found = None
        if isinstance(description, dict):
            found = description.get("style_names")
    if (
        not isinstance(found, (list, tuple))
        or not found
        or not all(isinstance(name, str) for name in found)
    ):
        raise ValueError(
            "`style_names` must be a list of names, or the path of the "
            "keras_comic.json beside a model. "
            f"Received: style_names={style_names!r}"
        )
    return list(found)


def _check_timeout(timeout):
    if not isinstance(timeout, numbers.Real) or not 0 < timeout < float("inf"):
        raise ValueError(
            "`timeout` must be a positive number of seconds. "
            f"Received: timeout={timeout!r}"
        )


def _groups(photos):
    """Numbers of the photos of each size."""
    found = collections.defaultdict(list)
    for number, photo in enumerate(photos):
        found[photo.shape].append(number)
    return found.values()


def _split(numbers, size_of):
    """Lists of some of the numbers, as much as fits into a request."""
    part, size = [], 0
    for number in numbers:
        more = size_of(number)
        if part and (
            len(part) == IMAGES_PER_REQUEST or size + more > BYTES_PER_REQUEST
        ):
            yield part
            part, size = [], 0
        part.append(number)
        size += more
    if part:
        yield part


def _texts(contents):
    array = np.empty(len(contents), "object")
    array[:] = contents
    return array


def _to_png(photo):
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG", compress_level=PNG_COMPRESSION)
    return file.getvalue()


def _from_png(contents):
    try:
        with Image.open(io.BytesIO(contents), formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise _not_png(error) from error


def _not_png(error):
    return ServingError(
        "INTERNAL", f"The server's comic is not a PNG file: {error}"
    )
