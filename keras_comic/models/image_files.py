"""Stylises image files and folders of them."""

import collections
import os
from pathlib import Path

import numpy as np
from PIL import Image

from keras_comic.data import ImageError
from keras_comic.data import media_kind
from keras_comic.data import read_image
from keras_comic.data.color_profiles import srgb_profile
from keras_comic.data.image_folders import walk_files
from keras_comic.data.image_sizes import fitted_size
from keras_comic.data.images import open_image
from keras_comic.data.media import VIDEO
from keras_comic.data.media import is_media
from keras_comic.data.paths import path_of
from keras_comic.data.paths import whole_file
from keras_comic.data.photo_rights import RIGHTS
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import check_strength
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import save_options
from keras_comic.provenance.watermark import check_identifier
from keras_comic.provenance.watermark import embed_watermark

# Suffix of an output: Pillow's name of the format, and how it is written.
FORMATS = {
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".png": ("PNG", {}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
    ".webp": ("WEBP", {"quality": 95}),
}
FOLDER_SUFFIX = ".png"
MOVES = (
    "It moves: `keras_comic.video.convert_video`, or `keras-comic stylize`, "
    "makes a video of it."
)
OUT_OF_MEMORY = ("resourceexhausted", "resource_exhausted", "out of memory")

StylizedFiles = collections.namedtuple(
    "StylizedFiles", ["written", "skipped", "failures"]
)


def stylize_files(
    generator,
    sources,
    output,
    max_side=None,
    overwrite=False,
    progress=None,
    provenance=True,
    watermark=None,
    **drawing,
):
    """Turns image files into comics, and goes on past those that it cannot.

    Files are read as `keras_comic.data.read_image` reads them: upright, in
    sRGB, as the comics say of themselves. Each comic is written beside its
    final name and renamed, so that what is there is whole; a comic that is
    there already is left as it is, so that the same call goes on with an
    interrupted folder. Of a photo's metadata, artist, copyright and dates are
    kept, and the location is left out on purpose. Videos and animations in
    folders are failures, which say so.

    Every path may also be a URL of an object store or of another file system
    that fsspec knows, such as `s3://bucket/photos` or `gs://bucket/photos`,
    with the extra `remote`; photos and pictures of styles may be fetched from
    `https://...`. A comic appears there once it is whole. What a store needs
    to be told, such as credentials, is found where its own tools find it.

    Args:
        generator: A generator, such as `keras_comic.from_preset` gives.
        sources: String or path of an image file or of a folder of them, or a
            list of such.
        output: String or path. For one image file, the file to write: its
            suffix (`.png`, `.jpg`, `.webp`, `.tif`, ...) is the format; JPEG
            is written with quality 95. Otherwise, or if it has no suffix, the
            folder for PNG files of the same names: sub-folders are kept, and
            of several sources each folder becomes a sub-folder. Images that
            lie in `output` are not taken as sources.
        max_side: Integer > 0 or `None`. Photos with a longer side than this
            are shrunk to it, pixels, but no short side below 32. Defaults to
            `None`, which resizes nothing.
        overwrite: Boolean. Whether a comic that is there already is made
            anew. Defaults to `False`.
        progress: Callable or `None`. Called with the number of files done
            and the number of all after each file. Defaults to `None`.
        provenance: Boolean, or `keras_comic.provenance.Provenance`. Whether
            the files say that a network made them, and which preset; or what
            they say. Defaults to `True`.
        watermark: Integer in `[0, 2**32 - 1]` or `None`. An identifier that
            is hidden in the pixels, see
            `keras_comic.provenance.embed_watermark`. Defaults to `None`,
            which changes no pixel.
        **drawing: `style`, `strength`, `mask` and `keep_color` as in
            `Generator.stylize`. A style may also be the path of an image
            file, by itself or in a mix; a mask the path of an image as large
            as every photo (white is stylised, black is not, grey in part).

    Returns:
        Named tuple `StylizedFiles`: `written` and `skipped`, lists of the
        paths of comics; `failures`, a list of `(path, reason)`. Paths of URLs
        are such that `str` gives the URL.

    Raises:
        FileNotFoundError: If a source, the style image or the mask does not
            exist.
        ImportError: If a URL needs a package that is not installed.
        OSError: If sources at a URL cannot be listed.
        ValueError: If an argument is not as above, a folder holds no image,
            or a comic would replace a source.

    Example:

    >>> from PIL import Image
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("noise.png")
    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> done = keras_comic.models.stylize_files(
    ...     generator, "noise.png", "comic.png", style="noise.png"
    ... )
    >>> [path.name for path in done.written]
    ['comic.png']
    """
    check_strength(drawing.get("strength", 1.0))
    if max_side is not None and not max_side > 0:
        raise ValueError(
            "`max_side` must be a positive integer or None. "
            f"Received: max_side={max_side}"
        )
    if watermark is not None:
        check_identifier(watermark)
    said = provenance_of(generator, provenance)
    if generator.takes_style:
        names = generator.style_names
        drawing["style"] = read_style(drawing.get("style"), names)
    conditions = generator.conditions(drawing.get("style"))
    if any(len(rows) != 1 for rows in conditions.values()):
        raise ValueError(
            "`style` must be one image, or a mix of single ones. "
            f"Received: {len(next(iter(conditions.values())))} style images"
        )
    mask = drawing.pop("mask", None)
    if isinstance(mask, (str, os.PathLike)):
        mask = read_image(mask).astype("float32").mean(axis=-1) / 255.0
    targets = plan_outputs(sources, output)

    named = len(targets) == 1 and targets[0][1] == path_of(output)
    written, skipped, failures = [], [], []
    for done, (source, target) in enumerate(targets, start=1):
        try:
            is_there = not overwrite and target.exists()
            if not is_there:
                opened = open_photo(source, named)
                photo = np.asarray(opened.image)
                photo, photo_mask = shrink(photo, mask, max_side)
                comic = generator.stylize(photo, mask=photo_mask, **drawing)
                if watermark is not None:
                    comic = embed_watermark(comic, watermark)
                write_image(target, comic, said, opened.rights)
        except (OSError, ValueError) as error:
            failures.append((source, str(error)))
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            reason = "The photo is too large for the memory; set `max_side`."
            failures.append((source, reason))
        else:
            (skipped if is_there else written).append(target)
        if progress is not None:
            progress(done, len(targets))
    return StylizedFiles(written, skipped, failures)


def open_photo(path, named):
    """Opens a photo; of an animation the first picture, if it is `named`."""
    try:
        opened = open_image(path)
    except ImageError as error:
        if error.reason == "not an image" and media_kind(path) == VIDEO:
            raise ImageError(MOVES) from error
        raise
    if "animated" in opened.conversions and not named:
        raise ImageError(MOVES)
    return opened


def plan_outputs(sources, output):
    """Which files `stylize_files` reads, and where it writes each comic."""
    # Paths of URLs are no `os.PathLike`.
    if not isinstance(sources, (list, tuple)):
        sources = [sources]
    sources = [path_of(source) for source in sources]
    if not sources:
        raise ValueError("`sources` must name a file. Received: sources=[]")
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(
                f"There is no such file or folder. Received: {source}"
            )
    output = path_of(output)
    suffix = output.suffix.lower()
    single = len(sources) == 1 and not sources[0].is_dir()
    if single and suffix and not output.is_dir():
        _check_format(output, "output")
        targets = [(sources[0], output)]
    elif output.is_file() or (suffix in FORMATS and not output.is_dir()):
        raise ValueError(
            "`output` must be a folder, since there may be several comics. "
            f"Received: output={output}"
        )
    else:
        targets = _plan_folder(sources, output)
    _check_sources_stay(targets)
    return targets


def provenance_of(generator, provenance=True):
    """What is written into a generator's comics."""
    if isinstance(provenance, Provenance):
        return provenance
    if provenance not in (True, False, None):
        raise TypeError(
            "`provenance` must be a boolean or a "
            "`keras_comic.provenance.Provenance`. "
            f"Received: provenance={provenance!r}"
        )
    return generator.provenance if provenance else None


def write_image(path, image, provenance=None, rights=None):
    """Writes an image file, beside its final name, and renames it."""
    path = path_of(path)
    file_format, options = _check_format(path, "path")
    options = {**options, **save_options(provenance, file_format)}
    options["icc_profile"] = srgb_profile()
    if rights:
        if file_format == "TIFF":
            # Its dates would need a directory of their own.
            tags = {tag: rights[tag] for tag in RIGHTS if tag in rights}
            options["tiffinfo"] = {**options.get("tiffinfo", {}), **tags}
        else:
            options["exif"] = rights.tobytes()
    with whole_file(path) as partial:
        Image.fromarray(image).save(partial, file_format, **options)


def _check_format(path, argument):
    """Returns how a file of this suffix is written."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"`{argument}` must end in one of {', '.join(sorted(FORMATS))}. "
            f"Received: {argument}={path}"
        )
    return FORMATS[suffix]


def _plan_folder(sources, output):
    named = []
    for source in sources:
        if not source.is_dir():
            named.append((source, Path(source.name)))
            continue
        if source.resolve() == output.resolve():
            raise ValueError(
                "`output` must be another folder than that of the photos. "
                f"Received: output={output}"
            )
        inside = source.resolve() in output.resolve().parents
        below = Path() if len(sources) == 1 else Path(source.resolve().name)
        for path in filter(is_media, walk_files(source)):
            if not inside or output.resolve() not in path.resolve().parents:
                name = Path(*path.relative_to(source).parts)
                named.append((path, below / name))
    if not named:
        raise ValueError(
            "The folder holds no image besides those in `output`. "
            f"Received: sources={list(map(str, sources))}, output={output}"
        )
    # `a.jpg` becomes `a.png`; beside an `a.webp`, it becomes `a.jpg.png`.
    stems = [name.with_suffix("") for _, name in named]
    counts = collections.Counter(stems)
    return [
        (path, output / f"{name if counts[stem] > 1 else stem}{FOLDER_SUFFIX}")
        for (path, name), stem in zip(named, stems)
    ]


def _check_sources_stay(targets):
    sources = {source.resolve() for source, _ in targets}
    seen = {}
    for source, target in targets:
        if target.resolve() in sources:
            raise ValueError(
                "A comic would replace a photo; write to another name or "
                f"folder. Received: {target}"
            )
        if target in seen:
            raise ValueError(
                "Two photos would become the same comic. "
                f"Received: {seen[target]} and {source}"
            )
        seen[target] = source


def read_style(style, style_names):
    """Replaces the paths of image files in a style by their pictures."""
    if isinstance(style, dict):
        style = list(style.items())
    if isinstance(style, (list, tuple)) and all(
        isinstance(entry, (list, tuple)) and len(entry) == 2 for entry in style
    ):
        return [(read_style(s, style_names), weight) for s, weight in style]
    if isinstance(style, str) and style not in style_names:
        # Without a suffix or a folder, it was meant to be a name.
        if not (Path(style).exists() or Path(style).suffix or "/" in style):
            raise ValueError(
                f"`style` must be one of {list(style_names)}, an image or the "
                "path of its file, or a weighted mix. "
                f"Received: style={style!r}"
            )
        return read_image(style)
    # Paths of URLs are no `os.PathLike`.
    is_path = isinstance(style, os.PathLike) or hasattr(style, "read_bytes")
    return read_image(style) if is_path else style


def shrink(photo, mask, max_side):
    """Shrinks a photo, and its mask with it."""
    height, width = photo.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return photo, mask
    size = fitted_size((width, height), max_side)
    if min(size) < SMALLEST_SIDE <= min(width, height):
        # A long panorama keeps the shortest side that is drawn.
        ratio = SMALLEST_SIDE / min(width, height)
        size = tuple(
            max(round(s * ratio), SMALLEST_SIDE) for s in photo.shape[1::-1]
        )
    shrunk = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS)
    if mask is not None:
        mask = shrink_mask(mask, (width, height), size)
    return np.asarray(shrunk), mask


def shrink_mask(mask, old_size, new_size):
    """Shrinks a mask as what it belongs to has been shrunk."""
    mask = np.asarray(mask)
    if mask.shape != (old_size[1], old_size[0]):
        raise ValueError(
            "`mask` must have the height and width of the photo, "
            f"({old_size[1]}, {old_size[0]}). Received: "
            f"mask.shape={mask.shape}"
        )
    image = Image.fromarray(mask.astype("float32"))
    return np.asarray(image.resize(new_size, Image.Resampling.BOX))


def _is_out_of_memory(error):
    text = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(
        words in text for words in OUT_OF_MEMORY
    )
