"""`keras-comic tfrecords build`."""

import typer

from keras_comic.cli import build_options as o
from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.progress import progress_bar
from keras_comic.cli.record_kinds import check_options
from keras_comic.cli.record_kinds import print_result
from keras_comic.cli.record_kinds import sources_by_kind


def build(
    context: typer.Context,
    sources: o.Sources,
    output: o.Output,
    kind: o.Kind = None,
    split: o.Split = "train",
    eval_fraction: o.EvalFraction = 0.0,
    image_size: o.ImageSize = None,
    num_shards: o.NumShards = None,
    shard_size: o.ShardSize = 128,
    manifest: o.Manifest = None,
    num_workers: o.NumWorkers = None,
    dry_run: o.DryRun = False,
    clean: o.Clean = True,
    min_side: o.MinSide = None,
    min_sharpness: o.MinSharpness = None,
    max_blank: o.MaxBlank = None,
    exact_duplicates: o.ExactDuplicates = True,
    duplicate_distance: o.DuplicateDistance = None,
    trim: o.Trim = True,
    panels: o.Panels = False,
    variant: o.Variant = None,
    frames: o.Frames = "24",
    clip_length: o.ClipLength = 8,
    clip_step: o.ClipStep = 1,
    clip_stride: o.ClipStride = None,
    flow: o.Flow = False,
):
    """Write images, pages, videos or pairs into TFRecord shards."""
    with reported_errors():
        import_models()
        from keras_comic import data
        from keras_comic.comic import find_panels
        from keras_comic.data.build import write_records
        from keras_comic.data.clip_record_maker import ClipRecordMaker
        from keras_comic.data.image_record_maker import ImageRecordMaker
        from keras_comic.data.pair_record_maker import PairRecordMaker
        from keras_comic.data.preview import preview_records

        rules = None
        if clean:
            thresholds = {
                "min_side": (min_side, 0),
                "min_sharpness": (min_sharpness, 0),
                "max_blank": (max_blank, 1),
                "duplicate_distance": (duplicate_distance, -1),
            }
            rules = data.CleaningRules(
                exact_duplicates=exact_duplicates,
                trim=trim,
                **{
                    name: None if value == off else value
                    for name, (value, off) in thresholds.items()
                    if value is not None
                },
            )
        by_kind = sources_by_kind(sources, kind)
        check_options(context, by_kind)
        written = {}
        for name, entries in by_kind.items():
            if name == "pairs":
                maker = PairRecordMaker(image_size, rules)
            elif name == "clips":
                maker = ClipRecordMaker(
                    clip_length, clip_step, clip_stride, image_size, flow, rules
                )
            else:
                maker = ImageRecordMaker(
                    name,
                    image_size,
                    rules,
                    find_panels if panels and name == "comics" else None,
                    tuple(variant or ()),
                    int(frames) if frames.isdecimal() else frames,
                )
            folder = output if kind else output / name
            shard_bytes = int(shard_size * 2**20)
            common = {
                "layout": data.ShardLayout(
                    split, eval_fraction, num_shards, shard_bytes
                ),
                "manifest": manifest,
                "num_workers": num_workers,
            }
            what = "Checking" if dry_run else "Writing"
            with progress_bar(f"{what} {name}") as progress:
                common["progress"] = progress
                if dry_run:
                    sheet = folder / o.SHEET_FILE
                    folder.mkdir(parents=True, exist_ok=True)
                    written[name] = preview_records(
                        entries, maker, sheet, **common
                    )
                else:
                    written[name] = write_records(
                        entries, folder, maker, **common
                    )
            if dry_run:
                typer.echo(sheet)
    failures = []
    for name, result in written.items():
        print_result(name, result)
        failures.extend(result.failures)
    report_failures(failures, "{} files could not be read:")
