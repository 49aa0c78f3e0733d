"""A client of a server of comics: the local one, or TensorFlow Serving."""

import os
from concurrent import futures

import numpy as np

from keras_comic.data import read_image
from keras_comic.models.image_files import plan_outputs
from keras_comic.models.image_files import read_style
from keras_comic.models.image_files import shrink
from keras_comic.models.image_files import write_image
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.provenance.metadata import Provenance
from keras_comic.serving.comic_requests import ComicRequests
from keras_comic.serving.file_stream import stream_files
from keras_comic.serving.model_connection import ModelConnection
from keras_comic.serving.request_parts import split_numbers
from keras_comic.serving.request_parts import split_photos
from keras_comic.serving.style_recipe import make_recipe
from keras_comic.serving.style_recipe import read_style_names


class Client(ModelConnection):
    """Asks a server for comics, as `Generator.stylize` makes them.

    The server is TensorFlow Serving or `keras-comic serve`, with a model that
    `keras-comic export` wrote; the address says whether it is asked over gRPC
    or over HTTP. What comes back is what the generator itself gives, to within
    1 of 255. Over gRPC pixels are sent as they are, which is fastest. Over
    HTTP pictures go as PNG files. A model that an earlier version exported
    takes these in the first style at full strength only; all else goes as
    text there, which is several times larger and slower.

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
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ValueError(
                "`concurrency` must be a positive integer. "
                f"Received: concurrency={concurrency!r}"
            )
        names = read_style_names(style_names)
        super().__init__(address, model, version, token, timeout)
        self.concurrency = concurrency
        self._requests = ComicRequests(self._transport, self._call, names)
        self._known_provenance = None
        self._pool = futures.ThreadPoolExecutor(
            concurrency, thread_name_prefix="comic-client"
        )

    def close(self):
        """Ends the requests under way, and the connections."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        super().close()

    @property
    def style_names(self):
        """Names that `stylize` takes as `style`, the default one first.

        Raises:
            ServingError: `FAILED_PRECONDITION` if the model does not tell
                them, and they were not given.
        """
        return self._requests.style_names()

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
        parts = split_photos(photos, self._requests.bytes_per_value)
        comics = [None] * len(photos)
        results = self._map(
            lambda part: self._requests.comics(
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
        parts = split_numbers(range(len(contents)), lambda n: len(contents[n]))
        results = self._map(
            lambda part: self._requests.files([contents[n] for n in part]),
            parts,
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
            comics = self._requests.comics(photos, recipe, [0])
            write_image(target, comics[0], said)

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
                such as `resume`, `sound` and `progress`, and `watermark`.

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
            return self._submit(self._requests.comics, photo, recipe, [0])

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

    # Requests.

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

    # Styles.

    def _recipe(self, style, strength, keep_color, count):
        recipe = make_recipe(style, strength, keep_color, count)
        # Unknown names are found before anything is sent.
        self._requests.check(recipe)
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
            asked = self._requests.provenance()
            self._known_provenance = asked or Provenance()
        return self._known_provenance
