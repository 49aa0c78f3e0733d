"""The splits and shards of a set of records."""

import re

SHARD_BYTES = 128 * 2**20


class ShardLayout:
    """Says into which splits and shards records go.

    Args:
        split: String of letters, digits and `_`: the first part of the
            shards' names. Defaults to `"train"`.
        eval_fraction: Float in `[0, 1]`. The part of the sources, chosen by
            their names, that goes into the split `eval` instead. Defaults to
            `0.0`.
        num_shards: Integer or `None`. Shards of each split. Defaults to
            `None`: by size.
        shard_bytes: Integer. The size that a shard is filled up to, bytes.
            Defaults to 128 MiB.
    """

    def __init__(
        self,
        split="train",
        eval_fraction=0.0,
        num_shards=None,
        shard_bytes=SHARD_BYTES,
    ):
        if not re.fullmatch(r"\w+", str(split)):
            raise ValueError(
                "`split` must be a word of letters, digits and `_`. "
                f"Received: split={split}"
            )
        if not 0 <= eval_fraction <= 1:
            raise ValueError(
                "`eval_fraction` must lie in [0, 1]. "
                f"Received: eval_fraction={eval_fraction}"
            )
        for name, value in (
            ("num_shards", num_shards),
            ("shard_bytes", shard_bytes),
        ):
            if value is not None and not value > 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value}"
                )
        self.split = split
        self.eval_fraction = eval_fraction
        self.num_shards = num_shards
        self.shard_bytes = shard_bytes
