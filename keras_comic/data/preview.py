"""A preview of what a build would leave out."""

import collections

import numpy as np
from PIL import Image

from keras_comic.data.build import check_workers
from keras_comic.data.build import count_conversions
from keras_comic.data.build import list_all
from keras_comic.data.build import make_maker
from keras_comic.data.build_folder import WrittenRecords
from keras_comic.data.chunks import make_chunks
from keras_comic.data.chunks import split_into_chunks
from keras_comic.data.contact_sheet import save_contact_sheet
from keras_comic.data.image_formats import ImageError
from keras_comic.data.images import open_image
from keras_comic.data.record_plan import plan_shards
from keras_comic.data.shard_layout import ShardLayout

# Pictures of each rule on the sheet; their longest side, and the gap between
# two, pixels.
MAX_PER_RULE = 24
THUMBNAIL_SIZE = 128
GAP = 4


def preview_records(
    sources,
    maker,
    sheet,
    layout=None,
    manifest=None,
    num_workers=None,
    progress=None,
):
    """Says what `write_records` would leave out, and shows it, by rule.

    Everything is read, cleaned and compared as in a build, but no record is
    kept. The sheet has a part for each rule with up to 24 pictures; a
    duplicate lies beside the picture that it repeats.

    Args:
        sources: As in `write_records`.
        maker: As in `write_records`.
        sheet: String or path of the PNG file to write; `None` writes none.
        layout: As in `write_records`. Defaults to `None`.
        manifest: String, path or `None`. Defaults to `None`.
        num_workers: Integer or `None`. Defaults to `None`.
        progress: Callable or `None`. Defaults to `None`.

    Returns:
        `WrittenRecords`, without shards.

    Raises:
        FileNotFoundError: If a source or the manifest does not exist.
        ValueError: If an argument is not as in `write_records`, or there is
            no image.
    """
    maker, layout = make_maker(maker), layout or ShardLayout()
    check_workers(num_workers)
    listed = list_all(sources, maker.kind, layout, manifest)
    chunks = split_into_chunks(listed)
    results = make_chunks(maker, chunks, None, num_workers, progress)
    facts = [fact for result in results for fact in result.facts]
    drops = [drop for result in results for drop in result.drops]
    plan = plan_shards(facts, maker.rules, ShardLayout())
    left_out = {duplicate.number for duplicate in plan.duplicates}
    kept = [fact for n, fact in enumerate(facts) if n not in left_out]
    if sheet is not None:
        groups = {}
        left_out = [(drop, [drop.path]) for drop in drops]
        # A duplicate lies beside the picture that it repeats.
        for drop, duplicate in zip(plan.drops, plan.duplicates):
            original = facts[duplicate.original]["path"]
            left_out.append((drop, [drop.path, original]))
        for drop, paths in sorted(left_out, key=lambda entry: entry[0].rule):
            group = groups.setdefault(drop.rule, [])
            image = _show(*paths) if len(group) < MAX_PER_RULE else None
            group.append((f"{drop.path}: {drop.reason}", image))
        save_contact_sheet(
            sheet,
            groups,
            title=f"{len(kept)} records; left out, by rule:",
            max_per_group=MAX_PER_RULE,
        )
    counts = collections.Counter(fact["label"] for fact in kept)
    return WrittenRecords(
        [], dict(counts), [*drops, *plan.drops], count_conversions(results)
    )


def _show(*paths):
    """Puts image files side by side; of videos and broken files, nothing."""
    images = []
    for path in paths:
        try:
            images.append(open_image(path).image)
        except (ImageError, OSError):
            return None
        images[-1].thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    width = sum(image.width + GAP for image in images) - GAP
    row = Image.new("RGB", (width, max(i.height for i in images)), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + GAP
    return np.asarray(row)
