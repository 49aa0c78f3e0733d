"""The videos of `keras-comic stylize`."""

import re
from contextlib import nullcontext

import typer

from keras_comic.cli.errors import report_failures
from keras_comic.cli.progress import progress_bar

RAW = "-"
CAMERA = re.compile(r"webcam:\d+")
# What a folder of numbered pictures becomes a video by.
MOVING_SUFFIXES = frozenset({".gif", ".apng"})
DEFAULT_SUFFIX = ".mp4"


def is_video(sources, output):
    """Whether sources are stylised as videos."""
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


def stylize_videos(generator, sources, output, size, frame_rate, options):
    """Stylises videos, one after the other, and reports."""
    size = None if size is None else parse_size(size)
    many = len(sources) > 1
    if many:
        output.mkdir(parents=True, exist_ok=True)
    written, failures = [], []
    for source in sources:
        name = str(source)
        target = _target(source, output) if many else output
        try:
            result = _stylize_one(
                generator, source, target, size, frame_rate, options
            )
        except (OSError, ValueError) as error:
            if not many:
                raise
            failures.append((name, str(error)))
            continue
        written.append(result)
        if result.problem:
            failures.append((name, result.problem))
    if str(output) != RAW:
        for result in written:
            typer.echo(_describe(result))
    report_failures(failures, "{} could not be stylised to their end:")


def _stylize_one(generator, source, target, size, frame_rate, options):
    """Stylises a video; at URLs, by way of temporary files."""
    from keras_comic import video
    from keras_comic.data.paths import is_url
    from keras_comic.data.paths import local_file
    from keras_comic.data.paths import whole_file

    remote = [path for path in (source, target) if is_url(path)]
    if not remote:
        name = str(source)
        is_named = name == RAW or CAMERA.fullmatch(name)
        frames = video.open_frames(
            name if is_named else source,
            size,
            frame_rate,
            max_side=options["max_side"],
        )
        return _convert(video, generator, frames, target, options)
    _check_remote(source, target, remote, options)
    local_target = whole_file(target) if is_url(target) else nullcontext(target)
    with local_file(source) as local_source, local_target as local_target:
        here = {str(local_source): str(source), str(local_target): str(target)}
        try:
            result = _stylize_one(
                generator, local_source, local_target, size, frame_rate, options
            )
        except (OSError, ValueError) as error:
            message = _with_urls(str(error), here)
            if message == str(error):
                raise
            raise ValueError(message) from error
    problem = result.problem and _with_urls(result.problem, here)
    return result._replace(output=target, problem=problem)


def _check_remote(source, target, remote, options):
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


def _with_urls(message, urls):
    for path, url in urls.items():
        message = message.replace(path, url)
    return message


def parse_size(text):
    """Width and height of what was typed."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(
            "A size must be WIDTHxHEIGHT, such as 640x480. "
            f"Received: --size {text}"
        )
    return int(match[1]), int(match[2])


def _convert(video, generator, frames, output, options):
    from keras_comic.data import read_image
    from keras_comic.models.image_files import read_style
    from keras_comic.models.image_files import shrink_mask

    mask, frame_size = options["mask"], (frames.width, frames.height)
    if mask is not None:
        mask = read_image(mask).astype("float32").mean(axis=-1) / 255.0
        if frame_size != frames.original_size:
            mask = shrink_mask(mask, frames.original_size, frame_size)
    style = options["style"]
    if generator.takes_style:
        style = read_style(style, generator.style_names)
    stylizer = video.VideoStylizer(
        generator,
        style,
        options["consistency"],
        strength=options["strength"],
        mask=mask,
        keep_color=options["keep_color"],
        first_pass=frames.is_repeatable,
    )
    if not options["provenance"]:
        stylizer.provenance = None
    stylizer.watermark = options["watermark"]
    with progress_bar("Stylising") as progress:
        return video.convert_video(
            frames,
            RAW if str(output) == RAW else output,
            stylizer,
            compare=options["compare"],
            resume=options["resume"],
            overwrite=options["overwrite"],
            sound=options["sound"],
            progress=progress,
        )


def _target(source, folder):
    if _is_moving_name(source):
        suffix = source.suffix.lower()
    else:
        suffix = DEFAULT_SUFFIX
    return folder / f"{source.stem or 'video'}{suffix}"


def _is_moving(source):
    name = str(source)
    if name == RAW or CAMERA.fullmatch(name):
        return True
    if not source.is_file():
        return _is_moving_name(source)
    return _is_moving_name(source) or _is_animated(source)


def _is_animated(path):
    from PIL import Image

    try:
        with Image.open(path) as image:
            return getattr(image, "is_animated", False)
    except (OSError, ValueError, SyntaxError):
        return False  # Whoever reads it as a photo says why it is none.


def _is_moving_name(path):
    from keras_comic.data.video_frames import VIDEO_SUFFIXES

    suffix = path.suffix.lower()
    return suffix in VIDEO_SUFFIXES or suffix in MOVING_SUFFIXES


def _describe(result):
    parts = [f"Wrote {result.output}, {result.num_frames} frames"]
    if result.num_resumed:
        parts.append(f"{result.num_resumed} of them made before")
    if result.share is not None:
        parts.append(f"{result.share:.0%} of the area stylised anew")
    return "; ".join([", ".join(parts), *result.sound])
