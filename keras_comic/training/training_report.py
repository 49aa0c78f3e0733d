"""A report of a training run, as one HTML file."""

import base64
import csv
import datetime
import html
import io
import json
import logging
import os
import platform
import re
import weakref
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from keras_comic.training.best_checkpoint import TABLE_FILE as EVALUATIONS_FILE
from keras_comic.training.loss_plot import TABLE_FILE as LOSSES_FILE
from keras_comic.training.training_alarms import NUMBERS
from keras_comic.training.training_alarms import TABLE_FILE as ALARMS_FILE

REPORT_FILE = "report.html"
SETTINGS_FILE = "settings.json"
WARNINGS_FILE = "warnings.csv"
# Whose warnings are kept.
LOGGER_NAME = "keras_comic"
COLUMNS = 3
# Sheets shown, the first and the last among them, and their largest width,
# pixels.
MAX_SHEETS = 8
SHEET_WIDTH = 1600
JPEG_QUALITY = 88
# Rows of a table shown, the first and the last among them.
MAX_ROWS = 24
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto;
  max-width: 72em; padding: 0 1em; color: #222; background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2em; }
img { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; font-size: 14px; }
th, td { border-bottom: 1px solid #ccc; padding: .2em .8em .2em 0;
  text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td.number { font-variant-numeric: tabular-nums; text-align: right; }
tr.best { font-weight: bold; }
figure { margin: 1em 0; } figcaption { color: #555; }
.missing { color: #777; font-style: italic; }
"""


class TrainingReport(keras.callbacks.Callback):
    """Writes a report of the run when it ends.

    During the run, `settings.json` keeps what the run was made of, and
    `warnings.csv` the warnings in the log of `keras_comic` (roll-backs,
    alarms) with their steps. At the end `write_report` makes one HTML file of
    these and of what other callbacks wrote into the folder. A resumed run goes
    on with the warnings it finds, without those after the step it begins from.

    Args:
        folder: Path of the folder of the run; made if needed.
        title: String or `None`. Of the report. Defaults to `None`, the
            folder's name.
        settings: Dict of string to what JSON can hold. Further settings to
            show, such as the command or the data. Or `None`. Defaults to
            `None`.

    Example:

    >>> report = keras_comic.training.TrainingReport(
    ...     "runs/ink", settings={"photos": "photos/train"}
    ... )
    >>> report.folder.name
    'ink'
    """

    def __init__(self, folder, title=None, settings=None):
        super().__init__()
        self.folder = Path(folder)
        self.title = title
        self.settings = dict(settings or {})
        self._handler = None
        self._warnings = []
        self._epoch_start = self._step = 0

    def on_train_begin(self, logs=None):
        self._step = self._epoch_start = self._read_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = _read_table(self.folder / WARNINGS_FILE)
        self._warnings = [row for row in rows if int(row["step"]) <= self._step]
        self._write_warnings()
        settings = {**describe_run(self.model), **self.settings}
        _write_text(
            self.folder / SETTINGS_FILE,
            json.dumps(settings, indent=2, default=str),
        )
        self._unlisten()
        self._handler = _Handler(self)
        logging.getLogger(LOGGER_NAME).addHandler(self._handler)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = self._read_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._step = self._epoch_start + batch + 1

    def on_train_end(self, logs=None):
        self._unlisten()
        write_report(self.folder, self.title)

    def keep_warning(self, message):
        """Puts a warning into the table.

        Args:
            message: String; a step that it begins with is taken from it.
        """
        step = re.match(r"Step (\d+): ", message)
        row = {
            "step": step[1] if step else str(self._step),
            "message": message[step.end() :] if step else message,
        }
        self._warnings.append(row)
        self._write_warnings()

    def _write_warnings(self):
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, ["step", "message"])
        writer.writeheader()
        writer.writerows(self._warnings)
        _write_text(self.folder / WARNINGS_FILE, file.getvalue())

    def _unlisten(self):
        if self._handler is not None:
            logging.getLogger(LOGGER_NAME).removeHandler(self._handler)
            self._handler = None

    def _read_counter(self):
        return int(keras.ops.convert_to_numpy(self.model.step_counter.value))


class _Handler(logging.Handler):
    """Hands warnings to a report, as long as there is one."""

    def __init__(self, report):
        super().__init__(logging.WARNING)
        self._report = weakref.ref(report)

    def emit(self, record):
        report = self._report()
        if report is None:
            # A training that ended in an error.
            logging.getLogger(LOGGER_NAME).removeHandler(self)
        else:
            report.keep_warning(record.getMessage())


def describe_run(gan):
    """What a run is made of."""

    def describe_network(network):
        count = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        return f"{type(network).__name__}, {count:,} trainable parameters"

    compiled = gan.get_compile_config()
    optimizers = ("generator_optimizer", "discriminator_optimizer")
    return {
        "family": type(gan).__name__,
        "generator": describe_network(gan.generator),
        "discriminator": describe_network(gan.discriminator),
        **{name: _without_defaults(compiled[name]) for name in optimizers},
        "loss_weights": {k: float(v) for k, v in gan.loss_weights.items()},
        "ema_momentum": gan.ema_momentum,
        "precision": gan.generator.dtype_policy.name,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "devices": _devices(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _without_defaults(serialized):
    """A serialized object as its name and what in its config is set."""
    config = {
        key: _without_defaults(value)
        if isinstance(value, dict) and "class_name" in value
        else value
        for key, value in serialized["config"].items()
        if value not in (None, False) and key not in ("name", "ema_momentum")
    }
    return {serialized["class_name"]: config}


def _devices():
    try:
        return [str(name) for name in keras.distribution.list_devices()]
    except (AttributeError, NotImplementedError):
        # Keras knows them on TensorFlow and JAX.
        return []


def write_report(folder, title=None, results=None):
    """Makes one HTML file of what a run has left in its folder.

    The file holds everything, pictures included, and links to nothing: curves
    of the loss terms (`losses.csv` of `LossPlot`), sheets over time
    (`step-*.png` of `SampleGrid`, in the folder or a folder in it), the
    metrics of the validation set (`evaluations.csv` of `BestCheckpoint`), the
    alarms' numbers (`alarms.csv` of `TrainingAlarms`), roll-backs and other
    warnings (`warnings.csv`) and settings (`settings.json`, both of
    `TrainingReport`). Whatever is not there, or cannot be read, is said in its
    place: the report of a run that was killed, or is still going on, shows
    what there is. It is written beside its name and renamed.

    Args:
        folder: Path of the folder of the run.
        title: String or `None`. Defaults to `None`, the folder's name.
        results: Dict of name to float or `MetricResult`, such as the final
            metrics, for a table of their own; or `None`. Defaults to `None`.

    Returns:
        `pathlib.Path` of the file, `report.html` in the folder.

    Raises:
        FileNotFoundError: If there is no such folder.

    Example:

    >>> import pathlib
    >>> run = pathlib.Path("runs/ink")
    >>> run.mkdir(parents=True)
    >>> (run / "losses.csv").write_text("step,pixels\\n100,0.5\\n")
    20
    >>> keras_comic.training.write_report(run).name
    'report.html'
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There must be a folder of a run. Received: folder={str(folder)!r}"
        )
    title = title or folder.resolve().name
    parts = [
        ("Summary", lambda: _summary(folder)),
        ("Losses", lambda: _losses(folder)),
        ("Samples", lambda: _samples(folder)),
        ("Metrics", lambda: _metrics(folder, results)),
        ("Alarms", lambda: _alarms(folder)),
        ("Roll-backs and other warnings", lambda: _warnings(folder)),
        ("Settings", lambda: _settings(folder)),
    ]
    sections = []
    for heading, make in parts:
        try:
            body = make()
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            # A report of the rest is better than none.
            body = _missing(f"Cannot be read: {error}")
        sections.append(f"<section><h2>{heading}</h2>\n{body}</section>")
    text = "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{html.escape(title)}</title>",
            f"<style>{STYLE}</style></head><body>",
            f"<h1>{html.escape(title)}</h1>",
            *sections,
            "</body></html>\n",
        ]
    )
    _write_text(folder / REPORT_FILE, text)
    return folder / REPORT_FILE


