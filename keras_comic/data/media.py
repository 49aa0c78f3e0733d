"""Tells photos, animations and videos apart, by what is in a file."""

from keras_comic.data.image_formats import FORMATS
from keras_comic.data.image_formats import SIGNATURE_BYTES
from keras_comic.data.image_formats import SUFFIXES
from keras_comic.data.image_formats import ImageError
from keras_comic.data.images import image_format
from keras_comic.data.images import is_animated
from keras_comic.data.images import open_image
from keras_comic.data.paths import is_url
from keras_comic.data.paths import path_of
from keras_comic.data.paths import reached
from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import open_container
from keras_comic.data.video_reader import video_streams

PHOTO, ANIMATION, VIDEO = "photo", "animation", "video"
# Suffixes of videos, for files that are only named.
VIDEO_SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m2t .m2ts .m2v .m4v .mjpeg .mjpg "
    ".mkv .mod .mov .mp4 .mpe .mpeg .mpg .mpv .mts .mxf .ogg .ogm .ogv .qt "
    ".rm .rmvb .ts .vob .webm .wmv .y4m".split()
)
# Formats that can be animations.
ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "JXL")
# Formats whose first bytes may be those of something else.
VAGUE_FORMATS = ("BMP", "PPM", "TGA")


def media_kind(path):
    """Tells what a file holds, by its contents alone.

    A photo may have several pages, or a preview beside it (MPO); an animation
    is a GIF, PNG, WebP, AVIF or JPEG XL of several frames; a video is what
    FFmpeg finds a picture stream in.

    Args:
        path: String or path, or a URL.

    Returns:
        `"photo"`, `"animation"` or `"video"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImageError: If it is none of them.
    """
    path = path_of(path)
    head, name = _look(path)
    if name in ANIMATED_FORMATS:
        with reached(path), path.open("rb") as file:
            return ANIMATION if _moves(file.read(), path) else PHOTO
    if name is not None:
        return PHOTO
    if head and (is_url(path) or _holds_video(path)):
        return VIDEO
    # It says what is expected.
    open_image(path, contents=head)
    raise ImageError(f"The file is no photo. Received: path={path}")


def is_video(path):
    """Tells videos from pictures, by contents; what cannot be read, by name."""
    path = path_of(path)
    try:
        if not is_url(path):
            head, name = _look(path)
            if head:
                return name is None and _holds_video(path)
    except (ImageError, OSError):
        pass
    return path.suffix.lower() in VIDEO_SUFFIXES


def _look(path):
    """Returns the first bytes, and the format of a picture by them."""
    if not is_url(path) and path.exists() and not path.is_file():
        # A pipe would be waited for; this says what is wrong.
        open_image(path)
    with reached(path), path.open("rb") as file:
        head = file.read(SIGNATURE_BYTES)
    name = image_format(head)
    if name == "TGA" and path.suffix.lower() not in FORMATS[name].suffixes:
        name = None
    return head, name


def is_media(path):
    """Tells whether a file is meant as a photo or a video.

    Its suffix says so, or its first bytes are those of a picture.
    """
    if path.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES:
        return True
    if is_url(path) or not path.is_file():
        return False
    try:
        with open(path, "rb") as file:
            name = image_format(file.read(SIGNATURE_BYTES))
    except OSError:
        return False
    return name is not None and name not in VAGUE_FORMATS


def _moves(contents, path):
    try:
        return is_animated(contents, path)
    # Whoever reads it as a photo says what is wrong.
    except ImageError:
        return False


def _holds_video(path):
    try:
        av = import_video_library("av")
    except ImportError:
        return path.suffix.lower() in VIDEO_SUFFIXES
    try:
        with open_container(path) as container:
            return bool(video_streams(container))
    except (av.FFmpegError, OSError, ValueError):
        # A damaged video is read as far as it goes, and named then.
        return path.suffix.lower() in VIDEO_SUFFIXES
