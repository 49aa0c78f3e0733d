"""The kinds of records, and the options of each."""

import collections
from pathlib import Path

import typer

KINDS = ("photos", "comics", "pairs", "clips")
# Options that go with one kind only, by the parameter's name.
FOR_PICTURES = ("panels", "variant", "frames")
FOR_CLIPS = ("clip_length", "clip_step", "clip_stride", "flow")


def sources_by_kind(sources, kind):
    if kind is not None:
        return {kind: sources}
    by_kind = {}
    for source in sources:
        name = Path(source).name
        if name not in KINDS:
            raise ValueError(
                "Say what the records are: --kind photos, comics, pairs or "
                "clips; or name folders so. Received: " + source
            )
        by_kind.setdefault(name, []).append(source)
    return by_kind


def check_options(context, kinds):
    """Options of one kind must not be lost on another."""
    for names, allowed in (
        (FOR_PICTURES, {"photos", "comics"}),
        (FOR_CLIPS, {"clips"}),
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


def print_result(kind, written):
    """Prints what was written of a kind, and what was left out."""
    for label, count in sorted(written.counts.items()):
        typer.echo(f"{label}: {count} {kind}")
    for what, count in sorted(written.conversions.items()):
        typer.echo(f"converted, {what}: {count}")
    rules = collections.Counter(drop.rule for drop in written.drops)
    for rule, count in sorted(rules.items()):
        typer.echo(f"left out, {rule}: {count}")
    for shard in written.shards:
        typer.echo(shard)
