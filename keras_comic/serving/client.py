"""A client of a server of comics: the local one, or TensorFlow Serving."""

import functools
import os

import numpy as np

from keras_comic.data.paths import path_of
from keras_comic.models.image_files import open_photo
from keras_comic.models.image_files import plan_outputs
from keras_comic.models.image_files import provenance_of
from keras_comic.models.image_files import read_style
from keras_comic.models.image_files import shrink
from keras_comic.models.image_files import write_image
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.comic_requests import DEFAULT
from keras_comic.serving.comic_requests import STYLE_WEIGHTS
from keras_comic.serving.comic_requests import ComicRequest
from keras_comic.serving.comic_requests import read_png
from keras_comic.serving.comic_requests import write_png
from keras_comic.serving.errors import ServingError
from keras_comic.serving.file_stream import stream_files
from keras_comic.serving.model_connection import ModelConnection

FILES_PER_REQUEST = 8
BYTES_PER_REQUEST = 2**24


class Client(ModelConnection):
    """Asks a server for comics, as `Generator.stylize` makes them.

    The server is TensorFlow Serving or `keras-comic serve`, with a model that
    `keras-comic export` wrote; the address says whether it is asked over gRPC
    or over HTTP. What comes back is what the generator itself gives, to within
    1 of 255. Pictures go as PNG files, so that their sizes may differ.

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

    Raises:
        ValueError: If an argument is not as above.
        ImportError: If the extra `serving` is not installed.

    Example:

    >>> with keras_comic.serving.Client("localhost:8500") as client:
    ...     client.concurrency
    8
    """

    @functools.cached_property
    def style_names(self):
        """Names that `stylize` takes as `style`, the default one first."""
        inputs = self._signatures.get(STYLE_WEIGHTS)
        if inputs is None:
            return []
        indices = np.arange(inputs["style_weights"][1], dtype="int32")
        names = self._predict("style_names", {"style_index": indices})
        return [name.decode() for name in names]

    # Pictures.

    def stylize(self, images, style=None, strength=1.0, keep_color=False):
        """Turns photos into comics, as `Generator.stylize` does.

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
            ValueError: If an argument is not as above, or the model takes no
                style.
            ServingError: If the server does not answer with comics.
        """
        is_list = isinstance(images, (list, tuple))
        batches = [as_pictures(i, "images") for i in images if is_list]
        if not is_list:
            batches = [as_pictures(images, "images")]
        elif not all(single for _, single in batches):
            raise ValueError(
                "A list of `images` must hold single photos, (height, width, "
                f"3). Received: images={describe(images)}"
            )
        photos = [photo for batch, _ in batches for photo in batch]
        request = self._request(style, strength, keep_color, len(photos))
        files = [write_png(photo) for photo in photos]
        comics = self._stylize_files(files, request)
        comics = [
            _read_comic(comic, photo)
            for comic, photo in zip(comics, photos, strict=True)
        ]
        return comics if is_list else np.stack(comics).reshape(images.shape)

    def stylize_bytes(self, contents):
        """Turns image files, as they are, into PNG files.

        The server decodes them: they come in the first style, at full
        strength.

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
        request = self._request(None, 1.0, False, len(contents))
        return self._stylize_files(contents, request)

    def stylize_files(
        self, sources, output, style=None, max_side=None, **options
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
            max_side: Integer > 0 or `None`. Photos with a longer side than
                this are shrunk to it before they are sent, pixels. Defaults
                to `None`, which resizes nothing.
            **options: `strength` and `keep_color`, as in `stylize`;
                `overwrite`, boolean, whether a comic that is there already is
                made anew; `progress`, a callable that gets the numbers of
                files done and of all; `provenance`, boolean or
                `keras_comic.provenance.Provenance`, whether, and as what, a
                comic says how it was made (what the model says, by default).

        Returns:
            Named tuple `StylizedFiles`: `written` and `skipped`, lists of the
            paths of comics; `failures`, a list of `(path, reason)`.

        Raises:
            FileNotFoundError: If a source does not exist.
            ValueError: If an argument is not as above, a folder holds no
                image, or a comic would replace a source.
            ServingError: If the server cannot be reached, lets nobody in, or
                has no such model.
            TypeError: If there is another option.
        """
        how = {
            name: options.pop(name)
            for name in ("strength", "keep_color")
            if name in options
        }
        overwrite = options.pop("overwrite", False)
        progress = options.pop("progress", None)
        provenance = options.pop("provenance", True)
        if options:
            raise TypeError(f"There is no option {sorted(options)}.")
        if max_side is not None and not max_side > 0:
            raise ValueError(
                "`max_side` must be a positive integer or None. "
                f"Received: max_side={max_side}"
            )
        targets = plan_outputs(sources, output)
        if style is not None and not is_picture(style):
            names = () if isinstance(style, os.PathLike) else self.style_names
            style = read_style(style, names)
        request = self._request(style, count=1, **how)
        note = provenance_of(_Maker(self), provenance)

        named = len(targets) == 1 and targets[0][1] == path_of(output)

        def make(source, target):
            opened = open_photo(source, named)
            photo, _ = shrink(np.asarray(opened.image), None, max_side)
            as_pictures(photo, "photo")
            (comic,) = self._draw([write_png(photo)], request, [0])
            comic = _read_comic(comic, photo)
            write_image(target, comic, note, opened.rights)

        return stream_files(
            targets, make, self._submit, self.concurrency, overwrite, progress
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
                such as `resume`, `sound`, `codec` and `progress`; and
                `provenance`, as in `stylize_files`.

        Returns:
            Named tuple `Conversion`, as of `convert_video`.

        Raises:
            ValueError: As `stylize` and `convert_video`.
            ServingError: If the server does not answer; what is done is kept,
                for `resume=True`.
        """
        from keras_comic.serving.remote_video import convert_remotely

        request = self._request(style, strength, keep_color, 1)

        def draw(frame):
            (comic,) = self._draw([write_png(frame)], request, [0])
            return _read_comic(comic, frame)

        key = {
            "model": self.model,
            "version": self.version,
            "style": describe(style) if is_picture(style) else style,
            "strength": float(strength),
            "keep_color": bool(keep_color),
        }
        options["provenance"] = provenance_of(
            _Maker(self), options.pop("provenance", True)
        )
        return convert_remotely(
            source,
            output,
            lambda frame: self._submit(draw, frame),
            self.concurrency,
            key,
            options,
        )

    def generate(self, count=1, seed=None):
        """Makes pictures of random codes, as `LatentGenerator.generate`.

        Args:
            count: Integer > 0. Defaults to `1`.
            seed: Integer >= 0, for the same pictures each time, or `None`.
                Defaults to `None`.

        Returns:
            uint8 array `(count, height, width, 3)`, RGB in `[0, 255]`.

        Raises:
            ServingError: If the model makes no pictures of codes, or the
                server does not answer.
        """
        shape = self._signatures.get(DEFAULT, {}).get("codes")
        if shape is None:
            raise ServingError(
                "FAILED_PRECONDITION",
                "The model must make pictures of codes: it has no signature "
                f"`{DEFAULT}` of `codes`. It has {sorted(self._signatures)}.",
            )
        random = np.random.default_rng(seed)
        codes = random.standard_normal((count, *shape[1:]), "float32")
        parts = [
            codes[start : start + FILES_PER_REQUEST]
            for start in range(0, count, FILES_PER_REQUEST)
        ]
        files = self._map(lambda c: self._predict(DEFAULT, {"codes": c}), parts)
        return np.stack([read_png(file) for part in files for file in part])

    # Requests.

    def _request(self, style=None, strength=1.0, keep_color=False, count=1):
        return ComicRequest(
            self._signatures,
            lambda: self.style_names,
            style,
            strength,
            keep_color,
            count,
        )

    def _stylize_files(self, files, request):
        parts, size = [], BYTES_PER_REQUEST
        for number, file in enumerate(files):
            size += len(file)
            if size > BYTES_PER_REQUEST or len(parts[-1]) == FILES_PER_REQUEST:
                parts.append([])
                size = len(file)
            parts[-1].append(number)
        comics = self._map(
            lambda rows: self._draw([files[n] for n in rows], request, rows),
            parts,
        )
        return [comic for part in comics for comic in part]

    def _draw(self, files, request, rows):
        comics = self._predict(request.signature, request.inputs(files, rows))
        if comics.shape != (len(files),):
            raise ServingError(
                "INTERNAL",
                f"The server must send {len(files)} files. "
                f"Received: shape={comics.shape}",
            )
        return comics.tolist()


class _Maker:
    """Asks the model, by a file that it makes, what files say of it."""

    def __init__(self, client):
        self._client = client

    @property
    def provenance(self):
        probe = np.zeros((SMALLEST_SIDE, SMALLEST_SIDE, 3), "uint8")
        (file,) = self._client.stylize_bytes([write_png(probe)])
        return read_provenance(file) or Provenance()


def _read_comic(file, photo):
    comic = read_png(file)
    if comic.shape != photo.shape:
        raise ServingError(
            "INTERNAL",
            "The server's comic must have the shape of the photo, "
            f"{photo.shape}. Received: shape={comic.shape}",
        )
    return comic
