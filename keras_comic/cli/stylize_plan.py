"""Sorts what `keras-comic stylize` is given: photos, and what moves."""

from pathlib import Path
from typing import NamedTuple

from keras_comic.cli.video_names import is_live
from keras_comic.cli.video_names import is_moving_name
from keras_comic.cli.video_names import video_target


class Plan(NamedTuple):
    """Photos, or folders of them; videos with their outputs; other files.

    `output` is that of the photos.
    """

    output: Path
    photos: list
    videos: list
    others: list


def plan_comics(sources, output, as_video=False):
    """Sorts sources by their contents.

    A folder with a video as output, or with `as_video`, holds the frames of
    one; what moves in another folder becomes a video beside the photos.
    """
    plan, many = Plan(output, [], [], []), len(sources) > 1
    if many:
        _check_folder(output)
    holds_frames = as_video or is_moving_name(output)
    for source in sources:
        if source.is_dir() and not holds_frames:
            below = output / source.resolve().name if many else output
            _add_folder(plan, source, below)
        elif source.is_dir() or is_live(source) or _moves(source):
            target = video_target(source, output) if many else output
            plan.videos.append((source, target))
        else:
            plan.photos.append(source)
    _check_targets(plan.videos)
    if many and len(plan.photos) == 1 and plan.photos[0].is_dir():
        # Alone, its photos would go to the output itself.
        return plan._replace(output=output / plan.photos[0].resolve().name)
    return plan


def _check_folder(output):
    from keras_comic.models.image_files import FORMATS

    is_name = output.suffix.lower() in FORMATS or is_moving_name(output)
    if is_live(output) or (is_name and not output.is_dir()):
        raise ValueError(
            "`output` must be a folder, since there may be several comics. "
            f"Received: output={output}"
        )


def _add_folder(plan, folder, output):
    from keras_comic.data.image_folders import walk_files
    from keras_comic.data.media import is_media

    moving, num_photos = [], 0
    for path in walk_files(folder):
        if output.resolve() in path.resolve().parents:
            continue
        if not is_media(path):
            plan.others.append(path)
        elif _moves(path):
            below = Path(*path.parent.relative_to(folder).parts)
            moving.append((path, video_target(path, output / below)))
        else:
            num_photos += 1
    plan.videos.extend(moving)
    if num_photos or not moving:
        plan.photos.append(folder)


def _moves(path):
    """Tells what moves; of what is no photo either, the reading says it."""
    from keras_comic.data.image_formats import ImageError
    from keras_comic.data.media import PHOTO
    from keras_comic.data.media import media_kind
    from keras_comic.data.paths import is_url

    if is_url(path) and is_moving_name(path):
        return True
    try:
        return media_kind(path) != PHOTO
    except (ImageError, OSError):
        return is_moving_name(path)


def _check_targets(videos):
    seen = {}
    for source, target in videos:
        if target in seen:
            raise ValueError(
                f"Two videos would become the same comic, {target}; stylise "
                f"them into two folders. Received: {seen[target]} and {source}"
            )
        seen[target] = source
