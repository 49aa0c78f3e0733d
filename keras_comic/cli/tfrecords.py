"""`keras-comic tfrecords`: builds TFRecords, and looks at them."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.progress import progress_bar

app = typer.Typer(no_args_is_help=True)

# Of the thresholds' help.
_OFF = "0 leaves nothing out for this."
_SHEET_FILE = "left_out.png"
_KINDS = ("photos", "comics", "pairs", "clips")
# Options that go with one kind only, by the parameter's name.
_FOR_PICTURES = ("panels", "variant", "frames")
_FOR_CLIPS = ("clip_length", "clip_step", "clip_stride", "flow")


@app.callback()
def tfrecords():
    """Build TFRecords to train from, and look at what lies in them."""


@app.command()
def build(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders, patterns (in quotes), images, videos, or manifests "
            "(.csv, .json, .jsonl). Sub-folders name the styles; an image "
            "right in a folder has the folder's name.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the shards.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="photos|comics|pairs|clips",
            help="What the records are. Without it, every source must be a "
            "folder of one of these names, and gets a folder of that name in "
            "the output.",
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(help="First part of the shards' names.")
    ] = "train",
    eval_fraction: Annotated[
        float,
        typer.Option(help="Part of the sources that goes into split `eval`."),
    ] = 0.0,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Shrink images to this short side, in pixels. Without it, "
            "nothing is resized."
        ),
    ] = None,
    num_shards: Annotated[
        int | None,
        typer.Option(help="Number of shards. Without it, by their size."),
    ] = None,
    shard_size: Annotated[
        float, typer.Option(help="Size that a shard is filled up to, MiB.")
    ] = 128,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Table (.csv, .json, .jsonl) with the column file and any of "
            "source, licence, label and split, of files found otherwise."
        ),
    ] = None,
    num_workers: Annotated[
        int | None,
        typer.Option(help="Processes. Without it, one for each CPU core."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Write no records, but a sheet of what would be left out, "
            f"by rule: {_SHEET_FILE} in the output folder.",
        ),
    ] = False,
    clean: Annotated[
        bool,
        typer.Option(
            help="Apply the rules below. Without them, only what cannot be "
            "read is left out."
        ),
    ] = True,
    min_side: Annotated[
        int | None,
        typer.Option(help=f"Shortest side of an image, pixels. {_OFF}"),
    ] = None,
    min_sharpness: Annotated[
        float | None,
        typer.Option(
            help=f"Least variance of the Laplacian: below, blurred. {_OFF}"
        ),
    ] = None,
    max_blank: Annotated[
        float | None,
        typer.Option(
            help="Largest part of an image that may be empty; 1 leaves "
            "nothing out for this."
        ),
    ] = None,
    max_text: Annotated[
        float | None,
        typer.Option(
            help="Largest part of an image that may be lines of text; 1 "
            "leaves nothing out for this."
        ),
    ] = None,
    exact_duplicates: Annotated[
        bool, typer.Option(help="Leave out files that came before.")
    ] = True,
    duplicate_distance: Annotated[
        int | None,
        typer.Option(
            help="Bits in which the perceptual hashes of near duplicates "
            "differ at most; -1 compares none."
        ),
    ] = None,
    trim: Annotated[
        bool, typer.Option(help="Cut off letterbox bars and page borders.")
    ] = True,
    panels: Annotated[
        bool,
        typer.Option("--panels", help="Split pages of comics into panels."),
    ] = False,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Store a variant beside each picture: edge_smoothed, "
            "grayscale, superpixels, blurred or smoothed. Repeatable.",
        ),
    ] = None,
    frames: Annotated[
        str,
        typer.Option(
            metavar="N|scenes",
            help="Of videos, every N-th frame, or one frame of each scene.",
        ),
    ] = "24",
    clip_length: Annotated[int, typer.Option(help="Frames of a clip.")] = 8,
    clip_step: Annotated[
        int, typer.Option(help="Take every N-th frame into a clip.")
    ] = 1,
    clip_stride: Annotated[
        int | None,
        typer.Option(
            help="Frames from the start of a clip to that of the next. "
            "Without it, clips do not overlap."
        ),
    ] = None,
    flow: Annotated[
        bool, typer.Option("--flow", help="Store the optical flow of clips.")
    ] = False,
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
                "max_text": (max_text, 1),
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
        by_kind = _sources_by_kind(sources, kind)
        _check_options(context, by_kind)
        makers = {
            "pairs": lambda: PairRecordMaker(image_size, rules),
            "clips": lambda: ClipRecordMaker(
                clip_length, clip_step, clip_stride, image_size, flow, rules
            ),
        }
        written = {}
        for name, entries in by_kind.items():
            make = makers.get(
                name,
                lambda name=name: ImageRecordMaker(
                    name,
                    image_size,
                    rules,
                    find_panels if panels and name == "comics" else None,
                    tuple(variant or ()),
                    int(frames) if frames.isdecimal() else frames,
                ),
            )
            folder = output if kind else output / name
            common = {
                "layout": data.ShardLayout(
                    split, eval_fraction, num_shards, int(shard_size * 2**20)
                ),
                "manifest": manifest,
                "num_workers": num_workers,
            }
            what = "Checking" if dry_run else "Writing"
            with progress_bar(f"{what} {name}") as progress:
                if dry_run:
                    folder.mkdir(parents=True, exist_ok=True)
                    written[name] = preview_records(
                        entries,
                        make(),
                        folder / _SHEET_FILE,
                        progress=progress,
                        **common,
                    )
                else:
                    written[name] = write_records(
                        entries,
                        folder,
                        make(),
                        progress=progress,
                        **common,
                    )
            if dry_run:
                typer.echo(folder / _SHEET_FILE)
    failures = []
    for name, result in written.items():
        _print_result(name, result)
        failures.extend(result.failures)
    report_failures(failures, "{} files could not be read:")


@app.command()
def inspect(
    records: Annotated[
        str,
        typer.Argument(
            metavar="RECORDS",
            help="Folder of shards, one shard, or a pattern (in quotes).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for a contact sheet and a page of histograms. "
            "Without it, the folder `inspection` beside the shards.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Check every checksum and decode every image."
        ),
    ] = False,
):
    """Say what lies in TFRecords, and draw it."""
    if output is None:
        folder = Path(records)
        folder = folder if folder.is_dir() else folder.parent
        output = folder / "inspection"
    with reported_errors():
        import_models()
        from keras_comic.data.inspection import inspect_records

        with progress_bar("Reading shards") as progress:
            found = inspect_records(records, output, verify, progress)
    typer.echo(
        f"{found.records} records of {found.kind or 'no kind'} in "
        f"{found.shards} shards, {found.bytes / 2**20:.1f} MiB"
    )
    for title, counts in (
        ("Splits", found.splits),
        ("Labels", found.labels),
        ("Licences", found.licenses),
        ("Formats", found.formats),
    ):
        typer.echo(f"{title}:")
        for name, count in counts.items():
            typer.echo(f"  {name or '(not given)'}: {count}")
    typer.echo("Measures (least, median, mean, largest):")
    for name, values in found.statistics.items():
        numbers = ", ".join(f"{value:.4g}" for value in values.values())
        typer.echo(f"  {name}: {numbers}")
    for path in sorted(output.glob("*.png")):
        typer.echo(path)
    report_failures(found.problems, "{} problems:")
    if verify:
        typer.echo("Every checksum agrees and every image can be decoded.")


def _sources_by_kind(sources, kind):
    if kind is not None:
        return {kind: sources}
    by_kind = {}
    for source in sources:
        name = Path(source).name
        if name not in _KINDS:
            raise ValueError(
                "Say what the records are: --kind photos, comics, pairs or "
                "clips; or name folders so. Received: " + source
            )
        by_kind.setdefault(name, []).append(source)
    return by_kind


def _check_options(context, kinds):
    """Options of one kind must not be lost on another."""
    for names, allowed in (
        (_FOR_PICTURES, {"photos", "comics"}),
        (_FOR_CLIPS, {"clips"}),
        (("panels",), {"comics"}),
    ):
        for name in names:
            origin = context.get_parameter_source(name)
            given = origin is not None and origin.name == "COMMANDLINE"
            if given and not allowed & set(kinds):
                raise ValueError(
                    f"--{name.replace('_', '-')} is for "
                    f"{' and '.join(sorted(allowed))} only. "
                    f"Received: {', '.join(kinds)}"
                )


def _print_result(kind, written):
    for label, count in sorted(written.counts.items()):
        typer.echo(f"{label}: {count} {kind}")
    for what, count in sorted(written.conversions.items()):
        typer.echo(f"converted, {what}: {count}")
    rules = {}
    for drop in written.drops:
        rules[drop.rule] = rules.get(drop.rule, 0) + 1
    for rule, count in sorted(rules.items()):
        typer.echo(f"left out, {rule}: {count}")
    for shard in written.shards:
        typer.echo(shard)
