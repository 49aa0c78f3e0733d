"""SavedModels that TensorFlow Serving answers requests with."""

import json
import os
from pathlib import Path

import keras
import tensorflow as tf

from keras_comic import presets
from keras_comic.data.image_decoding import graph_formats
from keras_comic.export.codes_graph import CodesGraph
from keras_comic.export.comic_graph import ComicGraph
from keras_comic.export.versions import new_version
from keras_comic.export.warmup import make_warmup_requests
from keras_comic.export.warmup import write_warmup_records
from keras_comic.models.generator import Generator
from keras_comic.models.latent_generator import LatentGenerator
from keras_comic.provenance.metadata import png_chunk

DESCRIPTION_FILE = "keras_comic.json"
# 2,048 by 2,048 pixels. The light network takes 0.6 kB of memory a pixel.
MAX_PIXELS = 4_194_304
FILE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


def save_served_model(
    generator,
    folder,
    max_pixels=MAX_PIXELS,
    provenance=None,
    warmup_sizes=((256, 256),),
):
    """Writes a generator as a SavedModel for TensorFlow Serving.

    The signatures follow from the kind of the model; the batch is the first
    dimension of every input, and no input can be left out. Of a `Generator`:

    - `serving_default`: `images` to `comics`, both uint8 `(batch, height,
      width, 3)`, RGB in `[0, 255]`, in the first named style if it has any.
    - `serving_strength`, without styles: `images`; `strength`, float32
      `(batch,)` in `[0, 1]`; and `keep_color`, boolean `(batch,)`.
    - `serving_style_weights`, with styles: `images`; `style_weights`, float32
      `(batch, num_styles)`, a mix of the named styles, divided by its sum;
      `strength`; and `keep_color`.
    - `serving_style_image`, with styles: as before, with `style_images`, uint8
      `(batch, style_height, style_width, 3)`, in place of the weights.
    - `serving_bytes`, and `serving_bytes_strength` and so on: the same with
      `image_bytes` (and `style_image_bytes`), string `(batch,)`, JPEG, PNG or
      WebP files (WebP where TensorFlow itself reads it, as 2.21 does) whose
      sizes may differ, to `comic_bytes`, string `(batch,)`, PNG files.
      TensorFlow Serving writes these as base64 in JSON, since the name ends
      in `_bytes`.
    - `style_names`, with styles: `style_index`, int32 `(batch,)`, to
      `style_names`, string `(batch,)`, so that a client can ask what it may
      mix.

    Of a `LatentGenerator`: `serving_default`, `codes` to `pictures`, uint8;
    and `serving_bytes`, `codes` to `picture_bytes`, PNG files.

    Sides are 32 pixels or more, the pictures of a batch of one size, and what
    comes out is what `stylize` gives. A wrong value, or a file that is too
    large (which its header tells before it is decoded), is an error of the
    request and not more. The process that serves it needs TensorFlow alone.
    `keras_comic.json` in `assets.extra` tells the kind, the preset, the names
    of the styles and the limits.

    Args:
        generator: A `Generator` (with a named style, if it takes styles), a
            `LatentGenerator`, or what `keras_comic.from_preset` takes.
        folder: String or path: the version's folder, such as
            `models/comic/1`, whose last part is the version's number. It
            must not exist, and appears whole or not at all.
        max_pixels: Integer > 0. Larger pictures are refused. Defaults to
            `4_194_304`, which take about 2.5 GB of memory while they go
            through the light network.
        provenance: `keras_comic.provenance.Provenance`, `False` or `None`.
            What the PNG files of comics say of their origin; `False` for
            nothing. Defaults to `None`, the preset and its version.
        warmup_sizes: List of `(height, width)`, pixels, of at least 32: the
            pictures of requests that a server runs before it is ready; `()`
            for none. Needs the extra `serving`. Defaults to `((256, 256),)`.

    Returns:
        Path of the folder.

    Raises:
        ValueError: If the model is of another kind, takes styles and has none,
            the folder's name is no number, `max_pixels` is not positive, or
            Keras does not run on TensorFlow.
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
    >>> folder.name
    '1'

    Reference:
        - [TensorFlow Serving](https://www.tensorflow.org/tfx/guide/serving)
    """
    if not isinstance(max_pixels, int) or max_pixels < 1:
        raise ValueError(
            "`max_pixels` must be a positive integer. "
            f"Received: max_pixels={max_pixels!r}"
        )
    generator = load_generator(generator)
    takes_style = getattr(generator, "takes_style", False)
    style_names = generator.style_names if takes_style else []
    if takes_style and not style_names:
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
    formats = [name for name in FILE_FORMATS if name in graph_formats()]
    chunk = png_chunk(provenance) if provenance else b""
    if isinstance(generator, LatentGenerator):
        graph = CodesGraph(generator, chunk)
    else:
        graph = ComicGraph(generator, max_pixels, formats, chunk)
    signatures = graph.signatures()
    module = tf.Module()
    module.generator_weights = [weight.value for weight in generator.weights]
    with new_version(folder.parent, int(folder.name)) as partial:
        # Before the long part, since it may lack what it needs.
        if warmup_sizes:
            requests = make_warmup_requests(signatures, warmup_sizes)
            write_warmup_records(partial, requests)
        tf.saved_model.save(module, str(partial), signatures=signatures)
        description = {
            "kind": generator.kind,
            "preset": provenance.preset if provenance else None,
            "preset_version": provenance.version if provenance else None,
            "style_names": style_names,
            "max_pixels": max_pixels,
            "file_formats": formats,
        }
        path = partial / "assets.extra" / DESCRIPTION_FILE
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(description, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    return folder


def load_generator(generator):
    """Returns the model itself, or that of a preset, if it can be exported."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            "A model can only be exported with Keras on TensorFlow; set "
            "KERAS_BACKEND=tensorflow before Keras is imported. "
            f"Received: backend {keras.config.backend()!r}"
        )
    if isinstance(generator, (str, os.PathLike)):
        generator = presets.from_preset(generator)
    if not isinstance(generator, (Generator, LatentGenerator)):
        raise ValueError(
            "A model that is exported must be a `Generator` or a "
            f"`LatentGenerator`. Received: a `{type(generator).__name__}`"
        )
    if not generator.built:
        raise ValueError(
            "The generator must be built before it is exported: call it once. "
            "Received: built=False"
        )
    return generator
