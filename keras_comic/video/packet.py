"""An encoded frame, as it is kept until the file is put together."""

from typing import NamedTuple


class Packet(NamedTuple):
    """An encoded frame."""

    data: bytes
    pts: int
    dts: int
    is_key: bool
