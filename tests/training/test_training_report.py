import base64
import gc
import html.parser
import io
import json
import logging
import re

import keras
import numpy as np
from PIL import Image

from keras_comic.metrics import MetricResult
from keras_comic.training import LossPlot
from keras_comic.training import RollBack
from keras_comic.training.best_checkpoint import BestCheckpoint
from keras_comic.training.training_alarms import TrainingAlarms
from keras_comic.training.training_report import TrainingReport
from keras_comic.training.training_report import describe_run
from keras_comic.training.training_report import write_report
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

HEADINGS = [
    "Summary",
    "Losses",
    "Samples",
    "Metrics",
    "Alarms",
    "Roll-backs and other warnings",
    "Settings",
]
# Without an end tag.
VOID = {"img", "meta"}


class Page(html.parser.HTMLParser):
    """What a page shows, section by section; checks that tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.headings = [], [], []
        self.text, self.images = {"": ""}, {"": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        self.links += [
            value
            for name, value in attributes.items()
            if name in ("src", "href", "srcset", "data", "action")
        ]
        if tag == "img":
            kind, data = attributes["src"].split(",")
            with Image.open(io.BytesIO(base64.b64decode(data))) as image:
                if f"data:image/{image.format.lower()};base64" != kind:
                    raise ValueError(f"{kind} holds a {image.format}.")
                pixels = np.asarray(image.convert("RGB"))
            self.images[self.section].append(pixels)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise ValueError(f"{tag} was not open.")

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
            self.text[data], self.images[data] = "", []
        else:
            self.text[self.section] += f"{data} "

    @property
    def section(self):
        return self.headings[-1] if self.headings else ""


class TrainingReportTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "ink"

    def make_gan(self):
        gan = make_small_gan()
        rate = keras.optimizers.schedules.CosineDecay(0.01, 8)
        # A few steps are done before they would be compiled.
        gan.compile(keras.optimizers.Adam(rate), run_eagerly=True)
        return gan

    def fit(self, gan, callbacks, steps=4, batch=None):
        gan.fit(
            Batches(batch or small_batch(), steps),
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )

    def read(self):
        page = Page((self.folder / "report.html").read_text("utf-8"))
        self.assertEqual(page.open, [])
        self.assertEqual(page.headings, HEADINGS)
        for link in page.links:
            self.assertRegex(link, "^data:image/(png|jpeg);base64,")
        return page

    def save_sheet(self, step, folder="samples", size=(40, 60)):
        path = self.folder / folder / f"step-{step:07d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photos(*size, 3, seed=step)).save(path)
        return path

    def test_a_whole_run(self):
        images = noise(4, 16, 16, 3)
        gan = self.make_gan()
        values = iter([0.75, 0.25, 0.5])
        callbacks = [
            LossPlot(self.folder, every=2),
            TrainingAlarms(
                self.folder,
                images,
                images * [0.6, 1.0, 0.6],
                every=2,
                thresholds={"collapse": 1e6, "color_cast": None},
            ),
            BestCheckpoint(self.folder, lambda _: next(values), every=2),
            RollBack(patience=2),
            TrainingReport(
                self.folder,
                title="Ink & <wash>",
                settings={"photos": "<photos>/train", "sizes": [64, 0.25]},
            ),
        ]
        self.save_sheet(2)
        self.save_sheet(4)
        self.fit(gan, callbacks)
        batch = small_batch()
        broken = {**batch, "photos": batch["photos"] * np.nan}
        self.fit(gan, callbacks, 2, broken)
        page = self.read()
        self.assertIn("Ink & <wash>", page.text[""])

        summary = page.text["Summary"]
        for text in (
            r"Steps\s+6\s",
            r"Best\s+value 0.25, at step 4",
            r"rang\s+collapse, skipped_steps",
            r"Skipped steps\s+2\s",
            r"Roll-backs\s+1\s",
        ):
            self.assertRegex(summary, text)
        (plot,) = page.images["Losses"]
        self.assertGreater(min(plot.shape[:2]), 200)
        self.assertGreater(plot.std(), 5.0)
        self.assertRegex(page.text["Losses"], r"pixels\s+0\.\d+\s+0\.\d+")
        first, last = page.images["Samples"]
        self.assertShape(first, (40, 60, 3))
        # JPEG of noise.
        difference = np.abs(last.astype(int) - photos(40, 60, 3, seed=4))
        self.assertLess(difference.mean(), 20.0)
        self.assertRegex(page.text["Samples"], r"Step 2\s+Step 4")
        self.assertRegex(page.text["Metrics"], r"4\s+0\.25\s+6\s+0\.5")
        self.assertEqual(len(page.images["Metrics"]), 1)
        alarms = page.text["Alarms"]
        self.assertRegex(alarms, r"collapse\s+diversity\s+[\d.e+]+\s+3 of 3")
        self.assertRegex(alarms, r"color cast\s+color_shift\s+[\d.]+\s+0 of 3")
        # The red of the points where it rang.
        (plot,) = page.images["Alarms"]
        red = np.all(np.abs(plot - np.array([214, 39, 40])) < 4, axis=-1)
        self.assertGreater(red.sum(), 20)
        warnings = page.text["Roll-backs and other warnings"]
        self.assertRegex(warnings, r"2\s+The generator collapses")
        self.assertRegex(warnings, r"6\s+2 steps in a row .* Back to the state")
        settings = page.text["Settings"]
        self.assertRegex(settings, r"photos\s+<photos>/train")
        self.assertRegex(settings, r"sizes\s+64, 0.25")
        self.assertRegex(settings, r"generator\s+SmallGenerator, 223 trainable")
        self.assertRegex(settings, "CosineDecay initial_learning_rate 0.01")
        self.assertRegex(settings, r"loss weights\s+pixels 1, adversarial 0.1")

    def test_an_empty_folder(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "must be a folder of a run. Received: folder="
        ):
            write_report(self.folder)
        self.folder.mkdir()
        path = write_report(self.folder)
        self.assertEqual(path, self.folder / "report.html")
        page = self.read()
        self.assertIn("ink", page.text[""])
        self.assertRegex(page.text["Summary"], "Nothing has been written")
        for heading, file in (
            ("Losses", "losses.csv; `LossPlot`"),
            ("Samples", "step-.*`SampleGrid`"),
            ("Metrics", "evaluations.csv; `BestCheckpoint`"),
            ("Alarms", "alarms.csv; `TrainingAlarms`"),
            ("Roll-backs and other warnings", "warnings.csv; `TrainingReport`"),
            ("Settings", "settings.json; `TrainingReport`"),
        ):
            self.assertRegex(page.text[heading], f"(is|are) no {file} writes")
        self.assertEqual(
            [path.name for path in self.folder.iterdir()], ["report.html"]
        )

    def test_files_that_are_damaged(self):
        self.folder.mkdir()
        (self.folder / "losses.csv").write_text("step,pixels\nmany,0.5\n")
        (self.folder / "settings.json").write_text("{")
        self.save_sheet(3, "").write_bytes(b"no picture")
        self.save_sheet(5)
        (self.folder / "alarms.csv").write_bytes(b"step\n\xff\xfe")
        write_report(self.folder)
        page = self.read()
        self.assertRegex(page.text["Losses"], "Cannot be read: invalid lit")
        self.assertRegex(page.text["Settings"], "Cannot be read: Expecting")
        self.assertRegex(page.text["Alarms"], "Cannot be read: ")
        self.assertRegex(page.text["Samples"], "Step 3: cannot be read")
        self.assertEqual(len(page.images["Samples"]), 1)

    def test_many_sheets_rows_and_one_that_is_wide(self):
        for step in range(1, 20):
            self.save_sheet(step, size=(8, 9))
        self.save_sheet(20, size=(10, 3200))
        rows = [f"{step},{step / 100}," for step in range(1, 100)]
        rows[49] = "50,0.001,best"
        (self.folder / "evaluations.csv").write_text(
            "\n".join(["step,kid,best", *rows])
        )
        write_report(self.folder)
        page = self.read()
        self.assertEqual(len(page.images["Samples"]), 8)
        self.assertShape(page.images["Samples"][0], (8, 9, 3))
        self.assertShape(page.images["Samples"][-1], (5, 1600, 3))
        text = page.text["Samples"]
        self.assertRegex(text, r"^\s*8 of 20 sheets\.\s+Step 1 [\s\S]*Step 20")
        text = page.text["Metrics"]
        self.assertRegex(text, r"1\s+0\.01\s[\s\S]* 50\s+0\.001\s[\s\S]*99")
        self.assertRegex(text, r"2\d of 99 rows")

    def test_results(self):
        self.folder.mkdir()
        protocol = {"metric": "KernelDistance", "comics": 12}
        results = {
            "KID": MetricResult(0.0125, protocol, spread=0.002),
            "SSIM": 0.5,
        }
        write_report(self.folder, results=results)
        text = self.read().text["Metrics"]
        self.assertRegex(text, r"KID\s+0\.0125\s+0\.002\s+comics 12")
        self.assertRegex(text, r"SSIM\s+0\.5\s+not stated")

    def test_resumed_run_goes_on_with_the_warnings(self):
        report = TrainingReport(self.folder)
        gan = self.make_gan()
        log = logging.getLogger("keras_comic.training.test")

        class Warn(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                log.warning("Batch %d, a comma", batch)

        for _ in range(2):
            self.fit(gan, [report, Warn()], 3)
            gan.step_counter.assign(2)
        text = (self.folder / "warnings.csv").read_text()
        expected = [(1, 0), (2, 1), (3, 0), (4, 1), (5, 2)]
        self.assertEqual(
            text.splitlines(),
            ["step,message"]
            + [f'{step},"Batch {batch}, a comma"' for step, batch in expected],
        )
        # It listens no more.
        log.error("After the run")
        self.assertEqual((self.folder / "warnings.csv").read_text(), text)

    def test_a_run_that_broke_off_is_no_longer_listened_to(self):
        handlers = logging.getLogger("keras_comic").handlers
        before = list(handlers)
        report = TrainingReport(self.folder)
        report.set_model(self.make_gan())
        report.on_train_begin()
        self.assertEqual(len(handlers), len(before) + 1)
        del report
        gc.collect()
        logging.getLogger("keras_comic.training").warning("Nobody hears")
        self.assertEqual(handlers, before)
        text = (self.folder / "warnings.csv").read_text()
        self.assertEqual(text.strip(), "step,message")

    def test_settings_are_json(self):
        gan = make_small_gan(dtype="mixed_float16")
        gan.compile()
        settings = json.loads(json.dumps(describe_run(gan)))
        self.assertEqual(settings["family"], "SmallGAN")
        self.assertEqual(settings["precision"], "mixed_float16")
        optimizer = settings["generator_optimizer"]["LossScaleOptimizer"]
        self.assertTrue(
            re.search(
                r"{'Adam': {'learning_rate': 0.000\d+, 'beta_1': 0.5",
                str(optimizer),
            ),
            optimizer,
        )
