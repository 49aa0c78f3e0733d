"""Tells videos from photos, and names their comics."""

import re

RAW = "-"
CAMERA = re.compile(r"webcam:\d+")
# Files beside videos that move.
MOVING_SUFFIXES = frozenset({".gif", ".apng"})
DEFAULT_SUFFIX = ".mp4"
# What animations become that are not written as they are.
ANIMATED_SUFFIXES = {".png": ".apng", ".avif": ".webp", ".jxl": ".webp"}


def is_live(source):
    """Tells if frames come from the standard input or from a camera."""
    return str(source) == RAW or bool(CAMERA.fullmatch(str(source)))


def video_target(source, folder):
    """Names the comic of a video or an animation in a folder."""
    from keras_comic.video.animation_sink import ANIMATIONS
    from keras_comic.video.video_sink import CONTAINERS

    suffix = source.suffix.lower()
    suffix = ANIMATED_SUFFIXES.get(suffix, suffix)
    if suffix not in (*CONTAINERS, *ANIMATIONS):
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
        if not is_moving_name(path):
            raise ValueError(
                "At a URL, a video must be one file, not a folder of frames. "
                f"Received: {path}"
            )
    if target in remote and not options["overwrite"] and target.exists():
        raise FileExistsError(
            f"There is a file already; --overwrite replaces it. "
            f"Received: {target}"
        )


def is_moving_name(path):
    """Tells by its suffix if a file is meant to move."""
    from keras_comic.data.media import VIDEO_SUFFIXES

    suffix = path.suffix.lower()
    return suffix in VIDEO_SUFFIXES or suffix in MOVING_SUFFIXES


def describe_video(result):
    parts = [f"Wrote {result.output}, {result.num_frames} frames"]
    if result.num_resumed:
        parts.append(f"{result.num_resumed} of them made before")
    if result.share is not None:
        parts.append(f"{result.share:.0%} of the area stylised anew")
    return "; ".join([", ".join(parts), *result.tracks])
