"""An encoded frame, as it is kept until the file is put together."""

from typing import NamedTuple


class Packet(NamedTuple):
    """An encoded frame.

    `data` are bytes; `pts` and `dts`, integers, say when it is shown and
    decoded, in units of the sink's time base; `is_key` whether it can be
    decoded by itself.
    """

    data: bytes
    pts: int
    dts: int
    is_key: bool
