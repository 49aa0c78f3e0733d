import os
import subprocess
import sys

import numpy as np
import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data.sample_pipeline import check_shard  # noqa: E402
from keras_comic.data.sample_pipeline import make_batches  # noqa: E402
from tests.data.batches import take  # noqa: E402

DISTRIBUTION = """
import tensorflow as tf
devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    devices[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from keras_comic.data.crops import Crops
from keras_comic.data.datasets import picture_dataset
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
records = {records!r}

def values(dataset, steps):
    iterator = iter(dataset)
    return [
        tf.concat(strategy.experimental_local_results(next(iterator)), axis=0)
        for _ in range(steps)
    ]

expected = list(picture_dataset(records, Crops(8), 6).take(4))

def make(context):
    size = context.get_per_replica_batch_size(6)
    workers = context.num_input_pipelines
    return picture_dataset(
        records,
        Crops(8),
        size * workers,
        shard=(context.input_pipeline_id, workers),
    )

found = values(strategy.distribute_datasets_from_function(make), 4)
assert all(bool(tf.reduce_all(a == b)) for a, b in zip(found, expected))

# Two machines, each with one device.
def make_part(place):
    return picture_dataset(records, Crops(8), 6, shard=(place, 2))

parts = [list(make_part(place).take(4)) for place in range(2)]
found = [tf.concat(both, axis=0) for both in zip(*parts)]
assert all(bool(tf.reduce_all(a == b)) for a, b in zip(found, expected))

whole = picture_dataset(records, Crops(8), 6)
found = values(strategy.experimental_distribute_dataset(whole), 4)
assert all(bool(tf.reduce_all(a == b)) for a, b in zip(found, expected))
print("the same")
"""


class Numbers:
    """A stream of the samples' own numbers."""

    mean_bytes = 1.0

    def __init__(self):
        self.blocks = []

    def specs(self):
        return {"number": tf.TensorSpec([], "int64")}

    def read(self, samples):
        self.blocks.append(len(samples))
        if np.any(samples == 700):
            raise ValueError("sample 700 is out of reach")
        return [samples]

    def make(self, sample):
        return {"number": sample["number"] + 1}

    def finish(self, batch):
        return {"number": batch["number"] * 10 - 10}


class MakeBatchesTest(TestCase):
    def numbers(self, count, batch_size, start_step=0, shard=(0, 1)):
        dataset = make_batches([Numbers()], batch_size, start_step, shard)
        found = take(dataset, count)
        return [batch["number"].tolist() for batch in found]

    def test_order(self):
        expected = [[0, 10, 20], [30, 40, 50], [60, 70, 80]]
        self.assertEqual(self.numbers(3, 3), expected)
        self.assertEqual(self.numbers(2, 3, 1), expected[1:])
        self.assertEqual(
            self.numbers(1, 2, 10**15), [[2 * 10**16, 2 * 10**16 + 10]]
        )

    def test_shards_share_every_batch(self):
        whole = self.numbers(5, 6, 2)
        for count in (1, 2, 3, 6):
            parts = [
                self.numbers(5, 6, 2, (place, count)) for place in range(count)
            ]
            joined = [sum(part, []) for part in zip(*parts)]
            self.assertEqual(joined, whole)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: batch_size=0"):
            make_batches([Numbers()], 0, 0, (0, 1))
        with self.assertRaisesRegex(ValueError, "Received: start_step=-1"):
            make_batches([Numbers()], 1, -1, (0, 1))
        for shard in ((2, 2), (-1, 2), (0,), (0, 0)):
            with self.assertRaisesRegex(ValueError, "`shard` must be a pair"):
                check_shard(shard, 4)
        with self.assertRaisesRegex(
            ValueError, "a multiple of the number of workers, 3. .*batch_size=4"
        ):
            check_shard((0, 3), 4)

    def test_iterators_can_be_saved(self):
        from keras_comic.data.crops import Crops
        from keras_comic.data.datasets import style_transfer_dataset
        from tests.data.small_records import picture_record
        from tests.data.small_records import write_shards
        from tests.test_case import photos

        folder = self.temporary_folder()
        write_shards(
            folder / "records",
            [picture_record(photos(12, 14, 3, seed=i)) for i in range(7)],
        )

        def make():
            return iter(
                style_transfer_dataset(
                    folder / "records", folder / "records", Crops(8), 3
                )
            )

        iterator = make()
        checkpoint = tf.train.Checkpoint(iterator=iterator)
        take(iterator, 5)
        path = checkpoint.save(str(folder / "checkpoint"))
        expected = take(iterator, 30)
        for restored in (iterator, make()):
            checkpoint = tf.train.Checkpoint(iterator=restored)
            checkpoint.restore(path).assert_consumed()
            found = take(restored, 30)
            for one, other in zip(found, expected, strict=True):
                for key in other:
                    self.assertAllEqual(one[key], other[key])

    def test_distribution(self):
        from tests.data.small_records import picture_record
        from tests.data.small_records import write_shards
        from tests.test_case import photos

        folder = self.temporary_folder()
        write_shards(
            folder,
            [picture_record(photos(12, 14, 3, seed=i)) for i in range(7)],
        )
        done = subprocess.run(
            [sys.executable, "-c", DISTRIBUTION.format(records=str(folder))],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            text=True,
        )
        self.assertEqual(done.stdout.strip(), "the same", done.stderr[-3000:])
