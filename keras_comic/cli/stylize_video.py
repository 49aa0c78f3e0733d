"""The videos of `keras-comic stylize`."""

from contextlib import nullcontext

import typer

from keras_comic.cli.parsing import parse_size
from keras_comic.cli.progress import progress_bar
from keras_comic.cli.video_names import CAMERA
from keras_comic.cli.video_names import RAW
from keras_comic.cli.video_names import check_remote
from keras_comic.cli.video_names import describe_video


def stylize_videos(generator, videos, size, frame_rate, options):
    """Stylises videos, one after the other, and returns what failed.

    `videos` are pairs of a source and its comic.
    """
    size = None if size is None else parse_size(size, "--size")
    failures = []
    for source, target in videos:
        try:
            if len(videos) > 1:
                target.parent.mkdir(parents=True, exist_ok=True)
            result = _stylize_one(
                generator, source, target, size, frame_rate, options
            )
        except (OSError, ValueError) as error:
            if options["alone"]:
                raise
            failures.append((source, str(error)))
            continue
        if str(target) != RAW:
            typer.echo(describe_video(result))
        if result.problem:
            failures.append((source, result.problem))
    return failures


def _stylize_one(generator, source, target, size, frame_rate, options):
    """Stylises a video; at URLs, by way of temporary files."""
    from keras_comic import video
    from keras_comic.data.paths import is_url
    from keras_comic.data.paths import local_file
    from keras_comic.data.paths import whole_file

    remote = [path for path in (source, target) if is_url(path)]
    if not remote:
        name = str(source)
        frames = video.open_frames(
            name if name == RAW or CAMERA.fullmatch(name) else source,
            size,
            frame_rate,
            max_side=options["max_side"],
        )
        return _convert(video, generator, frames, target, options)
    check_remote(source, target, remote, options)
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


def _with_urls(message, urls):
    for path, url in urls.items():
        message = message.replace(path, url)
    return message
