"""Statistics of a set of records, in numbers and on a page."""

import collections
import os
import warnings

import numpy as np

# What is counted of each record: its key among the facts, title and unit.
MEASURES = {
    "height": ("Height", "pixels"),
    "width": ("Width", "pixels"),
    "bytes": ("Size of the record", "KiB"),
    "brightness": ("Mean brightness", "0 to 1"),
    "saturation": ("Mean saturation", "0 to 1"),
}
# Labels, licences or rules that have a bar of their own.
MAX_BARS = 16


def summarize(facts):
    """Returns the smallest, median, mean and largest of each measure."""
    summary = {}
    for measure in MEASURES:
        values = _values(facts, measure)
        if not len(values):
            continue
        summary[measure] = {
            "min": float(values.min()),
            "median": float(np.median(values)),
            "mean": round(float(values.mean()), 4),
            "max": float(values.max()),
        }
    return summary


def save_statistics_page(path, facts, drops=()):
    """Draws histograms of a set of records."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 12), layout="constrained")
    # Apart, so that long names do not squeeze the histograms.
    upper, lower = figure.subfigures(2, 1, height_ratios=(2, 1))
    axes = [*upper.subplots(2, 3).ravel(), *lower.subplots(1, 3).ravel()]
    for axis, (measure, (title, unit)) in zip(axes, MEASURES.items()):
        values = _values(facts, measure)
        values = values / 1024 if measure == "bytes" else values
        limits = (0, 1) if unit == "0 to 1" else None
        _draw_histogram(axis, values, limits)
        axis.set(title=title, xlabel=unit, ylabel="records")
    ratios = _values(facts, "width") / _values(facts, "height")
    _draw_histogram(axes[5], ratios)
    axes[5].set(title="Width / height", xlabel="ratio", ylabel="records")
    for axis, title, names in (
        (axes[6], "Records by label", [fact["label"] for fact in facts]),
        (axes[7], "Records by licence", [fact["license"] for fact in facts]),
        (axes[8], "Left out, by rule", [drop.rule for drop in drops]),
    ):
        _draw_bars(axis, title, names)
    upper.suptitle(f"{len(facts)} records, {len(drops)} left out")
    part = path.with_name(f".{path.name}.part")
    with warnings.catch_warnings():
        # The font lacks letters of some scripts, and shows boxes for them.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(part, format="png", dpi=80)
    os.replace(part, path)


def _values(facts, measure):
    values = [fact[measure] for fact in facts if measure in fact]
    return np.array(values, "float64")


def _draw_histogram(axis, values, limits=None):
    counts, edges = np.histogram(values, bins=40, range=limits)
    axis.stairs(counts, edges, fill=True, color="tab:blue")
    axis.yaxis.get_major_locator().set_params(integer=True)


def _draw_bars(axis, title, names):
    counts = collections.Counter(names).most_common()
    rest = sum(count for _, count in counts[MAX_BARS:])
    if rest:
        counts = [*counts[:MAX_BARS], ("all others", rest)]
    counts = counts[::-1]
    axis.set_title(f"{title}: {sum(count for _, count in counts)}")
    if not counts:
        axis.set_axis_off()
        return
    bars = axis.barh(range(len(counts)), [count for _, count in counts])
    axis.bar_label(bars, padding=2)
    axis.xaxis.get_major_locator().set_params(integer=True)
    # A `$` begins a formula.
    names = [
        (_printable(name) or "(not given)").replace("$", "S")
        for name, _ in counts
    ]
    names = [name if len(name) <= 32 else f"{name[:31]}~" for name in names]
    axis.set_yticks(range(len(counts)), names)
    axis.margins(x=0.15)


def _printable(name):
    # File names need not be Unicode.
    return name.encode("utf-8", "replace").decode()
