"""Tells videos from photos, and names their comics."""

import re

RAW = "-"
CAMERA = re.compile(r"webcam:\d+")
# Files beside videos that move.
MOVING_SUFFIXES = frozenset({".gif", ".apng"})
DEFAULT_SUFFIX = ".mp4"


def is_video(sources, output):
    """Tells whether sources are stylised as videos."""
    videos = [_is_moving(source) for source in sources]
    if len(sources) == 1 and sources[0].is_dir():
        return _is_moving_name(output)
    if any(videos) and not all(videos):
        photo = sources[videos.index(False)]
        raise ValueError(
            "Photos and videos must be stylised by two commands. "
            f"Received: {photo} among videos"
        )
    return all(videos)


def video_target(source, folder):
    if _is_moving_name(source):
        suffix = source.suffix.lower()
    else:
        suffix = DEFAULT_SUFFIX
    return folder / f"{source.stem or 'video'}{suffix}"


def check_remote(source, target, remote, options):
    if source == target:
        raise ValueError(
            "The output must be another file than the source. "
            f"Received: {target}"
        )
    if options["resume"]:
        raise ValueError(
            "--resume is for files on this machine, where unfinished work is "
            f"kept. Received: {remote[0]}"
        )
    for path in remote:
        if not _is_moving_name(path):
            raise ValueError(
                "At a URL, a video must be one file, not a folder of frames. "
                f"Received: {path}"
            )
    if target in remote and not options["overwrite"] and target.exists():
        raise FileExistsError(
            f"There is a file already; --overwrite replaces it. "
            f"Received: {target}"
        )


def _is_moving(source):
    name = str(source)
    if name == RAW or CAMERA.fullmatch(name):
        return True
    if not source.is_file():
        return _is_moving_name(source)
    return _is_moving_name(source) or _is_animated(source)


def _is_animated(path):
    from PIL import Image

    from keras_comic.data.paths import reached

    try:
        with reached(path), path.open("rb") as file, Image.open(file) as image:
            return getattr(image, "is_animated", False)
    except (OSError, ValueError, SyntaxError):
        return False  # Whoever reads it as a photo says why it is none.


def _is_moving_name(path):
    from keras_comic.data.video_frames import VIDEO_SUFFIXES

    suffix = path.suffix.lower()
    return suffix in VIDEO_SUFFIXES or suffix in MOVING_SUFFIXES


def describe_video(result):
    parts = [f"Wrote {result.output}, {result.num_frames} frames"]
    if result.num_resumed:
        parts.append(f"{result.num_resumed} of them made before")
    if result.share is not None:
        parts.append(f"{result.share:.0%} of the area stylised anew")
    return "; ".join([", ".join(parts), *result.sound])