# The sections, each as HTML.


def _summary(folder):
    losses = _read_table(folder / LOSSES_FILE)
    alarms = _read_table(folder / ALARMS_FILE)
    evaluations = _read_table(folder / EVALUATIONS_FILE)
    warnings = _read_table(folder / WARNINGS_FILE)
    sheets = _find_sheets(folder)
    steps = [int(r["step"]) for r in [*losses, *alarms, *evaluations]]
    steps += [step for step, _ in sheets]
    if not steps:
        return _missing("Nothing has been written for a step yet.")
    written = [
        path.stat().st_mtime
        for path in [folder / LOSSES_FILE, *(path for _, path in sheets)]
        if path.is_file()
    ]
    rows = [("Steps", f"{max(steps):,}")]
    if written:
        last = datetime.datetime.fromtimestamp(max(written)).astimezone()
        rows.append(("Last written", last.strftime("%Y-%m-%d %H:%M %z")))
    best = [row for row in evaluations if row.get("best")]
    if best:
        values = ", ".join(
            f"{name} {value}"
            for name, value in best[-1].items()
            if name not in ("step", "best") and value
        )
        rows.append(("Best", f"{values}, at step {int(best[-1]['step']):,}"))
    if alarms:
        rung = sorted({a for row in alarms for a in row["alarms"].split()})
        rows.append(("Alarms that rang", ", ".join(rung) or "none"))
        skipped = int(float(alarms[-1]["skipped_steps"]))
        rows.append(("Skipped steps", f"{skipped:,}"))
    if (folder / WARNINGS_FILE).is_file():
        rolled = sum("Back to the state of" in w["message"] for w in warnings)
        rows.append(("Roll-backs", f"{rolled:,}"))
    return _table(("", ""), rows)


