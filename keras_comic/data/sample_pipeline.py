"""From the numbers of samples to endless batches."""

import numpy as np
import tensorflow as tf

from keras_comic.data.chunks import cpu_count
from keras_comic.data.crops import check_batches

# Samples are read in blocks of at most so many, and of about so many bytes.
BLOCK_SIZE = 64
BLOCK_BYTES = 4 * 2**20
# Batches that are made ahead; left to tf.data, they fill the memory.
NUM_AHEAD = 4


def make_batches(streams, batch_size, start_step, shard, combine=None):
    """Endless batches of what streams make."""
    check_batches(batch_size, start_step)
    check_shard(shard, batch_size)
    place, count = shard
    own_size = batch_size // count
    record_bytes = sum(stream.mean_bytes for stream in streams)
    block_size = int(
        np.clip(BLOCK_BYTES // max(record_bytes, 1), 1, BLOCK_SIZE)
    )
    specs = [stream.specs() for stream in streams]

    def read(first):
        own = first + np.arange(block_size)
        # Where this worker's samples stand among those of all.
        samples = own // own_size * batch_size + place * own_size
        samples += own % own_size
        return [array for stream in streams for array in stream.read(samples)]

    def read_block(first):
        types = [spec.dtype for group in specs for spec in group.values()]
        arrays = tf.numpy_function(read, [first], types, stateful=False)
        arrays = iter(arrays)
        return tuple(
            {
                key: tf.ensure_shape(next(arrays), (block_size, *spec.shape))
                for key, spec in group.items()
            }
            for group in specs
        )

    def make(*samples):
        return tuple(
            stream.make(sample) for stream, sample in zip(streams, samples)
        )

    def finish(*batches):
        finished = {}
        for stream, batch in zip(streams, batches):
            finished.update(stream.finish(batch))
        return finished if combine is None else combine(finished)

    first = start_step * own_size
    # Left to tf.data, a slow storage would get too few.
    num_parallel_calls = 2 * cpu_count()
    dataset = tf.data.Dataset.range(first, tf.int64.max, block_size)
    dataset = _map(dataset, read_block, tf.data.AUTOTUNE)
    dataset = _map(dataset.unbatch(), make, num_parallel_calls)
    dataset = dataset.batch(own_size, drop_remainder=True)
    dataset = _map(dataset, finish, num_parallel_calls)
    dataset = dataset.prefetch(NUM_AHEAD)
    options = tf.data.Options()
    options.deterministic = True
    # Workers share the samples by `shard`.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return dataset.with_options(options)


def _map(dataset, function, num_parallel_calls):
    return dataset.map(
        tf.autograph.experimental.do_not_convert(function),
        num_parallel_calls=num_parallel_calls,
        deterministic=True,
    )


def check_shard(shard, batch_size):
    """Checks which worker's part of the batches is asked for."""
    if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
        raise ValueError(
            "`shard` must be a pair: this worker's number, from 0, and the "
            f"number of workers. Received: shard={shard}"
        )
    if batch_size % shard[1]:
        raise ValueError(
            "`batch_size` must be a multiple of the number of workers, "
            f"{shard[1]}. Received: batch_size={batch_size}"
        )
