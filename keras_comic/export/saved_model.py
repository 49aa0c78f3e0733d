"""SavedModels that TensorFlow Serving answers requests with."""

import json
import os
from pathlib import Path

import keras
import tensorflow as tf

from keras_comic import presets
from keras_comic.data.image_decoding import graph_decoder_package
from keras_comic.export.comic_module import ComicModule
from keras_comic.export.versions import new_version
from keras_comic.export.warmup import make_warmup_requests
from keras_comic.export.warmup import write_warmup_records
from keras_comic.provenance.metadata import png_chunk

DESCRIPTION_FILE = "keras_comic.json"
# 2,048 by 2,048 pixels. The light network takes 0.6 kB of memory a pixel.
MAX_PIXELS = 4_194_304
FILE_FORMATS = ("JPEG", "PNG", "WEBP")


def save_served_model(
    generator,
    folder,
    max_pixels=MAX_PIXELS,
    provenance=None,
    warmup_sizes=((256, 256),),
):
    """Writes a generator as a SavedModel for TensorFlow Serving.

    One model with these signatures; the batch is the first dimension of every
    input, and no input can be left out:

    - `serving_default`: `images` to `comics`, both uint8 `(batch, height,
      width, 3)`, RGB in `[0, 255]`, in the first named style.
    - `serving_bytes`: `image_bytes`, string `(batch,)`, JPEG, PNG or WebP
      files (WebP where TensorFlow itself reads it, as 2.21 does) whose sizes
      may differ, to `comic_bytes`, string `(batch,)`, PNG files. TensorFlow
      Serving writes these as base64 in JSON, since the name ends in `_bytes`.
    - `serving_style_image`: `images`; `style_images`, uint8 `(batch,
      style_height, style_width, 3)`, a drawing for each; `strength`, float32
      `(batch,)` in `[0, 1]`; and `keep_color`, boolean `(batch,)`; to
      `comics`.
    - `serving_style_weights`: as before, with `style_weights`, float32
      `(batch, num_styles)`, in place of drawings: a mix of the named styles,
      divided by its sum.
    - `serving_bytes_style_image`: `image_bytes`; `style_image_bytes`, string
      `(batch,)`, the file of a drawing for each; `strength`; and
      `keep_color`; to `comic_bytes`. The sizes may differ.
    - `serving_bytes_style_weights`: `image_bytes`; `style_weights`;
      `strength`; and `keep_color`; to `comic_bytes`.
    - `style_names`: `style_index`, int32 `(batch,)`, to `style_names`, string
      `(batch,)`, so that a client can ask what it may mix.

    Sides are 32 pixels or more. What comes out is what `stylize` gives. A
    batch has one size of pictures; clients group them, since padding would
    change a picture's statistics. A wrong value, or a file that is too large
    once decoded, is an error of the request and not more: the size in a
    file's header is checked before it is decoded.

    The process that serves it needs TensorFlow alone. `keras_comic.json` in
    `assets.extra` tells the preset, the names of its styles and the limits.

    Args:
        generator: A generator with at least one named style, or what
            `keras_comic.from_preset` takes.
        folder: String or path: the version's folder, such as
            `models/comic/1`, whose last part is the version's number. It
            must not exist; it is written beside and renamed, so that a server
            sees it whole or not at all.
        max_pixels: Integer > 0. Larger pictures are refused. Defaults to
            `4_194_304`, 2,048 by 2,048, which take about 2.5 GB of memory
            while they go through the light network.
        provenance: `keras_comic.provenance.Provenance`, `False` or `None`.
            What the PNG files of comics say of their origin; `False` for
            nothing. Defaults to `None`, the preset and its version.
        warmup_sizes: List of `(height, width)`, pixels, of at least 32: the
            pictures of requests that a server runs before it is ready, so
            that the first one is as fast as the others; `()` for none. Needs
            the extra `serving`. Defaults to `((256, 256),)`.

    Returns:
        Path of the folder.

    Raises:
        ValueError: If the generator has no named style, the folder's name is
            no number, `max_pixels` is not positive, or Keras does not run on
            TensorFlow.
        FileExistsError: If the folder exists.
        ImportError: If warm-up requests are wanted and the extra `serving` is
            not installed.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 32, 3)).astype("uint8")
    >>> vector = generator.add_style("ink", drawing)
    >>> folder = keras_comic.export.save_served_model(
    ...     generator, "models/comic/1", warmup_sizes=()
    ... )
    >>> import tensorflow as tf
    >>> served = tf.saved_model.load(folder).signatures["serving_default"]
    >>> served(images=tf.zeros((2, 33, 47, 3), tf.uint8))["comics"].shape
    TensorShape([2, 33, 47, 3])

    Reference:
        - [TensorFlow Serving](https://www.tensorflow.org/tfx/guide/serving)
    """
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            "A SavedModel can only be written with Keras on TensorFlow; set "
            "KERAS_BACKEND=tensorflow before Keras is imported. "
            f"Received: backend {keras.config.backend()!r}"
        )
    if not isinstance(max_pixels, int) or max_pixels < 1:
        raise ValueError(
            "`max_pixels` must be a positive integer. "
            f"Received: max_pixels={max_pixels!r}"
        )
    if isinstance(generator, (str, os.PathLike)):
        generator = presets.from_preset(generator)
    if not generator.style_names:
        raise ValueError(
            "The generator must have a named style, which requests are "
            "answered in: call `add_style` first. Received: style_names=[]"
        )
    folder = Path(folder)
    if not folder.name.isdecimal():
        raise ValueError(
            "`folder` must end in the version's number, such as "
            f"models/comic/1. Received: folder={str(folder)!r}"
        )
    if provenance is None:
        provenance = generator.provenance
    # No other package's ops, since the server has none.
    formats = [
        name
        for name in FILE_FORMATS
        if graph_decoder_package(name) == "TensorFlow"
    ]
    chunk = png_chunk(provenance) if provenance else b""
    module = ComicModule(generator, max_pixels, formats, chunk)
    names = generator.style_names
    with new_version(folder.parent, int(folder.name)) as partial:
        # Before the long part, since it may lack what it needs.
        if warmup_sizes:
            requests = make_warmup_requests(warmup_sizes, num_styles=len(names))
            write_warmup_records(partial, requests)
        tf.saved_model.save(
            module, str(partial), signatures=_signatures(module, len(names))
        )
        description = {
            "preset": provenance.preset if provenance else None,
            "preset_version": provenance.version if provenance else None,
            "style_names": names,
            "max_pixels": max_pixels,
            "file_formats": formats,
        }
        path = partial / "assets.extra" / DESCRIPTION_FILE
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(description, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    return folder


def _signatures(module, num_styles):
    images = _spec("images", [None, None, None, 3], tf.uint8)
    how = (
        _spec("strength", [None], tf.float32),
        _spec("keep_color", [None], tf.bool),
    )
    files = _spec("image_bytes", [None], tf.string)
    weights = _spec("style_weights", [None, num_styles], tf.float32)
    functions = {
        "serving_default": (module.stylize, "comics", images),
        "serving_bytes": (
            module.stylize_files,
            "comic_bytes",
            files,
        ),
        "serving_bytes_style_image": (
            module.stylize_files_like,
            "comic_bytes",
            files,
            _spec("style_image_bytes", [None], tf.string),
            *how,
        ),
        "serving_bytes_style_weights": (
            module.stylize_files_mix,
            "comic_bytes",
            files,
            weights,
            *how,
        ),
        "serving_style_image": (
            module.stylize_like,
            "comics",
            images,
            _spec("style_images", [None, None, None, 3], tf.uint8),
            *how,
        ),
        "serving_style_weights": (
            module.stylize_mix,
            "comics",
            images,
            weights,
            *how,
        ),
        "style_names": (
            module.name_styles,
            "style_names",
            _spec("style_index", [None], tf.int32),
        ),
    }
    return {
        name: _signature(function, output, specs)
        for name, (function, output, *specs) in functions.items()
    }


def _signature(function, output, specs):
    @tf.function(input_signature=specs, autograph=False)
    def answer(*inputs):
        return {output: function(*inputs)}

    return answer


def _spec(name, shape, dtype):
    return tf.TensorSpec(shape, dtype, name=name)