def _losses(folder):
    rows = _read_table(folder / LOSSES_FILE)
    if not rows:
        return _missing(f"There is no {LOSSES_FILE}; `LossPlot` writes it.")
    curves = _curves(rows)
    picture = _plot(curves, logarithmic=True)
    last = [
        (name, f"{values[0]:.5g}", f"{min(values):.5g}", f"{values[-1]:.5g}")
        for name, (_, values) in curves.items()
    ]
    return _figure(
        picture, "png", "Means since the epoch began, by step."
    ) + _table(("Term", "First", "Lowest", "Last"), last)


def _samples(folder):
    sheets = _find_sheets(folder)
    if not sheets:
        return _missing("There are no step-*.png; `SampleGrid` writes them.")
    chosen = _spread(sheets, MAX_SHEETS)
    parts = []
    if len(chosen) < len(sheets):
        parts.append(f"<p>{len(chosen)} of {len(sheets)} sheets.</p>")
    for step, path in chosen:
        caption = f"Step {step:,}"
        try:
            with Image.open(path) as image:
                image = image.convert("RGB")
        except (OSError, ValueError) as error:
            parts.append(_missing(f"{caption}: cannot be read: {error}"))
            continue
        if image.width > SHEET_WIDTH:
            height = max(round(image.height * SHEET_WIDTH / image.width), 1)
            image = image.resize((SHEET_WIDTH, height), Image.Resampling.BOX)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        parts.append(_figure(file.getvalue(), "jpeg", caption))
    return "\n".join(parts)


def _metrics(folder, results):
    parts = []
    if results:
        rows = []
        for name, result in results.items():
            spread = getattr(result, "spread", None)
            rows.append(
                (
                    name,
                    f"{float(result):.5g}",
                    "" if spread is None else f"{spread:.3g}",
                    getattr(result, "protocol_text", "not stated"),
                )
            )
        parts.append(_table(("Metric", "Value", "Spread", "Protocol"), rows))
    rows = _read_table(folder / EVALUATIONS_FILE)
    if rows:
        curves = _curves(rows)
        parts.append(
            _figure(_plot(curves), "png", "Of the averaged generator, by step.")
        )
        shown = [
            (row["step"], *(row.get(name) or "" for name in curves))
            for row in rows
        ]
        best = [i for i, row in enumerate(rows) if row.get("best")][-1:]
        parts.append(_table(("Step", *curves), shown, best))
    if not parts:
        return _missing(
            f"There is no {EVALUATIONS_FILE}; `BestCheckpoint` writes it."
        )
    return "\n".join(parts)


def _alarms(folder):
    rows = _read_table(folder / ALARMS_FILE)
    if not rows:
        return _missing(
            f"There is no {ALARMS_FILE}; `TrainingAlarms` writes it."
        )
    rung = {
        alarm: [row["step"] for row in rows if alarm in row["alarms"].split()]
        for alarm in NUMBERS
    }
    curves = _curves(rows)
    marks = {
        number: [int(step) for step in rung[alarm]]
        for alarm, number in NUMBERS.items()
    }
    shown = []
    for alarm, number in NUMBERS.items():
        _, values = curves.get(number, ([], []))
        steps = rung[alarm]
        shown.append(
            (
                alarm.replace("_", " "),
                number,
                f"{values[-1]:.4g}" if values else "not measured",
                f"{len(steps)} of {len(rows)}",
                _range_of(steps),
            )
        )
    lines = {
        number: float(rows[-1][f"{alarm}_threshold"])
        for alarm, number in NUMBERS.items()
        if rows[-1].get(f"{alarm}_threshold")
    }
    return _figure(
        _plot(curves, lines=lines, marks=marks),
        "png",
        "Measured numbers by step; dashed: the threshold; red: where the alarm "
        "rang.",
    ) + _table(("Alarm", "Number", "Last", "Rang at", "Steps"), shown)


def _warnings(folder):
    if not (folder / WARNINGS_FILE).is_file():
        return _missing(
            f"There is no {WARNINGS_FILE}; `TrainingReport` writes it."
        )
    rows = _read_table(folder / WARNINGS_FILE)
    if not rows:
        return "<p>None.</p>"
    shown = [(row["step"], row["message"]) for row in rows]
    return _table(("Step", "Warning"), shown)


def _settings(folder):
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return _missing(
            f"There is no {SETTINGS_FILE}; `TrainingReport` writes it."
        )
    settings = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        (name.replace("_", " "), _in_words(value))
        for name, value in settings.items()
    ]
    return _table(("", ""), rows)


# What the sections are made of.


def _range_of(steps):
    if not steps:
        return ""
    first, last = int(steps[0]), int(steps[-1])
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _in_words(value):
    if isinstance(value, dict):
        return ", ".join(f"{k} {_in_words(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _missing(text):
    return f'<p class="missing">{html.escape(text)}</p>'


def _table(headings, rows, best=()):
    """A table; of a long one the rows in between are left out evenly."""
    chosen = _spread(list(enumerate(rows)), MAX_ROWS)
    kept = {index for index, _ in chosen}
    chosen += [(index, rows[index]) for index in best if index not in kept]
    lines = ["<table>"]
    if any(headings):
        cells = "".join(f"<th>{html.escape(h)}</th>" for h in headings)
        lines.append(f"<tr>{cells}</tr>")
    for index, row in sorted(chosen):
        cells = "".join(
            f'<td class="number">{html.escape(cell)}</td>'
            if re.fullmatch(r"[-+]?[\d.,]+(e[-+]?\d+)?", cell)
            else f"<td>{html.escape(cell)}</td>"
            for cell in row
        )
        mark = ' class="best"' if index in best else ""
        lines.append(f"<tr{mark}>{cells}</tr>")
    lines.append("</table>")
    if len(chosen) < len(rows):
        lines.append(f"<p>{len(chosen)} of {len(rows)} rows.</p>")
    return "\n".join(lines)


def _figure(contents, kind, caption):
    data = base64.b64encode(contents).decode("ascii")
    caption = html.escape(caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )


def _spread(values, count):
    """At most so many values, evenly, the first and the last among them."""
    if len(values) <= count:
        return list(values)
    places = np.linspace(0, len(values) - 1, count).round().astype(int)
    return [values[place] for place in places]


def _find_sheets(folder):
    """Pairs of step and path, in the order of the steps."""
    found = {}
    paths = [*folder.glob("*/step-*.png"), *folder.glob("step-*.png")]
    for path in sorted(paths):
        step = re.fullmatch(r"step-(\d+)\.png", path.name)
        if step:
            found[int(step[1]), path] = path
    return [(step, path) for (step, _), path in sorted(found.items())]


def _read_table(path):
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _curves(rows):
    """Dict of column to steps and values, of the cells that hold numbers."""
    curves = {}
    for name in rows[0]:
        points = [
            (int(row["step"]), float(row[name]))
            for row in rows
            if name not in ("step", "best", "alarms")
            and not name.endswith("_threshold")
            and row.get(name)
        ]
        points = [point for point in points if np.isfinite(point[1])]
        if points:
            curves[name] = tuple(map(list, zip(*points, strict=True)))
    return curves


def _plot(curves, lines=None, marks=None, logarithmic=False):
    """Small axes for each curve, as the contents of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(COLUMNS, max(len(curves), 1))
    height = max(-(-len(curves) // columns), 1)
    figure = Figure((4 * columns, 2.6 * height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(height, columns, squeeze=False).ravel()
    for axis, (name, (steps, values)) in zip(axes, curves.items()):
        axis.plot(steps, values, marker="." if len(steps) < 12 else "")
        if name in (lines or {}):
            axis.axhline(lines[name], color="0.4", linestyle="--", linewidth=1)
        marked = [
            (step, value)
            for step, value in zip(steps, values, strict=True)
            if step in set((marks or {}).get(name, ()))
        ]
        if marked:
            axis.plot(*zip(*marked, strict=True), "o", color="tab:red", ms=4)
        if logarithmic and min(values) > 0.0:
            axis.set_yscale("log")
        axis.set_title(name, size=10, parse_math=False)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    for axis in axes[len(curves) :]:
        axis.remove()
    file = io.BytesIO()
    # Nothing that differs from one machine to the next.
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def _write_text(path, text):
    """Writes a file beside its name, and renames it."""
    partial = path.with_name(f".partial.{path.name}")
    partial.write_text(text, encoding="utf-8", newline="")
    os.replace(partial, path)
